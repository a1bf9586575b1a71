//! Finds repeats: siblings in a row that do the same over and over, which can be shown as one.
import type { TraceColumns } from "./columns";

export interface Run {
  readonly count: number;
  /** The row after the last one's subtree. */
  readonly end: number;
  readonly sumUs: number;
  readonly longestUs: number;
  readonly ownUs: number;
  readonly errors: number;
}

/** By the first row of each. They may lie in one another: a repeat can hold repeats. */
export type Runs = ReadonlyMap<number, Run>;

/** Fewer are read one by one as easily. */
export const RUN_LEAST = 20;

export function findRuns(trace: TraceColumns, least = RUN_LEAST): Runs {
  const runs = new Map<number, Run>();
  const { size } = trace;
  for (let parent = 0; parent < size.length; parent++) {
    const end = parent + size[parent];
    let row = parent + 1;
    while (row < end) {
      const first = row;
      const siblings: number[] = [];
      do {
        siblings.push(row);
        row += size[row];
      } while (row < end && alike(trace, first, row));
      if (siblings.length >= least) runs.set(first, sumUp(trace, siblings, row));
    }
  }
  return runs;
}

function alike(trace: TraceColumns, a: number, b: number): boolean {
  return trace.service.at[a] === trace.service.at[b] && trace.name.at[a] === trace.name.at[b];
}

function sumUp(trace: TraceColumns, siblings: readonly number[], end: number): Run {
  const { startUs, endUs } = trace.bounds;
  let sumUs = 0;
  let longestUs = 0;
  for (const row of siblings) {
    const us = endUs[row] - startUs[row] || 0;
    sumUs += us;
    longestUs = Math.max(longestUs, us);
  }
  let errors = 0;
  let ownUs = 0;
  for (let row = siblings[0]; row < end; row++) {
    errors += trace.failed[row];
    ownUs += trace.own.ownUs[row];
  }
  return { count: siblings.length, end, sumUs, longestUs, ownUs, errors };
}

//! Sums a trace up by operation: how often, how long, and how much of the trace it accounts for by itself.
import { textAt, type TraceColumns } from "./columns";
import { compareText } from "./merge";

export interface Operation {
  readonly service: string;
  readonly name: string;
  readonly calls: number;
  readonly ownUs: number;
  readonly meanUs: number;
  readonly longestUs: number;
  readonly longestRow: number;
  readonly errors: number;
}

export const OPERATION_ORDERS = ["own", "calls", "mean", "longest", "errors", "name"] as const;
export type OperationOrder = (typeof OPERATION_ORDERS)[number];

/** Own times add up to the duration of the trace, but for what no span covers. */
export function operationsOf(trace: TraceColumns): Operation[] {
  const groups = new Map<number, { row: number; calls: number; timed: number; sumUs: number; ownUs: number; longestUs: number; longestRow: number; errors: number }>();
  const { startUs, endUs } = trace.bounds;
  for (let row = trace.headRow; row < trace.size.length; row++) {
    const key = trace.service.at[row] * trace.name.of.length + trace.name.at[row];
    let it = groups.get(key);
    if (!it) groups.set(key, (it = { row, calls: 0, timed: 0, sumUs: 0, ownUs: 0, longestUs: -1, longestRow: row, errors: 0 }));
    const us = endUs[row] - startUs[row];
    it.calls++;
    it.ownUs += trace.own.ownUs[row];
    it.errors += trace.failed[row];
    if (Number.isNaN(us)) continue;
    it.timed++;
    it.sumUs += us;
    if (us > it.longestUs) [it.longestUs, it.longestRow] = [us, row];
  }
  return [...groups.values()].map(({ row, calls, timed, sumUs, ownUs, longestUs, longestRow, errors }) => ({
    service: textAt(trace.service, row),
    name: textAt(trace.name, row),
    calls,
    ownUs,
    meanUs: timed > 0 ? sumUs / timed : 0,
    longestUs: Math.max(0, longestUs),
    longestRow,
    errors,
  }));
}

export function sortOperations(all: readonly Operation[], order: OperationOrder): Operation[] {
  const byName = (a: Operation, b: Operation) => compareText(a.service, b.service) || compareText(a.name, b.name);
  const by: Record<OperationOrder, (it: Operation) => number> = {
    own: (it) => it.ownUs,
    calls: (it) => it.calls,
    mean: (it) => it.meanUs,
    longest: (it) => it.longestUs,
    errors: (it) => it.errors,
    name: () => 0,
  };
  return [...all].sort((a, b) => by[order](b) - by[order](a) || byName(a, b));
}

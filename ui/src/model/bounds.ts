//! Where each row of a tree starts and ends, in microseconds after the first moment of the trace.
import type { Tree } from "./tree";

export interface Bounds {
  /** NaN where a span has no place in time. */
  readonly startUs: Float64Array;
  readonly endUs: Float64Array;
  /** First moment of the trace, microseconds since the epoch; 0 when no span has a timestamp. */
  readonly baseUs: number;
  /** Last moment of the trace. May lie after the end of the root: some work is not waited for. */
  readonly extentUs: number;
}

/** A span without timestamp starts with the first thing under it, one without duration ends with the last. */
export function boundsOf(tree: Tree, shiftUs: Float64Array): Bounds {
  const { spans, parent } = tree;
  const startUs = new Float64Array(spans.length).fill(Number.NaN);
  const endUs = new Float64Array(spans.length).fill(Number.NaN);
  const first = new Float64Array(spans.length).fill(Number.POSITIVE_INFINITY);
  const last = new Float64Array(spans.length).fill(Number.NEGATIVE_INFINITY);
  const at = (row: number) => (spans[row].timestamp ? (spans[row].timestamp ?? 0) - shiftUs[row] : first[row]);
  let baseUs = Number.POSITIVE_INFINITY;
  for (let row = spans.length - 1; row >= 0; row--) {
    const start = at(row);
    if (!Number.isFinite(start)) continue;
    const { duration } = spans[row];
    const end = duration === undefined ? Math.max(start, last[row]) : start + duration;
    startUs[row] = start;
    endUs[row] = end;
    baseUs = Math.min(baseUs, start);
    if (row > 0) {
      first[parent[row]] = Math.min(first[parent[row]], start);
      last[parent[row]] = Math.max(last[parent[row]], end);
    }
  }
  if (!Number.isFinite(baseUs)) return { startUs, endUs, baseUs: 0, extentUs: 0 };
  let extentUs = 0;
  for (let row = 0; row < spans.length; row++) {
    startUs[row] -= baseUs;
    endUs[row] -= baseUs;
    if (endUs[row] > extentUs) extentUs = endUs[row];
  }
  return { startUs, endUs, baseUs, extentUs };
}

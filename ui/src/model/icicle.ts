//! Lays a trace out as an icicle: every span lies under its parent, beside those that ran at the same time.
import type { TraceColumns } from "./columns";

export interface Icicle {
  /** Lane of each row; -1 for a row without a place in time. */
  readonly lane: Int32Array;
  /** Rows of each lane, by start. */
  readonly lanes: readonly Int32Array[];
}

/** A parent with more children at once has the rest drawn over each other: nobody reads a thousand lanes. */
const LANES_TRIED = 64;

export function layIcicle(trace: TraceColumns, root = -1): Icicle {
  const { startUs, endUs } = trace.bounds;
  const lane = new Int32Array(trace.size.length).fill(-1);
  const endOfLane: number[] = [];
  const lanes: number[][] = [];
  const from = root >= 0 ? root : trace.headRow;
  const to = root >= 0 ? root + trace.size[root] : trace.size.length;
  for (let row = from; row < to; row++) {
    if (Number.isNaN(startUs[row])) continue;
    const parent = row === from ? -1 : trace.parent[row];
    const least = parent >= 0 ? lane[parent] + 1 : 0;
    let at = least;
    while (at < least + LANES_TRIED && (endOfLane[at] ?? Number.NEGATIVE_INFINITY) > startUs[row]) at++;
    lane[row] = at;
    while (lanes.length <= at) {
      lanes.push([]);
      endOfLane.push(Number.NEGATIVE_INFINITY);
    }
    lanes[at].push(row);
    endOfLane[at] = Math.max(endOfLane[at], endUs[row]);
  }
  return { lane, lanes: lanes.map((rows) => Int32Array.from(rows.sort((a, b) => startUs[a] - startUs[b]))) };
}

/** Index of the first row of a lane that may reach into a view: the one before the first that starts in it. */
export function firstInView(lane: Int32Array, startUs: Float64Array, fromUs: number): number {
  let low = 0;
  let high = lane.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (startUs[lane[middle]] < fromUs) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

/** The row drawn at a moment of a lane, the last one when several are. */
export function rowAt(trace: TraceColumns, lane: Int32Array | undefined, us: number, slackUs: number): number | undefined {
  if (!lane) return undefined;
  const { startUs, endUs } = trace.bounds;
  let found: number | undefined;
  for (let i = firstInView(lane, startUs, us - slackUs); i < lane.length && startUs[lane[i]] <= us + slackUs; i++) {
    if (endUs[lane[i]] >= us - slackUs) found = lane[i];
  }
  return found;
}

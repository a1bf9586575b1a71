//! The parts of a row's bar: which stretches are the span's own work, which lie in its children.
import type { Bounds } from "./bounds";
import { eachChild, type Outline } from "./tree";

/** Stretches of a span in which none of its children runs, as pairs of from and to. */
export function selfStretches(tree: Outline, bounds: Bounds, row: number): number[] {
  const fromUs = bounds.startUs[row];
  const toUs = bounds.endUs[row];
  const covered: [number, number][] = [];
  eachChild(tree, row, (child) => {
    const from = Math.max(bounds.startUs[child], fromUs);
    const to = Math.min(bounds.endUs[child], toUs);
    if (from < to) covered.push([from, to]);
  });
  covered.sort((a, b) => a[0] - b[0]);
  const stretches: number[] = [];
  let reached = fromUs;
  for (const [from, to] of covered) {
    if (from > reached) stretches.push(reached, from);
    if (to > reached) reached = to;
  }
  if (toUs > reached) stretches.push(reached, toUs);
  return stretches;
}

export function selfUs(stretches: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < stretches.length; i += 2) sum += stretches[i + 1] - stretches[i];
  return sum;
}

/** Joins stretches that would touch on screen, so that a row draws no more rectangles than it has pixels. */
export function toPixels(stretches: ArrayLike<number>, from: number, count: number, scale: (us: number) => number): [number, number][] {
  const drawn: [number, number][] = [];
  const add = (left: number, right: number) => {
    const last = drawn.at(-1);
    if (last && left <= last[1] + 0.5 && right >= last[0] - 0.5) {
      last[0] = Math.min(last[0], left);
      last[1] = Math.max(last[1], right);
    } else drawn.push([left, right]);
  };
  for (let i = 0; i < count; i++) add(scale(stretches[from + 2 * i]), scale(stretches[from + 2 * i + 1]));
  return drawn;
}

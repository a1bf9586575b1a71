//! Gives each moment of a trace to the one span that was being waited for, so that the parts add up to the whole.
// The algorithm and its reasons: testdata/own-time/README.md; what it means: docs/reference/own-time.md.
import type { Bounds } from "./bounds";
import { compareText } from "./merge";
import { serviceOf, type Span } from "./span";
import { eachChild, type Tree } from "./tree";

export interface ServiceTime {
  readonly service: string;
  readonly ownUs: number;
  /** The part of it that calls spent between their client half and their server half. */
  readonly networkUs: number;
}

export interface OwnTime {
  readonly durationUs: number;
  /** Largest first, equal ones by name. They add up to `durationUs`. */
  readonly services: readonly ServiceTime[];
  /** Own time of each row; 0 for the rows that nobody waited for. */
  readonly ownUs: Float64Array;
  /** 1 for each row on the critical path. */
  readonly onPath: Uint8Array;
  /** 1 for each row whose own time lies between the halves of a call. */
  readonly network: Uint8Array;
  /** The stretches that are a row's own: `stretches[first[row]]` to `stretches[first[row] + count[row] * 2 - 1]`, pairs of from and to. */
  readonly stretches: Float64Array;
  readonly first: Int32Array;
  readonly count: Int32Array;
}

export function ownTime(tree: Tree, bounds: Bounds): OwnTime {
  const length = tree.spans.length;
  const ownUs = new Float64Array(length);
  const onPath = new Uint8Array(length);
  const network = new Uint8Array(length);
  const first = new Int32Array(length);
  const count = new Int32Array(length);
  const stretches: number[] = [];
  // A walk of a child does not depend on the rest of its parent's walk, so a stack of walks replaces recursion.
  const walks: { row: number; fromUs: number; toUs: number }[] = [];
  const durationUs = length > 0 && bounds.endUs[0] > bounds.startUs[0] ? bounds.endUs[0] - bounds.startUs[0] : 0;
  if (durationUs > 0) walks.push({ row: 0, fromUs: bounds.startUs[0], toUs: bounds.endUs[0] });
  for (let walk = walks.pop(); walk; walk = walks.pop()) {
    const { row, fromUs, toUs } = walk;
    onPath[row] = 1;
    first[row] = stretches.length;
    const keep = (from: number, to: number) => {
      if (to <= from) return;
      ownUs[row] += to - from;
      count[row]++;
      stretches.push(from, to);
    };
    let cursorUs = toUs;
    for (const child of waitedFor(tree, bounds, row, fromUs, toUs)) {
      if (child.fromUs >= cursorUs) continue;
      const endUs = Math.min(child.toUs, cursorUs);
      keep(endUs, cursorUs);
      if (tree.spans[row].kind === "CLIENT" && tree.spans[child.row].kind === "SERVER") network[row] = 1;
      walks.push({ row: child.row, fromUs: child.fromUs, toUs: endUs });
      cursorUs = child.fromUs;
    }
    keep(fromUs, cursorUs);
  }
  return { durationUs, services: shares(tree, { ownUs, onPath, network }, serviceOf), ownUs, onPath, network, stretches: Float64Array.from(stretches), first, count };
}

/** Children clipped to a stretch of their parent; latest end first, then latest start, then tree order. */
function waitedFor(tree: Tree, bounds: Bounds, row: number, fromUs: number, toUs: number) {
  const clipped: { row: number; fromUs: number; toUs: number }[] = [];
  eachChild(tree, row, (child) => {
    const from = Math.max(bounds.startUs[child], fromUs);
    const to = Math.min(bounds.endUs[child], toUs);
    // NaN, for a span without a place in time, is never less.
    if (from < to) clipped.push({ row: child, fromUs: from, toUs: to });
  });
  return clipped.sort((a, b) => b.toUs - a.toUs || b.fromUs - a.fromUs);
}

/** Adds up the rows that have a text in common; largest first, equal ones by the text. */
export function shares(tree: Tree, { ownUs, onPath, network }: Pick<OwnTime, "ownUs" | "onPath" | "network">, textOf: (span: Span) => string): ServiceTime[] {
  const sums = new Map<string, { ownUs: number; networkUs: number }>();
  onPath.forEach((walked, row) => {
    if (!walked || (tree.rootless && row === 0 && ownUs[0] === 0)) return;
    const text = textOf(tree.spans[row]);
    const sum = sums.get(text) ?? { ownUs: 0, networkUs: 0 };
    sum.ownUs += ownUs[row];
    if (network[row]) sum.networkUs += ownUs[row];
    sums.set(text, sum);
  });
  return [...sums]
    .map(([service, sum]) => ({ service, ...sum }))
    .sort((a, b) => b.ownUs - a.ownUs || compareText(a.service, b.service));
}

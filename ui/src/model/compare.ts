//! Lays two traces over each other as one tree, and says what differs.
import { textAt, type TraceColumns } from "./columns";
import { eachChild } from "./tree";

/** A row of A, of B, or of both; -1 where one has none. */
export interface Pair {
  readonly a: number;
  readonly b: number;
  readonly depth: number;
}

/** Spans of both are the same when their parents are and they are the nth child of one service and name. */
export function alignTraces(a: TraceColumns, b: TraceColumns): Pair[] {
  const pairs: Pair[] = [];
  const stack = alignTops(a, b).reverse();
  for (let pair = stack.pop(); pair; pair = stack.pop()) {
    pairs.push(pair);
    const below = alignChildren(a, b, pair);
    for (let i = below.length - 1; i >= 0; i--) stack.push(below[i]);
  }
  return pairs;
}

/** The roots are the same whatever they are called; where one never came, those that wait for it are told apart as children are. */
function alignTops(a: TraceColumns, b: TraceColumns): Pair[] {
  const [ofA, ofB] = [topsOf(a), topsOf(b)];
  if (ofA.length === 1 && ofB.length === 1) return [{ a: ofA[0], b: ofB[0], depth: 0 }];
  return alignRows(childKeys(a, ofA), childKeys(b, ofB), 0);
}

function topsOf(trace: TraceColumns): number[] {
  return trace.rootless ? childrenOf(trace, 0) : [0];
}

function alignChildren(a: TraceColumns, b: TraceColumns, pair: Pair): Pair[] {
  return alignRows(childKeys(a, childrenOf(a, pair.a)), childKeys(b, childrenOf(b, pair.b)), pair.depth + 1);
}

function childrenOf(trace: TraceColumns, row: number): number[] {
  const rows: number[] = [];
  if (row >= 0) eachChild(trace, row, (child) => rows.push(child));
  return rows;
}

interface Keyed {
  readonly key: string;
  readonly row: number;
}

function alignRows(ofA: readonly Keyed[], ofB: readonly Keyed[], depth: number): Pair[] {
  const inB = new Map(ofB.map(({ key }, i) => [key, i]));
  const inA = new Set(ofA.map(({ key }) => key));
  const made: Pair[] = [];
  let next = 0;
  const onlyB = (end: number) => {
    for (; next < end; next++) if (!inA.has(ofB[next].key)) made.push({ a: -1, b: ofB[next].row, depth });
  };
  for (const { key, row } of ofA) {
    const at = inB.get(key);
    // What only B has stands where it stands in B.
    if (at !== undefined) onlyB(at);
    made.push({ a: row, b: at === undefined ? -1 : ofB[at].row, depth });
  }
  onlyB(ofB.length);
  return made;
}

function childKeys(trace: TraceColumns, rows: readonly number[]): Keyed[] {
  const seen = new Map<string, number>();
  return rows.map((row) => {
    const name = JSON.stringify([textAt(trace.service, row), textAt(trace.name, row), textAt(trace.kind, row)]);
    const nth = (seen.get(name) ?? 0) + 1;
    seen.set(name, nth);
    return { key: `${name} ${nth}`, row };
  });
}

export interface Delta {
  /** Undefined where one has no such span or it has no time. */
  readonly totalUs: number | undefined;
  readonly ownUs: number;
}

export function lengthOf(trace: TraceColumns, row: number): number | undefined {
  if (row < 0) return undefined;
  const us = trace.bounds.endUs[row] - trace.bounds.startUs[row];
  return Number.isNaN(us) ? undefined : us;
}

/** A less B. The own times of all pairs add up to the difference of the traces. */
export function deltaOf(a: TraceColumns, b: TraceColumns, pair: Pair): Delta {
  const [inA, inB] = [lengthOf(a, pair.a), lengthOf(b, pair.b)];
  return {
    totalUs: inA === undefined || inB === undefined ? undefined : inA - inB,
    ownUs: (pair.a < 0 ? 0 : a.own.ownUs[pair.a]) - (pair.b < 0 ? 0 : b.own.ownUs[pair.b]),
  };
}

/** The pair that holds most of the difference, if any of it lies anywhere. */
export function mainCause(a: TraceColumns, b: TraceColumns, pairs: readonly Pair[]): { pair: Pair; ownUs: number } | undefined {
  const sign = Math.sign(a.own.durationUs - b.own.durationUs);
  let best: { pair: Pair; ownUs: number } | undefined;
  for (const pair of pairs) {
    const ownUs = deltaOf(a, b, pair).ownUs * sign;
    if (ownUs > 0 && ownUs > Math.abs(best?.ownUs ?? 0)) best = { pair, ownUs: ownUs * sign };
  }
  return best;
}

/** Pairs whose own time differs by at least so much, and what is above them; the root always. */
export function onlyDifferent(a: TraceColumns, b: TraceColumns, pairs: readonly Pair[], leastUs: number): Pair[] {
  if (leastUs <= 0) return [...pairs];
  const keep = new Uint8Array(pairs.length);
  // From below: the first row met that is one level up is the parent of the row kept last.
  let parentDepth = 0;
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { depth } = pairs[i];
    if (depth !== parentDepth && Math.abs(deltaOf(a, b, pairs[i]).ownUs) < leastUs) continue;
    keep[i] = 1;
    parentDepth = depth - 1;
  }
  return pairs.filter((_, i) => keep[i] === 1);
}

/** Tags that differ, by key. */
export function tagsThatDiffer(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): { key: string; a: string | undefined; b: string | undefined }[] {
  const [inA, inB] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  const keys = [...new Set([...inA.keys(), ...inB.keys()])].sort();
  return keys.filter((key) => inA.get(key) !== inB.get(key)).map((key) => ({ key, a: inA.get(key), b: inB.get(key) }));
}

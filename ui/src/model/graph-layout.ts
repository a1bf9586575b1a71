//! Lays a service graph out in columns, left to right, with few crossings. Sugiyama's method, in its simplest form that reads well.
import { backEdges, rank, type Edge } from "./graph-rank";

export interface Size {
  readonly nodeWidth: number;
  readonly nodeHeight: number;
  readonly gapX: number;
  readonly gapY: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  /** Middle of the left edge of each node. */
  readonly nodes: readonly Point[];
  /** The way of each edge, from right edge to left edge; one that runs back starts at its later end. Empty for a loop to itself. */
  readonly edges: readonly (readonly Point[])[];
  readonly back: ReadonlySet<number>;
  readonly width: number;
  readonly height: number;
}

/** A place in a column: a node, or where a long edge passes by. */
interface Place {
  readonly column: number;
  y: number;
  readonly before: number[];
  readonly after: number[];
  readonly height: number;
}

const SWEEPS = 12;
const PULLS = 24;
/** Between the ends of two edges at one node: a line of small text has room. */
export const PORT_PX = 15;

export function layGraph(count: number, edges: readonly Edge[], size: Size): Layout {
  const back = backEdges(count, edges);
  const forward = edges.map(([from, to], i): Edge => (back.has(i) ? [to, from] : [from, to]));
  const ranks = rank(count, forward.filter(([from, to]) => from !== to));
  const { places, ways } = placesOf(count, forward, ranks, size);
  const columns = columnsOf(places);
  for (let sweep = 0; sweep < SWEEPS; sweep++) reorder(places, columns, sweep % 2 === 0);
  for (const column of columns) spread(places, column, size.gapY);
  for (let pull = 0; pull < PULLS; pull++) align(places, columns, pull % 2 === 0, size.gapY);
  return measured(count, places, ways, back, size);
}

function placesOf(count: number, edges: readonly Edge[], ranks: Int32Array, size: Size) {
  const make = (column: number, height: number): Place => ({ column, y: 0, before: [], after: [], height });
  const places = Array.from({ length: count }, (_, node) => make(ranks[node], size.nodeHeight));
  const join = (a: number, b: number) => {
    places[a].after.push(b);
    places[b].before.push(a);
  };
  const ways = edges.map(([from, to]) => {
    if (from === to) return [];
    const way = [from];
    for (let column = ranks[from] + 1; column < ranks[to]; column++) {
      places.push(make(column, 8));
      join(way[way.length - 1], places.length - 1);
      way.push(places.length - 1);
    }
    join(way[way.length - 1], to);
    way.push(to);
    return way;
  });
  return { places, ways };
}

function columnsOf(places: readonly Place[]): number[][] {
  const columns: number[][] = [];
  places.forEach(({ column }, i) => {
    while (columns.length <= column) columns.push([]);
    columns[column].push(i);
  });
  for (const column of columns) column.forEach((i, at) => (places[i].y = at));
  return columns;
}

/** Puts each place where its neighbours of the column before (or after) are on average. */
function reorder(places: readonly Place[], columns: readonly number[][], forward: boolean): void {
  const order = forward ? columns : [...columns].reverse();
  for (const column of order) {
    const wanted = new Map(column.map((i) => [i, mean(places, forward ? places[i].before : places[i].after) ?? places[i].y]));
    column.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0) || places[a].y - places[b].y);
    column.forEach((i, at) => (places[i].y = at));
  }
}

function mean(places: readonly Place[], of: readonly number[]): number | undefined {
  if (of.length === 0) return undefined;
  return of.reduce((sum, i) => sum + places[i].y, 0) / of.length;
}

function spread(places: readonly Place[], column: readonly number[], gap: number): void {
  let y = 0;
  for (const i of column) {
    places[i].y = y + places[i].height / 2;
    y += places[i].height + gap;
  }
}

/** Moves places towards their neighbours as far as those above and below let them; the order stays. */
function align(places: readonly Place[], columns: readonly number[][], forward: boolean, gap: number): void {
  for (const column of forward ? columns : [...columns].reverse()) {
    const wanted = column.map((i) => mean(places, [...places[i].before, ...places[i].after]) ?? places[i].y);
    const room = (at: number) => (places[column[at - 1]].height + places[column[at]].height) / 2 + gap;
    const down = [...wanted];
    for (let at = 1; at < column.length; at++) down[at] = Math.max(down[at], down[at - 1] + room(at));
    const up = [...wanted];
    for (let at = column.length - 2; at >= 0; at--) up[at] = Math.min(up[at], up[at + 1] - room(at + 1));
    // Both keep the distances, so their middle does too.
    column.forEach((i, at) => (places[i].y = (down[at] + up[at]) / 2));
  }
}

function measured(count: number, places: readonly Place[], ways: readonly number[][], back: ReadonlySet<number>, size: Size): Layout {
  const top = Math.min(0, ...places.map((it) => it.y - it.height / 2));
  const stepX = size.nodeWidth + size.gapX;
  const point = (i: number): Point => ({ x: places[i].column * stepX, y: places[i].y - top });
  const leave = ports(places, ways, 0, size);
  const arrive = ports(places, ways, -1, size);
  const edges = ways.map((way, edge) =>
    way.flatMap((i, at): Point[] => {
      const { x, y } = point(i);
      if (at === 0) return [{ x: x + size.nodeWidth, y: y + leave[edge] }];
      // A long edge passes the columns between in a straight piece as wide as a node.
      return at === way.length - 1 ? [{ x, y: y + arrive[edge] }] : [{ x, y }, { x: x + size.nodeWidth, y }];
    }),
  );
  return {
    nodes: Array.from({ length: count }, (_, i) => point(i)),
    edges,
    back,
    width: Math.max(0, ...places.map((it) => it.column)) * stepX + size.nodeWidth,
    height: Math.max(size.nodeHeight, ...places.map((it) => it.y - top + it.height / 2)),
  };
}

/** How far from the middle of its node each edge ends, so that several are told apart: in the order of where they come from. */
function ports(places: readonly Place[], ways: readonly number[][], end: 0 | -1, size: Size): Float64Array {
  const offsets = new Float64Array(ways.length);
  const ofNode = new Map<number, number[]>();
  ways.forEach((way, edge) => {
    const node = way.at(end);
    if (node === undefined) return;
    const list = ofNode.get(node);
    if (list) list.push(edge);
    else ofNode.set(node, [edge]);
  });
  const next = (edge: number) => places[ways[edge].at(end === 0 ? 1 : -2) ?? 0].y;
  for (const edges of ofNode.values()) {
    edges.sort((a, b) => next(a) - next(b));
    const step = Math.min(PORT_PX, size.nodeHeight / edges.length);
    edges.forEach((edge, at) => (offsets[edge] = (at - (edges.length - 1) / 2) * step));
  }
  return offsets;
}

/** An SVG path through points: bends between the columns, straight beside the nodes. */
export function pathOf(points: readonly Point[]): string {
  let path = "";
  points.forEach(({ x, y }, i) => {
    const before = points[i - 1];
    if (!before) path = `M${x} ${y}`;
    else if (before.y === y) path += `L${x} ${y}`;
    else {
      const middle = (before.x + x) / 2;
      path += `C${middle} ${before.y} ${middle} ${y} ${x} ${y}`;
    }
  });
  return path;
}

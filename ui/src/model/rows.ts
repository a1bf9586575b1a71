//! Which rows of a tree are shown, and where they lie: collapsing skips rows of an array, nothing is built or thrown away.
import type { Runs } from "./runs";
import type { Outline } from "./tree";

export interface Folding {
  /** Rows this deep and deeper start collapsed; 0 shows all levels. */
  readonly levels: number;
  /** Rows that are the other way round. */
  readonly toggled: ReadonlySet<number>;
  /** First rows of repeats that are shown one by one. */
  readonly unfolded: ReadonlySet<number>;
}

/** What is left out of a tree, whatever is collapsed. */
export interface Scope {
  /** The only subtree shown, -1 for all. */
  readonly root: number;
  /** Rows with 0 are left out; undefined keeps all. */
  readonly keep?: Uint8Array | undefined;
  readonly runs?: Runs | undefined;
}

export const OPEN: Folding = { levels: 0, toggled: new Set(), unfolded: new Set() };
export const WHOLE: Scope = { root: -1 };

export function isCollapsed(tree: Outline, folding: Folding, row: number): boolean {
  if (tree.size[row] === 1 || tree.depth[row] < 0) return false;
  const byLevel = folding.levels > 0 && tree.depth[row] >= folding.levels - 1;
  return byLevel !== folding.toggled.has(row);
}

/** Whether a row stands for a whole run of repeats. */
export function isFolded(scope: Scope, folding: Folding, row: number): boolean {
  return scope.runs !== undefined && scope.keep === undefined && scope.runs.has(row) && !folding.unfolded.has(row);
}

export function visibleRows(tree: Outline, folding: Folding, scope: Scope = WHOLE): Int32Array {
  const rows = new Int32Array(tree.size.length);
  let count = 0;
  let row = scope.root >= 0 ? scope.root : tree.rootless ? 1 : 0;
  const end = scope.root >= 0 ? scope.root + tree.size[scope.root] : tree.size.length;
  while (row < end) {
    if (scope.keep?.[row] === 0) {
      // Ancestors of what is kept are kept, so nothing below is.
      row += tree.size[row];
      continue;
    }
    rows[count++] = row;
    if (isFolded(scope, folding, row)) row = scope.runs?.get(row)?.end ?? row + 1;
    else row += isCollapsed(tree, folding, row) ? tree.size[row] : 1;
  }
  return rows.subarray(0, count);
}

/** Marks rows and all rows above them. */
export function withAncestors(tree: Outline, wanted: (row: number) => boolean): Uint8Array {
  const keep = new Uint8Array(tree.size.length);
  for (let row = tree.size.length - 1; row >= 0; row--) {
    if (keep[row] === 0 && wanted(row)) keep[row] = 1;
    if (keep[row] === 1 && tree.parent[row] >= 0) keep[tree.parent[row]] = 1;
  }
  return keep;
}

function flipped(rows: ReadonlySet<number>, row: number): ReadonlySet<number> {
  const next = new Set(rows);
  if (!next.delete(row)) next.add(row);
  return next;
}

export function toggle(folding: Folding, row: number): Folding {
  return { ...folding, toggled: flipped(folding.toggled, row) };
}

export function toggleRun(folding: Folding, row: number): Folding {
  return { ...folding, unfolded: flipped(folding.unfolded, row) };
}

/** Opens whatever hides a row. */
export function reveal(tree: Outline, folding: Folding, row: number, runs?: Runs): Folding {
  let shown = folding;
  for (let up = tree.parent[row]; up >= 0; up = tree.parent[up]) {
    if (isCollapsed(tree, shown, up)) shown = toggle(shown, up);
  }
  for (const [first, run] of runs ?? []) {
    if (first < row && row < run.end && !shown.unfolded.has(first)) shown = toggleRun(shown, first);
  }
  return shown;
}

/** Index of a row among the shown ones, or -1. They ascend, so it is found by halving. */
export function indexOfRow(rows: Int32Array, row: number): number {
  let low = 0;
  let high = rows.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (rows[middle] === row) return middle;
    if (rows[middle] < row) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

export interface Window {
  readonly from: number;
  readonly to: number;
}

/** The rows that touch the stretch of pixels on screen, and some around it, so that small scrolls need no drawing. */
export function windowOf(rowCount: number, rowHeight: number, topPx: number, heightPx: number, spare: number): Window {
  const from = Math.max(0, Math.min(rowCount, Math.floor(topPx / rowHeight) - spare));
  const to = Math.max(from, Math.min(rowCount, Math.ceil((topPx + heightPx) / rowHeight) + spare));
  return { from, to };
}

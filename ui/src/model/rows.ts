//! Which rows of a tree are shown, and where they lie: collapsing skips rows of an array, nothing is built or thrown away.
import type { Tree } from "./tree";

export interface Folding {
  /** Rows this deep and deeper start collapsed; 0 shows all levels. */
  readonly levels: number;
  /** Rows that are the other way round. */
  readonly toggled: ReadonlySet<number>;
}

export const OPEN: Folding = { levels: 0, toggled: new Set() };

export function isCollapsed(tree: Tree, folding: Folding, row: number): boolean {
  if (tree.size[row] === 1 || tree.depth[row] < 0) return false;
  const byLevel = folding.levels > 0 && tree.depth[row] >= folding.levels - 1;
  return byLevel !== folding.toggled.has(row);
}

export function visibleRows(tree: Tree, folding: Folding): Int32Array {
  const rows = new Int32Array(tree.spans.length);
  let count = 0;
  let row = tree.rootless ? 1 : 0;
  while (row < tree.spans.length) {
    rows[count++] = row;
    row += isCollapsed(tree, folding, row) ? tree.size[row] : 1;
  }
  return rows.subarray(0, count);
}

export function toggle(folding: Folding, row: number): Folding {
  const toggled = new Set(folding.toggled);
  if (!toggled.delete(row)) toggled.add(row);
  return { ...folding, toggled };
}

/** Opens whatever hides a row. */
export function reveal(tree: Tree, folding: Folding, row: number): Folding {
  let shown = folding;
  for (let up = tree.parent[row]; up >= 0; up = tree.parent[up]) {
    if (isCollapsed(tree, shown, up)) shown = toggle(shown, up);
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

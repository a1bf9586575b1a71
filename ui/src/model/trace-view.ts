//! What a trace page shows, as its URL says it: the selected span, the zoom, the find, what is collapsed.
import { OPEN, type Folding } from "./rows";
import type { View } from "./timeline";
import type { Tree } from "./tree";

export interface TraceView {
  readonly selected: number | undefined;
  /** Undefined is the whole trace. */
  readonly zoom: View | undefined;
  readonly find: string;
  readonly folding: Folding;
  readonly rawTimes: boolean;
}

/** A URL should stay one that can be pasted; more rows than this are not collapsed by hand. */
const TOGGLED_MAX = 60;

/** Both halves of a call have the same id; the second one in tree order is `ID.2`. */
export function rowKey(tree: Tree, row: number): string {
  const { id } = tree.spans[row];
  let nth = 1;
  for (let other = 0; other < row; other++) if (tree.spans[other].id === id) nth++;
  return nth === 1 ? id : `${id}.${nth}`;
}

export function rowOfKey(tree: Tree, key: string): number | undefined {
  const [id, nth] = key.split(".");
  let left = nth === undefined ? 1 : Number(nth);
  const row = tree.spans.findIndex((span) => span.id === id && --left === 0);
  return row < 0 ? undefined : row;
}

export function viewToUrl(tree: Tree, view: TraceView): URLSearchParams {
  const params = new URLSearchParams();
  if (view.selected !== undefined) params.set("span", rowKey(tree, view.selected));
  if (view.zoom) {
    params.set("from", String(Math.round(view.zoom.fromUs)));
    params.set("to", String(Math.round(view.zoom.toUs)));
  }
  if (view.find !== "") params.set("q", view.find);
  if (view.folding.levels > 0) params.set("levels", String(view.folding.levels));
  const toggled = [...view.folding.toggled].slice(0, TOGGLED_MAX).map((row) => rowKey(tree, row));
  if (toggled.length > 0) params.set("toggled", toggled.join(","));
  if (view.rawTimes) params.set("raw", "1");
  return params;
}

export function viewFromUrl(tree: Tree, params: URLSearchParams): TraceView {
  const count = (name: string) => {
    const value = params.get(name);
    return value !== null && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
  };
  const from = count("from");
  const to = count("to");
  const key = params.get("span");
  const toggled = (params.get("toggled") ?? "").split(",").slice(0, TOGGLED_MAX);
  const rows = toggled.map((it) => rowOfKey(tree, it)).filter((row) => row !== undefined);
  return {
    selected: key ? rowOfKey(tree, key) : undefined,
    zoom: from !== undefined && to !== undefined && from < to ? { fromUs: from, toUs: to } : undefined,
    find: params.get("q") ?? "",
    folding: { levels: count("levels") ?? OPEN.levels, toggled: new Set(rows) },
    rawTimes: params.get("raw") === "1",
  };
}

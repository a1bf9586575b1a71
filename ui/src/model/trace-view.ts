//! What a trace page shows, as its URL says it: the view, the selected span, the zoom, the find, the filters, what is collapsed.
import { idAt, rowOfId, sameIdBefore, type TraceColumns } from "./columns";
import { OPEN, type Folding } from "./rows";
import type { View } from "./timeline";

export const VIEWS = ["waterfall", "icicle", "statistics", "table", "map"] as const;
export type ViewName = (typeof VIEWS)[number];

export interface TraceView {
  readonly view: ViewName;
  readonly selected: number | undefined;
  /** Undefined is the whole trace. */
  readonly zoom: View | undefined;
  readonly find: string;
  /** Only rows that the find matches, and what is above them. */
  readonly onlyMatches: boolean;
  /** Services shown; empty for all. */
  readonly services: readonly string[];
  readonly onlyPath: boolean;
  /** The only subtree shown, -1 for all. */
  readonly root: number;
  readonly folding: Folding;
  readonly rawTimes: boolean;
}

/** A URL should stay one that can be pasted; more rows than this are not collapsed by hand. */
const TOGGLED_MAX = 60;

/** Both halves of a call have the same id; the second one in tree order is `ID.2`. */
export function rowKey(trace: TraceColumns, row: number): string {
  const before = sameIdBefore(trace, row);
  return before === 0 ? idAt(trace, row) : `${idAt(trace, row)}.${before + 1}`;
}

export function rowOfKey(trace: TraceColumns, key: string): number | undefined {
  const [id, nth] = key.split(".");
  return rowOfId(trace, id, nth === undefined ? 1 : Number(nth));
}

export function viewToUrl(trace: TraceColumns, view: TraceView): URLSearchParams {
  const params = new URLSearchParams();
  const keys = (name: string, rows: ReadonlySet<number>) => {
    if (rows.size > 0) params.set(name, [...rows].slice(0, TOGGLED_MAX).map((row) => rowKey(trace, row)).join(","));
  };
  if (view.view !== "waterfall") params.set("view", view.view);
  if (view.selected !== undefined) params.set("span", rowKey(trace, view.selected));
  if (view.zoom) {
    params.set("from", String(Math.round(view.zoom.fromUs)));
    params.set("to", String(Math.round(view.zoom.toUs)));
  }
  if (view.find !== "") params.set("q", view.find);
  if (view.onlyMatches) params.set("only", "1");
  for (const service of view.services) params.append("svc", service);
  if (view.onlyPath) params.set("path", "1");
  if (view.root >= 0) params.set("root", rowKey(trace, view.root));
  if (view.folding.levels > 0) params.set("levels", String(view.folding.levels));
  keys("toggled", view.folding.toggled);
  keys("unfolded", view.folding.unfolded);
  if (view.rawTimes) params.set("raw", "1");
  return params;
}

export function viewFromUrl(trace: TraceColumns, params: URLSearchParams): TraceView {
  const count = (name: string) => {
    const value = params.get(name);
    return value !== null && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
  };
  const row = (name: string) => {
    const key = params.get(name);
    return key ? rowOfKey(trace, key) : undefined;
  };
  const rows = (name: string) => {
    const keys = (params.get(name) ?? "").split(",").slice(0, TOGGLED_MAX);
    return new Set(keys.map((it) => rowOfKey(trace, it)).filter((it) => it !== undefined));
  };
  const from = count("from");
  const to = count("to");
  return {
    view: VIEWS.find((it) => it === params.get("view")) ?? "waterfall",
    selected: row("span"),
    zoom: from !== undefined && to !== undefined && from < to ? { fromUs: from, toUs: to } : undefined,
    find: params.get("q") ?? "",
    onlyMatches: params.get("only") === "1",
    services: params.getAll("svc").filter((it) => trace.services.includes(it)),
    onlyPath: params.get("path") === "1",
    root: row("root") ?? -1,
    folding: { levels: count("levels") ?? OPEN.levels, toggled: rows("toggled"), unfolded: rows("unfolded") },
    rawTimes: params.get("raw") === "1",
  };
}

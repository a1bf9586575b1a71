//! What the page of dependencies shows, as its URL says it. `startTime` and `endTime` are those of Zipkin Lens.
import { around, type Link } from "./links";
import { LOOKBACKS, type TimeRange } from "./search-query";
import { millis } from "./units";

export interface DependencyView {
  readonly range: TimeRange;
  /** In focus, "" for none. */
  readonly service: string;
  /** 0 shows all. */
  readonly hops: number;
  readonly table: boolean;
}

export const HOPS = [1, 2, 3, 0] as const;
const DAY = millis(86_400_000);

export function depsFromUrl(params: URLSearchParams): DependencyView {
  const number = (name: string) => {
    const value = params.get(name);
    return value !== null && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
  };
  const start = number("startTime");
  const end = number("endTime");
  const last = LOOKBACKS.find((it) => it.key === params.get("lookback"))?.ms ?? DAY;
  return {
    range: start !== undefined && end !== undefined && start < end ? { start: millis(start), end: millis(end) } : { last },
    service: params.get("service") ?? "",
    hops: HOPS.find((it) => String(it) === params.get("hops")) ?? 1,
    table: params.get("view") === "table",
  };
}

export function depsToUrl(view: DependencyView): URLSearchParams {
  const params = new URLSearchParams();
  const { range } = view;
  if ("last" in range) {
    const key = LOOKBACKS.find((it) => it.ms === range.last)?.key;
    if (key && range.last !== DAY) params.set("lookback", key);
  } else {
    params.set("startTime", String(range.start));
    params.set("endTime", String(range.end));
  }
  if (view.service !== "") params.set("service", view.service);
  if (view.service !== "" && view.hops !== 1) params.set("hops", String(view.hops));
  if (view.table) params.set("view", "table");
  return params;
}

export function periodOf(range: TimeRange, nowMs: number): { startMs: number; endMs: number } {
  return "last" in range ? { startMs: nowMs - range.last, endMs: nowMs } : { startMs: range.start, endMs: range.end };
}

export function linksShown(links: readonly Link[], { service, hops }: DependencyView): readonly Link[] {
  const known = links.some((it) => it.parent === service || it.child === service);
  return known && hops > 0 ? around(links, service, hops) : links;
}

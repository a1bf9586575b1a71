//! What the page of dependencies shows, as its URL says it.
import { around, type Link } from "./links";
import { rangeFrom, rangeTo } from "./period";
import type { TimeRange } from "./search-query";
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
  return {
    range: rangeFrom(params, DAY),
    service: params.get("service") ?? "",
    hops: HOPS.find((it) => String(it) === params.get("hops")) ?? 1,
    table: params.get("view") === "table",
  };
}

export function depsToUrl(view: DependencyView): URLSearchParams {
  const params = new URLSearchParams();
  rangeTo(params, view.range, DAY);
  if (view.service !== "") params.set("service", view.service);
  if (view.service !== "" && view.hops !== 1) params.set("hops", String(view.hops));
  if (view.table) params.set("view", "table");
  return params;
}

export function linksShown(links: readonly Link[], { service, hops }: DependencyView): readonly Link[] {
  const known = links.some((it) => it.parent === service || it.child === service);
  return known && hops > 0 ? around(links, service, hops) : links;
}

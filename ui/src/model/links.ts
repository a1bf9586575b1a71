//! Who calls whom: the links of a period or of one trace, and the part of them around one service.
import { textAt, type TraceColumns } from "./columns";
import { compareText } from "./merge";

/** As Zipkin's /api/v2/dependencies has it, and with how long calls took, in microseconds, where the server says so. */
export interface Link {
  readonly parent: string;
  readonly child: string;
  readonly callCount: number;
  readonly errorCount?: number;
  readonly p50?: number | null;
  readonly p95?: number | null;
  readonly p99?: number | null;
}

export interface Service {
  readonly name: string;
  readonly callers: readonly Link[];
  readonly callees: readonly Link[];
  /** Calls it got, or made when nobody calls it. */
  readonly calls: number;
  readonly errors: number;
}

export function errorShare(link: { readonly callCount: number; readonly errorCount?: number }): number {
  return link.callCount > 0 ? (link.errorCount ?? 0) / link.callCount : 0;
}

/** One link for each pair, most calls first: a server may answer several. */
export function tidyLinks(links: readonly Link[]): Link[] {
  const pairs = new Map<string, Link>();
  for (const link of links) {
    const key = JSON.stringify([link.parent, link.child]);
    const known = pairs.get(key);
    const errorCount = (known?.errorCount ?? 0) + (link.errorCount ?? 0);
    // Percentiles of two can't be added up.
    if (known) pairs.set(key, { parent: link.parent, child: link.child, callCount: known.callCount + link.callCount, errorCount });
    else pairs.set(key, { ...link, errorCount });
  }
  return [...pairs.values()].sort((a, b) => b.callCount - a.callCount || compareText(a.parent, b.parent) || compareText(a.child, b.child));
}

/** By name. */
export function servicesOf(links: readonly Link[]): Service[] {
  const all = new Map<string, { callers: Link[]; callees: Link[] }>();
  const of = (name: string) => {
    let it = all.get(name);
    if (!it) all.set(name, (it = { callers: [], callees: [] }));
    return it;
  };
  for (const link of links) {
    of(link.parent).callees.push(link);
    of(link.child).callers.push(link);
  }
  return [...all]
    .map(([name, { callers, callees }]) => ({ name, callers, callees, ...sumUp(callers.length > 0 ? callers : callees) }))
    .sort((a, b) => compareText(a.name, b.name));
}

function sumUp(links: readonly Link[]): { calls: number; errors: number } {
  return {
    calls: links.reduce((sum, it) => sum + it.callCount, 0),
    errors: links.reduce((sum, it) => sum + (it.errorCount ?? 0), 0),
  };
}

/** The links on ways of at most so many hops to a service or from it. */
export function around(links: readonly Link[], service: string, hops: number): Link[] {
  const up = distances(links, service, (it) => [it.child, it.parent]);
  const down = distances(links, service, (it) => [it.parent, it.child]);
  const near = (far: ReadonlyMap<string, number>, name: string) => (far.get(name) ?? Number.POSITIVE_INFINITY) < hops;
  return links.filter((it) => near(up, it.child) || near(down, it.parent));
}

function distances(links: readonly Link[], from: string, read: (link: Link) => [string, string]): Map<string, number> {
  const next = new Map<string, string[]>();
  for (const link of links) {
    const [a, b] = read(link);
    const list = next.get(a);
    if (list) list.push(b);
    else next.set(a, [b]);
  }
  const far = new Map([[from, 0]]);
  // A map keeps its order, and is walked to what was added meanwhile.
  for (const [name, distance] of far) for (const other of next.get(name) ?? []) if (!far.has(other)) far.set(other, distance + 1);
  return far;
}

/** The calls between services of one trace. What a leaf calls is known by its remote name only. */
export function linksOfTrace(trace: TraceColumns): Link[] {
  const links: Link[] = [];
  for (let row = trace.headRow; row < trace.size.length; row++) {
    const service = textAt(trace.service, row);
    const above = trace.parent[row] >= trace.headRow ? textAt(trace.service, trace.parent[row]) : "";
    if (above !== "" && service !== "" && above !== service) links.push({ parent: above, child: service, callCount: 1, errorCount: trace.failed[row] });
    const remote = textAt(trace.remote, row);
    const kind = textAt(trace.kind, row);
    if (trace.size[row] === 1 && remote !== "" && remote !== service && service !== "" && (kind === "client" || kind === "producer")) {
      links.push({ parent: service, child: remote, callCount: 1, errorCount: trace.failed[row] });
    }
  }
  return tidyLinks(links);
}

//! One trace, worked out once for everything a page shows of it.
import { boundsOf, type Bounds } from "./bounds";
import { ownTime, type OwnTime } from "./own-time";
import { mendClocks, type Skew } from "./skew";
import { isError, operationOf, serviceOf, type Span } from "./span";
import { buildTree, type Tree } from "./tree";

export interface Trace {
  readonly traceId: string;
  readonly tree: Tree;
  readonly bounds: Bounds;
  readonly own: OwnTime;
  /** Clocks that were mended, or would be. */
  readonly skews: readonly Skew[];
  /** The row that names the trace: the root, or the first span when the root never came. */
  readonly headRow: number;
  readonly errorRows: readonly number[];
  /** Names of all services, also of those nobody waited for. */
  readonly services: readonly string[];
  readonly spanCount: number;
  readonly depth: number;
}

export function assembleTrace(spans: readonly Span[], rawTimes = false): Trace {
  const tree = buildTree(spans);
  const mended = mendClocks(tree);
  const bounds = boundsOf(tree, rawTimes ? new Float64Array(tree.spans.length) : mended.shiftUs);
  const services = new Set<string>();
  const errorRows: number[] = [];
  let depth = 0;
  tree.spans.forEach((span, row) => {
    const service = serviceOf(span);
    if (service !== "") services.add(service);
    if (isError(span)) errorRows.push(row);
    if (tree.depth[row] >= depth) depth = tree.depth[row] + 1;
  });
  return {
    traceId: tree.spans[0]?.traceId ?? "",
    tree,
    bounds,
    own: ownTime(tree, bounds),
    skews: mended.skews,
    headRow: tree.rootless ? 1 : 0,
    errorRows,
    services: [...services],
    spanCount: tree.spans.length - (tree.rootless ? 1 : 0),
    depth,
  };
}

/** What one line of a list says about a trace. */
export interface Summary {
  readonly traceId: string;
  readonly startMs: number;
  readonly durationUs: number;
  readonly service: string;
  readonly name: string;
  readonly path: string;
  /** The root's name as searches know it. */
  readonly spanName: string;
  /** Of all its spans. */
  readonly services: readonly string[];
  readonly rootError: boolean;
  readonly spanCount: number;
  readonly errorCount: number;
  readonly own: OwnTime["services"];
}

export function summarize(spans: readonly Span[]): Summary {
  const trace = assembleTrace(spans);
  const head = trace.tree.spans[trace.headRow];
  return {
    traceId: trace.traceId,
    startMs: startMsOf(trace),
    durationUs: trace.own.durationUs,
    service: serviceOf(head),
    ...operationOf(head),
    spanName: head.name ?? "",
    services: trace.services,
    rootError: isError(head),
    spanCount: trace.spanCount,
    errorCount: trace.errorRows.length,
    own: trace.own.services,
  };
}

/** When the root started; a trace may have parts from before that. */
export function startMsOf(trace: { readonly bounds: Bounds }): number {
  const offsetUs = trace.bounds.startUs[0];
  return (trace.bounds.baseUs + (Number.isNaN(offsetUs) ? 0 : offsetUs)) / 1000;
}

/** The service where most of the time went; time that no span covers is nobody's. */
export function slowest(own: OwnTime["services"]): OwnTime["services"][number] | undefined {
  return own.find((it) => it.service !== "");
}

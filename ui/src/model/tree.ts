//! Turns the spans of a trace into one tree, laid out depth first in typed arrays.
// The rules are Zipkin's (openzipkin/zipkin:zipkin/src/main/java/zipkin2/internal/SpanNode.java), but for the ports:
// see testdata/own-time/README.md, step 2.
import { merge } from "./merge";
import { sameHost, type Span } from "./span";

/** The shape of a tree. Row `i` is a span; its children follow it, its subtree is the rows `i` to `i + size[i] - 1`. */
export interface Outline {
  /** Row of the parent; -1 at the root. */
  readonly parent: Int32Array;
  readonly depth: Int32Array;
  readonly size: Int32Array;
  /** Row 0 stands for a root that never came; it has no data of its own. */
  readonly rootless: boolean;
}

export interface Tree extends Outline {
  readonly spans: readonly Span[];
  /** Spans without a parent id. Clocks can only be compared when there is exactly one. */
  readonly parentless: number;
  /** Spans that hang under the root because their parent never came. */
  readonly orphans: number;
  /** Spans that are their own ancestors: there is no place for them in a tree. */
  readonly unreached: number;
}

const NONE = -1;

export function buildTree(reported: readonly Span[]): Tree {
  const spans = merge(reported);
  const parents = findParents(spans);
  const parentless = spans.filter((span, i) => parents[i] === NONE && !parentIdOf(span)).length;
  const root = spans.findIndex((span, i) => parents[i] === NONE && !parentIdOf(span));
  const orphans = spans.filter((span, i) => parents[i] === NONE && parentIdOf(span)).length;
  const children = childrenOf(spans, parents, root);
  return { ...layOut(spans, children, root), parentless, orphans };
}

function parentIdOf(span: Span): string | undefined {
  return span.parentId === span.id && !span.shared ? undefined : span.parentId;
}

function findParents(spans: readonly Span[]): Int32Array {
  const unshared = new Map<string, number>();
  const shared = new Map<string, number[]>();
  spans.forEach((span, i) => {
    if (!span.shared) {
      if (!unshared.has(span.id)) unshared.set(span.id, i);
    } else {
      const halves = shared.get(span.id);
      if (halves) halves.push(i);
      else shared.set(span.id, [i]);
    }
  });
  return Int32Array.from(spans, (span) => {
    const client = span.shared ? unshared.get(span.id) : undefined;
    if (client !== undefined) return client;
    const parentId = parentIdOf(span);
    if (!parentId || parentId === span.id) return NONE;
    const servers = shared.get(parentId) ?? [];
    const server = servers.find((i) => sameHost(spans[i].localEndpoint, span.localEndpoint));
    return server ?? unshared.get(parentId) ?? servers[0] ?? NONE;
  });
}

/** Rows below each row, by timestamp, absent first; equal ones in the order of the merge. Index `spans.length` is the missing root. */
function childrenOf(spans: readonly Span[], parents: Int32Array, root: number): (number[] | undefined)[] {
  const top = root === NONE ? spans.length : root;
  const children: (number[] | undefined)[] = new Array(spans.length + 1);
  for (let i = 0; i < spans.length; i++) {
    if (i === root) continue;
    const at = parents[i] === NONE ? top : parents[i];
    const siblings = children[at];
    if (siblings) siblings.push(i);
    else children[at] = [i];
  }
  for (const siblings of children) siblings?.sort((a, b) => (spans[a].timestamp ?? 0) - (spans[b].timestamp ?? 0));
  return children;
}

function layOut(spans: readonly Span[], children: readonly (number[] | undefined)[], root: number) {
  const rootless = root === NONE && spans.length > 0;
  const length = spans.length + (rootless ? 1 : 0);
  const ordered: Span[] = [];
  const parent = new Int32Array(length).fill(NONE);
  const depth = new Int32Array(length);
  // A stack of its own, since a trace may be as deep as it is long.
  const stack = spans.length === 0 ? [] : [{ span: rootless ? spans.length : root, parent: NONE }];
  for (let next = stack.pop(); next; next = stack.pop()) {
    const row = ordered.length;
    ordered.push(spans[next.span] ?? { traceId: spans[0].traceId, id: "" });
    parent[row] = next.parent;
    // The missing root is not shown, so the spans below it start at depth 0.
    depth[row] = next.parent === NONE ? (rootless ? -1 : 0) : depth[next.parent] + 1;
    const below = children[next.span] ?? [];
    for (let k = below.length - 1; k >= 0; k--) stack.push({ span: below[k], parent: row });
  }
  const count = ordered.length;
  const size = new Int32Array(count).fill(1);
  for (let row = count - 1; row > 0; row--) size[parent[row]] += size[row];
  const unreached = length - count;
  return { spans: ordered, parent: parent.slice(0, count), depth: depth.slice(0, count), size, rootless, unreached };
}

/** Calls `visit` with each child of a row, in order. */
export function eachChild(tree: Outline, row: number, visit: (child: number) => void): void {
  const end = row + tree.size[row];
  for (let child = row + 1; child < end; child += tree.size[child]) visit(child);
}

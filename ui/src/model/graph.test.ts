//! Links between services: tidied, around one service, out of a trace, and laid out.
import { describe, expect, test } from "vitest";
import { depsFromUrl, depsToUrl, linksShown } from "./dependency-view";
import { layGraph, pathOf } from "./graph-layout";
import { backEdges, rank, type Edge } from "./graph-rank";
import { columns, span } from "./kit";
import { around, errorShare, linksOfTrace, servicesOf, tidyLinks, type Link } from "./links";
import { periodOf } from "./period";

const link = (parent: string, child: string, callCount = 1, errorCount = 0): Link => ({ parent, child, callCount, errorCount });
const CHAIN = [link("a", "b"), link("b", "c"), link("c", "d"), link("x", "b"), link("b", "y")];
const SIZE = { nodeWidth: 100, nodeHeight: 40, gapX: 50, gapY: 10 };

describe("links", () => {
  test("a pair that is told twice is one link, most calls first", () => {
    expect(tidyLinks([link("a", "b", 1), { parent: "c", child: "d", callCount: 5 }, link("a", "b", 3, 2)])).toEqual([link("c", "d", 5), link("a", "b", 4, 2)]);
  });
  test("names that hold each other's separators are no twins", () => expect(tidyLinks([link("a b", "c"), link("a", "b c")])).toHaveLength(2));
  test("a service knows its callers, or what it calls when nobody calls it", () => {
    const [a, b] = servicesOf([link("a", "b", 10, 1), link("z", "b", 2, 2)]);
    expect([a.calls, a.errors, b.calls, b.errors, b.callers.length]).toEqual([10, 1, 12, 3, 2]);
  });
  test("share of errors", () => expect([errorShare(link("a", "b", 4, 1)), errorShare({ callCount: 0 })]).toEqual([0.25, 0]));
  test.each([[1, ["a b", "b c", "x b", "b y"]], [2, ["a b", "b c", "c d", "x b", "b y"]]])("around b, %i hops", (hops, expected) => {
    expect(around(CHAIN, "b", hops).map((it) => `${it.parent} ${it.child}`)).toEqual(expected);
  });
  test("around a leaf: who leads to it, not what its callers call besides", () => {
    expect(around(CHAIN, "d", 3).map((it) => it.parent)).toEqual(["a", "b", "c", "x"]);
  });
  test("a circle ends", () => expect(around([link("a", "b"), link("b", "a")], "a", 3)).toHaveLength(2));
  test("of a trace: from service to service, and to the remote names of leaves", () => {
    const trace = columns(
      span("1", undefined, "web", 0, 100),
      span("2", "1", "web", 10, 60, { kind: "CLIENT", tags: { error: "" } }),
      span("2", "1", "api", 11, 59, { kind: "SERVER", shared: true, tags: { error: "" } }),
      span("3", "2", "api", 20, 30, { kind: "CLIENT", remoteEndpoint: { serviceName: "postgres" } }),
      span("4", "2", "api", 31, 40, { kind: "CLIENT", remoteEndpoint: { serviceName: "postgres" } }),
    );
    expect(linksOfTrace(trace)).toEqual([link("api", "postgres", 2), link("web", "api", 1, 1)]);
  });
});

describe("columns of a graph", () => {
  test("callers stand left of what they call, sources close to it", () => {
    const edges: Edge[] = [[0, 1], [1, 2], [0, 2], [3, 2]];
    expect([...rank(4, edges)]).toEqual([0, 1, 2, 1]);
  });
  test("a circle is cut once, at the way back", () => {
    expect([...backEdges(3, [[0, 1], [1, 2], [2, 0]])]).toHaveLength(1);
    expect([...backEdges(4, [[3, 0], [0, 1], [1, 2], [2, 0]])]).toEqual([3]);
  });
  test("a loop to oneself has no way", () => {
    const layout = layGraph(1, [[0, 0]], SIZE);
    expect([layout.edges[0], layout.width, layout.height]).toEqual([[], 100, 40]);
  });
});

describe("layout", () => {
  /** A mesh of services as large shops have it: layers, and a few calls back. */
  const mesh = (count: number): Edge[] => Array.from({ length: count * 2 }, (_, i): Edge => [(i * 7) % count, (i * 7 + 1 + ((i * 13) % 29)) % count]).filter(([a, b]) => a !== b);
  test.each([5, 60, 200])("%i services: no two boxes overlap, no edge misses its ends", (count) => {
    const edges = mesh(count);
    const layout = layGraph(count, edges, SIZE);
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < i; j++) {
        const apart = layout.nodes[i].x !== layout.nodes[j].x || Math.abs(layout.nodes[i].y - layout.nodes[j].y) >= SIZE.nodeHeight;
        expect(apart, `${i} and ${j}`).toBe(true);
      }
      expect(layout.nodes[i].y).toBeGreaterThanOrEqual(SIZE.nodeHeight / 2 - 0.001);
      expect(layout.nodes[i].y).toBeLessThanOrEqual(layout.height);
    }
    edges.forEach(([from, to], i) => {
      const [first, last] = layout.back.has(i) ? [to, from] : [from, to];
      expect(layout.edges[i][0].x).toBe(layout.nodes[first].x + SIZE.nodeWidth);
      expect(layout.edges[i].at(-1)?.x).toBe(layout.nodes[last].x);
      expect(Math.abs((layout.edges[i].at(-1)?.y ?? 0) - layout.nodes[last].y)).toBeLessThanOrEqual(SIZE.nodeHeight / 2);
    });
  });
  test("two calls that need not cross do not", () => {
    const layout = layGraph(4, [[0, 3], [1, 2]], SIZE);
    expect(Math.sign(layout.nodes[0].y - layout.nodes[1].y)).toBe(Math.sign(layout.nodes[3].y - layout.nodes[2].y));
  });
  test("calls into one service end apart, in the order of their callers", () => {
    const layout = layGraph(4, [[0, 3], [1, 3], [2, 3]], SIZE);
    const ends = layout.edges.map((points, i) => ({ from: layout.nodes[i].y, y: points.at(-1)?.y ?? 0 })).sort((a, b) => a.from - b.from);
    expect(ends[0].y).toBeLessThan(ends[1].y);
    expect(ends[1].y).toBeLessThan(ends[2].y);
  });
  test("a way bends between the columns only", () => expect(pathOf([{ x: 0, y: 0 }, { x: 10, y: 4 }, { x: 20, y: 4 }])).toBe("M0 0C5 0 5 4 10 4L20 4"));
});

describe("address of the dependencies", () => {
  test.each(["", "lookback=7d", "startTime=5&endTime=9&service=a", "service=a&hops=0&view=table"])("%j comes back as it was", (url) => {
    expect(depsToUrl(depsFromUrl(new URLSearchParams(url))).toString()).toBe(url);
  });
  test("nonsense is left out", () => {
    expect(depsFromUrl(new URLSearchParams("startTime=9&endTime=5&hops=77&lookback=x"))).toEqual({ range: { last: 86_400_000 }, service: "", hops: 1, table: false });
  });
  test("a period ends now, or when it says", () => {
    expect(periodOf(depsFromUrl(new URLSearchParams("lookback=1m")).range, 100_000)).toEqual({ startMs: 40_000, endMs: 100_000 });
    expect(periodOf(depsFromUrl(new URLSearchParams("startTime=5&endTime=9")).range, 100_000)).toEqual({ startMs: 5, endMs: 9 });
  });
  test("a service that is not there does not empty the graph", () => {
    const view = depsFromUrl(new URLSearchParams("service=nobody"));
    expect(linksShown(CHAIN, view)).toHaveLength(5);
    expect(linksShown(CHAIN, { ...view, service: "d" })).toHaveLength(1);
    expect(linksShown(CHAIN, { ...view, service: "d", hops: 0 })).toHaveLength(5);
  });
});

//! Spans to trees: merging of parts, joining of halves, mended clocks, bounds. Rules: Zipkin's, in the order of its sources.
import { describe, expect, test } from "vitest";
import { boundsOf } from "./bounds";
import { merge } from "./merge";
import { mendClocks } from "./skew";
import type { Endpoint, Span } from "./span";
import { buildTree, eachChild } from "./tree";
import { micros } from "./units";

const ID = "463ac35c9f6413ad48485a3953bb6124";

/** `id parent service@ip start+duration KIND shared`, with - for what is absent. */
function span(line: string): Span {
  const [id, parentId, where, times, kind, shared] = line.split(/\s+/);
  const made: Span = { traceId: ID, id };
  if (parentId !== "-") made.parentId = parentId;
  if (kind && kind !== "-") made.kind = kind as Span["kind"];
  const [start, duration] = times.split("+");
  if (start !== "-") made.timestamp = micros(1_000_000 + Number(start));
  if (duration) made.duration = micros(Number(duration));
  if (where !== "-") {
    const [serviceName, ipv4] = where.split("@");
    made.localEndpoint = { serviceName, ...(ipv4 && { ipv4 }) };
  }
  if (shared) made.shared = true;
  return made;
}
const spans = (text: string) => text.trim().split("\n").map((line) => span(line.trim()));
/** One line a row: depth in dots, id, service. */
const drawn = (text: string) => {
  const tree = buildTree(spans(text));
  return tree.spans.map((it, row) => `${".".repeat(Math.max(0, tree.depth[row]))}${it.id || "?"} ${it.localEndpoint?.serviceName ?? ""}`.trim());
};

describe("merge", () => {
  test("parts of one span become one: first value wins, tags overwrite, annotations unite", () => {
    const parts: Span[] = [
      { traceId: ID, id: "1", name: "a", tags: { x: "1", y: "1" }, annotations: [{ timestamp: micros(2), value: "b" }] },
      { traceId: ID, id: "1", name: "b", duration: micros(5), tags: { x: "2" }, annotations: [{ timestamp: micros(1), value: "a" }, { timestamp: micros(2), value: "b" }], debug: true },
    ];
    expect(merge(parts)).toEqual([
      { traceId: ID, id: "1", name: "a", duration: 5, tags: { x: "2", y: "1" }, annotations: [{ timestamp: 1, value: "a" }, { timestamp: 2, value: "b" }], debug: true, kind: undefined, parentId: undefined, timestamp: undefined },
    ]);
    expect(parts[0].tags, "the reported spans stay as they were").toEqual({ x: "1", y: "1" });
  });

  test("the long form of the trace id is used for all", () => {
    const merged = merge([{ traceId: ID.slice(16), id: "1" }, { traceId: ID, id: "2" }]);
    expect(merged.map((it) => it.traceId)).toEqual([ID, ID]);
  });

  test("parts from endpoints that contradict each other stay apart", () => {
    const at = (localEndpoint: Endpoint): Span => ({ traceId: ID, id: "1", localEndpoint });
    expect(merge([at({ serviceName: "a" }), at({ serviceName: "b" })])).toHaveLength(2);
    expect(merge([at({ serviceName: "a", port: 1 }), at({ serviceName: "a", port: 2 })])).toHaveLength(2);
    expect(merge([at({ serviceName: "a" }), at({ ipv4: "1.2.3.4" })])[0].localEndpoint).toEqual({ serviceName: "a", ipv4: "1.2.3.4" });
  });

  test("a SERVER after a CLIENT of its id is shared, and has its parent", () => {
    const merged = merge(spans("2 1 web 0+9 CLIENT\n2 - api 1+5 SERVER"));
    expect(merged.map((it) => [it.kind, it.shared ?? false, it.parentId])).toEqual([["CLIENT", false, "1"], ["SERVER", true, "1"]]);
  });
});

describe("tree", () => {
  test.each([
    ["order by time, absent first", "1 - a 0+9\n2 1 b 5+1\n3 1 c 3+1\n4 1 d -", ["1 a", ".4 d", ".3 c", ".2 b"]],
    ["server half under client half", "1 - a 0+9\n2 1 a 1+7 CLIENT\n2 1 b 2+5 SERVER s\n3 2 b 3+1", ["1 a", ".2 a", "..2 b", "...3 b"]],
    ["a child of another host stays with the client half", "1 - a 0+9 CLIENT\n1 - b@1 2+5 SERVER s\n3 1 c@2 3+1", ["1 a", ".1 b", ".3 c"]],
    ["two servers answer one call", "1 - a 0+9 CLIENT\n1 - b@1 2+1 SERVER s\n1 - b@2 4+1 SERVER s\n2 1 b@2 4+1", ["1 a", ".1 b", ".1 b", "..2 b"]],
    ["a server half alone hangs under its parent", "1 - a 0+9\n2 1 b 2+5 SERVER s", ["1 a", ".2 b"]],
    ["orphans and second roots under the root", "1 - a 0+9\n2 ff b 2+1\n3 - c 3+1", ["1 a", ".2 b", ".3 c"]],
    ["no root at all", "2 ff b 2+1\n3 ff c 3+1", ["?", "2 b", "3 c"]],
    ["a span that is its own parent is the root", "1 1 a 0+9\n2 1 b 1+1", ["1 a", ".2 b"]],
  ])("%s", (_, text, expected) => expect(drawn(text)).toEqual(expected));

  test("a circle of parents is counted, not shown", () => {
    const tree = buildTree(spans("1 - a 0+9\n2 3 b 1+1\n3 2 c 1+1"));
    expect([tree.spans.length, tree.unreached]).toEqual([1, 2]);
    expect(buildTree(spans("2 3 b 1+1\n3 2 c 1+1")).unreached).toBe(2);
  });

  test("subtrees lie side by side, and children can be walked", () => {
    const tree = buildTree(spans("1 - a 0+9\n2 1 b 1+1\n3 2 c 1+1\n4 1 d 2+1"));
    expect([...tree.size]).toEqual([4, 2, 1, 1]);
    const children: number[] = [];
    eachChild(tree, 0, (child) => children.push(child));
    expect(children).toEqual([1, 3]);
  });

  test("nothing makes an empty tree", () => expect(buildTree([]).spans).toHaveLength(0));
});

describe("clocks", () => {
  const shifts = (text: string) => [...mendClocks(buildTree(spans(text))).shiftUs];
  test.each([
    ["a server behind is centred", "1 - a@1 100+50 CLIENT\n1 - b@2 80+30 SERVER s", [0, -30]],
    ["the rest is rounded down", "1 - a@1 100+51 CLIENT\n1 - b@2 80+30 SERVER s", [0, -30]],
    ["a server longer than its client starts after it", "1 - a@1 100+50 CLIENT\n1 - b@2 80+90 SERVER s", [0, -21]],
    ["so does one of a length nobody knows", "1 - a@1 100 CLIENT\n1 - b@2 80+90 SERVER s", [0, -21]],
    ["starting together is too early as well", "1 - a@1 100+50 CLIENT\n1 - b@2 100+30 SERVER s", [0, -10]],
    ["a server inside its client is right", "1 - a@1 100+50 CLIENT\n1 - b@2 101+30 SERVER s", [0, 0]],
    ["one that starts after its client may have waited in a queue", "1 - a@1 100+50 CLIENT\n1 - b@2 300+30 SERVER s", [0, 0]],
    ["one address has one clock", "1 - a@1 100+50 CLIENT\n1 - b@1 80+30 SERVER s", [0, 0]],
    ["no address, no judgement", "1 - a 100+50 CLIENT\n1 - b@2 80+30 SERVER s", [0, 0]],
    ["two roots, no judgement", "1 - a@1 100+50 CLIENT\n1 - b@2 80+30 SERVER s\n3 - c@3 1+1", [0, 0, 0]],
    ["the shift goes down to the same address and to none", "1 - a@1 100+50 CLIENT\n1 - b@2 80+30 SERVER s\n2 1 b@2 81+3\n3 2 b 82+1\n4 2 c@3 90+1", [0, -30, -30, -30, 0]],
    ["a further hop is judged by the mended time", "1 - a@1 100+50 CLIENT\n1 - b@2 80+30 SERVER s\n2 1 b@2 82+20 CLIENT\n2 1 c@3 90+10 SERVER s", [0, -30, -30, -27]],
  ])("%s", (_, text, expected) => expect(shifts(text).map((it) => it + 0)).toEqual(expected));

  test("a host is named once, with its largest shift", () => {
    const { skews } = mendClocks(buildTree(spans("1 - a@1 100+90 CLIENT\n1 - b@2 80+30 SERVER s\n2 1 a@1 150+20 CLIENT\n2 1 b@2 149+20 SERVER s")));
    expect(skews).toEqual([{ ip: "2", service: "b", skewUs: -50 }]);
  });
});

describe("bounds", () => {
  const bounds = (text: string) => {
    const tree = buildTree(spans(text));
    const { startUs, endUs, baseUs, extentUs } = boundsOf(tree, new Float64Array(tree.spans.length));
    return { rows: tree.spans.map((_, row) => [startUs[row], endUs[row]]), baseUs, extentUs };
  };
  test.each([
    ["missing times come from below", "1 - a -\n2 1 b 5+5\n3 1 c 20", [[0, 15], [0, 5], [15, 15]], 15],
    ["work after the root is part of the picture", "1 - a 0+10\n2 1 b 8+30", [[0, 10], [8, 38]], 38],
    ["a length without a start is put under the first child", "1 - a 0+10\n2 1 b -+4\n3 2 c 3+9", [[0, 10], [3, 7], [3, 12]], 12],
    ["no place in time", "1 - a 0+10\n2 1 b -+4", [[0, 10], [Number.NaN, Number.NaN]], 10],
  ])("%s", (_, text, rows, extentUs) => expect(bounds(text)).toMatchObject({ rows, extentUs }));

  test("without any time there is no extent", () => expect(bounds("1 - a -")).toMatchObject({ baseUs: 0, extentUs: 0 }));
});

//! Two traces as one, files with traces, and the third half of a call.
import { describe, expect, test } from "vitest";
import { alignTraces, deltaOf, mainCause, onlyDifferent, tagsThatDiffer } from "./compare";
import { columns, span } from "./kit";
import { merge } from "./merge";
import { NoTrace, readTrace } from "./upload";

const a = columns(
  span("1", undefined, "web", 0, 100),
  span("2", "1", "db", 10, 20, { name: "select" }),
  span("3", "1", "db", 30, 70, { name: "select" }),
  span("4", "1", "mail", 80, 90, { name: "send" }),
);
const b = columns(
  span("11", undefined, "web", 0, 60, { name: "op 1" }),
  span("12", "11", "cache", 1, 5, { name: "get" }),
  span("13", "11", "db", 10, 20, { name: "select" }),
  span("14", "11", "db", 22, 32, { name: "select" }),
);

describe("comparison", () => {
  const pairs = alignTraces(a, b);
  test("the nth of a name is the nth of it; what one lacks stands where the other has it", () => {
    expect(pairs).toEqual([
      { a: 0, b: 0, depth: 0 },
      { a: -1, b: 1, depth: 1 },
      { a: 1, b: 2, depth: 1 },
      { a: 2, b: 3, depth: 1 },
      { a: 3, b: -1, depth: 1 },
    ]);
  });
  test("own differences add up to the difference of the traces", () => {
    expect(pairs.reduce((sum, pair) => sum + deltaOf(a, b, pair).ownUs, 0)).toBe(40);
    expect(deltaOf(a, b, pairs[3])).toEqual({ totalUs: 30, ownUs: 30 });
    expect(deltaOf(a, b, pairs[4]).totalUs).toBeUndefined();
  });
  test("every row of both is there once, also far below what only one has", () => {
    const deep = columns(span("1", undefined, "web", 0, 9), span("2", "1", "x", 0, 9), span("3", "2", "y", 1, 5), span("4", "3", "z", 2, 3));
    for (const [left, right] of [[a, deep], [deep, a], [deep, deep]]) {
      const both = alignTraces(left, right);
      expect(both.filter((it) => it.a >= 0).map((it) => it.a).sort()).toEqual([...left.size.keys()]);
      expect(both.filter((it) => it.b >= 0).map((it) => it.b).sort()).toEqual([...right.size.keys()]);
    }
  });
  test("the main cause is where the time went, whichever is slower", () => {
    expect(mainCause(a, b, pairs)).toEqual({ pair: pairs[3], ownUs: 30 });
    expect(mainCause(b, a, alignTraces(b, a))).toMatchObject({ ownUs: -30 });
    expect(mainCause(a, a, alignTraces(a, a))).toBeUndefined();
  });
  test("small differences go, what is above large ones stays", () => {
    const slow = columns(span("1", undefined, "w", 0, 100), span("2", "1", "x", 0, 50), span("3", "2", "y", 0, 40), span("4", "1", "z", 50, 55));
    const fast = columns(span("1", undefined, "w", 0, 70), span("2", "1", "x", 0, 20), span("3", "2", "y", 0, 10), span("4", "1", "z", 20, 25));
    const both = alignTraces(slow, fast);
    expect(onlyDifferent(slow, fast, both, 20).map((it) => it.a)).toEqual([0, 1, 2]);
    expect(onlyDifferent(slow, fast, both, 1000).map((it) => it.a)).toEqual([0]);
    expect(onlyDifferent(slow, fast, both, 0)).toHaveLength(4);
  });
  test("tags that differ", () => expect(tagsThatDiffer({ x: "1", y: "2" }, { y: "3", x: "1", z: "" })).toEqual([{ key: "y", a: "2", b: "3" }, { key: "z", a: undefined, b: "" }]));
});

describe("files", () => {
  const v2 = { traceId: "A1", id: "b", parentId: "c", name: "get", kind: "CLIENT", timestamp: 5, duration: 7, localEndpoint: { serviceName: "web", port: 80 }, tags: { n: 7 }, annotations: [{ timestamp: 6, value: "x" }], shared: true, extra: 1 };
  const read = { traceId: "00000000000000a1", id: "000000000000000b", parentId: "000000000000000c", name: "get", kind: "CLIENT", timestamp: 5, duration: 7, localEndpoint: { serviceName: "web", port: 80 }, tags: { n: "7" }, annotations: [{ timestamp: 6, value: "x" }], shared: true };
  test("v2, a trace or a list of traces", () => {
    expect(readTrace(JSON.stringify([v2]))).toEqual([read]);
    expect(readTrace(JSON.stringify([[v2], [{ ...v2, traceId: "2" }]]))).toEqual([read]);
    expect(readTrace(JSON.stringify([v2, { ...v2, traceId: "2" }])), "only the first trace").toEqual([read]);
  });
  test("v1", () => {
    const endpoint = { serviceName: "web", ipv4: "1.2.3.4" };
    const v1 = {
      traceId: "a1", id: "b", name: "get", timestamp: 5, duration: 7,
      annotations: [{ timestamp: 5, value: "sr", endpoint }, { timestamp: 6, value: "cache miss", endpoint }, { timestamp: 12, value: "ss", endpoint }],
      binaryAnnotations: [{ key: "http.path", value: "/x", endpoint }, { key: "ca", value: true, endpoint: { serviceName: "client" } }],
    };
    expect(readTrace(JSON.stringify([v1]))).toEqual([
      { traceId: "00000000000000a1", id: "000000000000000b", name: "get", kind: "SERVER", timestamp: 5, duration: 7, localEndpoint: endpoint, remoteEndpoint: { serviceName: "client" }, tags: { "http.path": "/x" }, annotations: [{ timestamp: 6, value: "cache miss" }] },
    ]);
  });
  test("fields of the wrong kind are left out", () => {
    const odd = { ...v2, timestamp: "soon", duration: -1, kind: "SIDEWAYS", tags: [], annotations: "no", localEndpoint: { serviceName: 5, port: "80" }, parentId: 7, name: {} };
    expect(readTrace(JSON.stringify([odd]))).toEqual([{ traceId: read.traceId, id: read.id, localEndpoint: {}, shared: true }]);
  });
  test.each(["", "{", "{}", "[]", "[1]", '[{"traceId":"a"}]', '[{"traceId":"x!","id":"1"}]', "[[]]"])("%j has no trace", (text) => expect(() => readTrace(text)).toThrow(NoTrace));
});

test("a second server half without a parent has that of its client", () => {
  const parts = [
    span("2", "1", "web", 10, 60, { kind: "CLIENT" }),
    span("2", undefined, "api", 11, 40, { kind: "SERVER", shared: true, localEndpoint: { serviceName: "api", ipv4: "1.1.1.1" } }),
    span("2", undefined, "api", 12, 50, { kind: "SERVER", shared: true, localEndpoint: { serviceName: "api", ipv4: "2.2.2.2" } }),
  ];
  expect(merge(parts).map((it) => it.parentId)).toEqual(["1", "1", "1"]);
});

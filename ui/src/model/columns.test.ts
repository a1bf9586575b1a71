//! A trace as columns, and what views make of them: repeats, filters, icicle, statistics, tables.
import { describe, expect, test } from "vitest";
import { buffersOf, columnsOf, idAt, rowOfId, sameIdBefore, textAt } from "./columns";
import { firstInView, layIcicle, rowAt } from "./icicle";
import { columns, span } from "./kit";
import { isFolded, OPEN, reveal, toggleRun, visibleRows, WHOLE, withAncestors } from "./rows";
import { findRuns } from "./runs";
import { rowsIn, sortRows, toCsv } from "./span-table";
import { operationsOf, sortOperations } from "./statistics";
import { assembleTrace } from "./trace";

/** Rows: 0 web, 1 api, 2 db, 3 db, 4 mail. */
const TRACE = [
  span("1", undefined, "web", 0, 100, { kind: "SERVER", tags: { "http.method": "GET", "http.path": "/x" } }),
  span("2", "1", "api", 10, 60, { name: "get", tags: { "http.path": "/y,\"z\"" } }),
  span("3", "2", "db", 20, 30, { name: "select", tags: { error: "" } }),
  span("4", "2", "db", 25, 55, { name: "select", remoteEndpoint: { serviceName: "postgres" } }),
  span("5", "1", "mail", 70, 90, { name: "=send", kind: "CLIENT" }),
];
const trace = columns(...TRACE);

describe("columns", () => {
  test("every row has its texts and its id", () => {
    const row = (at: number) => [textAt(trace.service, at), textAt(trace.name, at), textAt(trace.path, at), textAt(trace.remote, at), textAt(trace.kind, at), textAt(trace.spanName, at)];
    expect(row(0)).toEqual(["web", "op 1", "/x", "", "server", "op 1"]);
    expect(row(1)).toEqual(["api", "GET", "/y,\"z\"", "", "", "get"]);
    expect(row(3)).toEqual(["db", "select", "", "postgres", "", "select"]);
    expect(trace.service.of).toEqual(["web", "api", "db", "mail"]);
    expect(idAt(trace, 4)).toBe("0000000000000005");
    expect([...trace.failed]).toEqual([0, 0, 1, 0, 0]);
    expect([...trace.errorRows]).toEqual([2]);
  });
  test("a row is found by its id, also the second half of a call", () => {
    const halves = columns(span("1", undefined, "a", 0, 9, { kind: "CLIENT" }), span("1", undefined, "b", 1, 5, { kind: "SERVER" }));
    expect([rowOfId(halves, "1"), rowOfId(halves, "1", 2), rowOfId(halves, "1", 3), rowOfId(halves, "")]).toEqual([0, 1, undefined, undefined]);
    expect([sameIdBefore(halves, 0), sameIdBefore(halves, 1)]).toEqual([0, 1]);
  });
  test("an id is not found across two others", () => {
    const odd = columns(span("1000000000000002", undefined, "a", 0, 9), span("2000000000000001", "1000000000000002", "a", 0, 9));
    expect(rowOfId(odd, "0000000000000220")).toBeUndefined();
  });
  test("no buffer is handed over twice, and none is left behind", () => {
    const made = columnsOf(assembleTrace(TRACE));
    const buffers = buffersOf(made);
    expect(new Set(buffers).size).toBe(buffers.length);
    const copy = structuredClone(made, { transfer: buffers });
    expect(made.parent.length).toBe(0);
    expect([...copy.bounds.startUs]).toEqual([0, 10, 20, 25, 70]);
  });
});

describe("repeats", () => {
  const many = columns(
    span("1", undefined, "web", 0, 1000),
    ...Array.from({ length: 30 }, (_, i) => span(`a${i}`, "1", "db", i * 10, i * 10 + 5 + (i === 7 ? 4 : 0), { name: "select", ...(i === 3 && { tags: { error: "" } }) })),
    span("ff", "1", "db", 900, 950, { name: "commit" }),
  );
  const runs = findRuns(many);
  test("siblings in a row that do the same are one run", () => {
    expect([...runs]).toEqual([[1, { count: 30, end: 31, sumUs: 154, longestUs: 9, ownUs: 154, errors: 1 }]]);
    expect(findRuns(many, 31).size).toBe(0);
  });
  test("a run is one row until it is unfolded", () => {
    const scope = { ...WHOLE, runs };
    expect([...visibleRows(many, OPEN, scope)]).toEqual([0, 1, 31]);
    expect(visibleRows(many, toggleRun(OPEN, 1), scope)).toHaveLength(32);
    expect([isFolded(scope, OPEN, 1), isFolded(scope, OPEN, 0), isFolded(WHOLE, OPEN, 1)]).toEqual([true, false, false]);
  });
  test("a span within a run is revealed, its first one stands for it anyway", () => {
    expect([...reveal(many, OPEN, 12, runs).unfolded]).toEqual([1]);
    expect([...reveal(many, OPEN, 1, runs).unfolded]).toEqual([]);
  });
  test("no run without names goes on for ever", () => {
    const unnamed = columns(span("1", undefined, "", 0, 9, { name: undefined }), ...Array.from({ length: 25 }, (_, i) => span(`b${i}`, "1", "", i, i + 1, { name: undefined })));
    expect(findRuns(unnamed).get(1)?.count).toBe(25);
  });
});

describe("scope", () => {
  test("a subtree stands alone", () => expect([...visibleRows(trace, OPEN, { root: 1 })]).toEqual([1, 2, 3]));
  test("what is kept keeps what is above it", () => {
    const keep = withAncestors(trace, (row) => row === 3);
    expect([...keep]).toEqual([1, 1, 0, 1, 0]);
    expect([...visibleRows(trace, OPEN, { root: -1, keep })]).toEqual([0, 1, 3]);
  });
  test("nothing kept, nothing shown", () => expect([...visibleRows(trace, OPEN, { root: -1, keep: new Uint8Array(5) })]).toEqual([]));
});

describe("icicle", () => {
  const icicle = layIcicle(trace);
  test("children lie under their parents, beside each other only when they do not overlap", () => {
    expect([...icicle.lane]).toEqual([0, 1, 2, 3, 1]);
    expect(icicle.lanes.map((rows) => [...rows])).toEqual([[0], [1, 4], [2], [3]]);
  });
  test("no two spans of a lane overlap, in any order of starts", () => {
    const wild = columns(span("1", undefined, "a", 0, 1000), ...Array.from({ length: 60 }, (_, i) => span(`c${i}`, i % 4 === 0 ? "1" : `c${i - (i % 4)}`, "a", (i * 37) % 700, ((i * 37) % 700) + 20 + ((i * 91) % 200))));
    for (const rows of layIcicle(wild).lanes) {
      for (let i = 1; i < rows.length; i++) expect(wild.bounds.startUs[rows[i]]).toBeGreaterThanOrEqual(wild.bounds.endUs[rows[i - 1]]);
    }
  });
  test("a point of the picture is a span", () => {
    expect(rowAt(trace, icicle.lanes[1], 15, 0)).toBe(1);
    expect(rowAt(trace, icicle.lanes[1], 65, 0)).toBeUndefined();
    expect(rowAt(trace, icicle.lanes[1], 68, 3)).toBe(4);
    expect(rowAt(trace, undefined, 1, 0)).toBeUndefined();
    expect(firstInView(Int32Array.of(1, 4), trace.bounds.startUs, 65)).toBe(0);
  });
  test("a subtree has its own lanes", () => expect(layIcicle(trace, 1).lanes.map((rows) => [...rows])).toEqual([[1], [2], [3]]));
});

describe("statistics", () => {
  const all = operationsOf(trace);
  test("the own times add up to the trace", () => expect(all.reduce((sum, it) => sum + it.ownUs, 0)).toBe(trace.own.durationUs));
  test("calls of one service and name are summed up", () => {
    expect(all.find((it) => it.service === "db")).toEqual({ service: "db", name: "select", calls: 2, ownUs: 35, meanUs: 20, longestUs: 30, longestRow: 3, errors: 1 });
  });
  test.each([["own", "db"], ["calls", "db"], ["mean", "web"], ["errors", "db"], ["name", "api"]] as const)("by %s, %s comes first", (order, first) => {
    expect(sortOperations(all, order)[0].service).toBe(first);
  });
});

describe("span table", () => {
  const rows = rowsIn(trace, -1, () => true);
  test.each([["start", [0, 1, 2, 3, 4]], ["service", [1, 2, 3, 4, 0]], ["duration", [0, 1, 3, 4, 2]], ["own", [0, 3, 4, 1, 2]]] as const)("by %s", (order, expected) => {
    const sorted = [...sortRows(trace, rows, order)];
    if (order === "own") expect(sorted.map((row) => trace.own.ownUs[row])).toEqual([...sorted.map((row) => trace.own.ownUs[row])].sort((a, b) => b - a));
    else expect(sorted).toEqual(expected);
  });
  test("rows of a subtree that pass a filter", () => expect([...rowsIn(trace, 1, (row) => trace.failed[row] === 0)]).toEqual([1, 3]));
  test("CSV quotes what must be quoted, and defuses what a spreadsheet would run", () => {
    const lines = toCsv(trace, Int32Array.of(1, 4)).split("\r\n");
    expect(lines[0]).toBe("span_id,service,name,path,kind,start_us,duration_us,own_us,error");
    expect(lines[1]).toBe('0000000000000002,api,GET,"/y,""z""",,10,50,15,0');
    expect(lines[2]).toBe("0000000000000005,mail,'=send,,client,70,20,20,0");
  });
});

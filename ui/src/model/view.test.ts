//! From a trace to what is on screen: rows, windows, zoom, ticks, bars, find, and the address that says all of it.
import { describe, expect, test } from "vitest";
import { columnsOf } from "./columns";
import { selfStretches, selfUs, toPixels } from "./bars";
import { findRows, nextRow } from "./find";
import { indexOfRow, isCollapsed, OPEN, reveal, toggle, visibleRows, windowOf } from "./rows";
import type { Span } from "./span";
import { clampView, isWhole, pan, ticks, zoom } from "./timeline";
import { assembleTrace, slowest, summarize } from "./trace";
import { viewFromUrl, viewToUrl } from "./trace-view";
import { micros } from "./units";

const span = (id: string, parentId: string | undefined, service: string, from: number, to: number, rest: Partial<Span> = {}): Span => ({
  traceId: "00000000000000aa",
  id,
  ...(parentId && { parentId }),
  name: `op ${id}`,
  timestamp: micros(1_000_000 + from),
  duration: micros(to - from),
  localEndpoint: { serviceName: service },
  ...rest,
});
/** Rows: 0 a, 1 b, 2 c, 3 d, 4 e. */
const TRACE = [
  span("1", undefined, "web", 0, 100, { kind: "SERVER", tags: { "http.method": "GET", "http.path": "/x" } }),
  span("2", "1", "api", 10, 60, { annotations: [{ timestamp: micros(1_000_020), value: "Lock taken" }] }),
  span("3", "2", "db", 20, 30, { tags: { error: "" } }),
  span("4", "2", "db", 25, 55, { remoteEndpoint: { serviceName: "postgres" } }),
  span("5", "1", "mail", 70, 90, { tags: { error: "no", "smtp.code": "550" } }),
];
const trace = assembleTrace(TRACE);
const { tree, bounds } = trace;
const columns = columnsOf(trace);

test("a list says where the time went", () => {
  expect(summarize(TRACE)).toEqual({
    traceId: "00000000000000aa",
    startMs: 1000,
    durationUs: 100,
    service: "web",
    name: "op 1",
    path: "/x",
    spanName: "op 1",
    services: ["web", "api", "db", "mail"],
    rootError: false,
    spanCount: 5,
    errorCount: 2,
    own: [
      { service: "db", ownUs: 35, networkUs: 0 },
      { service: "web", ownUs: 30, networkUs: 0 },
      { service: "mail", ownUs: 20, networkUs: 0 },
      { service: "api", ownUs: 15, networkUs: 0 },
    ],
  });
  expect(slowest([{ service: "", ownUs: 9, networkUs: 0 }, { service: "a", ownUs: 1, networkUs: 0 }])?.service).toBe("a");
});

test("raw times are those reported", () => {
  const skewed = [
    span("1", undefined, "web", 100, 200, { kind: "CLIENT", localEndpoint: { serviceName: "web", ipv4: "1.1.1.1" } }),
    span("1", undefined, "api", 40, 100, { kind: "SERVER", shared: true, localEndpoint: { serviceName: "api", ipv4: "2.2.2.2" } }),
  ];
  expect(assembleTrace(skewed).bounds.startUs).toEqual(Float64Array.of(0, 20));
  expect(assembleTrace(skewed, true).bounds.startUs).toEqual(Float64Array.of(60, 0));
  expect(assembleTrace(skewed, true).skews).toHaveLength(1);
});

describe("rows", () => {
  test("levels and single rows collapse", () => {
    expect([...visibleRows(tree, OPEN)]).toEqual([0, 1, 2, 3, 4]);
    expect([...visibleRows(tree, { ...OPEN, levels: 2 })]).toEqual([0, 1, 4]);
    expect([...visibleRows(tree, { ...OPEN, levels: 1 })]).toEqual([0]);
    expect([...visibleRows(tree, toggle(OPEN, 1))]).toEqual([0, 1, 4]);
    expect([...visibleRows(tree, toggle({ ...OPEN, levels: 2 }, 1))]).toEqual([0, 1, 2, 3, 4]);
  });
  test("a leaf is never collapsed", () => expect(isCollapsed(tree, { ...OPEN, levels: 1 }, 4)).toBe(false));
  test("revealing opens all above", () => {
    expect([...visibleRows(tree, reveal(tree, { ...OPEN, levels: 1 }, 3))]).toEqual([0, 1, 2, 3, 4]);
  });
  test("a root that never came is not shown", () => {
    const rootless = assembleTrace(TRACE.slice(1));
    expect([...visibleRows(rootless.tree, OPEN)]).toEqual([1, 2, 3, 4]);
    expect([rootless.spanCount, rootless.headRow, rootless.depth]).toEqual([4, 1, 2]);
  });
  test("a row is found among the shown", () => {
    const rows = Int32Array.of(0, 1, 4, 9);
    expect([0, 4, 9, 5, -1].map((row) => indexOfRow(rows, row))).toEqual([0, 2, 3, -1, -1]);
  });
  test.each([
    [{ rows: 1000, top: 2400, height: 240, spare: 5 }, { from: 95, to: 115 }],
    [{ rows: 1000, top: -500, height: 240, spare: 5 }, { from: 0, to: 0 }],
    [{ rows: 1000, top: -100, height: 240, spare: 0 }, { from: 0, to: 6 }],
    [{ rows: 10, top: 9999, height: 240, spare: 5 }, { from: 10, to: 10 }],
  ])("window %j", ({ rows, top, height, spare }, expected) => expect(windowOf(rows, 24, top, height, spare)).toEqual(expected));
});

describe("time line", () => {
  const whole = { fromUs: 0, toUs: 1000 };
  test("zooming keeps the moment under the pointer", () => {
    expect(zoom(whole, 2, 250, 1000)).toEqual({ fromUs: 125, toUs: 625 });
    expect(zoom(whole, 0.5, 250, 1000)).toEqual(whole);
    expect(zoom(whole, 1e9, 500, 1000)).toEqual({ fromUs: 495, toUs: 505 });
  });
  test("panning stops at the ends", () => {
    expect(pan({ fromUs: 100, toUs: 300 }, 0.5, 1000)).toEqual({ fromUs: 200, toUs: 400 });
    expect(pan({ fromUs: 100, toUs: 300 }, -9, 1000)).toEqual({ fromUs: 0, toUs: 200 });
    expect(pan({ fromUs: 100, toUs: 300 }, 99, 1000)).toEqual({ fromUs: 800, toUs: 1000 });
  });
  test("a view from an address is brought inside", () => expect(clampView({ fromUs: 900, toUs: 5000 }, 1000)).toEqual(whole));
  test("whole or not", () => expect([isWhole(whole, 1000), isWhole({ fromUs: 1, toUs: 1000 }, 1000)]).toEqual([true, false]));
  test.each([
    [{ fromUs: 0, toUs: 316_000 }, 7, ["0 ms", "50 ms", "100 ms", "150 ms", "200 ms", "250 ms", "300 ms"]],
    [{ fromUs: 0, toUs: 900 }, 5, ["0 µs", "200 µs", "400 µs", "600 µs", "800 µs"]],
    [{ fromUs: 10_200, toUs: 10_900 }, 4, ["10.2 ms", "10.4 ms", "10.6 ms", "10.8 ms"]],
    [{ fromUs: 0, toUs: 25e6 }, 3, ["0 s", "10 s", "20 s"]],
    [{ fromUs: 5, toUs: 5 }, 3, []],
  ])("ticks of %j", (view, wanted, labels) => expect(ticks(view, wanted).map((tick) => tick.label)).toEqual(labels));
});

describe("bars", () => {
  test("own work is what no child covers", () => {
    expect(selfStretches(tree, bounds, 0)).toEqual([0, 10, 60, 70, 90, 100]);
    expect(selfStretches(tree, bounds, 1)).toEqual([10, 20, 55, 60]);
    expect(selfUs(selfStretches(tree, bounds, 4))).toBe(20);
  });
  test("children that lie within others cover nothing more", () => {
    const nested = assembleTrace([span("1", undefined, "a", 0, 100), span("2", "1", "b", 10, 80), span("3", "1", "c", 20, 30), span("4", "1", "d", 70, 90)]);
    expect(selfStretches(nested.tree, nested.bounds, 0)).toEqual([0, 10, 90, 100]);
  });
  test("stretches that touch on screen are one rectangle", () => {
    const scale = (us: number) => us / 100;
    expect(toPixels([0, 100, 110, 200, 900, 1000], 0, 3, scale)).toEqual([[0, 2], [9, 10]]);
    expect(toPixels([900, 1000, 0, 100], 0, 2, scale), "in any order").toEqual([[9, 10], [0, 1]]);
  });
});

describe("find", () => {
  test.each([["db", [2, 3]], ["OP 5", [4]], ["lock", [1]], ["smtp.code=55", [4]], ["error=", [2, 4]], ["postgres", [3]], ["nothing", []], ["-db", [0, 1, 4]], ["-error=", [0, 1, 3]], ["-", []], ["  ", []]])("%j", (text, rows) => {
    expect(findRows(tree, text)).toEqual(rows);
  });
  test("the next one goes round", () => {
    const some = Int32Array.of(2, 4);
    expect([nextRow(some, 2), nextRow(some, 4), nextRow(some, 4, false), nextRow(some, 2, false), nextRow(new Int32Array(0), 1)]).toEqual([4, 2, 2, 4, undefined]);
  });
});

describe("address of a view", () => {
  const id = (last: string) => last.padStart(16, "0");
  test.each([
    "",
    `span=${id("3")}`,
    `view=icicle&span=${id("3")}&from=10&to=50&q=db&only=1&svc=web&svc=db&path=1&root=${id("2")}&levels=2&toggled=${id("2")}&unfolded=${id("4")}&raw=1`,
  ])("%j comes back as it was", (url) => expect(viewToUrl(columns, viewFromUrl(columns, new URLSearchParams(url))).toString().replaceAll("%2C", ",")).toBe(url));

  test("the halves of a call are told apart", () => {
    const halves = columnsOf(assembleTrace([span("1", undefined, "a", 0, 9, { kind: "CLIENT" }), span("1", undefined, "b", 1, 5, { kind: "SERVER" })]));
    const view = viewFromUrl(halves, new URLSearchParams("span=1.2"));
    expect(view.selected).toBe(1);
    expect(viewToUrl(halves, view).toString()).toBe(`span=${id("1")}.2`);
    expect(viewFromUrl(halves, new URLSearchParams("span=1.3")).selected).toBeUndefined();
  });

  test("nonsense is left out", () => {
    const view = viewFromUrl(columns, new URLSearchParams("view=cube&span=77&from=9&to=3&levels=many&toggled=x,,y&svc=nobody&root=z"));
    expect(view).toEqual({
      view: "waterfall", selected: undefined, zoom: undefined, find: "", onlyMatches: false, services: [], onlyPath: false, root: -1, folding: OPEN, rawTimes: false,
    });
  });
});

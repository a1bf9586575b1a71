//! Figures of services, lines over time, the choice of a time, and what a server says of itself.
import { describe, expect, test } from "vitest";
import { extremes, linePath, niceTop } from "./line-chart";
import { tidyLinks } from "./links";
import { rangeFrom, rangeTo } from "./period";
import { errorPercents, inOrder, ratesOf, rateText, servicesFrom, type Operation } from "./service-figures";
import { ageText, bytesText, figureName, figureText, rateOf, refusalsOf, relayState, totalRate, type Collector, type Reading, type Relay } from "./status";
import { millis } from "./units";

const operation = (serviceName: string, spanName: string, kind: string | null, calls: number[], rest: Partial<Operation> = {}): Operation => ({
  serviceName,
  spanName,
  kind,
  remoteServiceName: null,
  calls: calls.reduce((all, it) => all + it, 0),
  errors: 0,
  p50: 10,
  p95: 20,
  p99: 30,
  series: { calls, errors: calls.map(() => 0), p95: calls.map(() => 20) },
  ...rest,
});

describe("services", () => {
  const rows = [
    operation("front", "post", "SERVER", [1, 2], { p95: 900 }),
    operation("front", "get", "SERVER", [3, 4], { errors: 2, series: { calls: [3, 4], errors: [0, 2], p95: [1, 2] } }),
    operation("front", "post", "CLIENT", [9, 9], { p95: 5000 }),
    operation("cron", "tidy", null, [1, 1], { p95: null }),
    operation("cron", "get", "CLIENT", [1, 0], { p95: null }),
    operation("queue", "take", "CONSUMER", [5, 0]),
  ];
  const services = servicesFrom(rows);
  const front = services[0];
  test("a service is what others ask of it", () => {
    expect(services.map((it) => it.serviceName)).toEqual(["front", "cron", "queue"]);
    expect([front.calls, front.errors, front.operations.length]).toEqual([10, 2, 2]);
    expect(front.series).toEqual({ calls: [4, 6], errors: [0, 2] });
  });
  test("its time is that of its slowest operation, and what it asks of others is no part of it", () => expect(front.slowest).toBe(rows[0]));
  test("who is asked nothing is all it does", () => {
    expect(services[1].operations).toEqual([rows[3], rows[4]]);
    expect(services[1].slowest.p95).toBeNull();
  });
  test("messages taken are calls", () => expect(services[2].calls).toBe(5));
  test("none are none", () => expect(servicesFrom([])).toEqual([]));
  test("series of unlike lengths are added as far as they go", () => expect(servicesFrom([operation("a", "x", "SERVER", [1]), operation("a", "y", "SERVER", [1, 2])])[0].series.calls).toEqual([2, 2]));

  const order = (by: Parameters<typeof inOrder>[1]) => inOrder(services, by, (it) => it.slowest.p95, (it) => it.serviceName).map((it) => it.serviceName);
  test.each([["calls", ["front", "queue", "cron"]], ["errors", ["front", "queue", "cron"]], ["p95", ["front", "queue", "cron"]], ["name", ["cron", "front", "queue"]]] as const)("by %s", (by, names) => expect(order(by)).toEqual(names));
  test("equal ones are by name", () => expect(inOrder([operation("b", "", null, [1]), operation("a", "", null, [1])], "calls", (it) => it.p95, (it) => it.serviceName).map((it) => it.serviceName)).toEqual(["a", "b"]));
});

describe("rates", () => {
  test.each([[0, 60, "0"], [1, 60, "< 0.1"], [30, 60, "0.5"], [60, 60, "1"], [570, 60, "9.5"], [23_040, 60, "384"], [90_000, 60, "1,500"], [5, 0, "5"]])("%d calls in %d minutes", (calls, minutes, text) => expect(rateText(calls, minutes)).toBe(text));
  const M = 60_000;
  test("a step that is in the period in part counts for that part", () => {
    const period = { startMs: 10 * M + 30_000, endMs: 15 * M };
    expect(ratesOf([4, 8, 2], { startTs: 8 * M, stepMs: 4 * M }, period)).toEqual([2, 8 / 3, null]);
    expect(ratesOf([6], { startTs: 8 * M, stepMs: 4 * M }, { startMs: 8 * M, endMs: 8 * M + 30_000 })).toEqual([12]);
  });
  test("too little of a step says nothing", () => expect(ratesOf([1, 1], { startTs: 0, stepMs: M }, { startMs: 0, endMs: M + 10_000 })).toEqual([1, null]));
  test("errors are shares of the calls, where there are any", () => expect(errorPercents({ calls: [4, 0, 5], errors: [1, 0] })).toEqual([25, null, 0]));
});

describe("lines", () => {
  test.each([[[], 1], [[0, null], 1], [[0.3], 0.5], [[1], 1], [[1.1], 2], [[40, 12], 50], [[51], 100], [[100], 100], [[851_000], 1_000_000]])("the axis above %j ends at %d", (values, top) => expect(niceTop(values)).toBeCloseTo(top, 9));
  test("a line goes from middle to middle of its steps", () => expect(linePath([0, 5, 10], 10, 30, 100)).toBe("M5 100L15 50L25 0"));
  test("it breaks where nothing is known, and one alone is a dash", () => expect(linePath([null, 5, 5, null, 10, null], 10, 60, 100)).toBe("M15 50L25 50M40 0H50"));
  test("nothing draws nothing", () => expect([linePath([], 1, 30, 10), linePath([null], 1, 30, 10)]).toEqual(["", ""]));
  test("what is above the axis stays in the box", () => expect(linePath([20, 20], 10, 20, 100)).toBe("M5 0L15 0"));
  test("in words", () => {
    expect(extremes([null, 3, 9, null, 4])).toEqual({ first: 3, last: 4, most: 9, at: 2 });
    expect(extremes([null])).toBeUndefined();
  });
});

describe("the time of a page", () => {
  const HOUR = millis(3_600_000);
  test.each(["", "lookback=15m", "lookback=7d", "startTime=5&endTime=9"])("%j is read and written", (text) => {
    const params = new URLSearchParams();
    rangeTo(params, rangeFrom(new URLSearchParams(text), HOUR), HOUR);
    expect(params.toString()).toBe(text);
  });
  test.each(["lookback=1h", "lookback=soon", "startTime=9&endTime=5", "startTime=9", "startTime=-1&endTime=5"])("%j is the usual", (text) => expect(rangeFrom(new URLSearchParams(text), HOUR)).toEqual({ last: HOUR }));
});

describe("links with times", () => {
  const link = { parent: "a", child: "b", callCount: 2, errorCount: 1, p50: 1, p95: 2, p99: 3 };
  test("are kept", () => expect(tidyLinks([link])).toEqual([link]));
  test("are left out where two are one: percentiles can't be added", () => expect(tidyLinks([link, { ...link, callCount: 3 }])).toEqual([{ parent: "a", child: "b", callCount: 5, errorCount: 2 }]));
});

describe("status", () => {
  const collector = (spans: number, bytes: number, rest: Partial<Collector> = {}): Collector => ({ transport: "http", listening: ":1", messages: 0, messagesDropped: 0, bytes, spans, spansDropped: 0, ...rest });
  const reading = (atMs: number, ...collectors: Collector[]): Reading => ({ atMs, status: { version: "1", uptimeSeconds: 1, collectors, store: { name: "mem", healthy: true, problem: null, figures: {} }, relays: [] } });
  const [before, now] = [reading(1000, collector(10, 100)), reading(3000, collector(50, 300), collector(7, 7, { transport: "grpc" }))];
  test("two readings make a rate", () => expect(rateOf("http", before, now)).toEqual({ spans: 20, bytes: 100 }));
  test("one does not, nor what is new, nor no time", () => expect([rateOf("http", undefined, now), rateOf("grpc", before, now), rateOf("http", now, now)]).toEqual([undefined, undefined, undefined]));
  test("a server that began anew has none yet", () => expect(rateOf("http", now, reading(5000, collector(1, 1)))).toBeUndefined());
  test("all ways in together", () => {
    expect(totalRate(before, now)).toEqual({ spans: 20, bytes: 100 });
    expect(totalRate(now, reading(4000, collector(51, 301), collector(9, 8, { transport: "grpc" })))).toEqual({ spans: 3, bytes: 2 });
    expect(totalRate(undefined, now)).toBeUndefined();
  });

  const relay = (rest: Partial<Relay>): Relay => ({ name: "r", address: null, lastSeenMs: 0, backlogBytes: 0, oldestMs: 0, rate: 0, errors: 0, ...rest });
  test.each([
    [{}, "running"],
    [{ backlogBytes: 5, oldestMs: 500 }, "running"],
    [{ backlogBytes: 5, oldestMs: 20_000 }, "catching up"],
    [{ backlogBytes: 0, oldestMs: 20_000 }, "running"],
    [{ backlogBytes: 5, oldestMs: 20_000, lastSeenMs: 61_000 }, "silent"],
  ] as const)("a relay of %j is %s", (rest, state) => expect(relayState(relay(rest))).toBe(state));

  test("what is refused is summed up by its reason, most first", () => {
    const all = [collector(0, 0, { spansDropped: 3, messagesRefused: { "too large": 2 } }), collector(0, 0, { messagesDropped: 1, spansLeftOut: { "too large": 1, "id 0": 9 } })];
    expect(refusalsOf(all)).toEqual({ spans: 3, messages: 1, reasons: [["id 0", 9], ["too large", 3]] });
    expect(refusalsOf([])).toEqual({ spans: 0, messages: 0, reasons: [] });
  });
  test.each([[0, "0 B"], [999, "999 B"], [1000, "1.0 kB"], [9_800_000, "9.8 MB"], [98_000_000, "98.0 MB"], [184_000_000, "184 MB"], [999_600, "1.0 MB"], [6.2e9, "6.2 GB"], [5e15, "5000 TB"]])("%d bytes", (bytes, text) => expect(bytesText(bytes)).toBe(text));
  test.each([[0.4, "0 s"], [59, "59 s"], [60, "1 m"], [3599, "59 m"], [14_580, "4 h 3 m"], [1_051_200, "12 d 4 h"]])("%d seconds", (seconds, text) => expect(ageText(seconds)).toBe(text));
  test.each([
    ["spanlet_journal_bytes", 1000, "journal bytes", "1.0 kB"],
    ["spanlet_journal_syncs_total", 9120, "journal syncs", "9,120"],
    ["spanlet_bytes_total", 10, "bytes", "10 B"],
    ["spanlet_oldest_seconds", 61, "oldest seconds", "1 m"],
    ["query_ms", 12.6, "query ms", "13 ms"],
    ["ratio", 0.123456, "ratio", "0.123"],
    ["spanlet_spans_removed_by_bytes_total", 7, "spans removed by bytes", "7"],
  ])("the figure %s of %d", (name, value, shown, text) => expect([figureName(name), figureText(name, value)]).toEqual([shown, text]));
});

//! What people type and read: durations, moments, ids, searches, names of operations, colours.
import { describe, expect, test } from "vitest";
import { durationText, msDecimals, parseDuration, percentText } from "./duration";
import { clockParts, fromField, instantText, toField } from "./instant";
import { assignRing, hashStep, RING } from "./ring";
import { emptyQuery, fromUrl, lookbackText, problemsOf, sortTraces, toApi, toUrl } from "./search-query";
import { operationOf, type Span } from "./span";
import { parseTraceRef } from "./trace-id";
import { millis } from "./units";

describe("durations", () => {
  test.each([
    ["200us", 200], ["200", 200], ["200 µs", 200], ["200μs", 200], ["100ms", 100_000], [" 1.5S ", 1_500_000], [".5s", 500_000], ["2m", 120_000_000], ["1h", 3_600_000_000],
    ["", undefined], ["0", undefined], ["0ms", undefined], ["-1s", undefined], ["1e3ms", undefined], ["ms", undefined], ["1,5s", undefined], ["10parsecs", undefined], ["99999999999999h", undefined],
  ])("%j is read as %j", (text, us) => expect(parseDuration(text)).toBe(us));

  test.each([
    [0, "0 µs"], [900, "900 µs"], [1000, "1.00 ms"], [1700, "1.70 ms"], [47_800, "47.8 ms"], [268_400, "268 ms"], [999_400, "999 ms"], [999_600, "1.00 s"],
    [1_234_000, "1.23 s"], [59_990_000, "1 m 00 s"], [125_000_000, "2 m 05 s"], [3_720_000_000, "1 h 02 m"],
  ])("%d µs is written %j", (us, text) => expect(durationText(us)).toBe(text));

  test("an exact one keeps a digit more", () => {
    expect([268_440, 9_620, 24_000, 1_234_000].map((us) => durationText(us, true))).toEqual(["268.4 ms", "9.62 ms", "24.0 ms", "1.23 s"]);
  });

  test.each([[0, "0 %"], [74, "74 %"], [3.6, "3.6 %"], [5, "5 %"], [0.01, "< 0.1 %"], [100, "100 %"]])("%d of 100 is %j", (part, text) => expect(percentText(part, 100)).toBe(text));
  test("of nothing, nothing", () => expect(percentText(1, 0)).toBe("0 %"));
  test("short traces are told in microseconds", () => expect([9_000, 10_000, 20_000_000].map(msDecimals)).toEqual([3, 1, 0]));
});

describe("moments", () => {
  const at = Date.UTC(2026, 10, 25, 14, 3, 51, 204);
  test("in UTC", () => {
    expect(clockParts(at, true)).toEqual({ clock: "14:03:51", millis: ".204" });
    expect(instantText(at, true)).toBe("25 Nov 2026, 14:03:51.204");
  });
  test("midnight is hour 0", () => expect(clockParts(Date.UTC(2026, 0, 1), true).clock).toBe("00:00:00"));
  test.each([true, false])("a field gives back what it was given (UTC %s)", (utc) => {
    const whole = at - 204;
    expect(fromField(toField(whole, utc), utc)).toBe(whole);
  });
  test("half a date is none", () => expect(fromField("2026-13-99T00:00", true)).toBeUndefined());
});

describe("trace ids", () => {
  const long = "463ac35c9f6413ad48485a3953bb6124";
  const short = "48485a3953bb6124";
  const span = "a2fb4a1d1a96d312";
  test.each([
    [long, { traceId: long }],
    [` ${long.toUpperCase()} `, { traceId: long }],
    [short, { traceId: short }],
    ["abc", { traceId: "0000000000000abc" }],
    [`1${short}`, { traceId: `0000000000000001${short}` }],
    [`${long}-${span}-1`, { traceId: long, spanId: span }],
    [`${short}-${span}`, { traceId: short, spanId: span }],
    [`b3: ${long}-${span}-d-${short}`, { traceId: long, spanId: span }],
    [`X-B3-TraceId: ${long}`, { traceId: long }],
    [`"traceparent": "00-${long}-${span}-01",`, { traceId: long, spanId: span }],
    [`https://zipkin.example/zipkin/traces/${long}?x=1`, { traceId: long }],
    ["0", undefined], ["00000000000000000000000000000000", undefined], ["", undefined], ["checkout", undefined], [`${long}0`, undefined], [`00-${long}-${span}`, undefined],
  ])("%j", (text, ref) => expect(parseTraceRef(text)).toEqual(ref));
});

describe("searches", () => {
  const defaults = { queryLimit: 50, defaultLookback: millis(3_600_000) };
  const EMPTY = emptyQuery(defaults);
  const read = (text: string) => fromUrl(new URLSearchParams(text), defaults);
  const now = millis(1_700_000_000_000);
  const asked = (text: string) => toApi(read(text), now).toString();

  test.each([
    ["", `endTs=${now}&lookback=3600000&limit=50`],
    ["serviceName=front&spanName=get&remoteServiceName=db&annotationQuery=error+and+a%3Db&limit=10&lookback=15m", `serviceName=front&spanName=get&remoteServiceName=db&annotationQuery=error+and+a%3Db&endTs=${now}&lookback=900000&limit=10`],
    ["minDuration=100ms&maxDuration=1.5s", `minDuration=100000&maxDuration=1500000&endTs=${now}&lookback=3600000&limit=50`],
    ["minDuration=250", `minDuration=250&endTs=${now}&lookback=3600000&limit=50`],
    ["maxDuration=1s", `minDuration=1&maxDuration=1000000&endTs=${now}&lookback=3600000&limit=50`],
    ["lookback=15m&endTs=1600000000000", "endTs=1600000000000&lookback=900000&limit=50"],
    ["lookback=range&startTs=1500000000000&endTs=1600000000000", "endTs=1600000000000&lookback=100000000000&limit=50"],
    ["lookback=millis&millis=5000&endTs=1600000000000", "endTs=1600000000000&lookback=5000&limit=50"],
    ["lookback=millis&millis=5000", `endTs=${now}&lookback=5000&limit=50`],
    ["lookback=86400000", `endTs=${now}&lookback=86400000&limit=50`],
    ["serviceName=all&spanName=ALL&lookback=nonsense&endTs=x", `endTs=${now}&lookback=3600000&limit=50`],
  ])("an old link %j asks %j", (url, api) => expect(asked(url)).toBe(api));

  test.each([
    "",
    "serviceName=front&minDuration=100ms&limit=7&lookback=6h&sort=longest",
    "spanName=get&annotationQuery=error&maxDuration=2s&lookback=range&startTs=5&endTs=9",
    "lookback=millis&millis=5000",
  ])("%j comes back as it was", (url) => expect(toUrl(read(url), defaults).toString()).toBe(url));

  test("an untouched form is as config.json says, and its address says nothing", () => {
    const other = { queryLimit: 7, defaultLookback: millis(61_000) };
    expect(toApi(fromUrl(new URLSearchParams(), other), now).toString()).toBe(`endTs=${now}&lookback=61000&limit=7`);
    expect(toUrl(emptyQuery(other), other).toString()).toBe("");
    expect(toUrl(emptyQuery(other), defaults).toString()).toBe("limit=7&lookback=millis&millis=61000");
    expect([lookbackText(millis(900_000)), lookbackText(other.defaultLookback)]).toEqual(["Last 15 minutes", "Last 1 m 01 s"]);
  });

  test("a list is sorted as asked, equal ones newest first", () => {
    const traces = [{ startMs: 1, durationUs: 5, errorCount: 0 }, { startMs: 2, durationUs: 5, errorCount: 3 }, { startMs: 3, durationUs: 1, errorCount: 0 }];
    const order = (sort: "newest" | "longest" | "errors") => sortTraces(traces, sort).map((it) => it.startMs);
    expect([order("newest"), order("longest"), order("errors")]).toEqual([[3, 2, 1], [2, 1, 3], [2, 3, 1]]);
  });

  test("what cannot be read is told, not sent away", () => {
    expect(problemsOf(read("minDuration=soon&limit=0"))).toEqual({ minDuration: expect.any(String), limit: expect.any(String) });
    expect(problemsOf(read("minDuration=2s&maxDuration=1s"))).toEqual({ maxDuration: expect.any(String) });
    expect(problemsOf(read("limit=1001"))).toHaveProperty("limit");
    expect(problemsOf({ ...EMPTY, range: { start: millis(9), end: millis(5) } })).toHaveProperty("range");
    expect(problemsOf(EMPTY)).toEqual({});
  });
});

describe("operations", () => {
  test.each<[Partial<Span>, string, string]>([
    [{ name: "get", tags: { "http.path": "/cart" } }, "GET", "/cart"],
    [{ name: "get", tags: { "http.uri": "/cart?x=1" } }, "GET", "/cart?x=1"],
    [{ name: "get /cart/{id}", tags: { "http.path": "/cart/7" } }, "get /cart/{id}", ""],
    [{ name: "lock wait" }, "lock wait", ""],
    [{ name: "list", tags: { "http.path": "/a" } }, "list", "/a"],
    [{ tags: { "http.method": "PUT", "http.path": "/a" } }, "PUT", "/a"],
    [{}, "", ""],
  ])("%j", (span, name, path) => expect(operationOf({ traceId: "1", id: "1", ...span })).toEqual({ name, path }));
});

describe("colours", () => {
  test("no two of 24 names look alike", () => {
    const names = Array.from({ length: RING }, (_, i) => `service-${i}`);
    expect(new Set(assignRing(names).values()).size).toBe(RING);
  });
  test("more names than colours all have one", () => expect(assignRing(Array.from({ length: 60 }, (_, i) => `s${i}`)).size).toBe(60));
  test("the order of the names does not matter, and known ones stay", () => {
    expect(assignRing(["b", "a", "c"])).toEqual(assignRing(["c", "b", "a"]));
    expect(assignRing(["a"], new Map([["z", hashStep("a")]])).get("z")).toBe(hashStep("a"));
  });
});

//! Files of OpenTelemetry and Jaeger as traces of Zipkin's.
import { describe, expect, test } from "vitest";
import { NoTrace, readTrace } from "./upload";

const TRACE = "5b8efff798038103d269b633813fc60c";
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const otlp = (spans: unknown[], service = "shop") => JSON.stringify({ resourceSpans: [{ resource: { attributes: [text("service.name", service)] }, scopeSpans: [{ scope: { name: "lib" }, spans }] }] });
const OTLP = { traceId: TRACE, spanId: "EEE19B7EC3C1B174", parentSpanId: "", name: "GET /cart", kind: 2, startTimeUnixNano: "1544712660000123456", endTimeUnixNano: "1544712661000123456" };

describe("OpenTelemetry", () => {
  test("a span, with times to the microsecond", () =>
    expect(readTrace(otlp([OTLP]))).toEqual([{ traceId: TRACE, id: "eee19b7ec3c1b174", kind: "SERVER", name: "GET /cart", timestamp: 1544712660000123, duration: 1_000_000, localEndpoint: { serviceName: "shop" } }]));
  test("attributes of every kind are tags", () => {
    const attributes = [text("a", "b"), { key: "n", value: { intValue: "12" } }, { key: "d", value: { doubleValue: 1.5 } }, { key: "t", value: { boolValue: true } }, { key: "l", value: { arrayValue: { values: [{ stringValue: "x" }, { intValue: 1 }] } } }, { key: "m", value: { kvlistValue: { values: [] } } }, { key: "none" }, "no attribute"];
    expect(readTrace(otlp([{ ...OTLP, attributes }]))[0].tags).toEqual({ a: "b", n: "12", d: "1.5", t: "true", l: "[x,1]", m: '{"values":[]}', none: "" });
  });
  test.each([
    [{ code: 2, message: "lost" }, [], "lost"],
    [{ code: "STATUS_CODE_ERROR" }, [], "true"],
    [{ code: 2 }, [text("error", "why")], "why"],
    [{ code: 1 }, [text("error", "false")], undefined],
    [undefined, [], undefined],
  ])("a status of %j with %j is the error %j", (status, attributes, error) => expect(readTrace(otlp([{ ...OTLP, status, attributes }]))[0].tags?.error).toBe(error));
  test("events are annotations, a peer of a client is the other side", () => {
    const [span] = readTrace(otlp([{ ...OTLP, kind: "SPAN_KIND_CLIENT", parentSpanId: "1", attributes: [text("peer.service", "db")], events: [{ name: "sent", timeUnixNano: 1544712660000200000 }] }]));
    expect(span).toMatchObject({ kind: "CLIENT", parentId: "0000000000000001", remoteEndpoint: { serviceName: "db" } });
    expect(span.annotations?.[0].value).toBe("sent");
    expect(readTrace(otlp([{ ...OTLP, attributes: [text("peer.service", "db")] }]))[0].remoteEndpoint).toBeUndefined();
  });
  test("one that has not ended has no duration, one of no length has the least", () => {
    expect(readTrace(otlp([{ ...OTLP, endTimeUnixNano: undefined }]))[0]).not.toHaveProperty("duration");
    expect(readTrace(otlp([{ ...OTLP, endTimeUnixNano: OTLP.startTimeUnixNano }]))[0].duration).toBe(1);
  });
  test("older files have another name for scopes, and a file may have more traces", () => {
    const said = { resourceSpans: [{ instrumentationLibrarySpans: [{ spans: [OTLP, { ...OTLP, traceId: "1" }] }] }, {}] };
    expect(readTrace(JSON.stringify(said)).map((it) => it.localEndpoint)).toEqual([undefined]);
  });
  test("what is none is called so", () => {
    expect(() => readTrace(otlp([]))).toThrow(new NoTrace("The list of spans is empty."));
    expect(() => readTrace(otlp([{ ...OTLP, spanId: "xyz" }]))).toThrow(new NoTrace("Entry 1 of the list has no trace id and span id."));
  });
});

describe("Jaeger", () => {
  const SPAN = { traceID: TRACE, spanID: "b174", operationName: "get", startTime: 1_000_000, duration: 250, processID: "p1", references: [] };
  const jaeger = (...spans: unknown[]) => JSON.stringify({ data: [{ traceID: TRACE, spans, processes: { p1: { serviceName: "shop", tags: [] } } }] });
  const tag = (key: string, value: unknown) => ({ key, type: "string", value });
  test("a span", () => expect(readTrace(jaeger(SPAN))).toEqual([{ traceId: TRACE, id: "000000000000b174", name: "get", timestamp: 1_000_000, duration: 250, localEndpoint: { serviceName: "shop" } }]));
  test("tags, the kind among them", () => {
    const [span] = readTrace(jaeger({ ...SPAN, tags: [tag("span.kind", "client"), tag("peer.service", "db"), tag("code", 500), tag("error", true)] }));
    expect(span).toMatchObject({ kind: "CLIENT", remoteEndpoint: { serviceName: "db" }, tags: { "peer.service": "db", code: "500", error: "true" } });
  });
  test("an error that is false is none", () => expect(readTrace(jaeger({ ...SPAN, tags: [tag("error", false)] }))[0].tags).toBeUndefined());
  test.each([
    [[{ refType: "FOLLOWS_FROM", traceID: TRACE, spanID: "2" }, { refType: "CHILD_OF", traceID: TRACE, spanID: "1" }], "0000000000000001"],
    [[{ refType: "FOLLOWS_FROM", traceID: TRACE, spanID: "2" }], "0000000000000002"],
    [[{ refType: "CHILD_OF", traceID: "77", spanID: "1" }], undefined],
    [undefined, undefined],
  ])("with references %j its parent is %j", (references, parent) => expect(readTrace(jaeger({ ...SPAN, references }))[0].parentId).toBe(parent));
  test("logs are annotations in words", () => {
    const logs = [{ timestamp: 7, fields: [tag("event", "error"), tag("stack", "a b")] }, { timestamp: 8, fields: [tag("message", "done")] }];
    expect(readTrace(jaeger({ ...SPAN, logs }))[0].annotations).toEqual([{ timestamp: 7, value: "error stack=a b" }, { timestamp: 8, value: "done" }]);
  });
  test("a process within the span, and none", () => expect(readTrace(jaeger({ ...SPAN, process: { serviceName: "own" } }, { ...SPAN, processID: "p9" })).map((it) => it.localEndpoint?.serviceName)).toEqual(["own", undefined]));
  test("no trace is none", () => expect(() => readTrace('{"data": []}')).toThrow(new NoTrace("The list of spans is empty.")));
});

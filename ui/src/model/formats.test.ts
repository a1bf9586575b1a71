//! One trace written in each format that the page opens: they all read as the same trace.
import { describe, expect, test } from "vitest";
import { columnsOf, idAt } from "./columns";
import { randomFrom, wildSpans } from "./kit";
import { serviceOf, type Span } from "./span";
import { toCsv } from "./span-table";
import { assembleTrace } from "./trace";
import { readTrace } from "./upload";

const random = randomFrom(41);
/** OpenTelemetry and Jaeger know no span without times, and names for every span. */
const timed = () => wildSpans(random).filter((it) => it.timestamp !== undefined && it.duration !== undefined);
const tagsOf = (it: Span) => Object.entries(it.tags ?? {});

const v1 = (spans: readonly Span[]) => spans.map(({ localEndpoint, tags, annotations, ...rest }) => ({ ...rest, annotations: annotations ?? [], binaryAnnotations: [{ key: "lc", value: "", endpoint: localEndpoint }, ...Object.entries(tags ?? {}).map(([key, value]) => ({ key, value, endpoint: localEndpoint }))] }));
const otlp = (spans: readonly Span[]) => ({
  resourceSpans: spans.map((it) => ({
    resource: { attributes: [{ key: "service.name", value: { stringValue: serviceOf(it) } }] },
    scopeSpans: [{ spans: [{
      traceId: it.traceId.padStart(32, "0"), spanId: it.id, parentSpanId: it.parentId ?? "", name: it.name, kind: 1,
      startTimeUnixNano: `${it.timestamp}000`, endTimeUnixNano: `${(it.timestamp ?? 0) + (it.duration ?? 0)}999`,
      attributes: tagsOf(it).map(([key, stringValue]) => ({ key, value: { stringValue } })), status: { code: tagsOf(it).length > 0 ? 2 : 0 },
    }] }],
  })),
});
const jaeger = (spans: readonly Span[]) => ({
  data: [{
    traceID: spans[0]?.traceId,
    spans: spans.map((it) => ({
      traceID: it.traceId, spanID: it.id, operationName: it.name, startTime: it.timestamp, duration: it.duration, processID: serviceOf(it),
      references: it.parentId ? [{ refType: "CHILD_OF", traceID: it.traceId, spanID: it.parentId }] : [], tags: tagsOf(it).map(([key, value]) => ({ key, type: "string", value })),
    })),
    processes: Object.fromEntries(spans.map((it) => [serviceOf(it), { serviceName: serviceOf(it) }])),
  }],
});
const FORMATS = { "Zipkin v2": (spans: readonly Span[]) => spans, "lists of Zipkin v2": (spans: readonly Span[]) => [spans], "Zipkin v1": v1, OpenTelemetry: otlp, Jaeger: jaeger };

describe.each(Object.entries(FORMATS))("%s", (_, write) => {
  test("reads as the trace that was written", () => {
    for (let round = 0; round < 60; round++) {
      const spans = timed();
      if (spans.length === 0) continue;
      const [made, read] = [spans, readTrace(JSON.stringify(write(spans)))].map((it) => columnsOf(assembleTrace(it)));
      const rows = Int32Array.from([...made.size.keys()].slice(made.headRow));
      expect(toCsv(read, rows)).toBe(toCsv(made, rows));
      expect([...read.parent]).toEqual([...made.parent]);
      expect(read.own.services).toEqual(made.own.services);
      expect([read.spanCount, read.orphans, read.rootless]).toEqual([made.spanCount, made.orphans, made.rootless]);
    }
  });
  test("spaces and lines between the parts are nothing", () => {
    const spans = timed();
    expect(readTrace(`\n ${JSON.stringify(write(spans), null, 2)}\r\n`)).toEqual(readTrace(JSON.stringify(write(spans))));
  });
});

test("the ids of a file are those of the page, whatever their case and length", () => {
  const read = columnsOf(assembleTrace(readTrace('[{"traceId":"AB","id":"CD"},{"traceId":"ab","id":"ef","parentId":"cd"}]')));
  expect([read.traceId, idAt(read, 0), idAt(read, 1), read.parent[1]]).toEqual(["00000000000000ab", "00000000000000cd", "00000000000000ef", 0]);
});

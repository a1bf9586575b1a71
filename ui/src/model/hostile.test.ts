//! Files and addresses that somebody wrote to harm, or by mistake: they are read, or refused in words; nothing breaks.
import { describe, expect, test } from "vitest";
import { tagsThatDiffer } from "./compare";
import { columnsOf, rowOfId } from "./columns";
import { facetsOf } from "./facets";
import { instantText } from "./instant";
import { columns, randomFrom, span } from "./kit";
import { chipsOf, fieldOf, readLine, suggest, tagTyped, withChip, withoutChip } from "./query-line";
import { emptyQuery, fromUrl, toApi } from "./search-query";
import type { Span } from "./span";
import { operationsOf } from "./statistics";
import { assembleTrace, startMsOf, summarize } from "./trace";
import { NoTrace, readTrace } from "./upload";
import { count, idsOf, isId, named, objectsIn, padded, textOf } from "./upload-parts";
import { millis } from "./units";

const ZIPKIN = { traceId: "a", id: "1", kind: "SERVER", name: "get", timestamp: 1_000_000, duration: 5, localEndpoint: { serviceName: "web", ipv4: "1.1.1.1", port: 80 }, tags: { a: "b" }, annotations: [{ timestamp: 2, value: "x" }] };
const V1 = { traceId: "a", id: "1", name: "get", annotations: [{ timestamp: 5, value: "sr", endpoint: { serviceName: "web" } }], binaryAnnotations: [{ key: "a", value: "b", endpoint: { serviceName: "web" } }] };
const OTLP = { traceId: "a", spanId: "1", name: "get", kind: 3, startTimeUnixNano: "1000000000", endTimeUnixNano: "1000005000", attributes: [{ key: "peer.service", value: { stringValue: "db" } }], events: [{ name: "x", timeUnixNano: "1000000" }], status: { code: 2, message: "no" } };
const JAEGER = { traceID: "a", spanID: "1", operationName: "get", startTime: 1_000_000, duration: 5, processID: "p", references: [{ refType: "CHILD_OF", traceID: "a", spanID: "2" }], tags: [{ key: "span.kind", value: "client" }], logs: [{ timestamp: 5, fields: [{ key: "event", value: "x" }] }] };
const inOtlp = (it: unknown) => ({ resourceSpans: [{ resource: { attributes: [{ key: "service.name", value: { stringValue: "web" } }] }, scopeSpans: [{ spans: [it] }] }] });
const inJaeger = (it: unknown) => ({ data: [{ traceID: "a", spans: [it], processes: { p: { serviceName: "web" } } }] });
const FORMS = [
  ["Zipkin v2", ZIPKIN, (it: unknown) => [it]],
  ["Zipkin v1", V1, (it: unknown) => [it]],
  ["OpenTelemetry", OTLP, inOtlp],
  ["Jaeger", JAEGER, inJaeger],
] as const;
const HOSTILE = ["null", "true", "-1", "1e999", "1e300", "0.1", '""', '"constructor"', '"__proto__"', '"\\u0000"', "[]", "[[]]", "[null]", "{}", '{"toString":1,"valueOf":1}', '{"__proto__":{"x":1}}', '{"values":7}', '[{"key":"__proto__","value":"x"}]', '[{"endpoint":7,"value":"constructor"}]'];

/** Reads a file, and works out all that a page shows of it. */
function shown(text: string): Span[] | NoTrace {
  let spans: Span[];
  try {
    spans = readTrace(text);
  } catch (cause) {
    if (cause instanceof NoTrace) return cause;
    throw cause;
  }
  const trace = assembleTrace(spans);
  operationsOf(columnsOf(trace));
  facetsOf([spans], [summarize(spans)]);
  instantText(startMsOf(trace), true);
  return spans;
}

/** The same value with each of its parts in turn replaced. */
function* replaced(value: unknown, by: unknown): Generator<unknown> {
  yield by;
  if (Array.isArray(value)) for (const [i, it] of value.entries()) for (const part of replaced(it, by)) yield value.with(i, part);
  else if (typeof value === "object" && value !== null) for (const [key, it] of Object.entries(value)) for (const part of replaced(it, by)) yield { ...value, [key]: part };
}

describe.each(FORMS)("a file of %s", (_, good, within) => {
  test("is read as it is", () => expect(shown(JSON.stringify(within(good)))).toMatchObject([{ name: "get", localEndpoint: { serviceName: "web" } }]));

  test.each(HOSTILE)("with %s in any place is read or refused", (text) => {
    const by: unknown = JSON.parse(text);
    for (const file of replaced(within(good), by)) {
      // As text, since numbers like 1e999 are only that.
      const spans = shown(JSON.stringify(file, (_key, it: unknown) => (it === Number.POSITIVE_INFINITY ? "@@" : it)).replaceAll('"@@"', "1e999"));
      if (spans instanceof NoTrace) expect(spans.message).toMatch(/^[A-Z].*\.$/);
      else for (const it of spans) wellFormed(it);
    }
  });

  test("with any part missing is read or refused", () => {
    for (const file of replaced(within(good), undefined)) if (file !== undefined) shown(JSON.stringify(file));
  });

  test("cut off anywhere is no JSON", () => {
    const text = JSON.stringify(within(good));
    for (let end = 0; end < text.length; end++) expect(() => readTrace(text.slice(0, end))).toThrow(new NoTrace("This is not JSON."));
  });

  test("with changed letters is read or refused", () => {
    const random = randomFrom(5);
    const text = JSON.stringify(within(good));
    for (let round = 0; round < 500; round++) {
      const at = random(text.length);
      shown(text.slice(0, at) + '{}[]",:0e-'[random(10)] + text.slice(at + 1));
    }
  });
});

function wellFormed(it: Span): void {
  expect(it.traceId).toMatch(/^([0-9a-f]{16}){1,2}$/);
  expect(it.id).toMatch(/^[0-9a-f]{16}$/);
  expect([undefined, "CLIENT", "SERVER", "PRODUCER", "CONSUMER"]).toContain(it.kind);
  for (const us of [it.timestamp, it.duration]) expect(us === undefined || (Number.isSafeInteger(us) && us > 0)).toBe(true);
  for (const value of Object.values(it.tags ?? {})) expect(value).toBeTypeOf("string");
  for (const note of it.annotations ?? []) expect(note.value).toBeTypeOf("string");
  expect(Object.getPrototypeOf(it.tags ?? {})).toBe(Object.prototype);
}

describe("deep files", () => {
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
  test("a tag that is a hundred thousand lists is refused in words", () => expect(() => readTrace(`[{"traceId":"a","id":"1","tags":{"a":${deep}}}]`)).toThrow(new NoTrace("A value is nested too deep.")));
  test("so is an attribute", () => {
    const list = `${'{"arrayValue":{"values":['.repeat(50_000)}${"]}}".repeat(50_000)}`;
    const file = JSON.stringify(inOtlp({ ...OTLP, attributes: [{ key: "a", value: "@" }] })).replace('"@"', list);
    expect(() => readTrace(file)).toThrow(NoTrace);
  });
  test("where nothing is expected it is passed by", () => expect(readTrace(`[{"traceId":"a","id":"1","extra":${deep}}]`)).toHaveLength(1));
});

describe("names that every object has", () => {
  test("are kinds in no format", () => {
    expect(readTrace(JSON.stringify(inOtlp({ ...OTLP, kind: "constructor" })))[0].kind).toBeUndefined();
    expect(readTrace(JSON.stringify(inJaeger({ ...JAEGER, tags: [{ key: "span.kind", value: "constructor" }] })))[0].kind).toBeUndefined();
    const [v1] = readTrace(JSON.stringify([{ ...V1, annotations: [{ timestamp: 5, value: "toString", endpoint: {} }] }]));
    expect([v1.kind, v1.annotations?.[0].value]).toEqual([undefined, "toString"]);
  });
  test("are tags like others", () => {
    const [made] = readTrace('[{"traceId":"a","id":"1","tags":{"__proto__":"x","constructor":"y"}}]');
    expect(Object.entries(made.tags ?? {})).toEqual([["__proto__", "x"], ["constructor", "y"]]);
    expect(tagsThatDiffer({ constructor: "y" } as unknown as Record<string, string>, {})).toEqual([{ key: "constructor", a: "y", b: undefined }]);
  });
  test("are tags in the query line, and completed as such", () => {
    expect(readLine("constructor=1 __proto__=2")).toEqual({ chips: [{ key: "constructor", op: "=", value: "1" }, { key: "__proto__", op: "=", value: "2" }] });
    expect(suggest("constructor=", { services: [], names: [], remotes: [], tagKeys: [], values: ["one"] })).toEqual([{ text: "constructor=one", open: false }]);
    expect([tagTyped("constructor=o"), fieldOf("__proto__")]).toEqual(["constructor", undefined]);
    const defaults = { queryLimit: 10, defaultLookback: millis(1) };
    const query = withChip(emptyQuery(defaults), { key: "constructor", op: "=", value: "1" });
    expect(query.annotationQuery).toBe("constructor=1");
    expect(withoutChip(query, { key: "constructor", op: "=", value: "1" })).toEqual(emptyQuery(defaults));
  });
});

describe("tags that are called as a field is", () => {
  const defaults = { queryLimit: 10, defaultLookback: millis(900_000) };
  test("a link with one can be freed of it, before or after the field", () => {
    const query = fromUrl(new URLSearchParams("spanName=get&annotationQuery=name%3Dx"), defaults);
    const chips = chipsOf(query);
    expect(chips.map((it) => it.value)).toEqual(["get", "x"]);
    expect(withoutChip(query, chips[1])).toMatchObject({ spanName: "get", annotationQuery: "" });
    expect(withoutChip(query, chips[0])).toMatchObject({ spanName: "", annotationQuery: "name=x" });
  });
  test("they are no facets: their condition would be another one", () => {
    const traces = [[span("1", undefined, "web", 0, 9, { tags: { name: "x", Service: "y", code: "1" } })], [span("1", undefined, "web", 0, 9)]];
    expect(facetsOf(traces, traces.map(summarize)).filter((it) => it.tag).map((it) => it.field)).toEqual(["code"]);
  });
});

describe("addresses", () => {
  const defaults = { queryLimit: 10, defaultLookback: millis(900_000) };
  const NOW = millis(1_700_000_000_000);
  test.each(["endTs=99999999999999999999", "startTs=1&endTs=1e30&lookback=range", "lookback=99999999999999999999999", "endTs=-5", "lookback=millis&millis=1e9", "startTs=9&endTs=9&lookback=range"])("%s asks for moments that a calendar has", (text) => {
    const { range } = fromUrl(new URLSearchParams(text), defaults);
    for (const ms of Object.values(range)) expect(() => instantText(ms, true)).not.toThrow();
    expect(Number(toApi(fromUrl(new URLSearchParams(text), defaults), NOW).get("endTs"))).toBeLessThan(8.64e15);
  });
  test.each(["", "z", "1z", "1 ", "-1", "0x1", "00000000000000001", "constructor"])("%j is the id of no row", (id) => expect(rowOfId(columns(span("1", undefined, "a", 0, 9)), id)).toBeUndefined());
});

describe("what a value has to be", () => {
  test.each([[1, 1], [1.5, 2], [0.4, undefined], [0, undefined], [-1, undefined], ["1", undefined], [Number.NaN, undefined], [Number.POSITIVE_INFINITY, undefined], [2 ** 53, undefined], [null, undefined]])("the count of %j is %j", (said, expected) => expect(count(said)).toBe(expected));
  test.each([["a", 16, true], ["A1", 16, true], ["", 16, false], ["g", 16, false], ["a".repeat(17), 16, false], [7, 16, false], ["a\n", 16, false]])("%j as an id of %i digits: %j", (said, digits, is) => expect(isId(said, digits)).toBe(is));
  test("ids are filled up to one of two lengths", () => expect(["AB", "1".repeat(16), "1".repeat(17)].map(padded)).toEqual(["00000000000000ab", "1".repeat(16), `${"0".repeat(15)}${"1".repeat(17)}`]));
  test("a parent of zeros is none, and one that is no id neither", () => {
    expect(idsOf(0, "a", "b", "0000000000000000")).not.toHaveProperty("parentId");
    expect(idsOf(0, "a", "b", "xyz")).not.toHaveProperty("parentId");
    expect(() => idsOf(6, "a", null, "b")).toThrow(new NoTrace("Entry 7 of the list has no trace id and span id."));
  });
  test("lists are lists of objects", () => expect([objectsIn([{ a: 1 }, null, [], 5, "x"]), objectsIn({ 0: {} }), objectsIn(undefined)]).toEqual([[{ a: 1 }], [], []]));
  test("texts", () => expect(["x", 1, true, null, { a: [1] }, { toString: 1 }].map(textOf)).toEqual(["x", "1", "true", "null", '{"a":[1]}', '{"toString":1}']));
  test("names that are known", () => expect([named({ a: 1 }, "a"), named({ a: 1 }, "b"), named({ a: 1 }, "toString"), named({ null: 1 }, undefined)]).toEqual([1, undefined, undefined, undefined]));
});

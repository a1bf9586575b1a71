//! The query line, facets, charts and what else a search page works out.
import { describe, expect, test } from "vitest";
import { CONFIG_DEFAULT, linkFrom, readConfig } from "./config";
import { facetsOf } from "./facets";
import { axisText } from "./instant";
import { span } from "./kit";
import { chipsOf, chipText, hasChip, lastWord, readLine, suggest, tagTyped, withChip, withoutChip, type Chip } from "./query-line";
import { relax } from "./relax";
import { binsOf, decadesOf, durationAt, heightOf, spanOf, timeTicks } from "./result-chart";
import { emptyQuery, fromUrl } from "./search-query";
import { summarize } from "./trace";
import { millis } from "./units";

const EMPTY = emptyQuery(CONFIG_DEFAULT);
const query = (text: string) => fromUrl(new URLSearchParams(text), CONFIG_DEFAULT);
const chip = (key: string, op: Chip["op"] = "", value = ""): Chip => ({ key, op, value });

describe("chips", () => {
  const full = query("serviceName=front&spanName=get&remoteServiceName=db&annotationQuery=error+and+http.path%3D/a=b&minDuration=10ms&maxDuration=1s");
  const chips = [chip("service", "=", "front"), chip("name", "=", "get"), chip("remote", "=", "db"), chip("error"), chip("http.path", "=", "/a=b"), chip("duration", ">", "10ms"), chip("duration", "<", "1s")];
  test("a search is its chips", () => expect(chipsOf(full)).toEqual(chips));
  test("chips make the search", () => expect(chips.reduce(withChip, EMPTY)).toEqual(full));
  test("without its chips nothing is left", () => expect(chips.reduce(withoutChip, full)).toEqual(EMPTY));
  test("a tag has one value at a time, and a word is not said twice", () => {
    const tagged = [chip("code", "=", "500"), chip("code", "=", "502"), chip("error"), chip("error")].reduce(withChip, EMPTY);
    expect(tagged.annotationQuery).toBe("code=502 and error");
  });
  test("what is on is known", () => expect([hasChip(full, chips[4]), hasChip(full, chip("http.path", "=", "/x"))]).toEqual([true, false]));
});

describe("words typed", () => {
  test.each<[string, Chip[]]>([
    ["", []],
    ["service=orders error duration>200ms http.path=/cart", [chip("service", "=", "orders"), chip("error"), chip("duration", ">", "200ms"), chip("http.path", "=", "/cart")]],
    ["serviceName=a and spanName=b AND remoteServiceName=c", [chip("service", "=", "a"), chip("name", "=", "b"), chip("remote", "=", "c")]],
    ['name="get /a b" "cache miss"', [chip("name", "=", "get /a b"), chip("cache miss")]],
    ["duration>=5ms duration<=900 minDuration=1s maxDuration=2s", [chip("duration", ">", "5ms"), chip("duration", "<", "900us"), chip("duration", ">", "1s"), chip("duration", "<", "2s")]],
    ["a=b=c d==", [chip("a", "=", "b=c"), chip("d", "=", "=")]],
    ['"open', [chip("open")]],
  ])("%j", (text, chips) => expect(readLine(text)).toEqual({ chips }));
  test.each(["service=", "duration>soon", "duration=5ms", "size>5"])("%j cannot be read", (text) => expect(readLine(text)).toHaveProperty("problem"));
  test("a chip is typed as it is read", () => {
    for (const it of [chip("name", "=", "get /a b"), chip("cache miss"), chip("duration", "<", "2s"), chip("a", "=", "b=c")]) expect(readLine(chipText(it))).toEqual({ chips: [it] });
  });
});

describe("completion", () => {
  const known = { services: ["cart", "front"], names: ["get", "get /a b"], remotes: ["postgres"], tagKeys: ["error", "http.path"], values: ["/cart", "/shelf"] };
  const texts = (typed: string) => suggest(typed, known).map((it) => it.text);
  test("nothing typed offers what there is", () => expect(texts("")).toEqual(["service=", "name=", "remote=", "duration>", "duration<", "error", "http.path="]));
  test("a name completes to its service", () => expect(texts("ca")).toEqual(["service=cart"]));
  test("the key shows all services", () => expect(texts("se")).toEqual(["service=", "service=cart", "service=front"]));
  test("only the last word counts", () => expect(texts("service=cart fro")).toEqual(["service=front"]));
  test.each([["service=c", ["service=cart"]], ["name=a", ['name="get /a b"']], ["remote=", ["remote=postgres"]], ["http.path=/s", ["http.path=/shelf"]], ["duration>5", ["duration>50ms", "duration>500ms", "duration>5s", "duration>250ms"]]])("%j", (typed, expected) => expect(texts(typed)).toEqual(expected));
  test("what is typed out is not offered again", () => expect(texts("service=cart")).toEqual([]));
  test("what has to go on is told from what is done", () => expect(suggest("err", known)).toEqual([{ text: "error", open: false }]));
  test.each([["a b", "b"], ['x "a b', '"a b'], ["a ", ""]])("last word of %j", (text, word) => expect(lastWord(text)).toBe(word));
  test.each([["http.path=/c", "http.path"], ["service=x", ""], ["duration>5", ""], ["plain", ""]])("tag in %j", (text, tag) => expect(tagTyped(text)).toBe(tag));
});

describe("facets", () => {
  const traces = [
    [span("1", undefined, "web", 0, 9, { name: "get", tags: { code: "200", host: "h1", id: "1" } }), span("2", "1", "db", 1, 5, { tags: { code: "200" } })],
    [span("1", undefined, "web", 0, 9, { name: "get", tags: { code: "500", host: "h1", error: "" } })],
    [span("1", undefined, "job", 0, 9, { name: "run", tags: { long: "x".repeat(99), host: "h1" } })],
  ];
  const facets = facetsOf(traces, traces.map((it) => summarize(it)));
  const values = (field: string) => facets.find((it) => it.field === field)?.values.map((it) => [it.value, it.count]);
  test("services, status and roots are counted by trace", () => {
    expect([values("service"), values("status"), values("root")]).toEqual([[["web", 2], ["db", 1], ["job", 1]], [["error", 1], ["ok", 2]], [["web GET", 2], ["job run", 1]]]);
  });
  test("tags that divide the result, once a trace; not those that all share, nor long texts", () => {
    expect(values("code")).toEqual([["200", 1], ["500", 1]]);
    expect([values("host"), values("long"), values("error")]).toEqual([undefined, undefined, undefined]);
  });
  test("a value is its conditions", () => {
    expect(facets.find((it) => it.field === "root")?.values[0].chips).toEqual([chip("service", "=", "web"), chip("name", "=", "get")]);
    expect(facets.find((it) => it.field === "status")?.values.map((it) => it.chips)).toEqual([[chip("error")], []]);
  });
  test("a tag with ever new values is no facet", () => {
    const wide = Array.from({ length: 30 }, (_, i) => [span("1", undefined, "web", 0, 9, { tags: { request: String(i) } })]);
    expect(facetsOf(wide, wide.map((it) => summarize(it))).map((it) => it.field)).toEqual(["service", "status", "root"]);
  });
});

describe("chart", () => {
  const dots = [{ startMs: 1500, durationUs: 900, failed: false }, { startMs: 1900, durationUs: 20_000, failed: true }];
  const range = { fromMs: 0, toMs: 2000 };
  test("it shows the whole range when all was found, else what is known of it", () => {
    expect(spanOf(dots, range, false)).toEqual(range);
    expect(spanOf(dots, range, true)).toEqual({ fromMs: 1000, toMs: 2000 });
    expect(spanOf([], range, true)).toEqual(range);
    expect(spanOf([{ ...dots[0], startMs: 5000 }], range, false).toMs).toBe(5001);
  });
  test("each trace is in one bin", () => {
    const bins = binsOf([...dots, { ...dots[0], startMs: 2000 }], range, 4);
    expect([[...bins.all], [...bins.failed], bins.most]).toEqual([[0, 0, 0, 3], [0, 0, 0, 1], 3]);
  });
  test("durations lie on decades, and come back from there", () => {
    const decades = decadesOf(dots);
    expect(decades).toEqual({ low: 2, high: 5 });
    expect(durationAt(heightOf(900, decades), decades)).toBe(900);
    expect([heightOf(100, decades), heightOf(100_000, decades)]).toEqual([0, 1]);
    expect(decadesOf([])).toEqual({ low: 0, high: 1 });
  });
  test("ticks are round, and few", () => {
    expect(timeTicks({ fromMs: 100, toMs: 60_500 }, 5)).toEqual([15_000, 30_000, 45_000, 60_000]);
    expect(timeTicks({ fromMs: 0, toMs: 365 * 86_400_000 }, 5).length).toBeLessThanOrEqual(24);
  });
  test.each([[60_000, "00:00:05"], [3_600_000, "00:00"], [9 * 86_400_000, "1 Jan"]])("an axis of %i ms", (length, text) => expect(axisText(5000, length, true)).toBe(text));
});

describe("the searches next to one that found nothing", () => {
  test("each leaves one condition out; the week comes first", () => {
    const made = relax(query("serviceName=a&annotationQuery=error"), CONFIG_DEFAULT);
    expect(made.map((it) => [it.key, it.condition])).toEqual([["week", ""], ["without", "service=a"], ["without", "error"], ["bare", ""]]);
    expect(made[1].query).toMatchObject({ serviceName: "", annotationQuery: "error" });
    expect(made[0].query.range).toEqual({ last: millis(604_800_000) });
  });
  test("nothing is left to leave out", () => expect(relax({ ...EMPTY, range: { last: millis(604_800_000) } }, CONFIG_DEFAULT)).toEqual([]));
});

describe("config.json", () => {
  test("Zipkin's own is understood", () => {
    const said = { environment: "prod", queryLimit: 50, defaultLookback: 3600000, searchEnabled: false, logsUrl: "https://logs/{traceId}", supportUrl: "s", archivePostUrl: "p", archiveUrl: "a", dependency: { enabled: false, lowErrorRate: 0.1, highErrorRate: 0.2 } };
    expect(readConfig(said)).toEqual(said);
  });
  test.each([undefined, null, [], "text", { queryLimit: -1, defaultLookback: "15m", environment: 5, logsUrl: null, dependency: { lowErrorRate: 7 } }])("%j falls back to Zipkin's defaults", (said) => expect(readConfig(said)).toEqual(CONFIG_DEFAULT));
  test.each([
    ["https://logs/{traceId}?s={spanId}&t={ts}", "https://logs/a%2Fb?s=1&t=9"],
    ["/logs/{traceId}", "/logs/a%2Fb"],
    ["javascript:alert('{traceId}')", undefined],
    ["JaVaScript:alert(1)", undefined],
    ["data:text/html,x", undefined],
    ["", undefined],
  ])("the link %j", (template, link) => expect(linkFrom(template, { traceId: "a/b", spanId: "1", ts: 9 })).toBe(link));
});

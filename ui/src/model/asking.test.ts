//! What people ask for: searches as addresses, chips and typed words, ids in any form, facets, and the graph of services.
import { describe, expect, test } from "vitest";
import { depsFromUrl, depsToUrl, HOPS, linksShown, type DependencyView } from "./dependency-view";
import { parseDuration } from "./duration";
import { facetsOf } from "./facets";
import { layGraph, pathOf, type Layout } from "./graph-layout";
import { backEdges, rank, type Edge } from "./graph-rank";
import { randomFrom, wildSpans } from "./kit";
import { around, errorShare, servicesOf, tidyLinks, type Link } from "./links";
import { periodOf, rangeFrom, rangeTo } from "./period";
import { chipsOf, chipText, hasChip, lastWord, readLine, suggest, withChip, withoutChip, type Chip } from "./query-line";
import { relax } from "./relax";
import { assignRing, hashStep, RING } from "./ring";
import { emptyQuery, fromUrl, LOOKBACKS, lookbackText, problemsOf, SORTS, sortTraces, TEXT_FIELDS, toApi, toUrl, type SearchQuery, type TimeRange } from "./search-query";
import { summarize } from "./trace";
import { parseTraceRef } from "./trace-id";
import { millis } from "./units";

const random = randomFrom(23);
const oneOf = <T>(list: readonly T[]): T => list[random(list.length)];
const rounds = (count: number, run: () => void) => {
  for (let round = 0; round < count; round++) run();
};
const DEFAULTS = { queryLimit: 10, defaultLookback: millis(900_000) };
const EMPTY = emptyQuery(DEFAULTS);
const NOW = millis(1_700_000_000_000);

const WORDS = ["front", "get /a b", "日本 語", "a+b%20c", "50%", "x&y#z", "a=b", "UPPER", "trailing/", "<script>", "it's"];
const KEYS = ["http.path", "error.kind", "cache miss", "db.système", "code", "a&b"];
const anyRange = (): TimeRange => {
  const start = 1 + random(1 << 22) * 1000;
  return oneOf<TimeRange>([{ last: oneOf(LOOKBACKS).ms }, { last: millis(1 + random(1 << 22)) }, { start: millis(start), end: millis(start + 1 + random(1 << 22)) }]);
};
const anyQuery = (): SearchQuery => ({
  serviceName: random(2) ? oneOf(WORDS) : "",
  spanName: random(2) ? oneOf(WORDS) : "",
  remoteServiceName: random(3) === 0 ? oneOf(WORDS) : "",
  annotationQuery: [...new Set(Array.from({ length: random(4) }, () => oneOf(KEYS)))].map((key) => (random(2) ? key : `${key}=${oneOf(WORDS)}`)).join(" and "),
  minDuration: random(2) ? `${1 + random(99)}ms` : "",
  maxDuration: random(2) ? `${1 + random(9)}.5s` : "",
  limit: String(1 + random(1000)),
  range: anyRange(),
  sort: oneOf(SORTS),
});

describe("searches", () => {
  test("any comes back from its address, and an untouched field says nothing there", () => {
    rounds(1000, () => {
      const query = anyQuery();
      const params = toUrl(query, DEFAULTS);
      expect(fromUrl(new URLSearchParams(params.toString()), DEFAULTS)).toEqual(query);
      for (const field of TEXT_FIELDS) expect(params.has(field)).toBe(query[field] !== "");
      expect(problemsOf(query).limit).toBeUndefined();
    });
  });
  test("the server is asked for just that period, those texts and those durations", () => {
    rounds(1000, () => {
      const query = anyQuery();
      const api = toApi(query, NOW);
      const { startMs, endMs } = periodOf(query.range, NOW);
      expect([Number(api.get("endTs")) - Number(api.get("lookback")), Number(api.get("endTs"))]).toEqual([startMs, endMs]);
      for (const field of ["serviceName", "spanName", "remoteServiceName", "annotationQuery"] as const) expect(api.get(field) ?? "").toBe(query[field]);
      const [least, most] = [api.get("minDuration"), api.get("maxDuration")];
      expect(most === null || least !== null, "Zipkin has no longest without a shortest").toBe(true);
      if (query.minDuration !== "") expect(Number(least)).toBe(parseDuration(query.minDuration));
      if (query.maxDuration !== "") expect(Number(most)).toBe(parseDuration(query.maxDuration));
      expect(api.has("sort"), "the page sorts by itself").toBe(false);
    });
  });
  test("every step of looking back has its own words and its own key", () => {
    expect(new Set(LOOKBACKS.map((it) => lookbackText(it.ms))).size).toBe(LOOKBACKS.length);
    for (const { key, ms } of LOOKBACKS) expect(fromUrl(new URLSearchParams({ lookback: key }), DEFAULTS).range).toEqual({ last: ms });
    for (const [i, it] of LOOKBACKS.slice(1).entries()) expect(it.ms).toBeGreaterThan(LOOKBACKS[i].ms);
  });
  test.each(["1", "1000"])("a limit of %j is one", (limit) => expect(problemsOf({ ...EMPTY, limit })).toEqual({}));
  test.each(["0", "1001", "", "1.5", "-1", "many", "1e2"])("a limit of %j is none", (limit) => expect(problemsOf({ ...EMPTY, limit })).toHaveProperty("limit"));
  test("sorting loses nothing, and does not depend on the order before", () => {
    rounds(100, () => {
      const traces = Array.from({ length: random(20) }, (_, i) => ({ startMs: i, durationUs: random(5), errorCount: random(3) }));
      for (const sort of SORTS) {
        const sorted = sortTraces(traces, sort);
        expect(sortTraces([...traces].reverse(), sort)).toEqual(sorted);
        expect(new Set(sorted)).toEqual(new Set(traces));
      }
    });
  });
});

describe("chips", () => {
  test("a search is the sum of its chips, each of which can be taken off alone", () => {
    rounds(500, () => {
      const query = anyQuery();
      const chips = chipsOf(query);
      expect(chips.reduce(withChip, { ...EMPTY, limit: query.limit, range: query.range, sort: query.sort })).toEqual(query);
      for (const chip of chips) {
        expect(hasChip(query, chip)).toBe(true);
        const rest = withoutChip(query, chip);
        expect(chipsOf(rest)).toEqual(chips.filter((it) => it !== chip));
        expect(withChip(query, chip), "what is there is not put in twice").toEqual({ ...query, annotationQuery: withChip(query, chip).annotationQuery });
        expect(chipsOf(withChip(query, chip))).toHaveLength(chips.length);
      }
    });
  });
  test("the line reads what it writes", () => {
    rounds(500, () => {
      const chips = chipsOf(anyQuery());
      expect(readLine(chips.map(chipText).join(" "))).toEqual({ chips });
      expect(readLine(chips.map(chipText).join("  AND ")), "with the words of Zipkin's").toEqual({ chips });
    });
  });
  test("whatever is typed, letter by letter, is read or told what is wrong", () => {
    const line = 'service="get /a b" duration>=1.5s -x <= => a== "" error and =b >5 duration< duration<x';
    for (let end = 0; end <= line.length; end++) {
      const typed = readLine(line.slice(0, end));
      if ("problem" in typed) expect(typed.problem).toMatch(/^[A-Z].*\.$/);
      else for (const chip of typed.chips) expect(chip.key).not.toBe("");
    }
  });
  test("a suggestion that is taken is read as one chip, unless something has to follow", () => {
    const known = { services: ["front", "my shop"], names: ["get /a b", "post"], remotes: ["db=main"], tagKeys: KEYS, values: WORDS };
    for (const text of ["", "s", "service=", "name=", "name=g", "remote=d", "http", "cache", "http.path=", 'a "cache miss"=', "duration>", "duration<5", "err", "b"]) {
      for (const { text: taken, open } of suggest(text, known)) {
        const line = text.slice(0, text.length - lastWord(text).length) + taken;
        expect(lastWord(line)).toBe(taken);
        const read = readLine(line);
        if (open) expect(/[=<>]$/.test(taken)).toBe(true);
        else expect("chips" in read && read.chips.at(-1), line).toMatchObject({ key: expect.any(String) });
      }
    }
  });
  test("no more are suggested than fit, and those that begin so come first", () => {
    const services = Array.from({ length: 50 }, (_, i) => (i % 2 ? `shop-${i}` : `my-shop-${i}`));
    const made = suggest("service=shop", { services, names: [], remotes: [], tagKeys: [], values: [] });
    expect(made.map((it) => it.text)).toEqual(services.filter((it) => it.startsWith("shop")).slice(0, 12).map((it) => `service=${it}`));
  });
});

describe("the searches next to one that found nothing", () => {
  test("each finds more: it has a condition less or a longer time, and is never the same search", () => {
    rounds(300, () => {
      const query = anyQuery();
      const chips = chipsOf(query);
      const made = relax(query, DEFAULTS);
      expect(made.length).toBeLessThanOrEqual(6);
      for (const it of made) {
        const left = chipsOf(it.query);
        expect(left.every((chip) => chips.some((known) => chipText(known) === chipText(chip)))).toBe(true);
        if (it.key === "week") expect(it.query).toEqual({ ...query, range: { last: 604_800_000 } });
        else expect([it.query.range, it.query.limit, it.query.sort]).toEqual([query.range, query.limit, query.sort]);
        if (it.key === "without") expect(left).toEqual(chips.filter((chip) => chipText(chip) !== it.condition));
        if (it.key === "bare") expect(left).toEqual([]);
      }
      const before = made.filter((it) => it.key !== "bare").length;
      expect(made.some((it) => it.key === "bare")).toBe(chips.length > 1 && before < 6);
      expect(new Set(made.map((it) => toUrl(it.query, DEFAULTS).toString())).size).toBe(made.length);
    });
  });
});

describe("trace ids", () => {
  const hex = (digits: number) => Array.from({ length: digits }, (_, i) => (i === 0 ? 1 + random(15) : random(16)).toString(16)).join("");
  test("any id is found in whatever form it was copied", () => {
    rounds(200, () => {
      const [traceId, spanId] = [hex(oneOf([16, 32])), hex(16)];
      const long = traceId.padStart(32, "0");
      const bare = [traceId, `  ${traceId.toUpperCase()}\n`, `"${traceId}",`, `X-B3-TraceId: ${traceId}`, `x-b3-traceid=${traceId}`, `http://host:9411/zipkin/traces/${traceId}`, `https://host/zipkin/trace/${traceId}?span=1#x`, `/api/v2/trace/${traceId}`];
      for (const text of bare) expect(parseTraceRef(text), text).toEqual({ traceId });
      for (const text of [`${traceId}-${spanId}`, `b3: ${traceId}-${spanId}-1`, `b3=${traceId}-${spanId}-d-${hex(16)}`]) expect(parseTraceRef(text), text).toEqual({ traceId, spanId });
      for (const text of [`00-${long}-${spanId}-01`, `traceparent: 00-${long}-${spanId}-00`, `"traceparent": "cc-${long}-${spanId}-01-more",`]) expect(parseTraceRef(text), text).toEqual({ traceId: long, spanId });
    });
  });
  test.each(["b3: 0", "b3: 1-2", "traceparent: 00-0-0-00", "/traces/", "/traces/xyz", "1".repeat(33), "12 34", "0x1f", "service=front", "1-1"])("%j is none", (text) => expect(parseTraceRef(text)).toBeUndefined());
});

describe("facets", () => {
  test("a count is how many traces its condition keeps", () => {
    const traces = Array.from({ length: 30 }, () => wildSpans(random).map((it) => ({ ...it, tags: { ...it.tags, code: oneOf(["200", "404"]), ...(random(9) === 0 && { flag: "on" }) } })));
    const summaries = traces.map(summarize);
    const facets = facetsOf(traces, summaries);
    expect(facets.map((it) => it.field)).toEqual(["service", "status", "root", "code", "flag"]);
    const keeps: Record<string, (value: string, i: number) => boolean> = {
      service: (value, i) => summaries[i].services.includes(value),
      status: (value, i) => summaries[i].errorCount > 0 === (value === "error"),
      root: (value, i) => `${summaries[i].service} ${summaries[i].name}` === value,
    };
    for (const { field, tag, values } of facets) {
      for (const { value, count } of values) expect(count).toBe(traces.filter((spans, i) => (tag ? spans.some((it) => it.tags[field as "code"] === value) : keeps[field](value, i))).length);
      expect(values.map((it) => it.count)).toEqual(values.map((it) => it.count).sort((a, b) => (field === "status" ? 0 : b - a)));
    }
  });
  test("of nothing there are none", () => expect(facetsOf([], [])).toEqual([]));
});

const NAMES = Array.from({ length: 12 }, (_, i) => `s${i}`);
const anyLinks = (): Link[] => Array.from({ length: random(30) }, () => {
  const callCount = 1 + random(50);
  return { parent: oneOf(NAMES), child: oneOf(NAMES), callCount, errorCount: random(callCount + 1) };
});
const total = (links: readonly Link[]) => [links.reduce((sum, it) => sum + it.callCount, 0), links.reduce((sum, it) => sum + (it.errorCount ?? 0), 0)];

describe("links", () => {
  test("tidied, no call is lost and no pair is there twice", () => {
    rounds(200, () => {
      const links = anyLinks();
      const tidy = tidyLinks(links);
      expect(total(tidy)).toEqual(total(links));
      expect(new Set(tidy.map((it) => `${it.parent} ${it.child}`)).size).toBe(tidy.length);
      expect(tidyLinks([...links].reverse())).toEqual(tidy);
      for (const it of tidy) expect(errorShare(it) >= 0 && errorShare(it) <= 1).toBe(true);
    });
  });
  test("services know each link from both of its ends", () => {
    rounds(100, () => {
      const links = tidyLinks(anyLinks());
      const services = servicesOf(links);
      expect(services.flatMap((it) => it.callers)).toHaveLength(links.length);
      expect(services.flatMap((it) => it.callees)).toHaveLength(links.length);
      for (const it of services) expect([it.calls, it.errors]).toEqual(total(it.callers.length > 0 ? it.callers : it.callees));
    });
  });
  test("a hop more shows no less, one hop shows what touches, and enough hops all that leads there or on", () => {
    rounds(100, () => {
      const links = tidyLinks(anyLinks());
      const service = oneOf(NAMES);
      expect(around(links, service, 1)).toEqual(links.filter((it) => it.parent === service || it.child === service));
      for (let hops = 1; hops < 5; hops++) expect(around(links, service, hops + 1)).toEqual(expect.arrayContaining(around(links, service, hops)));
      // Each service that is reached, found by going on until nothing is new.
      const reach = (from: "parent" | "child", to: "parent" | "child") => {
        const found = new Set([service]);
        for (let size = 0; size < found.size; ) {
          size = found.size;
          for (const it of links) if (found.has(it[from])) found.add(it[to]);
        }
        return found;
      };
      const [down, up] = [reach("parent", "child"), reach("child", "parent")];
      expect(around(links, service, 99)).toEqual(links.filter((it) => down.has(it.parent) || up.has(it.child)));
    });
  });
  test("any view comes back from its address; what it shows is some of the links", () => {
    rounds(300, () => {
      const service = oneOf(["", ...NAMES, "a&b c"]);
      const range = anyRange();
      const known = "start" in range || LOOKBACKS.some((it) => it.ms === range.last) ? range : { last: millis(86_400_000) };
      const view: DependencyView = { range: known, service, hops: service === "" ? 1 : oneOf(HOPS), table: random(2) === 0 };
      expect(depsFromUrl(new URLSearchParams(depsToUrl(view).toString()))).toEqual(view);
      const links = anyLinks();
      const shown = linksShown(links, view);
      expect(links).toEqual(expect.arrayContaining([...shown]));
      if (links.length > 0) expect(shown.length).toBeGreaterThan(0);
    });
  });
  test("a period is written as it is read, whatever is usual", () => {
    for (const otherwise of LOOKBACKS) {
      for (const { ms } of LOOKBACKS) {
        const params = new URLSearchParams();
        rangeTo(params, { last: ms }, otherwise.ms);
        expect(rangeFrom(params, otherwise.ms)).toEqual({ last: ms });
        expect(params.size).toBe(ms === otherwise.ms ? 0 : 1);
      }
    }
  });
});

describe("graph", () => {
  const SIZE = { nodeWidth: 100, nodeHeight: 40, gapX: 50, gapY: 10 };
  const anyGraph = (): [number, Edge[]] => {
    const count = 1 + random(25);
    return [count, Array.from({ length: random(50) }, (): Edge => [random(count), random(count)])];
  };
  test("without the edges that run back every edge leads on, and none runs back without need", () => {
    rounds(200, () => {
      const [count, edges] = anyGraph();
      const back = backEdges(count, edges);
      const forward = edges.filter((_, i) => !back.has(i));
      const ranks = rank(count, forward);
      for (const [from, to] of forward) expect(ranks[from]).toBeLessThan(ranks[to]);
      expect(Math.min(...ranks)).toBeGreaterThanOrEqual(0);
      const acyclic = edges.map(([a, b]): Edge => [Math.min(a, b), Math.max(a, b)]).filter(([a, b]) => a !== b);
      expect(backEdges(count, acyclic).size).toBe(0);
    });
  });
  test("boxes do not overlap, ways go from left to right from one box to another, and all is in the picture", () => {
    rounds(60, () => {
      const [count, edges] = anyGraph();
      const layout: Layout = layGraph(count, edges, SIZE);
      for (const [i, a] of layout.nodes.entries()) {
        expect(a.y - SIZE.nodeHeight / 2 >= -1e-6 && a.y + SIZE.nodeHeight / 2 <= layout.height + 1e-6 && a.x + SIZE.nodeWidth <= layout.width).toBe(true);
        for (const b of layout.nodes.slice(0, i)) expect(a.x !== b.x || Math.abs(a.y - b.y) >= SIZE.nodeHeight + SIZE.gapY - 1e-6).toBe(true);
      }
      edges.forEach(([from, to], i) => {
        const way = layout.edges[i];
        if (from === to) return expect(way).toEqual([]);
        const [first, last] = layout.back.has(i) ? [to, from] : [from, to];
        expect([way[0].x, way.at(-1)?.x]).toEqual([layout.nodes[first].x + SIZE.nodeWidth, layout.nodes[last].x]);
        way.slice(1).forEach((it, k) => expect(it.x).toBeGreaterThan(way[k].x));
        expect(pathOf(way)).toMatch(/^M[-\d.e]+ [-\d.e]+([LC][-\d.e ]+)+$/);
      });
    });
  });
  test("the same graph is laid out the same", () => {
    const [count, edges] = anyGraph();
    expect(layGraph(count, edges, SIZE)).toEqual(layGraph(count, structuredClone(edges), SIZE));
  });
  test("no services make an empty picture", () => expect(layGraph(0, [], SIZE)).toMatchObject({ nodes: [], edges: [], width: 100, height: 40 }));
});

describe("colours", () => {
  // Values of FNV-1a as its authors publish them.
  test.each([["", 0x811c9dc5], ["a", 0xe40c292c], ["foobar", 0xbf9cf968]])("%j wants its place by FNV-1a", (name, hash) => expect(hashStep(name)).toBe(hash % RING));
  test("a service keeps its colour when others come, and has it alone as long as there are any", () => {
    rounds(50, () => {
      let steps = new Map<string, number>();
      const seen: string[] = [];
      while (seen.length < RING) {
        seen.push(...Array.from({ length: 1 + random(4) }, () => `service ${random(1 << 20)}`).slice(0, RING - seen.length));
        const next = assignRing(seen, steps);
        for (const [name, step] of steps) expect(next.get(name)).toBe(step);
        expect(new Set(next.values()).size).toBe(next.size);
        for (const step of next.values()) expect(Number.isInteger(step) && step >= 0 && step < RING).toBe(true);
        steps = next;
      }
    });
  });
});

test("a chip says as one would type it", () => {
  const texts: [Chip, string][] = [[{ key: "error", op: "", value: "" }, "error"], [{ key: "name", op: "=", value: "a b" }, 'name="a b"'], [{ key: "cache miss", op: "=", value: "1" }, '"cache miss"=1'], [{ key: "duration", op: ">", value: "5ms" }, "duration>5ms"]];
  for (const [chip, text] of texts) expect(chipText(chip)).toBe(text);
});

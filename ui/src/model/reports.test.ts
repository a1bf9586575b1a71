//! Spans as they are reported to what is worked out of them: parts and halves, clocks, own time by hand, columns as bytes, settings.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { boundsOf } from "./bounds";
import { buffersOf, columnsOf, idAt, textAt } from "./columns";
import { CONFIG_DEFAULT, linkFrom, readConfig } from "./config";
import { columns, randomFrom, span, wildSpans } from "./kit";
import { compareText, merge } from "./merge";
import { shares } from "./own-time";
import { readColumns } from "./packed";
import { mendClocks } from "./skew";
import { isError, operationOf, sameHost, serviceOf, type Span } from "./span";
import { assembleTrace, slowest, startMsOf, summarize } from "./trace";
import { buildTree, eachChild } from "./tree";
import { micros } from "./units";

const random = randomFrom(31);
const rounds = (count: number, run: () => void) => {
  for (let round = 0; round < count; round++) run();
};
const at = (serviceName: string, ipv4: string) => ({ serviceName, ipv4 });

describe("parts of spans", () => {
  /** Tears each span in two: one part has the start, the other the end, as tracers that flush early report them. */
  const torn = (spans: readonly Span[]) => spans.flatMap(({ duration, tags, ...rest }): Span[] => [rest, { traceId: rest.traceId, id: rest.id, localEndpoint: rest.localEndpoint, ...(duration && { duration }), ...(tags && { tags }) }]);
  test("torn spans make the trace that whole ones make", () => {
    rounds(60, () => {
      const spans = wildSpans(random);
      const [whole, parts] = [assembleTrace(spans), assembleTrace(torn(spans))];
      expect([...parts.own.services]).toEqual([...whole.own.services]);
      expect([...parts.bounds.startUs]).toEqual([...whole.bounds.startUs]);
      expect([...parts.tree.parent]).toEqual([...whole.tree.parent]);
      expect(parts.errorRows).toEqual(whole.errorRows);
    });
  });
  test("merged twice is merged once", () => {
    rounds(60, () => {
      const once = merge(torn(wildSpans(random)));
      expect(merge(once)).toEqual(once);
    });
  });
  test("of short and long trace ids the long one is told", () => {
    const long = "463ac35c9f6413ad48485a3953bb6124";
    const spans = [span("1", undefined, "a", 0, 9, { traceId: long.slice(16) }), span("2", "1", "b", 1, 5, { traceId: long })];
    expect([assembleTrace(spans).traceId, summarize([...spans].reverse()).traceId]).toEqual([long, long]);
  });
  test("texts are ordered by their code units, in every language alike", () => expect(["ä", "Z", "a", "", "z", "10", "9"].sort(compareText)).toEqual(["", "10", "9", "Z", "a", "z", "ä"]));
  test.each<[Span["localEndpoint"], Span["localEndpoint"], boolean]>([
    [undefined, at("a", "1"), true], [at("a", "1"), at("a", "1"), true], [at("a", "1"), at("b", "1"), false], [at("a", "1"), at("a", "2"), false],
    [{ serviceName: "a" }, { ipv4: "1" }, true], [{ ipv6: "::1" }, { ipv6: "::2" }, false], [{ serviceName: "a", port: 1 }, { serviceName: "a", port: 2 }, true],
  ])("%j and %j may be one host: %j", (a, b, same) => expect([sameHost(a, b), sameHost(b, a)]).toEqual([same, same]));
});

describe("what a span says", () => {
  const bare: Span = { traceId: "1", id: "1" };
  test.each([[{}, false], [{ tags: {} }, false], [{ tags: { error: "" } }, true], [{ tags: { error: "false" } }, true], [{ tags: { "error.kind": "x" } }, false]])("%j failed: %j", (rest, failed) => expect(isError({ ...bare, ...rest } as Span)).toBe(failed));
  test("who recorded it, as far as it says", () => expect([serviceOf(bare), serviceOf({ ...bare, localEndpoint: { ipv4: "1.1.1.1" } }), serviceOf({ ...bare, localEndpoint: { serviceName: "web" } })]).toEqual(["", "", "web"]));
  test.each<[string, Record<string, string>, string, string]>([
    ["get", { "http.route": "/cart/{id}" }, "GET", "/cart/{id}"],
    ["GET", { "http.path": "", "http.url": "https://x/y" }, "GET", "https://x/y"],
    ["get", { "http.path": "/a", "http.url": "https://x/a" }, "GET", "/a"],
    ["get", {}, "GET", ""],
    ["patch", { "url.path": "/p" }, "PATCH", "/p"],
    ["list /a", { "http.path": "/a" }, "list /a", ""],
    ["getter", { "http.method": "GET" }, "getter", ""],
  ])("%s with %j is %j %j", (name, tags, shown, path) => expect(operationOf({ ...bare, name, tags })).toEqual({ name: shown, path }));
});

describe("clocks", () => {
  /** A call from one host to another whose clock is behind by so much. */
  const call = (behindUs: number): Span[] => [
    span("1", undefined, "web", 0, 1000, { kind: "SERVER", localEndpoint: at("web", "10.0.0.1") }),
    span("2", "1", "web", 100, 900, { kind: "CLIENT", localEndpoint: at("web", "10.0.0.1") }),
    span("2", "1", "api", 200 - behindUs, 800 - behindUs, { kind: "SERVER", shared: true, localEndpoint: at("api", "10.0.0.2") }),
    span("3", "2", "api", 300 - behindUs, 500 - behindUs, { localEndpoint: at("api", "10.0.0.2") }),
  ];
  test("a host that is behind is moved into the middle of its call, and all its spans with it", () => {
    rounds(100, () => {
      const behindUs = 100 + random(900_000);
      const { bounds, skews, own } = assembleTrace(call(behindUs));
      expect([...bounds.startUs]).toEqual([0, 100, 200, 300]);
      expect(skews).toEqual([{ ip: "10.0.0.2", service: "api", skewUs: -behindUs }]);
      expect(own.services).toEqual([{ service: "api", ownUs: 600, networkUs: 0 }, { service: "web", ownUs: 400, networkUs: 200 }]);
    });
  });
  test.each([0, 50, 99])("one that is behind by %i µs, less than the way took, is left alone", (behindUs) => expect(assembleTrace(call(behindUs)).skews).toEqual([]));
  test("mended times need no mending", () => {
    const tree = buildTree(call(5000));
    const { shiftUs } = mendClocks(tree);
    const mended = tree.spans.map((it, row) => ({ ...it, timestamp: micros((it.timestamp ?? 0) - shiftUs[row]) }));
    expect(mendClocks(buildTree(mended)).skews).toEqual([]);
  });
});

describe("time of a trace", () => {
  test("later by an hour, nothing else changes", () => {
    rounds(60, () => {
      const spans = wildSpans(random);
      const later = spans.map((it) => ({ ...it, ...(it.timestamp && { timestamp: micros(it.timestamp + 3_600_000_000) }) }));
      const [now, then] = [assembleTrace(spans), assembleTrace(later)];
      expect([...then.bounds.startUs]).toEqual([...now.bounds.startUs]);
      expect(then.own.services).toEqual(now.own.services);
      if (now.bounds.baseUs > 0) expect(startMsOf(then) - startMsOf(now)).toBeCloseTo(3_600_000, 3);
    });
  });
  test("a span starts no later than it ends, and one without times lies around its children", () => {
    rounds(60, () => {
      const tree = buildTree(wildSpans(random));
      const { startUs, endUs } = boundsOf(tree, new Float64Array(tree.spans.length));
      tree.spans.forEach((it, row) => {
        if (!Number.isNaN(startUs[row])) expect(endUs[row]).toBeGreaterThanOrEqual(startUs[row]);
        if (it.timestamp === undefined) eachChild(tree, row, (child) => Number.isNaN(startUs[child]) || expect(startUs[row]).toBeLessThanOrEqual(startUs[child]));
      });
    });
  });
  test("own time by service, by operation or all in one has the same sum", () => {
    rounds(60, () => {
      const { tree, own } = assembleTrace(wildSpans(random));
      const sums = [serviceOf, (it: Span) => `${serviceOf(it)} ${it.name}`, () => "all"].map((of) => shares(tree, own, of).reduce((sum, it) => sum + it.ownUs, 0));
      expect(new Set([...sums, own.durationUs]).size).toBe(1);
    });
  });
  test("two calls at once: the one that ends last is waited for, the other is not to blame", () => {
    const spans = [span("1", undefined, "web", 0, 100), span("2", "1", "fast", 10, 40), span("3", "1", "slow", 10, 90)];
    expect(summarize(spans).own).toEqual([{ service: "slow", ownUs: 80, networkUs: 0 }, { service: "web", ownUs: 20, networkUs: 0 }]);
    expect([...assembleTrace(spans).own.onPath]).toEqual([1, 0, 1]);
    expect(slowest(summarize(spans).own)?.service).toBe("slow");
  });
  test("work that nobody waits for is not to blame either, and the picture shows it", () => {
    const { own, bounds } = assembleTrace([span("1", undefined, "web", 0, 100), span("2", "1", "mail", 90, 500)]);
    expect(own.services).toEqual([{ service: "web", ownUs: 90, networkUs: 0 }, { service: "mail", ownUs: 10, networkUs: 0 }]);
    expect([own.durationUs, bounds.extentUs]).toEqual([100, 500]);
  });
});

describe("columns", () => {
  const golden = JSON.parse(readFileSync(fileURLToPath(new URL("../../../testdata/columns/shop.json", import.meta.url)), "utf8")) as { columns: string };
  const bytes = () => new Uint8Array(Buffer.from(golden.columns, "hex"));
  test("cut off anywhere they are refused, not read in part", () => {
    const all = bytes();
    for (let length = 0; length < all.length - 8; length += 7) expect(() => readColumns(all.slice(0, length).buffer)).toThrow();
  });
  test("a head that is no JSON is refused", () => {
    const broken = bytes();
    broken[16] = "!".charCodeAt(0);
    expect(() => readColumns(broken.buffer)).toThrow();
  });
  test("what is read is free of the bytes it came in: the page hands its columns on", () => {
    const read = readColumns(bytes().buffer);
    const ids = [...read.size.keys()].map((row) => idAt(read, row));
    const copy = structuredClone(read, { transfer: buffersOf(read) });
    expect([...copy.size.keys()].map((row) => idAt(copy, row))).toEqual(ids);
  });
  test("each different text is held once", () => {
    rounds(30, () => {
      const made = columnsOf(assembleTrace(wildSpans(random)));
      for (const name of ["service", "remote", "name", "path", "kind", "spanName"] as const) expect(new Set(made[name].of).size).toBe(made[name].of.length);
    });
  });
  test("a number of no text is no text", () => expect(textAt({ of: ["a"], at: Int32Array.of(7) }, 0)).toBe(""));
  test("ids keep all their digits", () => {
    rounds(100, () => {
      const id = Array.from({ length: 16 }, () => random(16).toString(16)).join("");
      expect(idAt(columns(span(id, undefined, "a", 0, 9)), 0)).toBe(id);
    });
  });
});

describe("settings", () => {
  test("each field is taken by itself: one that is wrong spoils no other", () => {
    const good = { environment: "prod", queryLimit: 50, defaultLookback: 60_000, searchEnabled: false, logsUrl: "https://l", supportUrl: "https://s", archivePostUrl: "https://p", archiveUrl: "https://a", dependency: { enabled: false, lowErrorRate: 0.1, highErrorRate: 0.2 } };
    for (const key of Object.keys(good) as (keyof typeof good)[]) {
      for (const wrong of [null, [], { toString: 1 }, Number.NaN, -1]) {
        const expected = key === "searchEnabled" ? true : CONFIG_DEFAULT[key];
        expect(readConfig({ ...good, [key]: wrong }), `${key} ${String(JSON.stringify(wrong))}`).toEqual({ ...good, [key]: expected });
      }
    }
  });
  test("shares are from 0 to 1", () => expect([0, 1, 1.01, -0.1, "0.5"].map((it) => readConfig({ dependency: { lowErrorRate: it } }).dependency.lowErrorRate)).toEqual([0, 1, 0.5, 0.5, 0.5]));
  test.each(["javascript:alert(1)", "vbscript:x", "data:text/html,x", "file:///etc/passwd", "JAVASCRIPT:{traceId}"])("the link %j is none", (template) => expect(linkFrom(template, { traceId: "1" })).toBeUndefined());
  test("what is filled in cannot leave its place", () => expect(linkFrom("https://logs/{traceId}?q={spanId}", { traceId: "../x?y#z", spanId: "a&b=c" })).toBe("https://logs/..%2Fx%3Fy%23z?q=a%26b%3Dc"));
});

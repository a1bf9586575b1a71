//! Runs the golden cases of own time, which the Rust crate `model` runs as well.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { boundsOf } from "./bounds";
import { ownTime, shares } from "./own-time";
import { mendClocks } from "./skew";
import { serviceOf, type Span } from "./span";
import { buildTree } from "./tree";
import { micros } from "./units";

interface Golden {
  story: string;
  spans: Span[];
  expected: {
    duration_us: number;
    services: { service: string; own_us: number }[];
    operations: { service: string; name: string; own_us: number; network_us: number }[];
    aside: number;
    path: { id: string; service: string; own_us: number }[];
  };
}

const folder = fileURLToPath(new URL("../../../testdata/own-time/", import.meta.url));
const cases = readdirSync(folder).filter((name) => name.endsWith(".json"));

function measure(spans: Span[]) {
  const tree = buildTree(spans);
  const own = ownTime(tree, boundsOf(tree, mendClocks(tree).shiftUs));
  return { tree, own };
}

test.each(cases)("%s", (name) => {
  const { story, spans, expected } = JSON.parse(readFileSync(folder + name, "utf8")) as Golden;
  const { tree, own } = measure(spans);
  const path = tree.spans
    .map((span, row) => ({ id: span.id, service: serviceOf(span), own_us: own.ownUs[row], row }))
    .filter(({ id, row }) => own.onPath[row] && id !== "")
    .map(({ id, service, own_us }) => ({ id, service, own_us }));
  const services = own.services.map(({ service, ownUs }) => ({ service, own_us: ownUs }));
  const operations = shares(tree, own, (span) => `${serviceOf(span)}\n${span.name ?? ""}`).map(({ service, ownUs, networkUs }) => {
    const [of, name] = service.split("\n");
    return { service: of, name, own_us: ownUs, network_us: networkUs };
  });
  const aside = tree.spans.filter((span, row) => !own.onPath[row] && span.id !== "").length;
  expect({ duration_us: own.durationUs, services, operations, aside, path }, story).toEqual(expected);
});

test("there are cases", () => expect(cases.length).toBeGreaterThanOrEqual(8));

test("the parts of any trace add up to its root, and no stretch is counted twice", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
  for (let round = 0; round < 300; round++) {
    const spans: Span[] = [];
    for (let i = 0; i < 1 + random(40); i++) {
      const span: Span = { traceId: "1".padStart(16, "0"), id: (i + 1).toString(16).padStart(16, "0") };
      if (i > 0) span.parentId = (1 + random(i)).toString(16).padStart(16, "0");
      if (random(10) > 0) span.timestamp = micros(1_000_000 + random(1000));
      if (random(10) > 0) span.duration = micros(1 + random(500));
      span.localEndpoint = { serviceName: "abcde"[random(5)] };
      spans.push(span);
    }
    const { own } = measure(spans);
    expect(own.services.reduce((sum, it) => sum + it.ownUs, 0)).toBe(own.durationUs);
    const pairs: [number, number][] = [];
    for (let i = 0; i < own.stretches.length; i += 2) pairs.push([own.stretches[i], own.stretches[i + 1]]);
    pairs.sort((a, b) => a[0] - b[0]);
    for (let i = 1; i < pairs.length; i++) expect(pairs[i][0]).toBe(pairs[i - 1][1]);
  }
});

test("a chain of 100,000 spans is walked without recursion", () => {
  const length = 100_000;
  const spans = Array.from({ length }, (_, i): Span => {
    const id = (i + 1).toString(16).padStart(16, "0");
    const parentId = i > 0 ? i.toString(16).padStart(16, "0") : undefined;
    return { traceId: id, id, parentId, timestamp: micros(1 + i), duration: micros(2 * length - 2 * i), localEndpoint: { serviceName: "s" } };
  });
  const { own, tree } = measure(spans);
  expect(tree.depth[length - 1]).toBe(length - 1);
  expect(own.services).toEqual([{ service: "s", ownUs: 2 * length, networkUs: 0 }]);
});

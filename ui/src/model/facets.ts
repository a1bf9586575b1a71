//! What the traces of a result have in common: values of a few fields, and in how many traces each is.
import { compareText } from "./merge";
import { fieldOf, type Chip } from "./query-line";
import type { Span } from "./span";
import type { Summary } from "./trace";

export interface FacetValue {
  readonly value: string;
  readonly count: number;
  /** The condition that keeps only these. */
  readonly chips: readonly Chip[];
}

export interface Facet {
  /** `service`, `status`, `root`, or the key of a tag. */
  readonly field: string;
  readonly tag: boolean;
  readonly values: readonly FacetValue[];
}

const VALUES_MAX = 8;
/** A tag with more values than this tells traces apart, but not groups of them. */
const DISTINCT_MAX = 20;
const TAGS_MAX = 10;
/** Longer ones are messages or statements. */
const LENGTH_MAX = 80;

export function facetsOf(traces: readonly (readonly Span[])[], summaries: readonly Summary[]): Facet[] {
  const services = new Map<string, number>();
  const roots = new Map<string, { count: number; chips: Chip[] }>();
  const tags = new Map<string, Map<string, number>>();
  let errors = 0;
  summaries.forEach((it, i) => {
    if (it.errorCount > 0) errors++;
    for (const service of it.services) services.set(service, (services.get(service) ?? 0) + 1);
    const root = roots.get(`${it.service} ${it.name}`);
    if (root) root.count++;
    else roots.set(`${it.service} ${it.name}`, { count: 1, chips: rootChips(it) });
    countTags(traces[i], tags);
  });
  const status = [
    ...(errors > 0 ? [{ value: "error", count: errors, chips: [{ key: "error", op: "", value: "" } as Chip] }] : []),
    ...(errors < summaries.length ? [{ value: "ok", count: summaries.length - errors, chips: [] }] : []),
  ];
  return [
    { field: "service", tag: false, values: top([...services].map(([value, count]) => ({ value, count, chips: [{ key: "service", op: "=", value }] }))) },
    { field: "status", tag: false, values: status },
    { field: "root", tag: false, values: top([...roots].map(([value, it]) => ({ value, ...it }))) },
    ...tagFacets(tags, summaries.length),
  ].filter((it) => it.values.length > 0);
}

function rootChips(it: Summary): Chip[] {
  const chips: Chip[] = [];
  if (it.service !== "") chips.push({ key: "service", op: "=", value: it.service });
  if (it.spanName !== "") chips.push({ key: "name", op: "=", value: it.spanName });
  return chips;
}

/** Each value counts once a trace. */
function countTags(spans: readonly Span[], tags: Map<string, Map<string, number>>): void {
  const seen = new Map<string, Set<string>>();
  for (const span of spans) {
    for (const key in span.tags) {
      const value = span.tags[key];
      // A condition of a key like `name` would be one of the field.
      if (key === "error" || fieldOf(key) || value === "" || value.length > LENGTH_MAX) continue;
      let values = seen.get(key);
      if (!values) seen.set(key, (values = new Set()));
      values.add(value);
    }
  }
  for (const [key, values] of seen) {
    let counts = tags.get(key);
    if (!counts) tags.set(key, (counts = new Map()));
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
}

/** Those that divide the result best come first: a tag with one value in all traces says nothing. */
function tagFacets(tags: ReadonlyMap<string, ReadonlyMap<string, number>>, traceCount: number): Facet[] {
  const useful = [...tags].filter(([, counts]) => counts.size <= DISTINCT_MAX && (counts.size > 1 || [...counts.values()][0] < traceCount));
  const covered = ([, counts]: readonly [string, ReadonlyMap<string, number>]) => [...counts.values()].reduce((sum, it) => sum + it, 0);
  return useful
    .sort((a, b) => covered(b) - covered(a) || compareText(a[0], b[0]))
    .slice(0, TAGS_MAX)
    .map(([field, counts]) => ({ field, tag: true, values: top([...counts].map(([value, count]) => ({ value, count, chips: [{ key: field, op: "=", value }] }))) }));
}

function top(values: readonly FacetValue[]): FacetValue[] {
  return [...values].sort((a, b) => b.count - a.count || compareText(a.value, b.value)).slice(0, VALUES_MAX);
}

//! The search a URL asks for, and the call to the API it stands for. Names are those of Zipkin Lens, so that old links work:
// openzipkin/zipkin:zipkin-lens/src/components/DiscoverPage/DiscoverPageContent.tsx.
import { durationText, parseDuration } from "./duration";
import { millis, type Millis } from "./units";

export type TimeRange = { readonly last: Millis } | { readonly start: Millis; readonly end: Millis };
export const SORTS = ["newest", "longest", "errors"] as const;
export type Sort = (typeof SORTS)[number];

export interface SearchQuery {
  readonly serviceName: string;
  readonly spanName: string;
  readonly remoteServiceName: string;
  readonly annotationQuery: string;
  /** As typed, with a unit: what cannot be read is shown again and not thrown away. */
  readonly minDuration: string;
  readonly maxDuration: string;
  readonly limit: string;
  readonly range: TimeRange;
  readonly sort: Sort;
}

export type TextField = "serviceName" | "spanName" | "remoteServiceName" | "annotationQuery" | "minDuration" | "maxDuration";
export type Problems = Partial<Record<"minDuration" | "maxDuration" | "limit" | "range", string>>;

export const TEXT_FIELDS: readonly TextField[] = [
  "serviceName",
  "spanName",
  "remoteServiceName",
  "annotationQuery",
  "minDuration",
  "maxDuration",
];
/** What an untouched form asks for, by `config.json`. */
export interface Defaults {
  readonly queryLimit: number;
  readonly defaultLookback: Millis;
}
/** The server has no upper bound; a page that holds more traces than this is of no use to anybody. */
const LIMIT_MAX = 1000;

/** Lens's own steps. */
export const LOOKBACKS: readonly { readonly key: string; readonly label: string; readonly ms: Millis }[] = [
  { key: "1m", label: "Last minute", ms: millis(60_000) },
  { key: "5m", label: "Last 5 minutes", ms: millis(300_000) },
  { key: "15m", label: "Last 15 minutes", ms: millis(900_000) },
  { key: "30m", label: "Last 30 minutes", ms: millis(1_800_000) },
  { key: "1h", label: "Last hour", ms: millis(3_600_000) },
  { key: "2h", label: "Last 2 hours", ms: millis(7_200_000) },
  { key: "3h", label: "Last 3 hours", ms: millis(10_800_000) },
  { key: "6h", label: "Last 6 hours", ms: millis(21_600_000) },
  { key: "12h", label: "Last 12 hours", ms: millis(43_200_000) },
  { key: "1d", label: "Last day", ms: millis(86_400_000) },
  { key: "2d", label: "Last 2 days", ms: millis(172_800_000) },
  { key: "7d", label: "Last 7 days", ms: millis(604_800_000) },
];

export function emptyQuery({ queryLimit, defaultLookback }: Defaults): SearchQuery {
  return {
    serviceName: "",
    spanName: "",
    remoteServiceName: "",
    annotationQuery: "",
    minDuration: "",
    maxDuration: "",
    limit: String(queryLimit),
    range: { last: defaultLookback },
    sort: "newest",
  };
}

/** "Last 15 minutes", also for a length that is none of the steps. */
export function lookbackText(last: Millis): string {
  return LOOKBACKS.find((it) => it.ms === last)?.label ?? `Last ${durationText(last * 1000)}`;
}

export function fromUrl(params: URLSearchParams, defaults: Defaults): SearchQuery {
  const text = (name: TextField) => (params.get(name) ?? "").trim();
  // Zipkin's word for any name, in links of long ago.
  const name = (field: TextField) => (text(field).toLowerCase() === "all" ? "" : text(field));
  return {
    serviceName: name("serviceName"),
    spanName: name("spanName"),
    remoteServiceName: name("remoteServiceName"),
    annotationQuery: text("annotationQuery"),
    minDuration: withUnit(text("minDuration")),
    maxDuration: withUnit(text("maxDuration")),
    limit: params.get("limit")?.trim() || String(defaults.queryLimit),
    range: rangeFromUrl(params, defaults),
    sort: SORTS.find((it) => it === params.get("sort")) ?? "newest",
  };
}

/** Lens lets the unit out for microseconds; nobody should have to guess it. */
function withUnit(text: string): string {
  return /^\d+$/.test(text) ? `${text}us` : text;
}

/** `lookback` is one of Lens's steps, `millis`, `range` or, in the oldest links, a number of ms. With `endTs` it has a fixed end. */
function rangeFromUrl(params: URLSearchParams, { defaultLookback }: Defaults): TimeRange {
  const number = (name: string) => {
    const value = params.get(name);
    return value !== null && /^\d{1,15}$/.test(value) && Number(value) > 0 ? millis(Number(value)) : undefined;
  };
  const end = number("endTs");
  const start = number("startTs");
  const lookback = params.get("lookback") ?? "";
  if (start && end && start < end && (lookback === "range" || lookback === "custom" || lookback === "")) return { start, end };
  const last = LOOKBACKS.find((it) => it.key === lookback)?.ms ?? (lookback === "millis" ? number("millis") : number("lookback"));
  if (end) return { start: millis(Math.max(1, end - (last ?? defaultLookback))), end };
  return { last: last ?? defaultLookback };
}

/** Only what differs from an untouched form. */
export function toUrl(query: SearchQuery, defaults: Defaults): URLSearchParams {
  const params = new URLSearchParams();
  for (const name of TEXT_FIELDS) if (query[name].trim() !== "") params.set(name, query[name].trim());
  if (query.limit !== String(defaults.queryLimit)) params.set("limit", query.limit);
  if ("last" in query.range) {
    const { last } = query.range;
    const key = LOOKBACKS.find((it) => it.ms === last)?.key;
    if (last !== defaults.defaultLookback) {
      params.set("lookback", key ?? "millis");
      if (!key) params.set("millis", String(last));
    }
  } else {
    params.set("lookback", "range");
    params.set("startTs", String(query.range.start));
    params.set("endTs", String(query.range.end));
  }
  if (query.sort !== "newest") params.set("sort", query.sort);
  return params;
}

export function problemsOf(query: SearchQuery): Problems {
  const problems: Problems = {};
  const least = parseDuration(query.minDuration);
  const most = parseDuration(query.maxDuration);
  const example = "Write it as 200us, 100ms or 1.5s.";
  if (query.minDuration.trim() !== "" && !least) problems.minDuration = example;
  if (query.maxDuration.trim() !== "" && !most) problems.maxDuration = example;
  else if (least && most && most < least) problems.maxDuration = "The longest is less than the shortest.";
  const limit = Number(query.limit);
  if (!/^\d+$/.test(query.limit) || limit < 1 || limit > LIMIT_MAX) problems.limit = `From 1 to ${LIMIT_MAX}.`;
  if ("start" in query.range && query.range.start >= query.range.end) problems.range = "The start is not before the end.";
  return problems;
}

/** The parameters of GET /api/v2/traces. */
export function toApi(query: SearchQuery, now: Millis): URLSearchParams {
  const params = new URLSearchParams();
  for (const name of ["serviceName", "spanName", "remoteServiceName", "annotationQuery"] as const) {
    if (query[name].trim() !== "") params.set(name, query[name].trim());
  }
  const least = parseDuration(query.minDuration);
  const most = parseDuration(query.maxDuration);
  // The API knows a longest duration only together with a shortest one.
  if (least ?? most) params.set("minDuration", String(least ?? 1));
  if (most) params.set("maxDuration", String(most));
  const { range } = query;
  params.set("endTs", String("last" in range ? now : range.end));
  params.set("lookback", String("last" in range ? range.last : range.end - range.start));
  params.set("limit", query.limit);
  return params;
}

/** In the order asked for; equal ones newest first. */
export function sortTraces<T extends { readonly startMs: number; readonly durationUs: number; readonly errorCount: number }>(traces: readonly T[], sort: Sort): T[] {
  const by = { newest: () => 0, longest: (it: T) => it.durationUs, errors: (it: T) => it.errorCount }[sort];
  return [...traces].sort((a, b) => by(b) - by(a) || b.startMs - a.startMs);
}

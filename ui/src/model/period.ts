//! The time a page looks at, as its URL says it. `startTime` and `endTime` are those of Zipkin Lens.
import { LOOKBACKS, type TimeRange } from "./search-query";
import { millis, type Millis } from "./units";

export interface Period {
  readonly startMs: number;
  readonly endMs: number;
}

/** `otherwise` is the length of an address that names none. */
export function rangeFrom(params: URLSearchParams, otherwise: Millis): TimeRange {
  const number = (name: string) => {
    const value = params.get(name);
    return value !== null && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
  };
  const start = number("startTime");
  const end = number("endTime");
  if (start !== undefined && end !== undefined && start < end) return { start: millis(start), end: millis(end) };
  return { last: LOOKBACKS.find((it) => it.key === params.get("lookback"))?.ms ?? otherwise };
}

/** Writes what `rangeFrom` reads. */
export function rangeTo(params: URLSearchParams, range: TimeRange, otherwise: Millis): void {
  if ("last" in range) {
    const key = LOOKBACKS.find((it) => it.ms === range.last)?.key;
    if (key && range.last !== otherwise) params.set("lookback", key);
  } else {
    params.set("startTime", String(range.start));
    params.set("endTime", String(range.end));
  }
}

export function periodOf(range: TimeRange, nowMs: number): Period {
  return "last" in range ? { startMs: nowMs - range.last, endMs: nowMs } : { startMs: range.start, endMs: range.end };
}

//! Makes one span of every span, however often and in however many parts it was reported.
// The rules are Zipkin's: openzipkin/zipkin:zipkin/src/main/java/zipkin2/internal/Trace.java.
import type { Endpoint, Span } from "./span";

/** Sorts by id, not shared before shared, CLIENT first, then by endpoint; and joins parts of one span. */
export function merge(reported: readonly Span[]): Span[] {
  const sorted = [...reported].sort(compareSpans);
  const traceId = sorted.find((span) => span.traceId.length === 32)?.traceId ?? sorted[0]?.traceId ?? "";
  const merged: Span[] = [];
  // Only spans made here may be written to: the callers' spans are shown as raw JSON.
  let own = false;
  for (const next of sorted) {
    const last = merged.at(-1);
    if (last && last.id === next.id && !last.shared === !next.shared && compatible(last.localEndpoint, next.localEndpoint)) {
      if (!own) merged[merged.length - 1] = copy(last, traceId);
      own = true;
      absorb(merged[merged.length - 1], next);
    } else {
      own = next.traceId !== traceId;
      merged.push(own ? copy(next, traceId) : next);
    }
  }
  // In order and in place: a half that has just got its parent hands it on to the next.
  for (let i = 1; i < merged.length; i++) {
    if (merged[i - 1].id === merged[i].id) merged[i] = asHalf(merged[i], merged[i - 1]);
  }
  return merged;
}

/** The second span of an id: a SERVER after a CLIENT is its shared half, and a shared half has the parent of the first. */
function asHalf(span: Span, before: Span): Span {
  const shared = span.shared || (before.kind === "CLIENT" && span.kind === "SERVER");
  const parentId = span.parentId ?? (shared ? before.parentId : undefined);
  if (shared === (span.shared ?? false) && parentId === span.parentId) return span;
  return { ...span, ...(shared && { shared: true }), ...(parentId && { parentId }) };
}

function copy(span: Span, traceId: string): Span {
  const made: Span = { ...span, traceId };
  if (span.localEndpoint) made.localEndpoint = { ...span.localEndpoint };
  if (span.remoteEndpoint) made.remoteEndpoint = { ...span.remoteEndpoint };
  if (span.annotations) made.annotations = [...span.annotations];
  if (span.tags) made.tags = { ...span.tags };
  return made;
}

/** First value wins for single fields, endpoints fill each other's gaps, annotations unite, tags overwrite. */
function absorb(into: Span, from: Span): void {
  into.parentId ??= from.parentId;
  into.kind ??= from.kind;
  into.name ??= from.name;
  into.timestamp ??= from.timestamp;
  into.duration ??= from.duration;
  if (from.localEndpoint) into.localEndpoint = { ...from.localEndpoint, ...into.localEndpoint };
  if (from.remoteEndpoint) into.remoteEndpoint = { ...from.remoteEndpoint, ...into.remoteEndpoint };
  if (from.tags) into.tags = { ...into.tags, ...from.tags };
  if (from.debug) into.debug = true;
  if (from.annotations) {
    const known = new Set(into.annotations?.map((it) => `${it.timestamp} ${it.value}`));
    const added = from.annotations.filter((it) => !known.has(`${it.timestamp} ${it.value}`));
    into.annotations = [...(into.annotations ?? []), ...added].sort(
      (a, b) => a.timestamp - b.timestamp || compareText(a.value, b.value),
    );
  }
}

function compatible(a: Endpoint | undefined, b: Endpoint | undefined): boolean {
  if (!a || !b) return true;
  const clash = (key: keyof Endpoint) => a[key] !== undefined && b[key] !== undefined && a[key] !== b[key];
  return !clash("serviceName") && !clash("ipv4") && !clash("ipv6") && !clash("port");
}

function compareSpans(a: Span, b: Span): number {
  return (
    compareText(a.id, b.id) ||
    Number(a.shared ?? false) - Number(b.shared ?? false) ||
    (a.shared ? 0 : Number(b.kind === "CLIENT") - Number(a.kind === "CLIENT")) ||
    compareEndpoints(a.localEndpoint, b.localEndpoint)
  );
}

function compareEndpoints(a: Endpoint | undefined, b: Endpoint | undefined): number {
  if (!a || !b) return Number(a !== undefined) - Number(b !== undefined);
  return nullLast(a.serviceName, b.serviceName) || nullLast(a.ipv4, b.ipv4) || nullLast(a.ipv6, b.ipv6);
}

function nullLast(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return compareText(a, b);
}

/** By code unit: `localeCompare` would order by the reader's language. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

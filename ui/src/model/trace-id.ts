//! Finds a trace id in whatever people paste: an id, a b3 or traceparent header, or a link to a trace.

export interface TraceRef {
  readonly traceId: string;
  /** The span the header was about. */
  readonly spanId?: string;
}

export function parseTraceRef(pasted: string): TraceRef | undefined {
  const text = pasted.trim();
  const link = /\/traces?\/([0-9a-f]{1,32})(?:[/?#]|$)/i.exec(text);
  if (link) return ref(link[1]);
  // "traceparent: 00-..." or "X-B3-TraceId: 463a..." as copied from a log or a terminal.
  const value = text.replace(/^["']?(?:b3|traceparent|x-b3-traceid)["']?\s*[:=]\s*/i, "").replace(/^["']|["'],?$/g, "");
  const parent = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-|$)/i.exec(value);
  if (parent) return ref(parent[1], parent[2]);
  const b3 = /^([0-9a-f]{32}|[0-9a-f]{16})-([0-9a-f]{16})(?:-[01d](?:-[0-9a-f]{16})?)?$/i.exec(value);
  if (b3) return ref(b3[1], b3[2]);
  return /^[0-9a-f]{1,32}$/i.test(value) ? ref(value) : undefined;
}

function ref(traceId: string, spanId?: string): TraceRef | undefined {
  if (/^0+$/.test(traceId)) return undefined;
  const padded = traceId.toLowerCase().padStart(traceId.length > 16 ? 32 : 16, "0");
  return { traceId: padded, ...(spanId && { spanId: spanId.toLowerCase() }) };
}

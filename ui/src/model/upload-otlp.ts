//! Reads OpenTelemetry's JSON of traces: opentelemetry-proto, ExportTraceServiceRequest. What becomes what is said in
//! opentelemetry-specification:specification/trace/sdk_exporters/zipkin.md.
import type { Kind, Span } from "./span";
import { micros, type Micros } from "./units";
import { count, idsOf, isObject, named, objectsIn, textOf } from "./upload-parts";

type Said = Record<string, unknown>;

/** Numbers in protobuf's JSON, names in that of some exporters. */
const KINDS: Readonly<Record<string, Kind>> = {
  2: "SERVER",
  3: "CLIENT",
  4: "PRODUCER",
  5: "CONSUMER",
  SPAN_KIND_SERVER: "SERVER",
  SPAN_KIND_CLIENT: "CLIENT",
  SPAN_KIND_PRODUCER: "PRODUCER",
  SPAN_KIND_CONSUMER: "CONSUMER",
};
const FAILED = new Set(["2", "STATUS_CODE_ERROR"]);
const PEERS = ["peer.service", "server.address", "net.peer.name", "db.name", "messaging.destination"];

export function fromOtlp(resourceSpans: readonly unknown[]): Span[] {
  return objectsIn(resourceSpans)
    .flatMap((resource) => {
      const service = tagsOf(isObject(resource.resource) ? resource.resource.attributes : undefined)["service.name"] ?? "";
      const scopes = objectsIn(resource.scopeSpans ?? resource.instrumentationLibrarySpans);
      return scopes.flatMap((scope) => objectsIn(scope.spans).map((said) => ({ said, service })));
    })
    .map(({ said, service }, i) => spanFrom(said, service, i));
}

function spanFrom(said: Said, service: string, i: number): Span {
  const start = microsOf(said.startTimeUnixNano);
  const end = microsOf(said.endTimeUnixNano);
  const kind = named(KINDS, said.kind);
  const tags = tagsOf(said.attributes);
  const status = isObject(said.status) ? said.status : {};
  const failed = FAILED.has(textOf(status.code));
  const remote = kind === "CLIENT" || kind === "PRODUCER" ? PEERS.map((key) => tags[key]).find((it) => it !== undefined) : undefined;
  // A tag of that name means a failure here, whatever it says.
  const { error, ...rest } = tags;
  const all = { ...rest, ...(failed && { error: typeof status.message === "string" && status.message !== "" ? status.message : (error ?? "true") }) };
  const notes = objectsIn(said.events).map((it) => ({ timestamp: microsOf(it.timeUnixNano) ?? micros(0), value: textOf(it.name ?? "") }));
  return {
    ...idsOf(i, said.traceId, said.spanId, said.parentSpanId),
    ...(kind && { kind }),
    ...(typeof said.name === "string" && said.name !== "" && { name: said.name }),
    ...(start && { timestamp: start }),
    // Zipkin knows no length of nothing.
    ...(start && end && { duration: micros(Math.max(1, end - start)) }),
    ...(service !== "" && { localEndpoint: { serviceName: service } }),
    ...(remote && { remoteEndpoint: { serviceName: remote } }),
    ...(Object.keys(all).length > 0 && { tags: all }),
    ...(notes.length > 0 && { annotations: notes }),
  };
}

/** Nanoseconds are too many digits for a number, so they come as text. */
function microsOf(nanos: unknown): Micros | undefined {
  const us = typeof nanos === "string" && /^\d{4,20}$/.test(nanos) ? Number(nanos.slice(0, -3)) : typeof nanos === "number" ? Math.floor(nanos / 1000) : 0;
  const known = count(us);
  return known === undefined ? undefined : micros(known);
}

function tagsOf(attributes: unknown): Record<string, string> {
  return Object.fromEntries(objectsIn(attributes).flatMap((it) => (typeof it.key === "string" ? [[it.key, valueText(it.value)]] : [])));
}

/** `{"stringValue": "a"}`, `{"intValue": "1"}`, `{"arrayValue": {"values": [...]}}` and so on. */
function valueText(value: unknown): string {
  if (!isObject(value)) return "";
  const [kind, said] = Object.entries(value)[0] ?? ["", ""];
  // Lists in lists are rare, and may be as deep as a file is long: they stay as they are.
  if (kind === "arrayValue" && isObject(said)) return `[${objectsIn(said.values).map((it) => textOf(Object.values(it)[0] ?? "")).join(",")}]`;
  return textOf(said);
}

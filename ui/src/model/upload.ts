//! Reads a trace out of a file: Zipkin's JSON, v2 or v1, a trace or a list of traces; or that of OpenTelemetry or Jaeger.
import type { Annotation, Endpoint, Kind, Span } from "./span";
import { micros } from "./units";
import { fromJaeger } from "./upload-jaeger";
import { fromOtlp } from "./upload-otlp";
import { count, idsOf, isObject, named, NoTrace, textOf } from "./upload-parts";

export { NoTrace };

/** The spans of the first trace in a text. */
export function readTrace(text: string): Span[] {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    throw new NoTrace("This is not JSON.");
  }
  const spans = spansOf(said);
  if (spans.length === 0) throw new NoTrace("The list of spans is empty.");
  const { traceId } = spans[0];
  // A file may have many traces after each other; lenient ids count by their last 16 digits, as everywhere.
  return spans.filter((span) => span.traceId.slice(-16) === traceId.slice(-16));
}

function spansOf(said: unknown): Span[] {
  if (isObject(said) && Array.isArray(said.resourceSpans)) return fromOtlp(said.resourceSpans);
  if (isObject(said) && Array.isArray(said.data)) return fromJaeger(said.data);
  const list = Array.isArray(said) ? (Array.isArray(said[0]) ? said[0] : said) : undefined;
  if (!list) throw new NoTrace("A trace is a list of spans; this is none.");
  return list.map(readSpan);
}

function readSpan(said: unknown, i: number): Span {
  if (!isObject(said)) throw new NoTrace(`Entry ${i + 1} of the list is not a span.`);
  const ids = idsOf(i, said.traceId, said.id, said.parentId);
  const span = "binaryAnnotations" in said || isV1Annotations(said.annotations) ? fromV1(said) : fromV2(said);
  return { ...span, ...ids };
}

function fromV2(said: Record<string, unknown>): Omit<Span, "traceId" | "id"> {
  const kind = KINDS.find((it) => it === said.kind);
  const tags = isObject(said.tags) ? Object.fromEntries(Object.entries(said.tags).map(([key, value]) => [key, textOf(value)])) : undefined;
  return {
    ...(kind && { kind }),
    ...common(said),
    ...(isObject(said.localEndpoint) && { localEndpoint: endpoint(said.localEndpoint) }),
    ...(isObject(said.remoteEndpoint) && { remoteEndpoint: endpoint(said.remoteEndpoint) }),
    ...(tags && { tags }),
    ...(Array.isArray(said.annotations) && { annotations: said.annotations.filter(isObject).map(annotation) }),
    ...(said.shared === true && { shared: true }),
  };
}

/** Core annotations become the kind, as in openzipkin/zipkin:zipkin/src/main/java/zipkin2/internal/V1SpanConverter.java. */
const CORE: Record<string, Kind> = { cs: "CLIENT", cr: "CLIENT", sr: "SERVER", ss: "SERVER", ms: "PRODUCER", mr: "CONSUMER" };

function fromV1(said: Record<string, unknown>): Omit<Span, "traceId" | "id"> {
  const notes = (Array.isArray(said.annotations) ? said.annotations : []).filter(isObject);
  const binaries = (Array.isArray(said.binaryAnnotations) ? said.binaryAnnotations : []).filter(isObject);
  const core = notes.find((it) => named(CORE, it.value));
  const address = binaries.find((it) => it.key === "sa" || it.key === "ca");
  const local = [core, ...notes, ...binaries.filter((it) => it !== address)].map((it) => it?.endpoint).find(isObject);
  const tags = binaries.filter((it) => it !== address && typeof it.key === "string").map((it) => [String(it.key), textOf(it.value)]);
  const plain = notes.filter((it) => !named(CORE, it.value)).map(annotation);
  return {
    ...(core && { kind: named(CORE, core.value) }),
    ...common(said),
    ...(local && { localEndpoint: endpoint(local) }),
    ...(address && isObject(address.endpoint) && { remoteEndpoint: endpoint(address.endpoint) }),
    ...(tags.length > 0 && { tags: Object.fromEntries(tags) as Record<string, string> }),
    ...(plain.length > 0 && { annotations: plain }),
  };
}

const KINDS: readonly Kind[] = ["CLIENT", "SERVER", "PRODUCER", "CONSUMER"];

function common(said: Record<string, unknown>) {
  const timestamp = count(said.timestamp);
  const duration = count(said.duration);
  return {
    ...(typeof said.name === "string" && said.name !== "" && { name: said.name }),
    ...(timestamp && { timestamp: micros(timestamp) }),
    ...(duration && { duration: micros(duration) }),
    ...(said.debug === true && { debug: true }),
  };
}

function endpoint(said: Record<string, unknown>): Endpoint {
  const made: Endpoint = {};
  for (const key of ["serviceName", "ipv4", "ipv6"] as const) {
    const value = said[key];
    if (typeof value === "string" && value !== "") made[key] = value;
  }
  const port = count(said.port);
  return port ? { ...made, port } : made;
}

function annotation(said: Record<string, unknown>): Annotation {
  return { timestamp: micros(count(said.timestamp) ?? 0), value: textOf(said.value ?? "") };
}

function isV1Annotations(said: unknown): boolean {
  return Array.isArray(said) && said.some((it) => isObject(it) && "endpoint" in it);
}

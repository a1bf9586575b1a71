//! The Zipkin v2 span as the API sends it, and what the page reads off a single one.
import type { Micros } from "./units";

export type Kind = "CLIENT" | "SERVER" | "PRODUCER" | "CONSUMER";

export interface Endpoint {
  serviceName?: string;
  ipv4?: string;
  ipv6?: string;
  port?: number;
}

export interface Annotation {
  timestamp: Micros;
  value: string;
}

export interface Span {
  traceId: string;
  parentId?: string;
  id: string;
  kind?: Kind;
  name?: string;
  timestamp?: Micros;
  duration?: Micros;
  localEndpoint?: Endpoint;
  remoteEndpoint?: Endpoint;
  annotations?: Annotation[];
  tags?: Record<string, string>;
  debug?: boolean;
  shared?: boolean;
}

/** The service that recorded the span; "" when it did not say. */
export function serviceOf(span: Span): string {
  return span.localEndpoint?.serviceName ?? "";
}

/** Zipkin calls a span failed when the tag `error` exists, whatever it says (also "" and "false"). */
export function isError(span: Span): boolean {
  return span.tags !== undefined && "error" in span.tags;
}

/** Both directions of an address: an unknown one never contradicts. */
function differ(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

/** Same host and service as far as both say. Ports are not compared: nobody calls out from the port he listens on. */
export function sameHost(a: Endpoint | undefined, b: Endpoint | undefined): boolean {
  if (!a || !b) return true;
  return !differ(a.serviceName, b.serviceName) && !differ(a.ipv4, b.ipv4) && !differ(a.ipv6, b.ipv6);
}

const METHODS = new Set(["get", "head", "post", "put", "delete", "connect", "options", "trace", "patch", "copy"]);
const PATH_TAGS = ["http.path", "http.uri", "http.route", "http.target", "url.path", "http.url"];

/** What the span did, for people: "GET" and "/cart/7". Instrumentation names spans by method alone as often as by route. */
export function operationOf(span: Span): { name: string; path: string } {
  const method = span.tags?.["http.method"];
  const name = span.name ?? method ?? "";
  const path = PATH_TAGS.map((tag) => span.tags?.[tag]).find((value) => value !== undefined && value !== "") ?? "";
  if (METHODS.has(name.toLowerCase())) return { name: name.toUpperCase(), path };
  return { name, path: path !== "" && !name.includes(path) && !name.includes("/") ? path : "" };
}

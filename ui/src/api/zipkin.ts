//! Calls the Zipkin v2 API of the server this page came from.
import type { Span } from "../model/span";

/** What went wrong, in words for the reader. Status 0: the server did not answer at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** `path` is relative, so that it follows <base href>. */
async function get(path: string, signal?: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(new URL(`api/v2/${path}`, document.baseURI), signal ? { signal } : {});
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError(0, "The server does not answer. It may be down, or the network between it and you.");
  }
  if (response.ok || response.status === 404) return response;
  const said = (await response.text()).trim().slice(0, 300);
  throw new ApiError(response.status, said === "" ? response.statusText : said);
}

async function getList<T>(path: string, signal?: AbortSignal): Promise<T[]> {
  const response = await get(path, signal);
  if (response.status === 404) throw new ApiError(404, "The server knows no such path. Is it a Zipkin server?");
  const body: unknown = await response.json();
  if (!Array.isArray(body)) throw new ApiError(response.status, "The server answered something that is not a list.");
  return body as T[];
}

export function fetchServices(signal?: AbortSignal): Promise<string[]> {
  return getList("services", signal);
}

export function fetchSpanNames(service: string, signal?: AbortSignal): Promise<string[]> {
  return getList(`spans?${new URLSearchParams({ serviceName: service })}`, signal);
}

export function fetchRemoteServices(service: string, signal?: AbortSignal): Promise<string[]> {
  return getList(`remoteServices?${new URLSearchParams({ serviceName: service })}`, signal);
}

export async function searchTraces(params: URLSearchParams, signal?: AbortSignal): Promise<Span[][]> {
  const traces = await getList<Span[]>(`traces?${params}`, signal);
  return traces.filter((trace) => trace.length > 0);
}

/** The spans of a trace as stored, or undefined when the server has none. */
export async function fetchTrace(traceId: string, signal?: AbortSignal): Promise<Span[] | undefined> {
  const response = await get(`trace/${encodeURIComponent(traceId)}`, signal);
  if (response.status === 404) return undefined;
  const spans = (await response.json()) as Span[];
  return spans.length > 0 ? spans : undefined;
}

/** Where programs send spans to: the server of this page. Writes exist only under the root. */
export function spansAddress(): string {
  return new URL("/api/v2/spans", document.baseURI).href;
}

export function serverAddress(): { origin: string; host: string } {
  const { origin, hostname } = new URL(document.baseURI);
  return { origin, host: hostname };
}

export function traceJsonHref(traceId: string): string {
  return `api/v2/trace/${encodeURIComponent(traceId)}`;
}

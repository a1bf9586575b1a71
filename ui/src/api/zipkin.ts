//! Calls the Zipkin v2 API of the server this page came from. Whole traces are read by the worker: see reader.ts.
import { CONFIG_DEFAULT, readConfig, type Config } from "../model/config";
import type { Link } from "../model/links";
import type { Counts } from "../model/result-chart";
import type { Sort } from "../model/search-query";
import type { Statistics } from "../model/service-figures";
import type { Status } from "../model/status";
import { ApiError, get, getList, jsonOf } from "./http";
import type { SearchUrls, ServerSource } from "./reader-jobs";

/** `path` is relative, so that it follows <base href>. */
function apiUrl(path: string): string {
  return new URL(`api/v2/${path}`, document.baseURI).href;
}

/** Without `config.json` the page works as Zipkin does unconfigured. */
export async function fetchConfig(): Promise<Config> {
  try {
    const response = await get(new URL("config.json", document.baseURI).href);
    return response.ok ? readConfig(await jsonOf(response)) : CONFIG_DEFAULT;
  } catch {
    return CONFIG_DEFAULT;
  }
}

export function fetchServices(signal?: AbortSignal): Promise<string[]> {
  return getList(apiUrl("services"), signal);
}

export function fetchSpanNames(service: string, signal?: AbortSignal): Promise<string[]> {
  return getList(apiUrl(`spans?${new URLSearchParams({ serviceName: service })}`), signal);
}

export function fetchRemoteServices(service: string, signal?: AbortSignal): Promise<string[]> {
  return getList(apiUrl(`remoteServices?${new URLSearchParams({ serviceName: service })}`), signal);
}

export function fetchTagKeys(signal?: AbortSignal): Promise<string[]> {
  return getList(apiUrl("autocompleteKeys"), signal);
}

export function fetchTagValues(key: string, signal?: AbortSignal): Promise<string[]> {
  return getList(apiUrl(`autocompleteValues?${new URLSearchParams({ key })}`), signal);
}

/** Who called whom, with how long it took where the server says so. */
export async function fetchLinks(startMs: number, endMs: number, signal?: AbortSignal): Promise<Link[]> {
  const question = `dependencies?${new URLSearchParams({ endTs: String(endMs), lookback: String(endMs - startMs) })}`;
  const response = await get(ownUrl(question), signal);
  return response.status === 404 ? getList(apiUrl(question), signal) : jsonOf(response, signal);
}

/** Hands a trace to another server, as Zipkin's page does: its roots say that it was kept. */
export async function archive(json: string, url: string): Promise<void> {
  const spans = JSON.parse(json) as { parentId?: string; tags?: Record<string, string> }[];
  for (const span of spans) if (!span.parentId) span.tags = { ...span.tags, "zipkin.archived": "true" };
  let response: Response;
  try {
    response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(spans) });
  } catch {
    throw new ApiError(0, "The archive does not answer.");
  }
  if (!response.ok) throw new ApiError(response.status, `The archive answered ${response.status} ${response.statusText}`.trim());
}

/** The server's own additions to Zipkin's API: docs/reference/openapi.json. */
function ownUrl(path: string): string {
  return new URL(`api/spanlet/v1/${path}`, document.baseURI).href;
}

export function searchUrls(params: URLSearchParams, order: Sort): SearchUrls {
  const orders = { newest: "newest", longest: "duration", errors: "errors" } as const;
  return { paged: ownUrl(`traces?${params}&order=${orders[order]}`), zipkin: apiUrl(`traces?${params}`) };
}

/** What is counted has no limit, and a parameter that means nothing is refused. */
function unlimited(params: URLSearchParams): URLSearchParams {
  const rest = new URLSearchParams(params);
  rest.delete("limit");
  return rest;
}

/** Traces that match over time; undefined where the server does not count them. */
export async function fetchCounts(params: URLSearchParams, buckets: number, signal?: AbortSignal): Promise<Counts | undefined> {
  const response = await get(ownUrl(`counts?${unlimited(params)}&buckets=${buckets}`), signal);
  return response.status === 404 ? undefined : jsonOf(response, signal);
}

/** What may be wrong when a search finds nothing, in sentences. */
export async function fetchHints(params: URLSearchParams, signal?: AbortSignal): Promise<readonly string[]> {
  const response = await get(ownUrl(`hints?${unlimited(params)}`), signal);
  return response.status === 404 ? [] : (await jsonOf<{ hints: string[] }>(response, signal)).hints;
}

/** How operations ran; undefined where the server does not count them. */
export async function fetchStatistics(startMs: number, endMs: number, signal?: AbortSignal): Promise<Statistics | undefined> {
  const response = await get(ownUrl(`statistics?${new URLSearchParams({ endTs: String(endMs), lookback: String(endMs - startMs) })}`), signal);
  return response.status === 404 ? undefined : jsonOf(response, signal);
}

/** What the server says of itself; undefined where it says nothing. */
export async function fetchStatus(signal?: AbortSignal): Promise<Status | undefined> {
  const response = await get(ownUrl("status"), signal);
  return response.status === 404 ? undefined : jsonOf(response, signal);
}

export function traceUrl(traceId: string): string {
  return apiUrl(`trace/${encodeURIComponent(traceId)}`);
}

export function traceSource(traceId: string): ServerSource {
  return { url: traceUrl(traceId), own: ownUrl(`trace/${encodeURIComponent(traceId)}`) };
}

/** Where programs send spans to: the server of this page. Writes exist only under the root. */
export function spansAddress(): string {
  return new URL("/api/v2/spans", document.baseURI).href;
}

export function serverAddress(): { origin: string; host: string } {
  const { origin, hostname } = new URL(document.baseURI);
  return { origin, host: hostname };
}

//! What the worker does for the page: reads traces, works them out, and keeps what was not sent along. Runs in the worker.
import { buffersOf, columnsOf, type TraceColumns } from "../model/columns";
import { facetsOf, type Facet } from "../model/facets";
import { findRows } from "../model/find";
import type { Span } from "../model/span";
import { assembleTrace, summarize, type Summary, type Trace } from "../model/trace";
import { readTrace } from "../model/upload";
import { get, getList, jsonOf } from "./http";

/** A trace of the server: in Zipkin's JSON, and where our own server has the rest. */
export interface ServerSource {
  readonly url: string;
  readonly own: string;
}
/** A trace of the server, or one out of a file. */
export type Source = ServerSource | { readonly file: Blob };

/** A trace that the worker holds, until it is closed. */
interface Held {
  readonly spans: readonly Span[];
  trace: Trace;
}
const held = new Map<number, Held>();
let lastHandle = 0;
/** What the last search found, page by page. */
let found: { readonly traces: readonly Span[][]; readonly summaries: readonly Summary[] } = { traces: [], summaries: [] };

/** An answer, and the buffers in it that need not be copied. */
export interface Answer<T> {
  readonly value: T;
  readonly give?: ArrayBuffer[];
}

/** What a search found: a line for each trace, and what they have in common. */
export interface Found {
  readonly traces: readonly Summary[];
  readonly facets: readonly Facet[];
  /** What fetches the traces that come after these; undefined when there are none, or the server has no pages. */
  readonly next: string | undefined;
  /** False where the server only has Zipkin's own search, newest first. */
  readonly ordered: boolean;
}

/** Where a search is asked: with order and pages, and as Zipkin knows it. */
export interface SearchUrls {
  readonly paged: string;
  readonly zipkin: string;
}

export interface Opened {
  readonly handle: number;
  readonly columns: TraceColumns;
}

export const jobs = {
  /** Undefined when the server has no such trace. */
  async open(source: Source, rawTimes: boolean, signal: AbortSignal): Promise<Answer<Opened | undefined>> {
    const spans = "file" in source ? readTrace(await source.file.text()) : await fetchSpans(source.url, signal);
    if (!spans) return { value: undefined };
    const handle = ++lastHandle;
    const trace = assembleTrace(spans, rawTimes);
    held.set(handle, { spans, trace });
    return opened(handle, trace);
  },

  /** The same spans at the times as reported, or mended. */
  async retime(handle: number, rawTimes: boolean): Promise<Answer<Opened>> {
    const it = find(handle);
    it.trace = assembleTrace(it.spans, rawTimes);
    return opened(handle, it.trace);
  },

  async span(handle: number, row: number): Promise<Answer<Span>> {
    return { value: find(handle).trace.tree.spans[row] };
  },

  async matches(handle: number, text: string): Promise<Answer<Int32Array>> {
    const rows = Int32Array.from(findRows(find(handle).trace.tree, text));
    return { value: rows, give: [rows.buffer] };
  },

  /** The spans as they were reported, in Zipkin's JSON. */
  async json(handle: number): Promise<Answer<string>> {
    return { value: JSON.stringify(find(handle).spans) };
  },

  async close(handle: number): Promise<Answer<undefined>> {
    held.delete(handle);
    return { value: undefined };
  },

  /** With a cursor, the next page comes after what the last search found. */
  async search(urls: SearchUrls, cursor: string | undefined, signal: AbortSignal): Promise<Answer<Found>> {
    const page = await fetchPage(urls, cursor, signal);
    const traces = page.traces.filter((trace) => trace.length > 0);
    const summaries = traces.map(summarize);
    if (signal.aborted) throw signal.reason;
    found = cursor === undefined ? { traces, summaries } : { traces: [...found.traces, ...traces], summaries: [...found.summaries, ...summaries] };
    return { value: { traces: found.summaries, facets: facetsOf(found.traces, found.summaries), next: page.next ?? undefined, ordered: page.ordered } };
  },

  /** How many traces a search finds, up to its limit. */
  async count(urls: SearchUrls, signal: AbortSignal): Promise<Answer<number>> {
    return { value: (await fetchPage(urls, undefined, signal)).traces.length };
  },
};

function find(handle: number): Held {
  const it = held.get(handle);
  if (!it) throw new Error(`no trace is open under ${handle}`);
  return it;
}

/** What is sent must not be taken from what is kept: a buffer that is given away is gone. */
function opened(handle: number, trace: Trace): Answer<Opened> {
  const columns = structuredClone(columnsOf(trace));
  return { value: { handle, columns }, give: buffersOf(columns) };
}

interface Page {
  readonly traces: readonly Span[][];
  readonly next: string | null;
  readonly ordered: boolean;
}

async function fetchPage(urls: SearchUrls, cursor: string | undefined, signal: AbortSignal): Promise<Page> {
  const response = await get(cursor === undefined ? urls.paged : `${urls.paged}&${new URLSearchParams({ cursor })}`, signal);
  if (response.status === 404) return { traces: await getList<Span[]>(urls.zipkin, signal), next: null, ordered: false };
  const { traces, next } = await jsonOf<Omit<Page, "ordered">>(response, signal);
  return { traces, next, ordered: true };
}

async function fetchSpans(url: string, signal: AbortSignal): Promise<Span[] | undefined> {
  const response = await get(url, signal);
  if (response.status === 404) return undefined;
  const spans = await jsonOf<Span[]>(response, signal);
  return spans.length > 0 ? spans : undefined;
}

//! Has the worker read traces: each job is a promise, and can be called off.
import type { TraceColumns } from "../model/columns";
import type { Span } from "../model/span";
import { ApiError } from "./http";
import type { Found, Opened, SearchUrls, Source } from "./reader-jobs";
import type { Ask, FromWorker, ToWorker } from "./reader.worker";
import { openOnServer } from "./server-trace";

interface Waiting {
  readonly done: (value: unknown) => void;
  readonly failed: (cause: unknown) => void;
}

let worker: Worker | undefined;
let lastId = 0;
const waiting = new Map<number, Waiting>();

function start(): Worker {
  const made = new Worker(new URL("./reader.worker.ts", import.meta.url), { type: "module" });
  made.addEventListener("message", (event: MessageEvent<FromWorker>) => {
    const { data } = event;
    const it = waiting.get(data.id);
    waiting.delete(data.id);
    if ("value" in data) it?.done(data.value);
    else it?.failed(new ApiError(data.error.status, data.error.message));
  });
  made.addEventListener("error", () => {
    for (const it of waiting.values()) it.failed(new ApiError(0, "A part of this page could not be loaded."));
    waiting.clear();
    worker = undefined;
  });
  return made;
}

function ask<T>(job: Ask["job"], args: readonly unknown[], signal?: AbortSignal): Promise<T> {
  worker ??= start();
  const to = worker;
  const id = ++lastId;
  const send = (message: ToWorker) => to.postMessage(message);
  return new Promise<T>((done, failed) => {
    waiting.set(id, { done: done as (value: unknown) => void, failed });
    signal?.addEventListener("abort", () => {
      if (!waiting.delete(id)) return;
      send({ cancel: id });
      failed(signal.reason);
    });
    send({ id, job, args });
  });
}

/** A trace on screen. What the columns leave out is asked for. */
export interface OpenTrace {
  readonly columns: TraceColumns;
  readonly source: Source;
  span(row: number): Promise<Span>;
  /** Rows that contain a text, ascending. */
  matches(text: string): Promise<Int32Array>;
  /** The spans as they were reported, in Zipkin's JSON. */
  json(): Promise<string>;
  retimed(rawTimes: boolean): Promise<OpenTrace>;
  close(): void;
}

/** A trace the worker holds. */
class WorkerTrace implements OpenTrace {
  constructor(
    private readonly handle: number,
    readonly columns: TraceColumns,
    readonly source: Source,
  ) {}

  span(row: number): Promise<Span> {
    return ask("span", [this.handle, row]);
  }

  matches(text: string): Promise<Int32Array> {
    return ask("matches", [this.handle, text]);
  }

  json(): Promise<string> {
    return ask("json", [this.handle]);
  }

  async retimed(rawTimes: boolean): Promise<OpenTrace> {
    const { columns } = await ask<Opened>("retime", [this.handle, rawTimes]);
    return new WorkerTrace(this.handle, columns, this.source);
  }

  close(): void {
    void ask("close", [this.handle]);
  }
}

/** Undefined when the server has no such trace. */
export async function openTrace(source: Source, rawTimes: boolean, signal?: AbortSignal): Promise<OpenTrace | undefined> {
  if ("own" in source) {
    const open = await openOnServer(source, rawTimes, signal);
    if (open !== "unknown") return open === "missing" ? undefined : open;
  }
  const opened = await ask<Opened | undefined>("open", [source, rawTimes], signal);
  return opened && new WorkerTrace(opened.handle, opened.columns, source);
}

export function searchTraces(urls: SearchUrls, cursor: string | undefined, signal?: AbortSignal): Promise<Found> {
  return ask("search", [urls, cursor], signal);
}

export function countTraces(urls: SearchUrls, signal?: AbortSignal): Promise<number> {
  return ask("count", [urls], signal);
}

//! A trace whose columns the server sends. Tags and annotations stay there, to be asked for.
import { idAt, sameIdBefore, type TraceColumns } from "../model/columns";
import { COLUMNS_TYPE, readColumns } from "../model/packed";
import type { Span } from "../model/span";
import { get, getList, jsonOf } from "./http";
import type { OpenTrace } from "./reader";
import type { ServerSource } from "./reader-jobs";

/** `missing`: the server has no such trace. `unknown`: it has no columns, as other servers than ours. */
export async function openOnServer(source: ServerSource, rawTimes: boolean, signal?: AbortSignal): Promise<OpenTrace | "missing" | "unknown"> {
  const response = await get(`${source.own}/columns${rawTimes ? "?clocks=raw" : ""}`, signal);
  const type = response.headers.get("content-type") ?? "";
  if (response.status === 404) return type.startsWith("application/problem+json") ? "missing" : "unknown";
  if (response.ok && type !== COLUMNS_TYPE) return "unknown";
  if (!response.ok) return jsonOf(response, signal);
  return new ServerTrace(source, readColumns(await response.arrayBuffer()));
}

class ServerTrace implements OpenTrace {
  constructor(
    readonly source: ServerSource,
    readonly columns: TraceColumns,
  ) {}

  /** Both halves of a call have its id, the client's first. */
  async span(row: number): Promise<Span> {
    const found = await getList<Span>(`${this.source.own}/spans/${idAt(this.columns, row)}`);
    return found[Math.min(found.length - 1, sameIdBefore(this.columns, row))];
  }

  async matches(text: string): Promise<Int32Array> {
    const response = await get(`${this.source.own}/matches?${new URLSearchParams({ text })}`);
    const { rows } = await jsonOf<{ rows: number[] }>(response);
    // A span that has come since then has no row here.
    return Int32Array.from(rows).filter((row) => row < this.columns.size.length);
  }

  async json(): Promise<string> {
    return JSON.stringify(await getList(this.source.url));
  }

  async retimed(rawTimes: boolean): Promise<OpenTrace> {
    const again = await openOnServer(this.source, rawTimes);
    return typeof again === "string" ? this : again;
  }

  close(): void {}
}

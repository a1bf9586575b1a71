//! A trace as typed columns: all that its views draw, cheap to hand from one thread to another. Tags stay behind, to be asked for.
import type { Bounds } from "./bounds";
import type { OwnTime } from "./own-time";
import type { Skew } from "./skew";
import { operationOf, serviceOf } from "./span";
import type { Trace } from "./trace";
import type { Outline } from "./tree";

/** A column of texts: few different ones, so each row has the number of its own. */
export interface Texts {
  readonly of: readonly string[];
  readonly at: Int32Array;
}

export interface TraceColumns extends Outline {
  readonly traceId: string;
  readonly bounds: Bounds;
  readonly own: OwnTime;
  readonly skews: readonly Skew[];
  readonly orphans: number;
  readonly unreached: number;
  readonly headRow: number;
  /** Ascending. */
  readonly errorRows: Int32Array;
  readonly failed: Uint8Array;
  /** Names of all services, also of those nobody waited for. */
  readonly services: readonly string[];
  readonly spanCount: number;
  readonly levels: number;
  readonly service: Texts;
  readonly remote: Texts;
  readonly name: Texts;
  readonly path: Texts;
  readonly kind: Texts;
  /** The names that searches know: `name` is for people. */
  readonly spanName: Texts;
  /** 8 bytes a row, the most significant first. */
  readonly ids: Uint8Array;
}

const ID_BYTES = 8;
const ID_DIGITS = 2 * ID_BYTES;

export function columnsOf(trace: Trace): TraceColumns {
  const { tree } = trace;
  const { spans } = tree;
  const failed = new Uint8Array(spans.length);
  for (const row of trace.errorRows) failed[row] = 1;
  const operations = spans.map(operationOf);
  return {
    parent: tree.parent,
    depth: tree.depth,
    size: tree.size,
    rootless: tree.rootless,
    orphans: tree.orphans,
    unreached: tree.unreached,
    traceId: trace.traceId,
    bounds: trace.bounds,
    own: trace.own,
    skews: trace.skews,
    headRow: trace.headRow,
    errorRows: Int32Array.from(trace.errorRows),
    failed,
    services: trace.services,
    spanCount: trace.spanCount,
    levels: trace.depth,
    service: texts(spans, serviceOf),
    remote: texts(spans, (span) => span.remoteEndpoint?.serviceName ?? ""),
    name: texts(operations, (it) => it.name),
    path: texts(operations, (it) => it.path),
    kind: texts(spans, (span) => span.kind?.toLowerCase() ?? ""),
    spanName: texts(spans, (span) => span.name ?? ""),
    ids: idsOf(spans.map((span) => span.id)),
  };
}

function idsOf(ids: readonly string[]): Uint8Array {
  const bytes = new Uint8Array(ids.length * ID_BYTES);
  ids.forEach((id, row) => {
    const digits = id.padStart(ID_DIGITS, "0").slice(-ID_DIGITS);
    for (let i = 0; i < ID_BYTES; i++) bytes[row * ID_BYTES + i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  });
  return bytes;
}

function texts<T>(items: readonly T[], read: (item: T) => string): Texts {
  const numbers = new Map<string, number>();
  const at = new Int32Array(items.length);
  items.forEach((item, row) => {
    const text = read(item);
    let number = numbers.get(text);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(text, number);
    }
    at[row] = number;
  });
  return { of: [...numbers.keys()], at };
}

export function textAt(column: Texts, row: number): string {
  return column.of[column.at[row]] ?? "";
}

export function idAt(trace: TraceColumns, row: number): string {
  return Array.from(trace.ids.subarray(row * ID_BYTES, (row + 1) * ID_BYTES), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The `nth` row (from 1) that has an id: both halves of a call have the same. */
export function rowOfId(trace: TraceColumns, id: string, nth = 1): number | undefined {
  if (!/^[0-9a-f]{1,16}$/i.test(id)) return undefined;
  const wanted = idsOf([id]);
  const rows = trace.ids.length / ID_BYTES;
  let left = nth;
  for (let row = trace.headRow; row < rows; row++) if (hasId(trace, row, wanted) && --left === 0) return row;
  return undefined;
}

function hasId({ ids }: TraceColumns, row: number, wanted: Uint8Array): boolean {
  // From the end: ids that a program counts up differ there.
  for (let i = ID_BYTES - 1; i >= 0; i--) if (ids[row * ID_BYTES + i] !== wanted[i]) return false;
  return true;
}

/** How many rows before this one have its id. */
export function sameIdBefore(trace: TraceColumns, row: number): number {
  const id = trace.ids.subarray(row * ID_BYTES, (row + 1) * ID_BYTES);
  let count = 0;
  for (let before = trace.headRow; before < row; before++) if (hasId(trace, before, id)) count++;
  return count;
}

/** The buffers of a trace, which a thread may give away instead of copying them. */
export function buffersOf(trace: TraceColumns): ArrayBuffer[] {
  const columns = [
    trace.parent, trace.depth, trace.size, trace.errorRows, trace.failed, trace.ids,
    trace.bounds.startUs, trace.bounds.endUs,
    trace.own.ownUs, trace.own.onPath, trace.own.network, trace.own.stretches, trace.own.first, trace.own.count,
    trace.service.at, trace.remote.at, trace.name.at, trace.path.at, trace.kind.at, trace.spanName.at,
  ];
  return [...new Set(columns.map((it) => it.buffer as ArrayBuffer))];
}

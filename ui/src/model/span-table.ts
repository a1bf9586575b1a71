//! The spans of a trace as a flat table: sorted, and as CSV.
import { idAt, textAt, type TraceColumns } from "./columns";
import { compareText } from "./merge";

export const TABLE_ORDERS = ["start", "service", "name", "duration", "own"] as const;
export type TableOrder = (typeof TABLE_ORDERS)[number];

/** Rows in an order; what is longest comes first, names and times ascend. Rows without a time come last. */
export function sortRows(trace: TraceColumns, rows: Int32Array, order: TableOrder): Int32Array {
  const { startUs, endUs } = trace.bounds;
  const late = (us: number) => (Number.isNaN(us) ? Number.POSITIVE_INFINITY : us);
  const compare: Record<TableOrder, (a: number, b: number) => number> = {
    start: (a, b) => late(startUs[a]) - late(startUs[b]),
    service: (a, b) => compareText(textAt(trace.service, a), textAt(trace.service, b)),
    name: (a, b) => compareText(textAt(trace.name, a), textAt(trace.name, b)),
    duration: (a, b) => late(startUs[a] - endUs[a]) - late(startUs[b] - endUs[b]),
    own: (a, b) => trace.own.ownUs[b] - trace.own.ownUs[a],
  };
  const by = compare[order];
  return rows.slice().sort((a, b) => by(a, b) || a - b);
}

/** All rows of a scope, however they are collapsed. */
export function rowsIn(trace: TraceColumns, root: number, wanted: (row: number) => boolean): Int32Array {
  const from = root >= 0 ? root : trace.headRow;
  const to = root >= 0 ? root + trace.size[root] : trace.size.length;
  const rows: number[] = [];
  for (let row = from; row < to; row++) if (wanted(row)) rows.push(row);
  return Int32Array.from(rows);
}

const HEADER = ["span_id", "service", "name", "path", "kind", "start_us", "duration_us", "own_us", "error"];

export function toCsv(trace: TraceColumns, rows: Int32Array): string {
  const { startUs, endUs } = trace.bounds;
  const number = (us: number) => (Number.isNaN(us) ? "" : String(us));
  const lines = [HEADER.join(",")];
  for (const row of rows) {
    const texts = [idAt(trace, row), textAt(trace.service, row), textAt(trace.name, row), textAt(trace.path, row), textAt(trace.kind, row)];
    const numbers = [number(startUs[row]), number(endUs[row] - startUs[row]), number(trace.own.ownUs[row]), String(trace.failed[row])];
    lines.push([...texts.map(field), ...numbers].join(","));
  }
  return `${lines.join("\r\n")}\r\n`;
}

/** Quoted as RFC 4180 says; a leading sign or "=" is defused, since a spreadsheet would run it. */
function field(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

//! How services and their operations ran in a period: as the server answers it, put in order, and per minute.
import { compareText } from "./merge";

/** Durations are microseconds; null where none is known. */
export interface Quantiles {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

export interface Series {
  readonly calls: readonly number[];
  readonly errors: readonly number[];
  readonly p95: readonly (number | null)[];
}

export interface Figures extends Quantiles {
  readonly serviceName: string;
  readonly calls: number;
  readonly errors: number;
  readonly series: Series;
}

export interface Operation extends Figures {
  readonly spanName: string;
  readonly remoteServiceName: string | null;
  readonly kind: string | null;
}

/** GET /api/spanlet/v1/statistics. */
export interface Statistics {
  readonly stepMs: number;
  readonly startTs: number;
  readonly rows: readonly Operation[];
  readonly rowsLeftOut?: number;
}

export interface ServiceFigures {
  readonly serviceName: string;
  /** What others asked of it, or all it did when nobody asked. */
  readonly operations: readonly Operation[];
  readonly calls: number;
  readonly errors: number;
  /** Of the operation that takes longest: percentiles of operations can't be added up. */
  readonly slowest: Operation;
  readonly series: Pick<Series, "calls" | "errors">;
}

export const ORDERS = ["calls", "errors", "p95", "name"] as const;
export type Order = (typeof ORDERS)[number];

const ENTRY = new Set(["SERVER", "CONSUMER"]);

/** Calls to a service are its server spans; what it does within itself and asks of others would count them again. */
export function servicesFrom(rows: readonly Operation[]): ServiceFigures[] {
  const byName = new Map<string, Operation[]>();
  for (const row of rows) {
    const known = byName.get(row.serviceName);
    if (known) known.push(row);
    else byName.set(row.serviceName, [row]);
  }
  return [...byName].map(([serviceName, all]) => {
    const entries = all.filter((it) => it.kind !== null && ENTRY.has(it.kind));
    const operations = entries.length > 0 ? entries : all;
    return {
      serviceName,
      operations,
      calls: sum(operations.map((it) => it.calls)),
      errors: sum(operations.map((it) => it.errors)),
      slowest: operations.reduce((most, it) => ((it.p95 ?? -1) > (most.p95 ?? -1) ? it : most)),
      series: { calls: added(operations.map((it) => it.series.calls)), errors: added(operations.map((it) => it.series.errors)) },
    };
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((all, it) => all + it, 0);
}

/** Step by step. */
function added(lists: readonly (readonly number[])[]): number[] {
  const length = Math.max(0, ...lists.map((it) => it.length));
  return Array.from({ length }, (_, i) => sum(lists.map((it) => it[i] ?? 0)));
}

interface Sortable {
  readonly calls: number;
  readonly errors: number;
}

/** Most first; names from a to z. Equal ones by calls, then by name. */
export function inOrder<T extends Sortable>(list: readonly T[], order: Order, p95: (it: T) => number | null, name: (it: T) => string): T[] {
  const by: Record<Order, (it: T) => number> = { calls: (it) => it.calls, errors: (it) => it.errors / Math.max(1, it.calls), p95: (it) => p95(it) ?? -1, name: () => 0 };
  const tie = (a: T, b: T) => (order === "name" ? 0 : b.calls - a.calls) || compareText(name(a), name(b));
  return [...list].sort((a, b) => by[order](b) - by[order](a) || tie(a, b));
}

/** "384", "9.5", "0.2": calls a minute with the digits that tell. */
export function rateText(calls: number, minutes: number): string {
  const rate = calls / Math.max(1, minutes);
  if (rate >= 10) return Math.round(rate).toLocaleString("en");
  return rate > 0 && rate < 0.05 ? "< 0.1" : rate.toFixed(1).replace(/\.0$/, "");
}

/** Calls a minute in each step. The first and the last step may be in the period in part: null when it is too little to say. */
export function ratesOf(calls: readonly number[], { startTs, stepMs }: Pick<Statistics, "startTs" | "stepMs">, period: { readonly startMs: number; readonly endMs: number }): (number | null)[] {
  const LEAST_MS = 20_000;
  // The server counts whole minutes.
  const fromMs = Math.floor(period.startMs / 60_000) * 60_000;
  return calls.map((count, i) => {
    const covered = Math.min(startTs + (i + 1) * stepMs, period.endMs) - Math.max(startTs + i * stepMs, fromMs);
    return covered < LEAST_MS ? null : count / (covered / 60_000);
  });
}

/** Percent of calls that failed in each step; null where nobody called. */
export function errorPercents({ calls, errors }: Pick<Series, "calls" | "errors">): (number | null)[] {
  return calls.map((count, i) => (count > 0 ? (100 * (errors[i] ?? 0)) / count : null));
}

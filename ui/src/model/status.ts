//! What a server says of itself: its collectors, its store and the relays that send to it.

export interface Collector {
  readonly transport: string;
  /** Where it listens; null or empty when it does not. */
  readonly listening: string | null;
  readonly messages: number;
  readonly messagesDropped: number;
  readonly bytes: number;
  readonly spans: number;
  readonly spansDropped: number;
  readonly messagesRefused?: Readonly<Record<string, number>>;
  readonly spansLeftOut?: Readonly<Record<string, number>>;
}

export interface Relay {
  readonly name: string;
  readonly address: string | null;
  readonly lastSeenMs: number;
  readonly backlogBytes: number;
  readonly oldestMs: number;
  readonly rate: number;
  readonly errors: number;
}

/** GET /api/spanlet/v1/status. */
export interface Status {
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly collectors: readonly Collector[];
  readonly store: { readonly name: string; readonly healthy: boolean; readonly problem: string | null; readonly figures: Readonly<Record<string, number>> };
  readonly relays: readonly Relay[];
}

/** A status, and when it was read: two of them make a rate. */
export interface Reading {
  readonly atMs: number;
  readonly status: Status;
}

export interface Rate {
  readonly spans: number;
  readonly bytes: number;
}

/** What came in by one way each second between two readings; nothing when there was none before, or the server began anew. */
export function rateOf(transport: string, before: Reading | undefined, now: Reading): Rate | undefined {
  const find = (reading: Reading | undefined) => reading?.status.collectors.find((it) => it.transport === transport);
  const [old, next] = [find(before), find(now)];
  const seconds = before ? (now.atMs - before.atMs) / 1000 : 0;
  if (!old || !next || seconds <= 0 || next.spans < old.spans || next.bytes < old.bytes) return undefined;
  return { spans: (next.spans - old.spans) / seconds, bytes: (next.bytes - old.bytes) / seconds };
}

export function totalRate(before: Reading | undefined, now: Reading): Rate | undefined {
  const rates = now.status.collectors.map((it) => rateOf(it.transport, before, now)).filter((it) => it !== undefined);
  return rates.length === 0 ? undefined : rates.reduce((all, it) => ({ spans: all.spans + it.spans, bytes: all.bytes + it.bytes }));
}

const SILENT_MS = 60_000;
const BEHIND_MS = 10_000;
export type RelayState = "silent" | "catching up" | "running";

/** Relays speak every few seconds; a buffer whose oldest bytes wait long is being caught up with. */
export function relayState(relay: Relay): RelayState {
  if (relay.lastSeenMs > SILENT_MS) return "silent";
  return relay.backlogBytes > 0 && relay.oldestMs > BEHIND_MS ? "catching up" : "running";
}

export interface Refusals {
  readonly spans: number;
  readonly messages: number;
  readonly reasons: readonly (readonly [string, number])[];
}

/** What was not taken in since the start, and why. */
export function refusalsOf(collectors: readonly Collector[]): Refusals {
  const reasons = new Map<string, number>();
  for (const it of collectors) {
    for (const [reason, count] of [...Object.entries(it.messagesRefused ?? {}), ...Object.entries(it.spansLeftOut ?? {})]) reasons.set(reason, (reasons.get(reason) ?? 0) + count);
  }
  return {
    spans: collectors.reduce((all, it) => all + it.spansDropped, 0),
    messages: collectors.reduce((all, it) => all + it.messagesDropped, 0),
    reasons: [...reasons].sort((a, b) => b[1] - a[1]),
  };
}

/** "9.8 MB", "512 B". */
export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const shown = unit === 0 || value >= 100 ? Math.round(value).toString() : value.toPrecision(value >= 10 ? 3 : 2);
  return `${shown} ${units[unit]}`;
}

/** "12 d 4 h", "4 h 3 m", "3 m", "12 s": two units are enough to know how long ago. */
export function ageText(seconds: number): string {
  const whole = Math.floor(seconds);
  const [d, h, m] = [Math.floor(whole / 86_400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (d > 0) return `${d} d ${h} h`;
  if (h > 0) return `${h} h ${m} m`;
  return m > 0 ? `${m} m` : `${whole} s`;
}

/** A figure by the unit that its name ends with, as names of metrics do. */
export function figureText(name: string, value: number): string {
  const base = name.replace(/_total$/, "");
  // What was done "by bytes" is counted in something else.
  if (/(?<!_by)_bytes$/.test(base)) return bytesText(value);
  if (/_seconds$/.test(base)) return ageText(value);
  if (/_ms$/.test(base)) return `${Math.round(value).toLocaleString("en")} ms`;
  return Number.isInteger(value) || value >= 1000 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}

/** "spanlet_journal_syncs_total" is read as "journal syncs". */
export function figureName(name: string): string {
  return name.replace(/^spanlet_/, "").replace(/_total$/, "").replace(/_+/g, " ");
}

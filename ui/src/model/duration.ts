//! Reads and writes lengths of time the way people do: `100ms`, `1.5s`, "268 ms".
import { micros, type Micros } from "./units";

export interface Quantity {
  readonly value: string;
  readonly unit: string;
}

const UNITS_US: Record<string, number> = { "": 1, us: 1, "µs": 1, ms: 1e3, s: 1e6, m: 60e6, min: 60e6, h: 3600e6 };

/** `200us`, `100ms`, `1.5s`, `2m`; a bare number is microseconds, as in Zipkin's links. Undefined when it is none of these. */
export function parseDuration(text: string): Micros | undefined {
  const match = /^(\d+(?:\.\d+)?|\.\d+)\s*([a-zµ]*)$/.exec(text.trim().toLowerCase().replace("μ", "µ"));
  const scale = match ? UNITS_US[match[2]] : undefined;
  if (!match || scale === undefined) return undefined;
  const us = Math.round(Number(match[1]) * scale);
  return us > 0 && Number.isSafeInteger(us) ? micros(us) : undefined;
}

/** In the unit that needs the fewest digits: 900 µs, 1.70 ms, 47.8 ms, 268 ms, 1.23 s, 2 m 05 s. An exact one has 268.4 ms. */
export function quantity(us: number, exact = false): Quantity {
  if (Math.round(us) < 1000) return { value: String(Math.round(us)), unit: "µs" };
  const ms = significant(us / 1e3, exact);
  if (Number(ms) < 1000) return { value: ms, unit: "ms" };
  const s = significant(us / 1e6, exact);
  if (Number(s) < 60) return { value: s, unit: "s" };
  const seconds = Math.round(us / 1e6);
  if (seconds < 3600) return { value: `${Math.floor(seconds / 60)} m ${pad(seconds % 60)}`, unit: "s" };
  return { value: `${Math.floor(seconds / 3600)} h ${pad(Math.floor(seconds / 60) % 60)}`, unit: "m" };
}

export function durationText(us: number, exact = false): string {
  const { value, unit } = quantity(us, exact);
  return `${value} ${unit}`;
}

/** Three digits, or four at most when one is behind the point. */
function significant(value: number, exact: boolean): string {
  // Of the rounded value: 9.996 is 10.0.
  const [two, one] = [value.toFixed(2), value.toFixed(1)];
  if (Number(two) < 10) return two;
  return exact || Number(one) < 100 ? one : value.toFixed(0);
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}

/** Share of a whole, "74 %". One decimal below ten, so that small parts can be told apart. */
export function percentText(part: number, whole: number): string {
  if (whole <= 0) return "0 %";
  const percent = (100 * part) / whole;
  if (percent > 0 && percent < 0.1) return "< 0.1 %";
  return `${percent >= 10 ? percent.toFixed(0) : percent.toFixed(1).replace(/\.0$/, "")} %`;
}

export function countText(count: number): string {
  return count.toLocaleString("en");
}

/** Decimals of a column of milliseconds, alike in all its rows: short traces are told in microseconds. */
export function msDecimals(durationUs: number): number {
  if (durationUs >= 10_000_000) return 0;
  return durationUs >= 10_000 ? 1 : 3;
}

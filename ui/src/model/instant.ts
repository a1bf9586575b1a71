//! Writes moments, in the reader's time zone or in UTC.
import { millis, type Millis } from "./units";

const formats = new Map<string, Intl.DateTimeFormat>();

function format(utc: boolean, options: Intl.DateTimeFormatOptions, key: string): Intl.DateTimeFormat {
  const name = `${key} ${utc}`;
  let made = formats.get(name);
  if (!made) {
    made = new Intl.DateTimeFormat("en-GB", { ...options, ...(utc && { timeZone: "UTC" }) });
    formats.set(name, made);
  }
  return made;
}

/** "14:03:51" and ".204", apart, so that the milliseconds can be set smaller. */
export function clockParts(ms: number, utc: boolean): { clock: string; millis: string } {
  const clock = format(utc, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }, "clock").format(ms);
  return { clock, millis: `.${String(Math.floor(ms) % 1000).padStart(3, "0")}` };
}

export function dayText(ms: number, utc: boolean): string {
  return format(utc, { day: "numeric", month: "short" }, "day").format(ms);
}

/** "25 Nov 2026, 14:03:51.204" */
export function instantText(ms: number, utc: boolean): string {
  const { clock, millis: fraction } = clockParts(ms, utc);
  return `${format(utc, { day: "numeric", month: "short", year: "numeric" }, "date").format(ms)}, ${clock}${fraction}`;
}

/** A tick of an axis this long: with seconds when it is short, with the day when it is long. */
export function axisText(ms: number, lengthMs: number, utc: boolean): string {
  if (lengthMs > 2 * 86_400_000) return dayText(ms, utc);
  const { clock } = clockParts(ms, utc);
  return lengthMs > 300_000 ? clock.slice(0, 5) : clock;
}

/** The value of an `<input type="datetime-local" step="1">`. */
export function toField(ms: number, utc: boolean): string {
  const offsetMs = utc ? 0 : new Date(ms).getTimezoneOffset() * 60_000;
  return new Date(ms - offsetMs).toISOString().slice(0, 19);
}

export function fromField(text: string, utc: boolean): Millis | undefined {
  const ms = Date.parse(utc ? `${text}Z` : text);
  return Number.isNaN(ms) ? undefined : millis(ms);
}

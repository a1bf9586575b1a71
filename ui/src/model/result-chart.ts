//! The traces of a result over time: counted in bins, or each as a point by its duration.

export interface Dot {
  readonly startMs: number;
  readonly durationUs: number;
  readonly failed: boolean;
}

export interface Period {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Where the chart begins: in the whole range when all was found, else at the oldest found, since nothing is known before it. */
export function spanOf(dots: readonly Dot[], range: Period, full: boolean): Period {
  if (dots.length === 0) return range;
  const times = dots.map((it) => it.startMs);
  const first = Math.min(...times);
  // Clocks of services may be ahead of the server's.
  const toMs = Math.max(range.toMs, Math.max(...times) + 1);
  return { fromMs: full ? Math.min(first, toMs - 1000) : Math.min(range.fromMs, first), toMs };
}

/** As the server counts all that match: equal slices, oldest first. */
export interface Counts {
  readonly endTs: number;
  readonly lookback: number;
  readonly buckets: readonly { readonly startTs: number; readonly traces: number; readonly errors: number }[];
}

export function binsOfCounts({ buckets }: Counts): Bins {
  const all = Int32Array.from(buckets, (it) => it.traces);
  return { all, failed: Int32Array.from(buckets, (it) => it.errors), most: all.reduce((most, it) => Math.max(most, it), 0) };
}

export interface Bins {
  readonly all: Int32Array;
  readonly failed: Int32Array;
  readonly most: number;
}

export function binsOf(dots: readonly Dot[], { fromMs, toMs }: Period, count: number): Bins {
  const all = new Int32Array(count);
  const failed = new Int32Array(count);
  for (const dot of dots) {
    const at = Math.min(count - 1, Math.max(0, Math.floor(((dot.startMs - fromMs) / (toMs - fromMs)) * count)));
    all[at]++;
    if (dot.failed) failed[at]++;
  }
  return { all, failed, most: all.reduce((most, it) => Math.max(most, it), 0) };
}

/** Durations span decades, so they are drawn by their logarithm. */
export interface Decades {
  readonly low: number;
  readonly high: number;
}

export function decadesOf(dots: readonly Dot[]): Decades {
  const us = dots.map((it) => Math.max(1, it.durationUs));
  const low = Math.floor(Math.log10(Math.min(...us)));
  const high = Math.ceil(Math.log10(Math.max(...us) + 1));
  return { low: Number.isFinite(low) ? low : 0, high: Number.isFinite(high) ? Math.max(high, low + 1) : 1 };
}

/** 0 at the bottom, 1 at the top. */
export function heightOf(durationUs: number, { low, high }: Decades): number {
  return (Math.log10(Math.max(1, durationUs)) - low) / (high - low);
}

export function durationAt(height: number, { low, high }: Decades): number {
  return Math.round(10 ** (low + height * (high - low)));
}

/** Round moments for the axis, about `wanted` of them. */
export function timeTicks({ fromMs, toMs }: Period, wanted: number): number[] {
  const steps = [1e3, 5e3, 15e3, 60e3, 300e3, 900e3, 1800e3, 3600e3, 3 * 3600e3, 6 * 3600e3, 12 * 3600e3, 86400e3, 2 * 86400e3, 7 * 86400e3];
  const step = steps.find((it) => (toMs - fromMs) / it <= wanted) ?? steps[steps.length - 1];
  const made: number[] = [];
  for (let at = Math.ceil(fromMs / step) * step; at <= toMs; at += step) made.push(at);
  return made.slice(0, 24);
}

//! Numbers as people read them, and the scales they are drawn on: what holds for any duration, moment, view or chart.
import { describe, expect, test } from "vitest";
import { countText, durationText, msDecimals, parseDuration, percentText, quantity } from "./duration";
import { axisText, clockParts, dayText, fromField, instantText, toField } from "./instant";
import { randomFrom } from "./kit";
import { extremes, linePath, niceTop } from "./line-chart";
import { binsOf, binsOfCounts, decadesOf, durationAt, heightOf, spanOf, timeTicks, type Dot } from "./result-chart";
import { errorPercents, inOrder, ratesOf, rateText, servicesFrom, type Operation } from "./service-figures";
import { ageText, bytesText, figureText } from "./status";
import { clampView, isWhole, pan, ticks, zoom, type View } from "./timeline";

const random = randomFrom(3);
/** As many small ones as large ones. */
const anyUs = () => Math.round(10 ** (random(10_000) / 1000));
const rounds = (count: number, run: () => void) => {
  for (let round = 0; round < count; round++) run();
};

describe("durations", () => {
  test("what is written is read as what it was, as far as its digits go", () => {
    rounds(2000, () => {
      const us = anyUs() % 59_000_000 || 1;
      for (const exact of [false, true]) expect(Math.abs((parseDuration(durationText(us, exact)) ?? 0) / us - 1)).toBeLessThanOrEqual(0.0051);
    });
  });
  test("below a minute three digits are enough, or four with one behind the point", () => {
    rounds(2000, () => {
      const us = (anyUs() + random(1000) / 1000) % 59_000_000;
      expect(quantity(us).value).toMatch(/^(\d{1,3}|\d\.\d\d|\d\d\.\d)$/);
      expect(quantity(us, true).value).toMatch(/^(\d{1,3}|\d\.\d\d|\d{2,3}\.\d)$/);
    });
  });
  test("a longer one never reads as a shorter one", () => {
    const read = (us: number) => {
      const parts = [...durationText(us).matchAll(/([\d.]+) (µs|ms|s|m|h)/g)];
      return parts.reduce((all, [, value, unit]) => all + Number(value) * { µs: 1, ms: 1e3, s: 1e6, m: 60e6, h: 3600e6 }[unit as "s"], 0);
    };
    let last = 0;
    for (let us = 1; us < 2e10; us *= 1.003) {
      expect(read(us)).toBeGreaterThanOrEqual(last);
      last = read(us);
    }
  });
  test.each([[999.4, "999 µs"], [999.6, "1.00 ms"], [9_994, "9.99 ms"], [9_996, "10.0 ms"], [99_940, "99.9 ms"], [99_960, "100 ms"], [999_499, "999 ms"], [999_500, "1.00 s"], [59_949_999, "59.9 s"], [59_950_000, "1 m 00 s"], [3_599_400_000, "59 m 59 s"], [3_599_500_000, "1 h 00 m"], [360_000_000_000, "100 h 00 m"]])("%d µs rounds to %j", (us, text) => expect(durationText(us)).toBe(text));
  test("shares of a whole come to about the whole", () => {
    rounds(300, () => {
      const parts = Array.from({ length: 1 + random(9) }, () => 1 + random(1000));
      const whole = parts.reduce((all, it) => all + it, 0);
      const shown = parts.map((it) => Number(percentText(it, whole).replace(/[<% ]/g, "")));
      expect(Math.abs(shown.reduce((all, it) => all + it, 0) - 100)).toBeLessThanOrEqual(0.51 * parts.length);
    });
  });
  test.each([[0.0999, "< 0.1 %"], [0.1, "0.1 %"], [9.94, "9.9 %"], [9.96, "10 %"], [10.4, "10 %"], [99.6, "100 %"], [250, "250 %"]])("%d %% is %j", (part, text) => expect(percentText(part, 100)).toBe(text));
  test("large counts can be read", () => expect([0, 999, 1000, 1_234_567].map(countText)).toEqual(["0", "999", "1,000", "1,234,567"]));
  test("the decimals of a column never grow with the trace", () => {
    let last = 3;
    for (let us = 1; us < 1e9; us *= 2) {
      expect(msDecimals(us)).toBeLessThanOrEqual(last);
      last = msDecimals(us);
    }
    expect(last).toBe(0);
  });
});

describe("moments", () => {
  const anyMs = () => random(1 << 22) * 450_000 + random(450_000) + random(1000) / 1000;
  test("in UTC they are those of ISO 8601, fractions of a millisecond cut off", () => {
    rounds(500, () => {
      const ms = anyMs();
      const iso = new Date(ms).toISOString();
      expect(clockParts(ms, true)).toEqual({ clock: iso.slice(11, 19), millis: iso.slice(19, 23) });
      expect(instantText(ms, true).endsWith(`${iso.slice(0, 4)}, ${iso.slice(11, 23)}`)).toBe(true);
      expect(toField(ms, true)).toBe(iso.slice(0, 19));
    });
  });
  test("a field says the moment it was given, to the second", () => {
    rounds(500, () => {
      const ms = Math.floor(anyMs() / 1000) * 1000;
      expect(fromField(toField(ms, true), true)).toBe(ms);
    });
  });
  test.each(["", "x", "2026", "2026-02-31T25:00", "T12:00"])("%j in a field is no moment that breaks the page", (text) => {
    const ms = fromField(text, true);
    if (ms !== undefined) expect(() => instantText(ms, true)).not.toThrow();
  });
  test("an axis says seconds, minutes or days by its length", () => {
    const at = Date.UTC(2026, 10, 25, 14, 3, 51);
    expect([1, 300_000, 300_001, 172_800_000, 172_800_001].map((length) => axisText(at, length, true))).toEqual(["14:03:51", "14:03:51", "14:03", "14:03", "25 Nov"]);
    expect(dayText(at, true)).toBe("25 Nov");
  });
});

describe("time line", () => {
  const anyView = (extentUs: number): View => {
    const fromUs = random(2 * extentUs) - extentUs / 2;
    return { fromUs, toUs: fromUs + 1 + random(2 * extentUs) };
  };
  const inside = ({ fromUs, toUs }: View, extentUs: number) => fromUs >= 0 && toUs <= Math.max(1, extentUs) + 1e-6 && toUs > fromUs;
  test("whatever is done to a view, it stays within the trace", () => {
    rounds(1000, () => {
      const extentUs = 1 + (anyUs() % 1_000_000);
      let view = clampView(anyView(extentUs), extentUs);
      expect(clampView(view, extentUs), "twice is once").toEqual(view);
      for (let step = 0; step < 8; step++) {
        const at = view.fromUs + (random(101) / 100) * (view.toUs - view.fromUs);
        view = random(2) ? zoom(view, (1 + random(400)) / 100, at, extentUs) : pan(view, (random(400) - 200) / 100, extentUs);
        expect(inside(view, extentUs)).toBe(true);
      }
      expect(isWhole(zoom(view, 1e-9, 0, extentUs), extentUs)).toBe(true);
    });
  });
  test("the moment under the pointer stays under it", () => {
    rounds(500, () => {
      const view = { fromUs: 400_000, toUs: 600_000 };
      const at = 400_000 + random(200_001);
      const next = zoom(view, (50 + random(400)) / 100, at, 1_000_000);
      expect((at - next.fromUs) / (next.toUs - next.fromUs)).toBeCloseTo((at - view.fromUs) / (view.toUs - view.fromUs), 9);
    });
  });
  test("nearer and back is where it was, and so is there and back", () => {
    const view = { fromUs: 400_000, toUs: 600_000 };
    const back = zoom(zoom(view, 4, 450_000, 1e6), 1 / 4, 450_000, 1e6);
    expect([back.fromUs, back.toUs].map(Math.round)).toEqual([400_000, 600_000]);
    expect(pan(pan(view, 0.5, 1e6), -0.5, 1e6)).toEqual(view);
  });
  test("a trace without length can be looked at", () => expect([clampView({ fromUs: 0, toUs: 0 }, 0), isWhole({ fromUs: 0, toUs: 1 }, 0)]).toEqual([{ fromUs: 0, toUs: 1 }, true]));
  test("ticks are evenly spaced, in view, as many as wanted, and say where they are", () => {
    rounds(1000, () => {
      const fromUs = anyUs() % 20_000_000;
      const view = { fromUs, toUs: fromUs + 1 + (anyUs() % 40_000_000) };
      const wanted = 1 + random(12);
      const made = ticks(view, wanted);
      expect(made.length).toBeLessThanOrEqual(wanted + 1);
      expect(new Set(made.map((it) => it.label)).size).toBe(made.length);
      expect(new Set(made.slice(1).map((it, i) => it.us - made[i].us)).size).toBeLessThanOrEqual(1);
      for (const it of made) {
        expect(it.share >= 0 && it.share <= 1).toBe(true);
        const [value, unit] = it.label.split(" ");
        expect(Number(value) * { µs: 1, ms: 1e3, s: 1e6 }[unit as "s"]).toBeCloseTo(it.us, 4);
      }
    });
  });
});

describe("chart of a result", () => {
  const anyDots = (): Dot[] => Array.from({ length: random(60) }, () => ({ startMs: 1_000_000 + random(2_000_000), durationUs: anyUs() - 1, failed: random(5) === 0 }));
  const range = { fromMs: 1_500_000, toMs: 2_500_000 };
  test("every trace is in one bin and within the chart", () => {
    rounds(300, () => {
      const dots = anyDots();
      for (const full of [true, false]) {
        const period = spanOf(dots, range, full);
        for (const it of dots) expect(period.fromMs <= it.startMs && it.startMs < period.toMs).toBe(true);
        const bins = binsOf(dots, period, 1 + random(50));
        expect(bins.all.reduce((all, it) => all + it, 0)).toBe(dots.length);
        expect(bins.failed.reduce((all, it) => all + it, 0)).toBe(dots.filter((it) => it.failed).length);
        expect(bins.most).toBe(Math.max(0, ...bins.all));
        bins.failed.forEach((it, i) => expect(it).toBeLessThanOrEqual(bins.all[i]));
      }
    });
  });
  test("every duration has its height, longer ones higher", () => {
    rounds(300, () => {
      const dots = anyDots();
      const decades = decadesOf(dots);
      expect(decades.high).toBeGreaterThan(decades.low);
      const sorted = dots.map((it) => it.durationUs).sort((a, b) => a - b);
      const heights = sorted.map((us) => heightOf(us, decades));
      heights.forEach((it, i) => expect(it >= 0 && it <= 1 && it >= (heights[i - 1] ?? 0)).toBe(true));
      sorted.forEach((us, i) => expect(durationAt(heights[i], decades)).toBe(Math.max(1, us)));
    });
  });
  test("the server's counts are taken as they are", () => {
    const buckets = [{ startTs: 1, traces: 3, errors: 1 }, { startTs: 2, traces: 7, errors: 0 }];
    expect(binsOfCounts({ endTs: 3, lookback: 2, buckets })).toEqual({ all: Int32Array.of(3, 7), failed: Int32Array.of(1, 0), most: 7 });
    expect(binsOfCounts({ endTs: 3, lookback: 2, buckets: [] }).most).toBe(0);
  });
  test("moments of the axis are round, within it, and not too many", () => {
    rounds(300, () => {
      const fromMs = random(1 << 22) * 1000;
      const period = { fromMs, toMs: fromMs + 1000 + random(1 << 22) * 600 };
      const made = timeTicks(period, 6);
      expect(made.length).toBeLessThanOrEqual(24);
      for (const ms of made) expect(ms >= period.fromMs && ms <= period.toMs && ms % 1000 === 0).toBe(true);
      if (made.length > 1) for (const ms of made) expect(ms % (made[1] - made[0])).toBe(0);
    });
  });
});

describe("lines", () => {
  const anyValues = () => Array.from({ length: 1 + random(40) }, () => (random(4) === 0 ? null : random(2) ? anyUs() : anyUs() / 1e6));
  test("the top of an axis is round, above all values, and not far above", () => {
    rounds(500, () => {
      const values = anyValues();
      const most = Math.max(0, ...values.filter((it) => it !== null));
      const top = niceTop(values);
      expect(top).toBeGreaterThanOrEqual(most * 0.999999);
      if (most > 0) expect(top / most).toBeLessThan(2.51);
      expect(top.toPrecision(1) === top.toPrecision(9).replace(/\.?0+$/, "") || /^[125]0*$|^0\.0*[125]$|^[125]e/.test(String(Number(top.toPrecision(6))))).toBe(true);
    });
  });
  test("a path is in its box, and has one piece for each stretch that is known", () => {
    rounds(500, () => {
      const values = anyValues();
      const path = linePath(values, niceTop(values), 300, 80);
      const stretches = values.filter((it, i) => it !== null && (i === 0 || values[i - 1] === null)).length;
      expect(path.split("M").length - 1).toBe(stretches);
      for (const [, x, y] of path.matchAll(/[ML]([\d.-]+) ([\d.-]+)/g)) expect(Number(x) >= 0 && Number(x) <= 300 && Number(y) >= 0 && Number(y) <= 80).toBe(true);
      expect(path).not.toMatch(/NaN|Infinity|undefined/);
    });
  });
  test("in words: the first, the last and the highest of those known", () => {
    expect(extremes([null, 3, 9, 9, null, 1, null])).toEqual({ first: 3, last: 1, most: 9, at: 2 });
    expect(extremes([0])).toEqual({ first: 0, last: 0, most: 0, at: 0 });
    expect([extremes([]), extremes([null, null])]).toEqual([undefined, undefined]);
  });
});

describe("figures of services", () => {
  const KINDS = ["SERVER", "CONSUMER", "CLIENT", "PRODUCER", null];
  const anyRow = (): Operation => {
    const calls = Array.from({ length: 5 }, () => random(20));
    const errors = calls.map((it) => random(it + 1));
    const total = (list: number[]) => list.reduce((all, it) => all + it, 0);
    const p95 = random(4) === 0 ? null : random(1000);
    return { serviceName: "abc"[random(3)], spanName: `op ${random(50)}`, remoteServiceName: null, kind: KINDS[random(5)], calls: total(calls), errors: total(errors), p50: null, p95, p99: null, series: { calls, errors, p95: [] } };
  };
  test("of each service only what others ask of it counts, once; where nobody asks, all", () => {
    rounds(300, () => {
      const rows = Array.from({ length: random(12) }, anyRow);
      const services = servicesFrom(rows);
      expect(services.map((it) => it.serviceName).sort()).toEqual([...new Set(rows.map((it) => it.serviceName))].sort());
      for (const it of services) {
        const all = rows.filter((row) => row.serviceName === it.serviceName);
        const asked = all.filter((row) => row.kind === "SERVER" || row.kind === "CONSUMER");
        expect(it.operations).toEqual(asked.length > 0 ? asked : all);
        expect(it.series.calls.reduce((sum, calls) => sum + calls, 0)).toBe(it.calls);
        expect(it.series.errors.reduce((sum, errors) => sum + errors, 0)).toBe(it.errors);
        for (const row of it.operations) expect(it.slowest.p95 ?? -1).toBeGreaterThanOrEqual(row.p95 ?? -1);
      }
    });
  });
  test.each(["calls", "errors", "p95", "name"] as const)("by %s: each once, none before one that is more", (order) => {
    rounds(100, () => {
      const rows = Array.from({ length: random(12) }, anyRow);
      const made = inOrder(rows, order, (it) => it.p95, (it) => it.spanName);
      expect(new Set(made)).toEqual(new Set(rows));
      const worth = (it: Operation) => ({ calls: it.calls, errors: it.errors / Math.max(1, it.calls), p95: it.p95 ?? -1, name: 0 })[order];
      made.slice(1).forEach((it, i) => expect(worth(made[i])).toBeGreaterThanOrEqual(worth(it)));
      if (order === "name") expect(made.map((it) => it.spanName)).toEqual(rows.map((it) => it.spanName).sort());
    });
  });
  test("rates times their minutes are the calls, when the period is whole", () => {
    rounds(200, () => {
      const calls = Array.from({ length: 1 + random(60) }, () => random(1000));
      const [startTs, stepMs] = [random(1000) * 60_000, (1 + random(10)) * 60_000];
      const made = ratesOf(calls, { startTs, stepMs }, { startMs: startTs, endMs: startTs + calls.length * stepMs });
      made.forEach((rate, i) => expect((rate ?? -1) * (stepMs / 60_000)).toBeCloseTo(calls[i], 6));
    });
  });
  test("a step outside the period says nothing", () => expect(ratesOf([9, 9, 9], { startTs: 0, stepMs: 60_000 }, { startMs: 60_000, endMs: 120_000 })).toEqual([null, 9, null]));
  test("percents are from 0 to 100", () => {
    rounds(100, () => {
      const { calls, errors } = anyRow().series;
      errorPercents({ calls, errors }).forEach((it, i) => expect(it === null ? calls[i] === 0 : it >= 0 && it <= 100).toBe(true));
    });
  });
  test.each([[0.04, "< 0.1"], [0.05, "0.1"], [9.94, "9.9"], [9.96, "10"], [10.4, "10"], [999.6, "1,000"]])("%d calls a minute are %j", (rate, text) => expect(rateText(rate, 1)).toBe(text));
});

describe("figures of the server", () => {
  test("more bytes never read as fewer, and the digits are few", () => {
    const units: Record<string, number> = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };
    let last = 0;
    for (let bytes = 1; bytes < 9e14; bytes *= 1.01) {
      const [value, unit] = bytesText(bytes).split(" ");
      expect(value).toMatch(/^(\d{1,3}|\d\.\d|\d\d\.\d)$/);
      expect(Number(value) * units[unit]).toBeGreaterThanOrEqual(last);
      expect(Math.abs((Number(value) * units[unit]) / bytes - 1)).toBeLessThan(0.5 / Math.max(1, Math.min(bytes, 10)) + 0.01);
      last = Number(value) * units[unit];
    }
  });
  test("a longer age never reads as a shorter one", () => {
    const seconds: Record<string, number> = { d: 86_400, h: 3600, m: 60, s: 1 };
    let last = 0;
    for (let age = 1; age < 1e8; age *= 1.02) {
      const read = [...ageText(age).matchAll(/(\d+) ([dhms])/g)].reduce((all, [, value, unit]) => all + Number(value) * seconds[unit], 0);
      expect(read >= last && read <= age).toBe(true);
      last = read;
    }
  });
  test.each([[0, "0"], [1, "1"], [0.5, "0.500"], [999.4, "999"], [123_456.7, "123,457"], [9_120_000, "9,120,000"]])("a figure without a unit: %d is %j", (value, text) => expect(figureText("queue", value)).toBe(text));
});

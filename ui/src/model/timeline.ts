//! The stretch of time a trace is looked at through: zoom, pan and ticks.

export interface View {
  readonly fromUs: number;
  readonly toUs: number;
}

/** One pixel of a wide screen should still mean something. */
const NARROWEST_US = 10;

export function clampView(view: View, extentUs: number): View {
  const whole = Math.max(extentUs, 1);
  const width = Math.min(Math.max(view.toUs - view.fromUs, Math.min(NARROWEST_US, whole)), whole);
  const fromUs = Math.min(Math.max(view.fromUs, 0), whole - width);
  return { fromUs, toUs: fromUs + width };
}

/** Zooms by a factor (2: twice as near) and keeps the moment `aroundUs` where it is. */
export function zoom(view: View, factor: number, aroundUs: number, extentUs: number): View {
  const width = Math.max((view.toUs - view.fromUs) / factor, NARROWEST_US);
  const share = (aroundUs - view.fromUs) / (view.toUs - view.fromUs);
  const fromUs = aroundUs - share * width;
  return clampView({ fromUs, toUs: fromUs + width }, extentUs);
}

export function pan(view: View, share: number, extentUs: number): View {
  const byUs = (view.toUs - view.fromUs) * share;
  return clampView({ fromUs: view.fromUs + byUs, toUs: view.toUs + byUs }, extentUs);
}

export function isWhole(view: View, extentUs: number): boolean {
  return view.fromUs <= 0 && view.toUs >= extentUs;
}

export interface Tick {
  readonly us: number;
  /** Of the width of the view, 0 to 1. */
  readonly share: number;
  readonly label: string;
}

/** Round moments, in one unit, about `wanted` of them. */
export function ticks(view: View, wanted: number): Tick[] {
  const width = view.toUs - view.fromUs;
  if (!(width > 0) || wanted < 1) return [];
  const rough = width / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, power * ([1, 2, 5].find((times) => times * power >= rough) ?? 10));
  const [scale, unit] = view.toUs >= 10e6 ? [1e6, "s"] : view.toUs >= 1000 ? [1e3, "ms"] : [1, "µs"];
  const decimals = Math.max(0, Math.ceil(-Math.log10(step / scale) - 1e-9));
  const made: Tick[] = [];
  for (let us = Math.ceil(view.fromUs / step) * step; us <= view.toUs; us += step) {
    made.push({ us, share: (us - view.fromUs) / width, label: `${(us / scale).toFixed(us === 0 ? 0 : decimals)} ${unit}` });
  }
  return made;
}

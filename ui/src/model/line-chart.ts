//! Lines over time: their path, the top of their axis, and what they come to in words.

export type Values = readonly (number | null)[];

/** The next of 1, 2, 5, 10, 20, … at or above the highest value. */
export function niceTop(values: Values): number {
  const most = values.reduce<number>((top, it) => Math.max(top, it ?? 0), 0);
  if (most <= 0) return 1;
  const decade = 10 ** Math.floor(Math.log10(most));
  const step = [1, 2, 5, 10].find((it) => it * decade >= most * 0.999999) ?? 10;
  return step * decade;
}

/** An SVG path over a box, broken where nothing is known; a value alone is a short dash. */
export function linePath(values: Values, top: number, widthPx: number, heightPx: number): string {
  const step = widthPx / Math.max(1, values.length);
  const x = (i: number) => round((i + 0.5) * step);
  const y = (value: number) => round(heightPx - (Math.min(value, top) / top) * heightPx);
  let path = "";
  values.forEach((value, i) => {
    if (value === null) return;
    const joined = i > 0 && values[i - 1] !== null;
    if (joined) path += `L${x(i)} ${y(value)}`;
    else if (i + 1 < values.length && values[i + 1] !== null) path += `M${x(i)} ${y(value)}`;
    else path += `M${round(i * step)} ${y(value)}H${round((i + 1) * step)}`;
  });
  return path;
}

function round(px: number): number {
  return Math.round(px * 10) / 10;
}

/** First, last and highest value that is known, and where the highest is; undefined when none is. */
export function extremes(values: Values): { first: number; last: number; most: number; at: number } | undefined {
  const known = values.flatMap((value, i) => (value === null ? [] : [{ value, i }]));
  if (known.length === 0) return undefined;
  const top = known.reduce((most, it) => (it.value > most.value ? it : most));
  return { first: known[0].value, last: known[known.length - 1].value, most: top.value, at: top.i };
}

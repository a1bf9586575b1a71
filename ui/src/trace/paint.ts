//! Draws bars on canvases: those of the rows on screen, and the overview of all rows.
import { selfStretches, toPixels } from "../model/bars";
import { RING } from "../model/ring";
import { textAt, type TraceColumns } from "../model/columns";
import { begin, type Surface } from "../parts/canvas";
import type { Run } from "../model/runs";
import type { View } from "../model/timeline";

export interface Palette {
  readonly ring: readonly string[];
  readonly ghost: string;
  readonly text: string;
  readonly error: string;
  readonly accent: string;
  readonly font: string;
}

/** Canvases know nothing of custom properties, so the colours are read off the page whenever the theme changes. */
export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return {
    ring: Array.from({ length: RING }, (_, step) => read(`--svc-${step}`)),
    ghost: read("--ghost"),
    text: read("--fg"),
    error: read("--err"),
    accent: read("--accent"),
    font: read("--font"),
  };
}

export interface Measures {
  readonly rowPx: number;
  /** Top of the bar in its row. */
  readonly barPx: number;
}

export interface Bars {
  readonly trace: TraceColumns;
  /** The rows on screen, top to bottom. */
  readonly rows: Int32Array;
  readonly view: View;
  /** The repeats a row stands for, if it does. */
  readonly folded: (row: number) => Run | undefined;
  readonly palette: Palette;
  readonly stepOf: (service: string) => number | undefined;
}

const BAR_PX = 10;
const TINT = 0.3;

/** Solid is a span's own work, tinted is time in its children, the line below is the critical path. */
export function paintBars(surface: Surface, { rowPx, barPx }: Measures, bars: Bars): void {
  const ctx = begin(surface);
  if (!ctx) return;
  const { trace, view, palette } = bars;
  const { startUs, endUs } = trace.bounds;
  const perUs = surface.widthPx / (view.toUs - view.fromUs);
  // A little beyond the edges, so that a bar that goes on does not seem to end there.
  const scale = (us: number) => Math.min(Math.max((us - view.fromUs) * perUs, -4), surface.widthPx + 4);
  const hatch = hatching(ctx, palette.error);
  bars.rows.forEach((row, i) => {
    const run = bars.folded(row);
    if (run) {
      paintRun(ctx, bars, { row, run, top: i * rowPx + barPx, scale });
      return;
    }
    if (!(endUs[row] >= view.fromUs && startUs[row] <= view.toUs)) return;
    const step = bars.stepOf(textAt(trace.service, row));
    const failed = trace.failed[row] === 1;
    const top = i * rowPx + barPx;
    const left = scale(startUs[row]);
    const width = Math.max(2, scale(endUs[row]) - left);
    ctx.fillStyle = failed ? palette.error : step === undefined ? palette.ghost : palette.ring[step];
    ctx.globalAlpha = TINT;
    roundRect(ctx, left, top, width);
    ctx.globalAlpha = 1;
    if (failed) ctx.fillStyle = hatch;
    const self = trace.size[row] === 1 ? [startUs[row], endUs[row]] : selfStretches(trace, trace.bounds, row);
    for (const [from, to] of toPixels(self, 0, self.length / 2, scale)) roundRect(ctx, from, top, Math.max(1.5, to - from));
    ctx.fillStyle = palette.text;
    const { stretches, first, count } = trace.own;
    for (const [from, to] of toPixels(stretches, first[row], count[row], scale)) ctx.fillRect(from, top + 11, Math.max(1, to - from), 2);
  });
}

/** Repeats look like a comb: every one of them, as far as pixels go, and their part of the critical path below. */
function paintRun(ctx: CanvasRenderingContext2D, { trace, palette, stepOf }: Bars, at: { row: number; run: Run; top: number; scale: (us: number) => number }): void {
  const { startUs, endUs } = trace.bounds;
  const step = stepOf(textAt(trace.service, at.row));
  const teeth: number[] = [];
  const waited: number[] = [];
  for (let row = at.row; row < at.run.end; row++) {
    const { first, count, stretches } = trace.own;
    for (let k = 0; k < count[row] * 2; k++) waited.push(stretches[first[row] + k]);
  }
  for (let row = at.row; row < at.run.end; row += trace.size[row]) if (!Number.isNaN(startUs[row])) teeth.push(startUs[row], endUs[row]);
  ctx.fillStyle = at.run.errors > 0 ? palette.error : step === undefined ? palette.ghost : palette.ring[step];
  for (const [from, to] of toPixels(teeth, 0, teeth.length / 2, at.scale)) ctx.fillRect(from, at.top, Math.max(1, to - from - (to - from > 4 ? 1 : 0)), BAR_PX);
  ctx.fillStyle = palette.text;
  for (const [from, to] of toPixels(waited, 0, waited.length / 2, at.scale)) ctx.fillRect(from, at.top + 11, Math.max(1, to - from), 2);
}

function roundRect(ctx: CanvasRenderingContext2D, left: number, top: number, width: number): void {
  ctx.beginPath();
  ctx.roundRect(left, top, width, BAR_PX, Math.min(2, width / 2));
  ctx.fill();
}

/** Errors must not be told by colour alone. */
export function hatching(ctx: CanvasRenderingContext2D, colour: string): CanvasPattern | string {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 6;
  const pen = tile.getContext("2d");
  if (!pen) return colour;
  pen.globalAlpha = 0.55;
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 6, 6);
  pen.globalAlpha = 1;
  pen.strokeStyle = colour;
  pen.lineWidth = 2.4;
  pen.beginPath();
  for (const shift of [-6, 0, 6]) {
    pen.moveTo(shift - 1, 7);
    pen.lineTo(shift + 7, -1);
  }
  pen.stroke();
  return ctx.createPattern(tile, "repeat") ?? colour;
}

/** In big traces, bars too short to be seen are drawn for one row in so many only. */
const MAP_RECTS_MAX = 20_000;

/** All rows of a trace in little, errors as ticks at the top. */
export function paintMap(surface: Surface, { trace, palette, stepOf }: Omit<Bars, "rows" | "view" | "folded">): void {
  const ctx = begin(surface);
  if (!ctx) return;
  const steps = trace.service.of.map(stepOf);
  const { startUs, endUs, extentUs } = trace.bounds;
  const perUs = surface.widthPx / Math.max(1, extentUs);
  const lanePx = Math.min(4, (surface.heightPx - 6) / trace.spanCount);
  const stride = Math.ceil(trace.spanCount / MAP_RECTS_MAX);
  for (let row = trace.headRow; row < startUs.length; row++) {
    if (Number.isNaN(startUs[row])) continue;
    const width = (endUs[row] - startUs[row]) * perUs;
    if (stride > 1 && width < 1 && row % stride !== 0) continue;
    const step = steps[trace.service.at[row]];
    ctx.fillStyle = step === undefined ? palette.ghost : palette.ring[step];
    ctx.fillRect(startUs[row] * perUs, 4 + (row - trace.headRow) * lanePx, Math.max(1, width), Math.max(0.75, Math.min(2, lanePx - 0.5)));
  }
  ctx.fillStyle = palette.error;
  for (const row of trace.errorRows) ctx.fillRect(startUs[row] * perUs, 0, 2, 5);
}

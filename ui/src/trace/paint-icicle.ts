//! Draws the lanes of an icicle that are on screen.
import { textAt, type TraceColumns } from "../model/columns";
import { durationText } from "../model/duration";
import { firstInView, type Icicle } from "../model/icicle";
import type { View } from "../model/timeline";
import { begin, type Surface } from "../parts/canvas";
import { hatching, type Palette } from "./paint";

export const LANE_PX = 21;
const BOX_PX = 20;
/** Narrower boxes have no room for a word. */
const WORD_PX = 36;

export interface Drawn {
  readonly trace: TraceColumns;
  readonly icicle: Icicle;
  readonly view: View;
  readonly topPx: number;
  readonly keep: Uint8Array | undefined;
  readonly active: number | undefined;
  readonly matches: Int32Array;
  readonly palette: Palette;
  readonly stepOf: (service: string) => number | undefined;
}

/** What is on the critical path is strong, the rest is pale; text is always that of the page. */
export function paintIcicle(surface: Surface, drawn: Drawn): void {
  const ctx = begin(surface);
  if (!ctx) return;
  const { trace, icicle, view, topPx, palette } = drawn;
  const { startUs, endUs } = trace.bounds;
  const perUs = surface.widthPx / (view.toUs - view.fromUs);
  const hatch = hatching(ctx, palette.error);
  const steps = trace.service.of.map(drawn.stepOf);
  const matched = new Set(drawn.matches);
  const firstLane = Math.floor(topPx / LANE_PX);
  const lastLane = Math.min(icicle.lanes.length - 1, Math.ceil((topPx + surface.heightPx) / LANE_PX));
  ctx.font = `12px ${palette.font}`;
  ctx.textBaseline = "middle";
  for (let lane = firstLane; lane <= lastLane; lane++) {
    const rows = icicle.lanes[lane];
    const top = lane * LANE_PX - topPx;
    let reachedPx = Number.NEGATIVE_INFINITY;
    for (let i = firstInView(rows, startUs, view.fromUs); i < rows.length; i++) {
      const row = rows[i];
      if (startUs[row] > view.toUs) break;
      if (endUs[row] < view.fromUs) continue;
      const left = Math.max(-2, (startUs[row] - view.fromUs) * perUs);
      const right = Math.min(surface.widthPx + 2, (endUs[row] - view.fromUs) * perUs);
      // At most one box a pixel: in a big trace thousands would land on the same one.
      if (right - reachedPx < 0.75) continue;
      reachedPx = right;
      const width = Math.max(1, right - left - 1);
      const step = steps[trace.service.at[row]];
      const off = drawn.keep?.[row] === 0;
      ctx.globalAlpha = off ? 0.08 : trace.own.onPath[row] === 1 ? 0.5 : 0.22;
      ctx.fillStyle = step === undefined ? palette.ghost : palette.ring[step];
      ctx.fillRect(left, top, width, BOX_PX);
      ctx.globalAlpha = 1;
      if (trace.failed[row] === 1 && !off) {
        ctx.fillStyle = hatch;
        ctx.fillRect(left, top + BOX_PX - 4, width, 4);
      }
      if (row === drawn.active || matched.has(row)) outline(ctx, { left, top, width }, row === drawn.active ? palette.text : palette.accent);
      if (width >= WORD_PX && !off) write(ctx, drawn, row, { left: Math.max(0, left), top, width: right - Math.max(0, left) });
    }
  }
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
}

function outline(ctx: CanvasRenderingContext2D, box: Box, colour: string): void {
  ctx.strokeStyle = colour;
  ctx.lineWidth = 2;
  ctx.strokeRect(box.left + 1, box.top + 1, Math.max(1, box.width - 2), BOX_PX - 2);
}

function write(ctx: CanvasRenderingContext2D, { trace, palette }: Drawn, row: number, box: Box): void {
  const parent = trace.parent[row];
  const same = parent >= 0 && trace.service.at[parent] === trace.service.at[row];
  const name = textAt(trace.name, row);
  const service = same && name !== "" ? "" : textAt(trace.service, row);
  const length = durationText(trace.bounds.endUs[row] - trace.bounds.startUs[row], true);
  const text = [service, name, length].filter((it) => it !== "").join(" ");
  ctx.save();
  ctx.beginPath();
  ctx.rect(box.left, box.top, box.width - 5, BOX_PX);
  ctx.clip();
  ctx.fillStyle = palette.text;
  ctx.fillText(text, box.left + 5, box.top + BOX_PX / 2 + 0.5);
  ctx.restore();
}

//! Draws the charts over a result: bars of counts, or points of durations.
import { begin, type Surface } from "../parts/canvas";
import type { Bins, Decades } from "../model/result-chart";

function read(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Errors stand at the foot of each bar. */
export function paintBins(surface: Surface, { all, failed, most }: Bins): void {
  const ctx = begin(surface);
  if (!ctx || most === 0) return;
  const stepPx = surface.widthPx / all.length;
  const perTrace = (surface.heightPx - 4) / most;
  const [ghost, error] = [read("--ghost"), read("--err")];
  all.forEach((count, i) => {
    if (count === 0) return;
    const height = Math.max(2, count * perTrace);
    const bad = failed[i] > 0 ? Math.max(2, failed[i] * perTrace) : 0;
    ctx.fillStyle = ghost;
    ctx.fillRect(i * stepPx, surface.heightPx - height, stepPx - 1, height - bad);
    ctx.fillStyle = error;
    ctx.fillRect(i * stepPx, surface.heightPx - bad, stepPx - 1, bad);
  });
}

export interface Point {
  readonly x: number;
  readonly y: number;
  readonly failed: boolean;
}

/** A failed trace is a cross, so that it can be told without its colour. */
export function paintDots(surface: Surface, points: readonly Point[], { low, high }: Decades): void {
  const ctx = begin(surface);
  if (!ctx) return;
  ctx.fillStyle = read("--line");
  for (let at = 1; at < high - low; at++) ctx.fillRect(0, Math.round(surface.heightPx - 4 - (at / (high - low)) * (surface.heightPx - 8)), surface.widthPx, 1);
  ctx.fillStyle = read("--accent");
  ctx.strokeStyle = read("--err");
  ctx.lineWidth = 2;
  for (const { x, y, failed } of points) {
    ctx.beginPath();
    if (failed) {
      ctx.moveTo(x - 3.5, y - 3.5);
      ctx.lineTo(x + 3.5, y + 3.5);
      ctx.moveTo(x + 3.5, y - 3.5);
      ctx.lineTo(x - 3.5, y + 3.5);
      ctx.stroke();
    } else {
      ctx.globalAlpha = 0.75;
      ctx.arc(x, y, 3, 0, 2 * Math.PI);
      ctx.fill();
      ctx.globalAlpha = 1;
    }
  }
}

//! Prepares a canvas to be drawn on.

export interface Surface {
  readonly canvas: HTMLCanvasElement;
  readonly widthPx: number;
  readonly heightPx: number;
}

/** Sizes a canvas in device pixels, wipes it and gives a context that counts in CSS pixels. */
export function begin({ canvas, widthPx, heightPx }: Surface): CanvasRenderingContext2D | null {
  const scale = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(widthPx * scale));
  const height = Math.max(1, Math.round(heightPx * scale));
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const ctx = canvas.getContext("2d");
  ctx?.setTransform(scale, 0, 0, scale, 0, 0);
  ctx?.clearRect(0, 0, widthPx, heightPx);
  return ctx;
}

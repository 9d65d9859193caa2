/** The whole trace in a strip: a line per span, sampled where there are more than fit; errors as ticks at the top. */

import { statusError, type Trace } from '../model/trace.ts';
import type { Palette } from './paint.ts';
import type { Colouring } from './trace-view.ts';

/** Lines drawn per pixel of height, at most. */
const linesPerPixel = 24;

export function paintMinimap(
  context: CanvasRenderingContext2D,
  size: { readonly width: number; readonly height: number },
  trace: Trace,
  { values, hues }: Colouring,
  palette: Palette,
  endNano: number,
): void {
  const { width, height } = size;
  context.clearRect(0, 0, width, height);
  const scale = width / Math.max(1, endNano);
  const lines = Math.min(trace.spans, Math.floor(height * linesPerPixel));
  const thickness = trace.spans > height * 4 ? 1 : Math.max(2, Math.min(4, height / trace.spans - 1));
  context.globalAlpha = 0.85;
  for (let i = 0; i < lines; i++) {
    const row = Math.floor((i / lines) * trace.spans);
    const code = values.codes[row] ?? 0;
    context.fillStyle = code === 0 ? palette.faint : palette.solid[hues[code]!]!;
    const y =
      trace.spans <= height / 2 ? (i + 0.5) * (height / trace.spans) - thickness / 2 : (i / lines) * (height - 1);
    context.fillRect(trace.start[row]! * scale, y, Math.max(1.5, trace.duration[row]! * scale), thickness);
  }
  context.globalAlpha = 1;
  context.fillStyle = palette.error;
  let drawn = -1;
  for (let row = 0; row < trace.spans; row++) {
    if (trace.status[row] !== statusError) continue;
    const x = Math.floor(trace.start[row]! * scale);
    if (x === drawn) continue;
    context.fillRect(x, 0, 2, 4);
    drawn = x;
  }
}

/** The minimap: drag to choose a window of time, drag the window to move it, double click for all. */
import { useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { paintMinimap } from './minimap.ts';
import { readPalette } from './paint.ts';
import type { TraceView } from './trace-view.ts';

/** Nearer to an edge of the window, the edge is dragged. */
const edgePixels = 6;

export function Overview({ view }: { readonly view: TraceView }) {
  const root = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const window = useRef<HTMLDivElement>(null);
  const palette = readPalette();
  const colouring = view.colouring.value;
  const trace = view.trace.value;
  useEffect(() => {
    const element = canvas.current!;
    const paint = (): void => {
      const { width, height } = element.getBoundingClientRect();
      const ratio = devicePixelRatio;
      element.width = Math.round(width * ratio);
      element.height = Math.round(height * ratio);
      const context = element.getContext('2d')!;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      paintMinimap(context, { width, height }, trace, colouring, palette, view.wholeWindow.to);
    };
    const sizes = new ResizeObserver(paint);
    sizes.observe(element);
    return () => sizes.disconnect();
  }, [view, trace, colouring, palette.text]);
  useSignalEffect(() => {
    const { from, to } = view.window.value;
    const whole = view.wholeWindow.to;
    const element = window.current;
    if (element === null) return;
    element.style.left = `${(from / whole) * 100}%`;
    element.style.width = `${((to - from) / whole) * 100}%`;
    element.dataset['zoomed'] = String(view.isZoomed);
  });

  const onPointerDown = (event: PointerEvent): void => {
    const element = root.current!;
    const { left, width } = element.getBoundingClientRect();
    const whole = view.wholeWindow.to;
    const nanoAt = (x: number): number => Math.max(0, Math.min(1, (x - left) / width)) * whole;
    const at = nanoAt(event.clientX);
    const { from, to } = view.window.peek();
    const edge = (edgePixels / width) * whole;
    const nearFrom = Math.abs(at - from) < edge;
    const nearTo = Math.abs(at - to) < edge;
    const moves = view.isZoomed && !nearFrom && !nearTo && at > from && at < to;
    const fixed = view.isZoomed && nearFrom ? to : view.isZoomed && nearTo ? from : at;
    element.setPointerCapture(event.pointerId);
    element.onpointermove = (move) => {
      const now = nanoAt(move.clientX);
      if (moves) view.setWindow(from + now - at, to + now - at);
      else if (Math.abs(move.clientX - event.clientX) > 3) view.setWindow(Math.min(fixed, now), Math.max(fixed, now));
    };
    element.onpointerup = () => {
      element.onpointermove = null;
    };
  };

  return (
    <div
      ref={root}
      class="trace-overview"
      title="Drag to zoom, double click for the whole trace"
      aria-hidden="true"
      onPointerDown={onPointerDown}
      onDblClick={() => view.resetZoom()}
    >
      <canvas ref={canvas} />
      <div ref={window} class="trace-window" />
    </div>
  );
}

/**
 * The pointer on the chart. Wheel: rows; with Shift, or sideways: time; with Ctrl or ⌘, or a pinch: zoom at the pointer.
 * Drag on the ruler: measure; on the bars: move. A click selects, on the caret it opens and closes, a double click zooms
 * to the span. A finger moves rows and time at once.
 */
import { missingParentsRow } from '../model/rows.ts';
import { rowHeight, rulerHeight, type TimeWindow, type TraceView } from './trace-view.ts';

export interface PointerNote {
  readonly x: number;
  readonly y: number;
  readonly entry: number;
  readonly measured?: TimeWindow | undefined;
}

/** A press that moves less is a click. */
const dragPixelsMin = 4;

export function attachPointer(
  root: HTMLElement,
  canvas: HTMLElement,
  view: TraceView,
  setNote: (note: PointerNote | undefined) => void,
): () => void {
  const ended = new AbortController();
  const on = <Name extends keyof HTMLElementEventMap>(
    name: Name,
    listener: (event: HTMLElementEventMap[Name]) => void,
  ): void => root.addEventListener(name, listener as EventListener, { signal: ended.signal, passive: false });

  const box = (): DOMRect => canvas.getBoundingClientRect();
  const nanoAt = (clientX: number): number => {
    const { left, width } = box();
    const { from, to } = view.window.peek();
    return from + ((clientX - left) / width) * (to - from);
  };
  const indexAt = (clientY: number): number => {
    const y = clientY - box().top - rulerHeight;
    const index = y < 0 ? -1 : Math.floor((y + view.top.peek()) / rowHeight);
    return index < view.rows.peek().length ? index : -1;
  };
  const isOnBars = (event: MouseEvent): boolean => event.clientX >= box().left;
  const isOnRuler = (event: MouseEvent): boolean => isOnBars(event) && event.clientY < box().top + rulerHeight;

  on('wheel', (event) => {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? rowHeight : 1;
    if (event.ctrlKey || event.metaKey) {
      view.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY * unit * 0.004))), nanoAt(event.clientX));
      return;
    }
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (sideways !== 0) view.pan((sideways * unit) / box().width);
    if (!event.shiftKey && event.deltaY !== 0) view.scrollTo(view.top.peek() + event.deltaY * unit);
    hover(event);
  });

  const hover = (event: MouseEvent): void => {
    const index = indexAt(event.clientY);
    view.hoveredIndex.value = index;
    view.hoveredNano.value = isOnBars(event) ? nanoAt(event.clientX) : undefined;
    const entry = view.rows.peek()[index];
    setNote(entry === undefined || !isOnBars(event) ? undefined : { x: event.clientX, y: event.clientY, entry });
  };
  const leave = (): void => {
    view.hoveredIndex.value = -1;
    view.hoveredNano.value = undefined;
    setNote(undefined);
  };

  let press: Press | undefined;
  on('pointerdown', (event) => {
    if (event.button !== 0) return;
    view.measured.value = undefined;
    press = {
      x: event.clientX,
      y: event.clientY,
      kind: isOnRuler(event) ? 'measure' : isOnBars(event) || event.pointerType === 'touch' ? 'move' : 'none',
      startNano: nanoAt(event.clientX),
      window: view.window.peek(),
      top: view.top.peek(),
      moved: false,
    };
  });
  on('pointermove', (event) => {
    if (press === undefined) {
      hover(event);
      return;
    }
    const { x, y } = press;
    if (!press.moved && Math.hypot(event.clientX - x, event.clientY - y) < dragPixelsMin) return;
    if (!press.moved && press.kind !== 'none') root.setPointerCapture(event.pointerId);
    press.moved = true;
    if (press.kind === 'measure') {
      const at = Math.max(0, nanoAt(event.clientX));
      const measured = { from: Math.min(press.startNano, at), to: Math.max(press.startNano, at) };
      view.measured.value = measured;
      setNote({ x: event.clientX, y: event.clientY, entry: -1, measured });
    } else if (press.kind === 'move') {
      const { from, to } = press.window;
      const by = ((event.clientX - x) / box().width) * (to - from);
      view.setWindow(from - by, to - by);
      view.scrollTo(press.top - (event.clientY - y));
      setNote(undefined);
    }
  });
  on('pointerup', (event) => {
    const { moved = false, kind = 'none' } = press ?? {};
    press = undefined;
    if (moved || kind === 'measure') return;
    const index = indexAt(event.clientY);
    const entry = view.rows.peek()[index];
    if (entry === undefined || !(event.target instanceof Element)) return;
    if (event.target.closest('.trace-tree, .trace-canvas') === null) return;
    const onCaret = event.target.closest('.trace-caret') !== null;
    if (onCaret || entry < 0) view.toggle(entry);
    else if (getSelection()?.isCollapsed !== false) view.select(entry);
  });
  on('dblclick', (event) => {
    const entry = view.rows.peek()[indexAt(event.clientY)] ?? missingParentsRow;
    if (isOnRuler(event)) view.resetZoom();
    else if (isOnBars(event) && entry >= 0) view.zoomToSpan(entry);
  });
  on('pointercancel', () => {
    press = undefined;
  });
  on('pointerleave', leave);
  return () => ended.abort();
}

interface Press {
  readonly x: number;
  readonly y: number;
  readonly kind: 'measure' | 'move' | 'none';
  readonly startNano: number;
  readonly window: TimeWindow;
  readonly top: number;
  moved: boolean;
}

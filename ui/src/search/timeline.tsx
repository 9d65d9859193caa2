/**
 * Matching spans over time and the results' traces by duration. A drag zooms into a time, among the dots also into
 * durations; a click on a dot opens its trace.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { useKeys } from '../app/keys.ts';
import { href, navigate } from '../app/router.ts';
import type { TimeRange } from '../base/range.ts';
import { Tooltip } from '../components/tooltip.tsx';
import { theme } from '../design/theme.ts';
import { formatCount } from '../format/count.ts';
import { formatDuration } from '../format/duration.ts';
import { formatClock, formatSeconds } from '../format/time.ts';
import {
  drawTimeline,
  layout,
  type Point,
  rowAt,
  type Scene,
  type Selection,
  selectionOf,
  timelineHeight,
  xOf,
} from './draw-timeline.ts';
import { pointedTrace } from './pointed-trace.ts';
import type { Row } from './rows.ts';
import { type Bar, logScale } from './timeline-scale.ts';

export interface TimelineProps {
  readonly range: TimeRange;
  readonly bars: readonly Bar[];
  /** Of a bar. */
  readonly stepMs: number;
  readonly rows: readonly Row[];
  readonly loadedFromMs: number | undefined;
  /** Asks for what the user marked. */
  readonly zoom: (selection: Selection) => void;
}

/** In the canvas, and in the window. */
interface Pointer extends Point {
  readonly windowX: number;
  readonly windowY: number;
}

/** A shorter drag is a click. */
const dragPixelsMin = 5;

export function Timeline({ range, bars, stepMs, rows, loadedFromMs, zoom }: TimelineProps) {
  const root = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  useKeys(() => [
    {
      keys: 'z',
      does: 'Timeline: ← → move, Shift selects, Enter zooms',
      group: 'Search',
      run: () => root.current?.focus(),
    },
  ]);
  const [width, setWidth] = useState(0);
  const [pointer, setPointer] = useState<Pointer | undefined>(undefined);
  const [dragFrom, setDragFrom] = useState<Point | undefined>(undefined);
  /** With keys: the bars from one to the other. */
  const [keyed, setKeyed] = useState<{ readonly anchor: number; readonly head: number } | undefined>(undefined);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    observer.observe(root.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => setKeyed(undefined), [range.fromMs, range.toMs]);

  const base = { width, range, scale: logScale(rows.map((row) => row.durationMs)) };
  const dragged = dragFrom === undefined || pointer === undefined ? undefined : selectionOf(base, dragFrom, pointer);
  const selection = dragged ?? (keyed === undefined ? undefined : barsBetween(keyed.anchor, keyed.head));
  const still: Scene = { ...base, bars, rows, loadedFromMs, selection, pointed: undefined };
  const underPointer = pointer === undefined || dragged !== undefined ? undefined : rowAt(still, pointer.x, pointer.y);
  const inResults = pointedTrace.value;
  const pointed = underPointer ?? (inResults === undefined ? undefined : rows.find((row) => row.traceId === inResults));
  const scene: Scene = { ...still, pointed };
  const shade = theme.value;
  useEffect(() => {
    if (width > 0) drawTimeline(canvas.current!, scene);
  }, [width, range.fromMs, range.toMs, bars, rows, loadedFromMs, dragged, keyed, pointed, shade]);

  function barsBetween(a: number, b: number): TimeRange {
    return { fromMs: Math.min(a, b), toMs: Math.max(a, b) + stepMs };
  }
  const place = (event: PointerEvent): Pointer => {
    const box = canvas.current!.getBoundingClientRect();
    return { x: event.clientX - box.x, y: event.clientY - box.y, windowX: event.clientX, windowY: event.clientY };
  };
  const onPointerUp = (event: PointerEvent): void => {
    const at = place(event);
    setDragFrom(undefined);
    if (dragFrom !== undefined && Math.abs(at.x - dragFrom.x) >= dragPixelsMin) {
      zoom(selectionOf(base, dragFrom, at));
      return;
    }
    const row = rowAt(still, at.x, at.y);
    if (row !== undefined) navigate(href(`/trace/${row.traceId}`));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowLeft' ? -1 : event.key === 'ArrowRight' ? 1 : 0;
    if (step !== 0) {
      const last = Math.ceil(range.toMs / stepMs) * stepMs - stepMs;
      const head = Math.min(
        last,
        Math.max(Math.floor(range.fromMs / stepMs) * stepMs, (keyed?.head ?? last + stepMs) + step * stepMs),
      );
      setKeyed({ anchor: event.shiftKey && keyed !== undefined ? keyed.anchor : head, head });
    } else if (event.key === 'Enter' && selection !== undefined) zoom(selection);
    else if (event.key === 'Escape' && keyed !== undefined) setKeyed(undefined);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const spans = sum(bars);
  return (
    <div
      ref={root}
      class="timeline"
      role="application"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it takes the arrow keys
      tabIndex={0}
      aria-label="Timeline: arrow keys move, Shift selects, Enter zooms"
      onKeyDown={onKeyDown}
      onBlur={() => setKeyed(undefined)}
    >
      <canvas
        ref={canvas}
        role="img"
        aria-label={`${formatCount(spans.ok + spans.errors)} matching spans over time, ${formatCount(spans.errors)} of them errors; ${rows.length} traces by duration`}
        style={{ height: `${timelineHeight}px` }}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          canvas.current!.setPointerCapture(event.pointerId);
          setPointer(place(event));
          setDragFrom(place(event));
        }}
        onPointerMove={(event) => setPointer(place(event))}
        onPointerLeave={() => setPointer(undefined)}
        onPointerUp={onPointerUp}
        onPointerCancel={() => setDragFrom(undefined)}
      />
      {pointer !== undefined && dragFrom === undefined && <Note scene={scene} pointer={pointer} />}
      {keyed !== undefined && selection !== undefined && (
        <p class="timeline-keyed" role="status">
          {describe(selection, sum(bars.filter((bar) => bar.endMs > selection.fromMs && bar.startMs < selection.toMs)))}
        </p>
      )}
    </div>
  );
}

interface Counts {
  readonly ok: number;
  readonly errors: number;
}

const sum = (bars: readonly Counts[]): Counts =>
  bars.reduce((total, { ok, errors }) => ({ ok: total.ok + ok, errors: total.errors + errors }), { ok: 0, errors: 0 });

const describe = ({ fromMs, toMs }: TimeRange, { ok, errors }: Counts): string =>
  `${formatSeconds(fromMs)} – ${formatSeconds(toMs)}: ${formatCount(ok + errors)} spans, ${formatCount(errors)} errors`;

function Note({ scene, pointer }: { readonly scene: Scene; readonly pointer: Pointer }) {
  const { pointed } = scene;
  if (pointed !== undefined) {
    return (
      <Tooltip x={pointer.windowX} y={pointer.windowY}>
        <strong>
          {pointed.rootService} {pointed.rootName}
        </strong>
        <br />
        {formatDuration(pointed.durationMs * 1e6)} · {formatCount(pointed.spans)} spans
        {pointed.errors > 0 && ` · ${formatCount(pointed.errors)} errors`} · {formatClock(pointed.startMs)}
      </Tooltip>
    );
  }
  if (pointer.y > layout.barsTop + layout.barsHeight) return null;
  const bar = scene.bars.find(
    ({ startMs, endMs }) => pointer.x >= xOf(scene, startMs) && pointer.x < xOf(scene, endMs),
  );
  if (bar === undefined) return null;
  return (
    <Tooltip x={pointer.windowX} y={pointer.windowY}>
      {describe({ fromMs: bar.startMs, toMs: bar.endMs }, bar)}
    </Tooltip>
  );
}

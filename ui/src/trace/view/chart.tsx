/** The Gantt chart: labels, bars, ruler, scrolling, pointer. Drawn once a frame when a signal it reads has changed. */
import { effect, useSignalEffect } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { recall, remember } from '../../base/memory.ts';
import { Tooltip } from '../../components/tooltip.tsx';
import { theme } from '../../design/theme.ts';
import { formatDuration } from '../../format/duration.ts';
import { missingParentsRow } from '../model/rows.ts';
import { operationOf, statusError } from '../model/trace.ts';
import { statusNames } from '../model/values.ts';
import { LabelRows, rowElementId } from './label-rows.ts';
import { OwnTimes } from './own-time.ts';
import { paintChart, readPalette } from './paint.ts';
import { attachPointer, type PointerNote } from './pointer.ts';
import { rowHeight, rulerHeight, type TraceView } from './trace-view.ts';

const labelWidthMin = 140;

export function Chart({ view }: { readonly view: TraceView }) {
  const root = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const labels = useRef<HTMLDivElement>(null);
  const [note, setNote] = useState<PointerNote | undefined>(undefined);
  const [labelWidth, setLabelWidth] = useState(() => recall('trace.labels', 380));

  useEffect(() => {
    const element = canvas.current!;
    const context = element.getContext('2d')!;
    const rows = new LabelRows(labels.current!);
    let own = new OwnTimes(view.trace.peek());
    let ownOf = view.trace.peek();
    let frame = 0;
    let later = 0;
    const draw = (): void => {
      frame = 0;
      const { width, height } = element.getBoundingClientRect();
      const ratio = devicePixelRatio;
      if (element.width !== Math.round(width * ratio) || element.height !== Math.round(height * ratio)) {
        element.width = Math.round(width * ratio);
        element.height = Math.round(height * ratio);
      }
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      if (ownOf !== view.trace.peek()) {
        ownOf = view.trace.peek();
        own = new OwnTimes(ownOf);
      }
      rows.update(view);
      paintChart(view, { context, width, height, palette: readPalette(), own });
      later ||= window.setTimeout(() => view.afterFirstPaint(), 30);
    };
    const stop = effect(() => {
      // Everything that drawing reads, so that it happens once a frame and not inside of the effect.
      void [view.rows.value, view.window.value, view.top.value, view.selected.value, view.hoveredIndex.value];
      void [view.hoveredNano.value, view.measured.value, view.colouring.value, view.filter.value, view.trace.value];
      void [view.critical.value, view.height.value, view.events.value, theme.value];
      if (frame === 0) frame = requestAnimationFrame(draw);
    });
    const sizes = new ResizeObserver(() => {
      view.height.value = element.getBoundingClientRect().height - rulerHeight;
      view.scrollTo(view.top.peek());
      draw();
    });
    sizes.observe(element);
    return () => {
      stop();
      sizes.disconnect();
      cancelAnimationFrame(frame);
      clearTimeout(later);
      rows.clear();
    };
  }, [view]);

  useEffect(() => attachPointer(root.current!, canvas.current!, view, setNote), [view]);

  return (
    <div class="trace-chart" ref={root} style={{ '--labels': `${labelWidth}px` }}>
      <div class="trace-labels-head">
        <span>Service &amp; operation</span>
        <Splitter width={labelWidth} setWidth={setLabelWidth} />
      </div>
      <Tree view={view} inner={labels} />
      <canvas ref={canvas} class="trace-canvas" />
      <ScrollBar view={view} />
      {note !== undefined && <Note view={view} note={note} />}
    </div>
  );
}

/** Announces the tree; which row is active follows from the selection, the elements are those of LabelRows. */
function Tree({ view, inner }: { readonly view: TraceView; readonly inner: { current: HTMLDivElement | null } }) {
  const rows = view.rows.value;
  const selected = view.selected.value;
  const index = selected === -1 ? -1 : rows.indexOf(selected);
  const first = Math.floor(view.top.value / rowHeight);
  const inSight = index >= first && index <= first + view.height.value / rowHeight;
  return (
    <div
      class="trace-tree"
      role="treegrid"
      tabIndex={0}
      aria-label="Spans"
      aria-rowcount={rows.length}
      aria-activedescendant={inSight ? rowElementId(index) : undefined}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: a table would lay itself out anew at every scroll */}
      <div ref={inner} role="rowgroup" />
    </div>
  );
}

function Splitter({ width, setWidth }: { readonly width: number; readonly setWidth: (width: number) => void }) {
  const set = (next: number): void => {
    const fitting = Math.max(labelWidthMin, Math.min(innerWidth - 240, next));
    setWidth(fitting);
    remember('trace.labels', fitting);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: an <hr> has no keys
    <div
      class="trace-splitter"
      role="separator"
      tabIndex={0}
      aria-orientation="vertical"
      aria-label="Width of the labels"
      aria-valuenow={width}
      aria-valuemin={labelWidthMin}
      aria-valuemax={1200}
      onKeyDown={(event) => {
        const step = event.key === 'ArrowLeft' ? -20 : event.key === 'ArrowRight' ? 20 : 0;
        if (step === 0) return;
        set(width + step);
        event.preventDefault();
        event.stopPropagation();
      }}
      onPointerDown={(event) => {
        const from = event.clientX;
        const handle = event.currentTarget;
        handle.setPointerCapture(event.pointerId);
        handle.onpointermove = (move) => set(width + move.clientX - from);
        handle.onpointerup = () => {
          handle.onpointermove = null;
        };
        event.stopPropagation();
      }}
    />
  );
}

/** Rows may be higher together than the browser lets an element be, so scrolling is ours. */
function ScrollBar({ view }: { readonly view: TraceView }) {
  const track = useRef<HTMLDivElement>(null);
  const thumb = useRef<HTMLDivElement>(null);
  useSignalEffect(() => {
    const total = (view.rows.value.length + 1) * rowHeight;
    const space = view.height.value;
    const element = thumb.current;
    if (element === null) return;
    const length = Math.max(28, (space / total) * space);
    element.hidden = total <= space;
    element.style.height = `${length}px`;
    element.style.transform = `translateY(${(view.top.value / Math.max(1, view.topMax)) * (space - length)}px)`;
  });
  const onPointerDown = (event: PointerEvent): void => {
    const element = track.current!;
    const box = element.getBoundingClientRect();
    const length = thumb.current!.offsetHeight;
    const onThumb = event.target === thumb.current;
    const grip = onThumb ? event.clientY - thumb.current!.getBoundingClientRect().top : length / 2;
    const go = (y: number): void => view.scrollTo(((y - box.top - grip) / (box.height - length)) * view.topMax);
    go(event.clientY);
    element.setPointerCapture(event.pointerId);
    element.onpointermove = (move) => go(move.clientY);
    element.onpointerup = () => {
      element.onpointermove = null;
    };
    event.stopPropagation();
  };
  return (
    <div ref={track} class="trace-scrollbar" aria-hidden="true" onPointerDown={onPointerDown}>
      <div ref={thumb} class="trace-thumb" />
    </div>
  );
}

function Note({ view, note }: { readonly view: TraceView; readonly note: PointerNote }) {
  const { x, y, entry, measured } = note;
  if (measured !== undefined) {
    return (
      <Tooltip x={x} y={y}>
        <strong>{formatDuration(measured.to - measured.from)}</strong> from {formatDuration(measured.from)} to{' '}
        {formatDuration(measured.to)}
      </Tooltip>
    );
  }
  if (entry === missingParentsRow) {
    return (
      <Tooltip x={x} y={y}>
        Their parents have not arrived: lost, sampled away, or still under way
      </Tooltip>
    );
  }
  const trace = view.trace.value;
  if (entry < 0) {
    const { count, first, totalNano, startNano, endNano, errors } = view.folds[-2 - entry]!;
    return (
      <Tooltip x={x} y={y}>
        <strong>
          {count} × {operationOf(trace, first).name}
        </strong>
        <dl class="trace-facts">
          <dt>together</dt>
          <dd>{formatDuration(totalNano)}</dd>
          <dt>from first to last</dt>
          <dd>{formatDuration(endNano - startNano)}</dd>
          {errors > 0 && <dt>errors</dt>}
          {errors > 0 && <dd class="error-text">{errors}</dd>}
        </dl>
      </Tooltip>
    );
  }
  const { service, name } = operationOf(trace, entry);
  const shift = view.correctSkew.value ? (view.skew?.shift[entry] ?? 0) : 0;
  return (
    <Tooltip x={x} y={y}>
      <strong>
        {service} {name}
      </strong>
      <dl class="trace-facts">
        <dt>duration</dt>
        <dd>{formatDuration(trace.duration[entry]!)}</dd>
        <dt>self</dt>
        <dd>{formatDuration(view.self.value[entry]!)}</dd>
        <dt>start</dt>
        <dd>{formatDuration(trace.start[entry]!)}</dd>
        {trace.status[entry] === statusError && <dt>status</dt>}
        {trace.status[entry] === statusError && <dd class="error-text">{statusNames[2]}</dd>}
        {shift !== 0 && <dt>clock corrected by</dt>}
        {shift !== 0 && <dd>{formatDuration(shift)}</dd>}
      </dl>
    </Tooltip>
  );
}

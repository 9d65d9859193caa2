/**
 * Durations over time, on a canvas: the darker or brighter a cell, the more spans. Diamonds are single traces and links to
 * them. A click on a cell leads to its traces, a drag marks a region.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { href } from '../app/router.ts';
import { Tooltip } from '../components/tooltip.tsx';
import { theme, token } from '../design/theme.ts';
import { formatCount } from '../format/count.ts';
import { formatDuration } from '../format/duration.ts';
import { formatClock, formatSeconds } from '../format/time.ts';
import { cellAt, durationAt, type Heat, heatStartMs, heightOf, strength } from './heat.ts';
import type { Region } from './region.ts';

export interface HeatmapProps {
  readonly heat: Heat;
  /** Drawn as a frame. */
  readonly region: Region | undefined;
  readonly onRegion: (region: Region) => void;
  readonly onCell: (region: Required<Omit<Region, 'errors'>>) => void;
}

const height = 236;
/** Room for the axes. */
const gutter = { left: 58, bottom: 22, right: 8, top: 6 } as const;
const plotHeight = height - gutter.top - gutter.bottom;
const diamondsMax = 48;

interface Spot {
  readonly x: number;
  readonly y: number;
}

export function Heatmap({ heat, region, onRegion, onCell }: HeatmapProps) {
  const root = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [drag, setDrag] = useState<{ readonly from: Spot; readonly to: Spot } | undefined>(undefined);
  const [hover, setHover] = useState<{ readonly event: PointerEvent; readonly text: string[] } | undefined>(undefined);
  const plotWidth = Math.max(1, width - gutter.left - gutter.right);
  const colours = theme.value;

  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry!.contentRect.width));
    observer.observe(root.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (width > 0) draw(canvas.current!, heat, plotWidth);
  }, [heat, width, colours]);

  const startMs = heatStartMs(heat);
  const lengthMs = heat.columns * heat.stepMs;
  /** Parts of width and height from the lower left, inside the plot. */
  const spotOf = (event: PointerEvent): Spot => {
    const { left, top } = root.current!.getBoundingClientRect();
    const x = (event.clientX - left - gutter.left) / plotWidth;
    const y = 1 - (event.clientY - top - gutter.top) / plotHeight;
    return { x: clamp(x), y: clamp(y) };
  };
  const regionOf = (a: Spot, b: Spot): Required<Omit<Region, 'errors'>> => ({
    fromMs: startMs + Math.min(a.x, b.x) * lengthMs,
    toMs: startMs + Math.max(a.x, b.x) * lengthMs,
    minNano: durationAt(heat, Math.min(a.y, b.y)),
    maxNano: durationAt(heat, Math.max(a.y, b.y)),
  });
  const cellRegion = ({ x, y }: Spot) => {
    const cell = cellAt(heat, x, y);
    if (cell === undefined) return undefined;
    const corner = { x: cell.column / heat.columns, y: cell.row / heat.rows };
    const end = { x: corner.x + 1 / heat.columns, y: corner.y + 1 / heat.rows };
    return { region: regionOf(corner, end), count: heat.counts[cell.row * heat.columns + cell.column]! };
  };

  const onPointerMove = (event: PointerEvent): void => {
    const to = spotOf(event);
    if (drag !== undefined) {
      setDrag({ from: drag.from, to });
      return;
    }
    const cell = cellRegion(to);
    if (cell === undefined) return;
    const { fromMs, toMs, minNano, maxNano } = cell.region;
    const text = [
      `${formatCount(cell.count)} spans`,
      `${formatDuration(minNano)} to ${formatDuration(maxNano)}, ${formatSeconds(fromMs)} to ${formatSeconds(toMs)}`,
    ];
    setHover({ event, text });
  };
  const onPointerUp = (): void => {
    if (drag === undefined) return;
    setDrag(undefined);
    const { from, to } = drag;
    if (Math.abs(from.x - to.x) * plotWidth > 4 || Math.abs(from.y - to.y) * plotHeight > 4) {
      onRegion(regionOf(from, to));
      return;
    }
    const cell = cellRegion(from);
    if (cell !== undefined && cell.count > 0) onCell(cell.region);
  };

  const marked = drag === undefined ? region : regionOf(drag.from, drag.to);
  return (
    <div class="heatmap" ref={root}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Durations over time: ${formatCount(heat.counts.reduce((sum, n) => sum + n, 0))} spans from ${formatDuration(durationAt(heat, 0))} to ${formatDuration(durationAt(heat, 1))}`}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          setHover(undefined);
          setDrag({ from: spotOf(event), to: spotOf(event) });
        }}
        onPointerMove={onPointerMove}
        onPointerUp={onPointerUp}
        onPointerCancel={() => setDrag(undefined)}
        onPointerLeave={() => setHover(undefined)}
      />
      {width > 0 && marked !== undefined && hasBounds(marked) && (
        <div class="heat-region" style={frameOf(marked, heat, plotWidth)} aria-hidden="true" />
      )}
      {width > 0 &&
        heat.exemplars.slice(0, diamondsMax).map(({ traceId, atMs, durationNano }) => (
          // biome-ignore lint/a11y/useAnchorContent: a mark on a picture, its label says what it is
          <a
            key={`${traceId} ${atMs}`}
            class="diamond"
            href={href(`/trace/${encodeURIComponent(traceId)}`)}
            aria-label={`Trace of ${formatDuration(durationNano)} at ${formatClock(atMs)}`}
            title={`Trace of ${formatDuration(durationNano)} at ${formatClock(atMs)}`}
            style={{
              left: `${gutter.left + clamp((atMs - startMs) / lengthMs) * plotWidth}px`,
              top: `${gutter.top + (1 - heightOf(heat, durationNano)) * plotHeight}px`,
            }}
          />
        ))}
      {hover !== undefined && (
        <Tooltip x={hover.event.clientX} y={hover.event.clientY}>
          <strong>{hover.text[0]}</strong>
          <div class="soft">{hover.text[1]}</div>
        </Tooltip>
      )}
    </div>
  );
}

const clamp = (part: number): number => Math.max(0, Math.min(0.999999, part));

/** Failed spans are a region without bounds: a frame around everything would say nothing. */
const hasBounds = ({ fromMs, toMs, minNano, maxNano }: Region): boolean =>
  [fromMs, toMs, minNano, maxNano].some((bound) => bound !== undefined);

function frameOf({ fromMs, toMs, minNano, maxNano }: Region, heat: Heat, plotWidth: number) {
  const startMs = heatStartMs(heat);
  const lengthMs = heat.columns * heat.stepMs;
  const left = fromMs === undefined ? 0 : clamp((fromMs - startMs) / lengthMs);
  const right = toMs === undefined ? 1 : clamp((toMs - startMs) / lengthMs);
  const low = minNano === undefined ? 0 : heightOf(heat, minNano);
  const high = maxNano === undefined ? 1 : heightOf(heat, maxNano);
  return {
    left: `${gutter.left + left * plotWidth}px`,
    width: `${(right - left) * plotWidth}px`,
    top: `${gutter.top + (1 - high) * plotHeight}px`,
    height: `${(high - low) * plotHeight}px`,
  };
}

function draw(canvas: HTMLCanvasElement, heat: Heat, plotWidth: number): void {
  const ratio = devicePixelRatio;
  const width = plotWidth + gutter.left + gutter.right;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.height = `${height}px`;
  const context = canvas.getContext('2d')!;
  context.scale(ratio, ratio);
  drawCells(context, heat, plotWidth);
  drawAxes(context, heat, plotWidth);
}

function drawCells(context: CanvasRenderingContext2D, heat: Heat, plotWidth: number): void {
  const { columns, rows, counts, countMax } = heat;
  const [cellWidth, cellHeight] = [plotWidth / columns, plotHeight / rows];
  const gap = cellWidth > 4 ? 1 : 0;
  context.fillStyle = token('--accent');
  for (let row = 0; row < rows; row++) {
    const top = gutter.top + plotHeight - (row + 1) * cellHeight;
    for (let column = 0; column < columns; column++) {
      const count = counts[row * columns + column]!;
      if (count === 0) continue;
      context.globalAlpha = strength(count, countMax);
      context.fillRect(gutter.left + column * cellWidth, top, cellWidth - gap, cellHeight - 1);
    }
  }
  context.globalAlpha = 1;
}

function drawAxes(context: CanvasRenderingContext2D, heat: Heat, plotWidth: number): void {
  context.font = '10px system-ui, sans-serif';
  context.fillStyle = token('--text-faint');
  context.strokeStyle = token('--line');
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  const every = Math.max(1, Math.ceil((heat.rows * 18) / plotHeight));
  for (let row = 0; row <= heat.rows; row += every) {
    const y = gutter.top + plotHeight * (1 - row / heat.rows);
    context.fillText(formatDuration(durationAt(heat, row / heat.rows)), gutter.left - 8, y);
  }
  context.beginPath();
  context.moveTo(gutter.left, gutter.top + plotHeight + 0.5);
  context.lineTo(gutter.left + plotWidth, gutter.top + plotHeight + 0.5);
  context.stroke();
  context.textAlign = 'center';
  const labels = Math.max(1, Math.floor(plotWidth / 110));
  const lengthMs = heat.columns * heat.stepMs;
  for (let label = 0; label <= labels; label++) {
    const part = label / labels;
    const inside = Math.min(Math.max(part * plotWidth, 22), plotWidth - 22);
    context.fillText(formatSeconds(heatStartMs(heat) + part * lengthMs), gutter.left + inside, height - 9);
  }
}

/**
 * The timeline on its canvas: bars of matching spans with errors at their foot, an axis of time, and a dot for every
 * trace of the results by start and duration. Errors are red squares, the rest round, so that colour is not the only sign.
 */
import type { TimeRange } from '../base/range.ts';
import { token } from '../design/theme.ts';
import { formatShortCount } from '../format/count.ts';
import { formatDuration } from '../format/duration.ts';
import { formatDate, formatSeconds } from '../format/time.ts';
import type { Row } from './rows.ts';
import { type Bar, type LogScale, timeTicks } from './timeline-scale.ts';

export const layout = { left: 52, right: 8, barsTop: 8, barsHeight: 56, axisHeight: 20, dotsHeight: 92, bottom: 8 };
export const timelineHeight =
  layout.barsTop + layout.barsHeight + layout.axisHeight + layout.dotsHeight + layout.bottom;
const dotsTop = layout.barsTop + layout.barsHeight + layout.axisHeight;

export interface Scene {
  readonly width: number;
  readonly range: TimeRange;
  readonly bars: readonly Bar[];
  readonly rows: readonly Row[];
  readonly scale: LogScale;
  /** Traces that started before are not among the results. */
  readonly loadedFromMs: number | undefined;
  /** The row under the pointer. */
  readonly pointed: Row | undefined;
  readonly selection: Selection | undefined;
}

/** A part of the time; of the traces in it, those between two durations, when these are there. */
export interface Selection extends TimeRange {
  readonly durationsMs?: readonly [number, number];
}

type Frame = Pick<Scene, 'width' | 'range'>;

export const xOf = ({ width, range }: Frame, ms: number): number =>
  layout.left + ((ms - range.fromMs) / (range.toMs - range.fromMs)) * (width - layout.left - layout.right);

export function msAt({ width, range }: Frame, x: number): number {
  const part = (x - layout.left) / (width - layout.left - layout.right);
  return range.fromMs + Math.min(1, Math.max(0, part)) * (range.toMs - range.fromMs);
}

const yOf = (scale: LogScale, ms: number): number => dotsTop + (1 - scale.at(ms)) * layout.dotsHeight;

const durationAt = (scale: LogScale, y: number): number =>
  scale.ms(1 - Math.min(1, Math.max(0, (y - dotsTop) / layout.dotsHeight)));

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Less high, a rectangle among the dots means a time alone. */
const lassoPixelsMin = 16;

/** What lies between two points. */
export function selectionOf(scene: Frame & Pick<Scene, 'scale'>, a: Point, b: Point): Selection {
  const range = { fromMs: msAt(scene, Math.min(a.x, b.x)), toMs: msAt(scene, Math.max(a.x, b.x)) };
  if (Math.min(a.y, b.y) < dotsTop || Math.abs(a.y - b.y) < lassoPixelsMin) return range;
  const low = durationAt(scene.scale, Math.max(a.y, b.y));
  return { ...range, durationsMs: [low, durationAt(scene.scale, Math.min(a.y, b.y))] };
}

const reachPixels = 10;

/** The nearest dot within a few pixels. */
export function rowAt(scene: Scene, x: number, y: number): Row | undefined {
  let best: Row | undefined;
  let bestDistance = reachPixels ** 2;
  for (const row of scene.rows) {
    const distance = (xOf(scene, row.startMs) - x) ** 2 + (yOf(scene.scale, row.durationMs) - y) ** 2;
    if (distance >= bestDistance) continue;
    best = row;
    bestDistance = distance;
  }
  return best;
}

export function drawTimeline(canvas: HTMLCanvasElement, scene: Scene): void {
  const ratio = devicePixelRatio;
  canvas.width = Math.round(scene.width * ratio);
  canvas.height = Math.round(timelineHeight * ratio);
  const context = canvas.getContext('2d')!;
  context.scale(ratio, ratio);
  context.font = `11px ${token('--font-text')}`;
  context.textBaseline = 'middle';
  drawSelection(context, scene);
  drawAxes(context, scene);
  drawUnloaded(context, scene);
  drawBars(context, scene);
  drawDots(context, scene);
}

function drawSelection(context: CanvasRenderingContext2D, scene: Scene): void {
  const { selection, scale, width } = scene;
  if (selection === undefined) return;
  const left = Math.max(layout.left, xOf(scene, selection.fromMs));
  const right = Math.min(width - layout.right, xOf(scene, selection.toMs));
  const [low, high] = selection.durationsMs ?? [];
  const top = high === undefined ? 0 : yOf(scale, high);
  const bottom = low === undefined ? timelineHeight : yOf(scale, low);
  context.fillStyle = token('--accent-soft');
  context.fillRect(left, top, right - left, bottom - top);
  context.strokeStyle = token('--accent');
  context.lineWidth = 1;
  context.strokeRect(left + 0.5, top - 0.5, right - left - 1, bottom - top + 1);
}

function drawAxes(context: CanvasRenderingContext2D, scene: Scene): void {
  const { width, range, scale } = scene;
  const end = width - layout.right;
  context.lineWidth = 1;
  context.strokeStyle = token('--line');
  context.fillStyle = token('--text-faint');
  const axisY = layout.barsTop + layout.barsHeight;
  horizontal(context, axisY, end);
  context.textAlign = 'center';
  const spanMs = range.toMs - range.fromMs;
  for (const at of timeTicks(range, width - layout.left - layout.right)) {
    const x = xOf(scene, at);
    const clock = spanMs < 600_000 ? formatSeconds(at) : formatSeconds(at).slice(0, 5);
    const label = spanMs > 86_400_000 ? `${formatDate(at).slice(5)} ${clock}` : clock;
    context.beginPath();
    context.moveTo(Math.round(x) + 0.5, axisY);
    context.lineTo(Math.round(x) + 0.5, axisY + 3);
    context.stroke();
    if (x > layout.left + 24 && x < end - 24) context.fillText(label, x, axisY + layout.axisHeight / 2 + 2);
  }
  context.textAlign = 'right';
  const every = Math.ceil(scale.ticks.length / 4);
  for (const [index, ms] of scale.ticks.entries()) {
    if (index % every !== 0) continue;
    const y = yOf(scale, ms);
    horizontal(context, y, end);
    context.fillText(formatDuration(ms * 1e6), layout.left - 8, y);
  }
}

function horizontal(context: CanvasRenderingContext2D, y: number, end: number): void {
  context.beginPath();
  context.moveTo(layout.left, Math.round(y) + 0.5);
  context.lineTo(end, Math.round(y) + 0.5);
  context.stroke();
}

/** Says that there are more traces where no dots are. */
function drawUnloaded(context: CanvasRenderingContext2D, scene: Scene): void {
  if (scene.loadedFromMs === undefined) return;
  const right = xOf(scene, scene.loadedFromMs);
  const wide = right - layout.left;
  if (wide < 4) return;
  context.fillStyle = token('--bg-raised');
  context.fillRect(layout.left, dotsTop, wide, layout.dotsHeight);
  const text = 'older traces: not among the results below';
  if (context.measureText(text).width + 16 > wide) return;
  context.fillStyle = token('--text-faint');
  context.textAlign = 'center';
  context.fillText(text, layout.left + wide / 2, dotsTop + layout.dotsHeight / 2);
}

function drawBars(context: CanvasRenderingContext2D, scene: Scene): void {
  let most = 0;
  for (const { ok, errors } of scene.bars) most = Math.max(most, ok + errors);
  if (most === 0) return;
  const foot = layout.barsTop + layout.barsHeight;
  const mark = token('--mark');
  const error = token('--error');
  for (const { startMs, endMs, ok, errors } of scene.bars) {
    const left = Math.max(layout.left, Math.round(xOf(scene, startMs)));
    const right = Math.min(scene.width - layout.right, Math.round(xOf(scene, endMs)) - 1);
    const width = Math.max(1, right - left);
    // One span, failing or not, among thousands must be seen.
    const total = Math.max(2, ((ok + errors) / most) * layout.barsHeight);
    const failed = errors === 0 ? 0 : Math.max(2, (errors / most) * layout.barsHeight);
    context.fillStyle = mark;
    context.fillRect(left, foot - total, width, total);
    context.fillStyle = error;
    context.fillRect(left, foot - failed, width, failed);
  }
  context.fillStyle = token('--text-faint');
  context.textAlign = 'right';
  context.fillText(formatShortCount(most), layout.left - 8, layout.barsTop + 4);
}

function drawDots(context: CanvasRenderingContext2D, scene: Scene): void {
  const { rows, scale, pointed } = scene;
  const right = scene.width - layout.right;
  const dots = rows.filter(({ startMs }) => {
    const x = xOf(scene, startMs);
    return x >= layout.left && x <= right;
  });
  context.globalAlpha = dots.length > 150 ? 0.7 : 0.9;
  context.fillStyle = token('--mark');
  for (const row of dots) {
    if (row.errors > 0) continue;
    context.beginPath();
    context.arc(xOf(scene, row.startMs), yOf(scale, row.durationMs), 2.5, 0, 2 * Math.PI);
    context.fill();
  }
  context.globalAlpha = 1;
  context.fillStyle = token('--error');
  for (const row of dots) {
    if (row.errors > 0) context.fillRect(xOf(scene, row.startMs) - 2.5, yOf(scale, row.durationMs) - 2.5, 5, 5);
  }
  if (pointed === undefined) return;
  context.strokeStyle = token('--accent');
  context.lineWidth = 2;
  context.beginPath();
  context.arc(xOf(scene, pointed.startMs), yOf(scale, pointed.durationMs), 5.5, 0, 2 * Math.PI);
  context.stroke();
}

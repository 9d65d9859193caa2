/**
 * Draws the right half of the chart: bars of the rows in sight, ruler, critical path. Only what is in sight is looked at,
 * whatever the size of the trace, and marks that fall on one pixel are drawn once.
 */
import { hueColour, serviceHues } from '../../design/service-colour.ts';
import { theme, token } from '../../design/theme.ts';
import { formatDuration } from '../../format/duration.ts';
import { type Fold, missingParentsRow } from '../model/rows.ts';
import { missingParent, statusError, type Trace } from '../model/trace.ts';
import type { OwnTimes } from './own-time.ts';
import { ticks } from './ticks.ts';
import { rowHeight, rulerHeight, type TraceView } from './trace-view.ts';

const barHeight = 12;
const barTop = (rowHeight - barHeight) / 2 - 1;
const barWidthMin = 2;
const labelGap = 6;

export interface Palette {
  readonly solid: readonly string[];
  readonly pale: readonly string[];
  readonly text: string;
  readonly soft: string;
  readonly faint: string;
  readonly line: string;
  readonly background: string;
  readonly raised: string;
  readonly error: string;
  readonly accent: string;
  readonly accentSoft: string;
  readonly font: string;
}

let known: { readonly theme: string; readonly palette: Palette } | undefined;

/** Colours of the theme in force, by hue. Reading it subscribes to the theme. */
export function readPalette(): Palette {
  if (known?.theme === theme.value) return known.palette;
  const indexes = Array.from({ length: serviceHues.length }, (_, i) => i);
  const palette: Palette = {
    solid: indexes.map((i) => hueColour(i)),
    pale: indexes.map((i) => hueColour(i, 0.34)),
    text: token('--text'),
    soft: token('--text-soft'),
    faint: token('--text-faint'),
    line: token('--line'),
    background: token('--bg'),
    raised: token('--bg-raised'),
    error: token('--error'),
    accent: token('--accent'),
    accentSoft: token('--accent-soft'),
    font: `11px ${token('--font-text')}`,
  };
  known = { theme: theme.value, palette };
  return palette;
}

export interface Surface {
  readonly context: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
  readonly palette: Palette;
  readonly own: OwnTimes;
}

export function paintChart(view: TraceView, surface: Surface): void {
  new ChartPainter(view, surface).paint();
}

class ChartPainter {
  readonly #view: TraceView;
  readonly #surface: Surface;
  readonly #context: CanvasRenderingContext2D;
  readonly #trace: Trace;
  readonly #from: number;
  readonly #to: number;
  readonly #scale: number;

  constructor(view: TraceView, surface: Surface) {
    this.#view = view;
    this.#surface = surface;
    this.#context = surface.context;
    this.#trace = view.trace.value;
    const { from, to } = view.window.value;
    this.#from = from;
    this.#to = to;
    this.#scale = surface.width / (to - from);
  }

  #x(nano: number): number {
    return (nano - this.#from) * this.#scale;
  }

  paint(): void {
    const { width, height, palette } = this.#surface;
    const context = this.#context;
    context.clearRect(0, 0, width, height);
    context.font = palette.font;
    context.textBaseline = 'middle';
    const marks = ticks(this.#from, this.#to, Math.max(2, width / 110));
    context.fillStyle = palette.line;
    for (const mark of marks) context.fillRect(Math.round(this.#x(mark)), rulerHeight, 1, height - rulerHeight);
    this.#rows();
    this.#measure();
    this.#ruler(marks);
    this.#crosshair();
  }

  #rows(): void {
    const { height, width } = this.#surface;
    const rows = this.#view.rows.value;
    const top = this.#view.top.value;
    const first = Math.floor(top / rowHeight);
    const last = Math.min(rows.length, Math.ceil((top + height - rulerHeight) / rowHeight));
    this.#context.save();
    this.#context.beginPath();
    this.#context.rect(0, rulerHeight, width, height - rulerHeight);
    this.#context.clip();
    for (let i = first; i < last; i++) {
      const entry = rows[i]!;
      const y = rulerHeight + i * rowHeight - top + barTop;
      if (entry >= 0) this.#span(entry, y);
      else if (entry === missingParentsRow) this.#missing(rows, i, y);
      else this.#fold(this.#view.folds[-2 - entry]!, y);
    }
    this.#context.restore();
  }

  #span(row: number, y: number): void {
    const { start, duration, subtree, status } = this.#trace;
    const { palette, width, own } = this.#surface;
    const context = this.#context;
    const from = start[row]!;
    const to = from + duration[row]!;
    const x = this.#x(from);
    const end = Math.max(x + barWidthMin, this.#x(to));
    const hue = this.#hueOf(row);
    const { matches } = this.#view.filter.value;
    const dim = matches !== undefined && matches[row] === 0;
    if (dim) context.globalAlpha = 0.35;
    const left = Math.max(-2, x);
    const right = Math.min(width + 2, end);
    if (right > left) {
      const isLeaf = subtree[row] === 1;
      context.fillStyle = isLeaf ? solidOf(palette, hue) : paleOf(palette, hue);
      roundedBar(context, left, y, right - left, barHeight);
      if (!isLeaf) {
        context.fillStyle = solidOf(palette, hue);
        this.#stretches(own.of(row), y, barHeight);
      }
      if (status[row] === statusError) {
        context.fillStyle = palette.error;
        context.fillRect(left, y, Math.min(3, right - left), barHeight);
        context.fillRect(left, y + barHeight - 2, right - left, 2);
      }
      if (this.#view.correctSkew.value && (this.#view.skew?.shift[row] ?? 0) !== 0) this.#dashed(left, y, right - left);
      if (row === this.#view.selected.value) this.#selected(left, right, y);
    }
    this.#critical(row, y);
    this.#durationLabel(formatDuration(duration[row]!), x, end, y);
    context.globalAlpha = 1;
  }

  #hueOf(row: number): number {
    const { values, hues } = this.#view.colouring.value;
    const code = values.codes[row] ?? 0;
    return code === 0 ? -1 : hues[code]!;
  }

  /** Pairs of from and to as parts of a bar; those that fall on a pixel already drawn are passed over. */
  #stretches(pairs: Float64Array, y: number, height: number): void {
    const context = this.#context;
    const { width } = this.#surface;
    let drawn = -2;
    for (let i = firstEndingAfter(pairs, this.#from); i < pairs.length; i += 2) {
      const x = Math.max(drawn, this.#x(pairs[i]!));
      if (x > width) break;
      const end = Math.max(x + 0.5, this.#x(pairs[i + 1]!));
      if (end <= drawn + 0.5) continue;
      context.fillRect(x, y, Math.min(width + 2, end) - x, height);
      drawn = end;
    }
  }

  #critical(row: number, y: number): void {
    const path = this.#view.critical.value;
    if (path === undefined || path.first[row] === path.end[row]) return;
    const { palette, width } = this.#surface;
    this.#context.fillStyle = palette.text;
    let drawn = width + 2;
    for (let i = path.first[row]!; i < path.end[row]!; i++) {
      const x = Math.max(-2, this.#x(path.from[i]!));
      const end = Math.min(drawn, Math.max(x + 1, this.#x(path.to[i]!)));
      if (end < 0) break;
      if (x > width || end <= x) continue;
      this.#context.fillRect(x, y + barHeight + 2, end - x, 2);
      drawn = x;
    }
  }

  #selected(left: number, right: number, y: number): void {
    const { palette } = this.#surface;
    const context = this.#context;
    context.strokeStyle = palette.accent;
    context.lineWidth = 1.5;
    context.strokeRect(left - 1.5, y - 1.5, right - left + 3, barHeight + 3);
    context.fillStyle = palette.text;
    for (const event of this.#view.events.value) {
      const x = this.#x(event);
      context.beginPath();
      context.moveTo(x, y - 3);
      context.lineTo(x + 3, y + 1);
      context.lineTo(x, y + 5);
      context.lineTo(x - 3, y + 1);
      context.fill();
    }
  }

  #fold(fold: Fold, y: number): void {
    const { start, duration } = this.#trace;
    const { palette } = this.#surface;
    const hue = this.#hueOf(fold.first);
    const x = this.#x(fold.startNano);
    const end = Math.max(x + barWidthMin, this.#x(fold.endNano));
    this.#context.fillStyle = paleOf(palette, hue);
    this.#context.fillRect(x, y + 3, end - x, barHeight - 6);
    this.#context.fillStyle = solidOf(palette, hue);
    const { width } = this.#surface;
    let drawn = -2;
    for (let row = fold.first; row < fold.first + fold.count; row++) {
      const left = this.#x(start[row]!);
      if (left > width) break;
      const right = Math.max(left + 1, this.#x(start[row]! + duration[row]!) - 0.5);
      if (right <= drawn + 0.5) continue;
      const from = Math.max(drawn, left);
      this.#context.fillRect(from, y, Math.min(right, width + 2) - from, barHeight);
      drawn = right;
    }
    if (fold.errors > 0) {
      this.#context.fillStyle = palette.error;
      this.#context.fillRect(Math.max(-2, x), y + barHeight - 2, end - Math.max(-2, x), 2);
    }
    this.#durationLabel(`${fold.count} × · ${formatDuration(fold.totalNano)}`, x, end, y);
  }

  /** From the first to the last of the orphans below. */
  #missing(rows: Int32Array, index: number, y: number): void {
    const { start, duration, parent, subtree } = this.#trace;
    let row = rows[index + 1] ?? -1;
    if (row < 0) row = parent.indexOf(missingParent);
    let from = Infinity;
    let to = 0;
    for (; row >= 0 && row < this.#trace.spans; row += subtree[row]!) {
      from = Math.min(from, start[row]!);
      to = Math.max(to, start[row]! + duration[row]!);
    }
    if (from < Infinity) this.#dashed(this.#x(from), y, Math.max(barWidthMin, (to - from) * this.#scale));
  }

  #dashed(x: number, y: number, width: number): void {
    const context = this.#context;
    context.strokeStyle = this.#surface.palette.soft;
    context.lineWidth = 1;
    context.setLineDash([4, 3]);
    context.strokeRect(x + 0.5, y + 0.5, width - 1, barHeight - 1);
    context.setLineDash([]);
  }

  /** Behind the bar, before it, or in it, where there is room. */
  #durationLabel(text: string, x: number, end: number, y: number): void {
    const { palette, width } = this.#surface;
    const context = this.#context;
    const middle = y + barHeight / 2;
    if (end < 0 || x > width) {
      context.fillStyle = palette.faint;
      context.textAlign = end < 0 ? 'left' : 'right';
      context.fillText(end < 0 ? `‹ ${text}` : `${text} ›`, end < 0 ? labelGap : width - labelGap, middle);
      return;
    }
    context.fillStyle = palette.soft;
    const space = text.length * 6.5 + labelGap;
    if (end + space < width) {
      context.textAlign = 'left';
      context.fillText(text, end + labelGap, middle);
    } else if (x > space) {
      context.textAlign = 'right';
      context.fillText(text, x - labelGap, middle);
    } else {
      const textWidth = context.measureText(text).width;
      const right = Math.min(end, width) - labelGap;
      context.fillStyle = palette.background;
      context.globalAlpha *= 0.8;
      context.fillRect(right - textWidth - 4, y + 0.5, textWidth + 8, barHeight - 1);
      context.globalAlpha /= 0.8;
      context.fillStyle = palette.text;
      context.textAlign = 'right';
      context.fillText(text, right, middle);
    }
  }

  #ruler(marks: readonly number[]): void {
    const { width, palette } = this.#surface;
    const context = this.#context;
    context.fillStyle = palette.background;
    context.fillRect(0, 0, width, rulerHeight);
    context.fillStyle = palette.line;
    context.fillRect(0, rulerHeight - 1, width, 1);
    context.textAlign = 'left';
    for (const mark of marks) {
      const x = Math.round(this.#x(mark));
      context.fillStyle = palette.line;
      context.fillRect(x, rulerHeight - 7, 1, 6);
      context.fillStyle = palette.soft;
      const text = mark === 0 ? '0' : formatDuration(mark);
      if (x + 4 + text.length * 6.5 < width) context.fillText(text, x + 4, rulerHeight / 2 - 1);
    }
  }

  #crosshair(): void {
    const nano = this.#view.hoveredNano.value;
    if (nano === undefined || this.#view.measured.value !== undefined) return;
    const { palette, height } = this.#surface;
    const x = Math.round(this.#x(nano));
    this.#context.fillStyle = palette.accent;
    this.#context.globalAlpha = 0.55;
    this.#context.fillRect(x, rulerHeight - 7, 1, height);
    this.#context.globalAlpha = 1;
    this.#flag(formatDuration(nano), x);
  }

  #measure(): void {
    const measured = this.#view.measured.value;
    if (measured === undefined) return;
    const { palette, height } = this.#surface;
    const x = this.#x(measured.from);
    const end = this.#x(measured.to);
    this.#context.fillStyle = palette.accentSoft;
    this.#context.fillRect(x, rulerHeight, end - x, height);
    this.#context.fillStyle = palette.accent;
    this.#context.fillRect(Math.round(x), rulerHeight, 1, height);
    this.#context.fillRect(Math.round(end), rulerHeight, 1, height);
  }

  /** A text on the ruler, kept inside. */
  #flag(text: string, x: number): void {
    const { palette, width } = this.#surface;
    const context = this.#context;
    const textWidth = context.measureText(text).width + 10;
    const left = Math.max(0, Math.min(width - textWidth, x - textWidth / 2));
    context.fillStyle = palette.accent;
    roundedBar(context, left, 3, textWidth, rulerHeight - 9);
    context.fillStyle = palette.background;
    context.textAlign = 'center';
    context.fillText(text, left + textWidth / 2, rulerHeight / 2 - 1);
  }
}

const solidOf = (palette: Palette, hue: number): string => (hue === -1 ? palette.faint : palette.solid[hue]!);
const paleOf = (palette: Palette, hue: number): string => (hue === -1 ? palette.line : palette.pale[hue]!);

function roundedBar(context: CanvasRenderingContext2D, x: number, y: number, width: number, height: number): void {
  if (width < 6) {
    context.fillRect(x, y, width, height);
    return;
  }
  context.beginPath();
  context.roundRect(x, y, width, height, 2);
  context.fill();
}

/** Index of the first pair that ends behind an instant. */
function firstEndingAfter(pairs: Float64Array, nano: number): number {
  let low = 0;
  let high = pairs.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (pairs[middle * 2 + 1]! <= nano) low = middle + 1;
    else high = middle;
  }
  return low * 2;
}

/** Where instants and durations stand in the timeline, and the round numbers on its axes. */
import type { QueryRangeResponse } from '../../../src/api/contract/index.ts';
import type { TimeRange } from '../base/range.ts';
import { anyValueText } from '../format/any-value.ts';

const stepsSeconds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400, 604_800];
const barsMax = 90;

/** Width of a bar, seconds: the least that gives no more than `barsMax`. */
export function stepSeconds({ fromMs, toMs }: TimeRange, countMax = barsMax): number {
  const seconds = (toMs - fromMs) / 1000;
  const week = stepsSeconds.at(-1)!;
  return stepsSeconds.find((step) => seconds / step <= countMax) ?? Math.ceil(seconds / countMax / week) * week;
}

/** The longest range that servers compute metrics of, unless told otherwise. */
const metricsMsMax = 86_400_000;
const piecesMax = 31;

/** A range in pieces that metrics can be asked of, the newest first; cut where one bar ends and the next begins. */
export function metricsPieces(range: TimeRange, step: number): readonly TimeRange[] {
  const pieceMs = Math.floor(metricsMsMax / (step * 1000)) * step * 1000;
  const { fromMs, toMs } = range;
  if (toMs - fromMs <= metricsMsMax || pieceMs === 0 || toMs - fromMs > piecesMax * pieceMs) return [range];
  const pieces: TimeRange[] = [];
  let endMs = toMs;
  while (endMs > fromMs) {
    // Not longer than a piece when both ends are at a bar's.
    const startMs = Math.max(fromMs, Math.ceil(endMs / (step * 1000)) * step * 1000 - pieceMs);
    pieces.push({ fromMs: startMs, toMs: endMs });
    endMs = startMs;
  }
  return pieces;
}

export interface Bar {
  /** [startMs, endMs) */
  readonly startMs: number;
  readonly endMs: number;
  readonly ok: number;
  readonly errors: number;
}

/** Series by status → bars with errors apart, oldest first, those with nothing left out. */
export function barsOf(answers: readonly QueryRangeResponse[], step: number): readonly Bar[] {
  const bars = new Map<number, { ok: number; errors: number }>();
  for (const { labels = [], samples } of answers.flatMap(({ series }) => series)) {
    const isError = labels.some(({ key, value }) => key === 'status' && anyValueText(value) === 'error');
    for (const { timestampMs, value = 0 } of samples) {
      const count = Number(value);
      if (!(count > 0)) continue;
      const endMs = Number(timestampMs);
      let bar = bars.get(endMs);
      if (bar === undefined) bars.set(endMs, (bar = { ok: 0, errors: 0 }));
      if (isError) bar.errors += count;
      else bar.ok += count;
    }
  }
  return [...bars]
    .sort(([a], [b]) => a - b)
    .map(([endMs, counts]) => ({ startMs: endMs - step * 1000, endMs, ...counts }));
}

/** Round local instants, about every `pixels / 110`. */
export function timeTicks(range: TimeRange, pixels: number): number[] {
  const stepMs = stepSeconds(range, Math.max(2, pixels / 110)) * 1000;
  const offsetMs = new Date(range.fromMs).getTimezoneOffset() * 60_000;
  const ticks: number[] = [];
  for (let at = Math.ceil((range.fromMs - offsetMs) / stepMs) * stepMs + offsetMs; at < range.toMs; at += stepMs)
    ticks.push(at);
  return ticks;
}

export interface LogScale {
  /** 0 for the least, 1 for the most. */
  at(ms: number): number;
  /** The other way. */
  ms(part: number): number;
  /** Powers of ten in it. */
  readonly ticks: readonly number[];
}

/** Whole decades around the durations; what rounds to 0 stands at half a millisecond. */
export function logScale(durationsMs: readonly number[]): LogScale {
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  for (const ms of durationsMs) {
    low = Math.min(low, Math.max(0.5, ms));
    high = Math.max(high, ms);
  }
  const minPower = Math.floor(Math.log10(Number.isFinite(low) ? low : 1));
  const maxPower = Math.max(minPower + 1, Math.ceil(Math.log10(Math.max(high, 1) * 1.05)));
  const ticks = Array.from({ length: maxPower - minPower + 1 }, (_, index) => 10 ** (minPower + index));
  return {
    at: (ms) => (Math.log10(Math.max(0.5, ms)) - minPower) / (maxPower - minPower),
    ms: (part) => 10 ** (minPower + part * (maxPower - minPower)),
    ticks,
  };
}

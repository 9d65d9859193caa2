/** Where instants and durations stand in the timeline, and the round numbers on its axes. */
import type { QueryRangeResponse } from '../../../src/api/contract/index.ts';
import type { TimeRange } from '../base/range.ts';
import { anyValueText } from '../format/any-value.ts';

const stepsSeconds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400, 604_800];
const barsMax = 90;

/** Width of a bar, seconds: the least that gives no more than `barsMax`. */
export function stepSeconds({ fromMs, toMs }: TimeRange, countMax = barsMax): number {
  const seconds = (toMs - fromMs) / 1000;
  return stepsSeconds.find((step) => seconds / step <= countMax) ?? stepsSeconds.at(-1)!;
}

export interface Bar {
  /** [startMs, endMs) */
  readonly startMs: number;
  readonly endMs: number;
  readonly ok: number;
  readonly errors: number;
}

/** Series by status → bars with errors apart, oldest first, those with nothing left out. */
export function barsOf(answer: QueryRangeResponse, step: number): readonly Bar[] {
  const bars = new Map<number, { ok: number; errors: number }>();
  for (const { labels = [], samples } of answer.series) {
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
  readonly minMs: number;
  readonly maxMs: number;
  /** 0 for the least, 1 for the most. */
  at(ms: number): number;
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
    minMs: 10 ** minPower,
    maxMs: 10 ** maxPower,
    at: (ms) => (Math.log10(Math.max(0.5, ms)) - minPower) / (maxPower - minPower),
    ticks,
  };
}

/**
 * The time range of all pages, kept in the address as `from` and `to`: Unix milliseconds, or relative to now (`now-30m`,
 * `now`). `timeRange` turns a relative range into instants; it moves only when the address changes or `refresh` is
 * called, so that all parts of a page ask about the same range.
 */
import { computed, signal } from '@preact/signals';
import { defaultFrom, resolveRange, type TimeRange } from '../base/range.ts';
import { param, setParams } from './router.ts';

export type { TimeRange } from '../base/range.ts';

const now = signal(Date.now());

/** Half-open: [from, to). */
export const timeRange = computed<TimeRange>(() => resolveRange(param('from'), param('to'), now.value));
/** Whether the range ends now and moves with it. */
export const rangeIsRelative = computed(() => param('to') === '' || param('to').startsWith('now'));

/** Moves a relative range to now; pages that read `timeRange` ask again. */
export function refresh(): void {
  now.value = Date.now();
}

export function setRelativeRange(from: string): void {
  now.value = Date.now();
  setParams({ from: from === defaultFrom ? undefined : from, to: undefined });
}

export function setTimeRange(range: TimeRange): void {
  setParams({ from: String(Math.floor(range.fromMs)), to: String(Math.ceil(range.toMs)) });
}

/** One range back (-1) or forth (1). */
export function shiftRange(direction: -1 | 1): void {
  const { fromMs, toMs } = timeRange.peek();
  const by = (toMs - fromMs) * direction;
  setTimeRange({ fromMs: fromMs + by, toMs: toMs + by });
}

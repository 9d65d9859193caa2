/** Rate, errors and durations by group, out of the answers of three metrics queries. No DOM. */
import type { AnyValueJson, QueryRangeResponse, TimeSeriesJson } from '../../../src/api/contract/index.ts';
import type { TimeRange } from '../base/range.ts';
import { valueText } from './query.ts';

export interface Group {
  readonly name: string;
  readonly value: AnyValueJson | undefined;
  /** Over the whole range, a second. */
  readonly rate: number;
  readonly errorRate: number;
  /** By interval; a second. */
  readonly rates: readonly number[];
  readonly errorRates: readonly number[];
  /** ns by quantile and interval; null where nothing happened. */
  readonly durations: Readonly<Record<Quantile, readonly (number | null)[]>>;
}

export const quantiles = [0.5, 0.95, 0.99] as const;
export type Quantile = (typeof quantiles)[number];

export interface Red {
  /** Right edges of the intervals, Unix seconds. */
  readonly times: readonly number[];
  readonly stepMs: number;
  /** Busiest first. */
  readonly groups: readonly Group[];
}

/** Intervals of the length that people count in; about 100 of them. */
export function stepMsFor({ fromMs, toMs }: TimeRange): number {
  const wanted = (toMs - fromMs) / 100 / 1000;
  const steps = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400];
  return (steps.find((step) => step >= wanted) ?? 604_800) * 1000;
}

interface Answers {
  readonly rates: QueryRangeResponse;
  readonly errors: QueryRangeResponse;
  readonly durations: QueryRangeResponse;
}

export function readRed({ rates, errors, durations }: Answers, by: string, stepMs: number): Red {
  const times = [
    ...new Set(rates.series.flatMap(({ samples }) => samples.map(({ timestampMs }) => Number(timestampMs)))),
  ].sort((a, b) => a - b);
  const at = new Map(times.map((ms, index) => [ms, index]));
  const row = <Filler>(series: TimeSeriesJson | undefined, otherwise: Filler, unit: number): (number | Filler)[] => {
    const values = new Array<number | Filler>(times.length).fill(otherwise);
    for (const { timestampMs, value = 0 } of series?.samples ?? []) {
      const index = at.get(Number(timestampMs));
      if (index !== undefined && typeof value === 'number') values[index] = value * unit;
    }
    return values;
  };
  const named = (series: readonly TimeSeriesJson[]) =>
    Map.groupBy(series, (each) => valueText(each.labels?.find(({ key }) => key === by)?.value));
  const failed = named(errors.series);
  const timed = named(durations.series);
  const groups = [...named(rates.series)].map(([name, [series]]): Group => {
    const own = row(series, 0, 1);
    const bad = row(failed.get(name)?.[0], 0, 1);
    // The server answers 0 for an interval without spans; a chart must not draw that as quick.
    const of = (p: Quantile) =>
      row(
        timed.get(name)?.find(({ labels }) => labels?.find(({ key }) => key === 'p')?.value.doubleValue === p),
        null,
        1e9,
      ).map((nano) => (nano === 0 ? null : nano));
    return {
      name,
      value: series?.labels?.find(({ key }) => key === by)?.value,
      rate: mean(own),
      errorRate: mean(bad),
      rates: own,
      errorRates: bad,
      durations: { 0.5: of(0.5), 0.95: of(0.95), 0.99: of(0.99) },
    };
  });
  groups.sort((a, b) => b.rate - a.rate || (a.name < b.name ? -1 : 1));
  return { times: times.map((ms) => ms / 1000), stepMs, groups: groups.filter(({ rate }) => rate > 0) };
}

function mean(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return values.length === 0 ? 0 : sum / values.length;
}

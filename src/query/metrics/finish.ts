/** From the sums of all fragments to the series of an answer. */
import type { AttributeRef } from '../../traceql/ast.ts';
import type { Exemplar, ResultAttribute } from '../../traceql/result.ts';
import { quantileOf } from './buckets.ts';
import { type Grid, intervalSeconds } from './grid.ts';
import type { ExemplarCandidate, MetricsPartial } from './partial.ts';
import { type AggregatePlan, isBucketed } from './plan.ts';
import type { DenseSeries } from './series.ts';

const isSpanDuration = (ref: AttributeRef | undefined): boolean =>
  ref?.kind === 'intrinsic' && ref.intrinsic === 'span:duration';

/** Attributes that are measured in ns. Bucket bounds are in seconds for all of them, other results for the span's duration only. */
const isDuration = (ref: AttributeRef | undefined): boolean =>
  ref?.kind === 'intrinsic' &&
  (ref.intrinsic === 'span:duration' || ref.intrinsic === 'trace:duration' || ref.intrinsic === 'event:timeSinceStart');

const float = (key: string, value: number): ResultAttribute => ({ key, value: { type: 'float', value } });

export function finishAggregate(plan: AggregatePlan, partial: MetricsPartial): DenseSeries[] {
  if (plan.never) return [];
  switch (plan.name) {
    case 'quantile_over_time':
      return finishQuantiles(plan, partial);
    case 'histogram_over_time':
      return finishHistogram(plan, partial);
    default:
      return finishRows(plan, partial);
  }
}

/** One series a row. */
function finishRows(plan: AggregatePlan, partial: MetricsPartial): DenseSeries[] {
  const { intervals } = partial;
  const named: readonly ResultAttribute[] = [{ key: '__name__', value: { type: 'string', value: plan.name } }];
  const series: DenseSeries[] = [];
  const scale = plan.name === 'rate' ? 1 / intervalSeconds(plan.grid) : isSpanDuration(plan.measured) ? 1e-9 : 1;
  for (let row = 0; row < partial.rowGroup.length; row++) {
    const values = partial.values.slice(row * intervals, (row + 1) * intervals);
    if (plan.name === 'avg_over_time') divide(values, partial.counts!, row * intervals);
    if (scale !== 1) multiply(values, scale);
    const labels = plan.by.length === 0 ? named : partial.groups[partial.rowGroup[row]!]!.labels;
    series.push({ labels, values, exemplars: [] });
  }
  if (series.length === 0 && plan.by.length === 0 && plan.combine === 'count') {
    series.push({ labels: named, values: new Float64Array(intervals), exemplars: [] });
  }
  const seriesOfGroup = new Map(Array.from(partial.rowGroup, (group, row) => [group, series[row]!]));
  attachExemplars(plan, partial, (candidate) => seriesOfGroup.get(candidate.group));
  return series;
}

function multiply(values: Float64Array, factor: number): void {
  // Division by a power of ten is exact where multiplication by its inverse is not.
  if (factor === 1e-9) for (let i = 0; i < values.length; i++) values[i]! /= 1e9;
  else for (let i = 0; i < values.length; i++) values[i]! *= factor;
}

function divide(sums: Float64Array, counts: Float64Array, at: number): void {
  for (let i = 0; i < sums.length; i++) sums[i]! /= counts[at + i]!;
}

/** Upper bound of a bucket as it is shown. */
const bound = (plan: AggregatePlan, exponent: number): number =>
  isDuration(plan.measured) ? 2 ** exponent / 1e9 : 2 ** exponent;

function finishHistogram(plan: AggregatePlan, partial: MetricsPartial): DenseSeries[] {
  const { intervals } = partial;
  const series: DenseSeries[] = [];
  const seriesOf = new Map<string, DenseSeries>();
  for (let row = 0; row < partial.rowGroup.length; row++) {
    const group = partial.rowGroup[row]!;
    const exponent = partial.rowSlot[row]!;
    const one: DenseSeries = {
      labels: [...partial.groups[group]!.labels, float('__bucket', bound(plan, exponent))],
      values: partial.values.slice(row * intervals, (row + 1) * intervals),
      exemplars: [],
    };
    series.push(one);
    seriesOf.set(`${group} ${exponent}`, one);
  }
  attachExemplars(plan, partial, ({ group, slot }) => seriesOf.get(`${group} ${slot}`));
  return series;
}

/** The buckets of one group, by ascending exponent. */
interface GroupBuckets {
  readonly group: number;
  readonly exponents: readonly number[];
  /** Where each bucket's row starts in the partial's values. */
  readonly starts: readonly number[];
}

function groupBuckets(partial: MetricsPartial): GroupBuckets[] {
  const order = Array.from(partial.rowGroup.keys()).sort(
    (a, b) => partial.rowGroup[a]! - partial.rowGroup[b]! || partial.rowSlot[a]! - partial.rowSlot[b]!,
  );
  const out: { group: number; exponents: number[]; starts: number[] }[] = [];
  for (const row of order) {
    const group = partial.rowGroup[row]!;
    if (out.at(-1)?.group !== group) out.push({ group, exponents: [], starts: [] });
    out.at(-1)!.exponents.push(partial.rowSlot[row]!);
    out.at(-1)!.starts.push(row * partial.intervals);
  }
  return out;
}

function finishQuantiles(plan: AggregatePlan, partial: MetricsPartial): DenseSeries[] {
  const { intervals, values } = partial;
  const unit = isDuration(plan.measured) ? 1e9 : 1;
  const series: DenseSeries[] = [];
  /** Quantiles over the whole range, to find the series nearest to an exemplar. */
  const overall = new Map<number, { readonly series: DenseSeries; readonly value: number }[]>();
  for (const { group, exponents, starts } of groupBuckets(partial)) {
    const counts = new Float64Array(starts.length);
    const totals = starts.map((start) => {
      let sum = 0;
      for (let i = 0; i < intervals; i++) sum += values[start + i]!;
      return sum;
    });
    const ofGroup = plan.quantiles.map((p) => ({
      p,
      series: {
        labels: [...partial.groups[group]!.labels, float('p', p)],
        values: new Float64Array(intervals),
        exemplars: [],
      } satisfies DenseSeries as DenseSeries,
      value: quantileOf(p, exponents, totals) / unit,
    }));
    for (let i = 0; i < intervals; i++) {
      for (let b = 0; b < starts.length; b++) counts[b] = values[starts[b]! + i]!;
      for (const { p, series: one } of ofGroup) one.values[i] = quantileOf(p, exponents, counts) / unit;
    }
    for (const { series: one } of ofGroup) series.push(one);
    overall.set(group, ofGroup);
  }
  attachExemplars(plan, partial, ({ group }, value) => {
    let nearest: DenseSeries | undefined;
    let distance = Number.POSITIVE_INFINITY;
    for (const candidate of overall.get(group) ?? []) {
      const d = Math.abs(candidate.value - value);
      if (d < distance) {
        distance = d;
        nearest = candidate.series;
      }
    }
    return nearest;
  });
  return series;
}

/** Gives each chosen span to its series. */
function attachExemplars(
  plan: AggregatePlan,
  partial: MetricsPartial,
  seriesOf: (candidate: ExemplarCandidate, value: number) => DenseSeries | undefined,
): void {
  let left = plan.exemplars;
  for (const candidate of partial.exemplars) {
    if (left === 0) return;
    const measured = exemplarValue(plan, candidate.value);
    const series = seriesOf(candidate, measured);
    if (series === undefined) continue;
    left--;
    const isSeriesValue = plan.combine === 'count' && plan.name !== 'quantile_over_time';
    const value = isSeriesValue ? series.values[intervalAt(plan.grid, candidate.timestampMs)]! : measured;
    series.exemplars.push({ labels: candidate.labels, value, timestampMs: candidate.timestampMs } satisfies Exemplar);
  }
}

function exemplarValue(plan: AggregatePlan, value: number): number {
  const inSeconds = isBucketed(plan.name) ? isDuration(plan.measured) : isSpanDuration(plan.measured);
  return inSeconds ? value / 1e9 : value;
}

function intervalAt(grid: Grid, timestampMs: number): number {
  const time = Number(BigInt(timestampMs) * 1_000_000n - grid.startUnixNano);
  const interval = Math.ceil(time / Math.max(grid.stepNano, 1)) - 1;
  return Math.min(grid.intervals - 1, Math.max(0, interval));
}

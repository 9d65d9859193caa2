/** Series while they are computed: a value for every interval of the grid, NaN where there is no sample. */
import type { Exemplar, MetricsSeries, ResultAttribute } from '../../traceql/result.ts';
import { compareLabels } from './labels.ts';

export interface DenseSeries {
  readonly labels: readonly ResultAttribute[];
  readonly values: Float64Array;
  exemplars: Exemplar[];
}

export const sortSeries = (series: DenseSeries[]): DenseSeries[] =>
  series.sort((a, b) => compareLabels(a.labels, b.labels));

/** The samples that there are; series without any are left out. */
export function toMetricsSeries(series: readonly DenseSeries[], timestampsMs: readonly number[]): MetricsSeries[] {
  const out: MetricsSeries[] = [];
  for (const { labels, values, exemplars } of series) {
    let present = 0;
    for (let i = 0; i < values.length; i++) if (!Number.isNaN(values[i]!)) present++;
    if (present === 0) continue;
    if (present === values.length) {
      out.push({ labels, timestampsMs, values: Array.from(values), exemplars });
      continue;
    }
    const times: number[] = [];
    const kept: number[] = [];
    for (let i = 0; i < values.length; i++) {
      if (Number.isNaN(values[i]!)) continue;
      times.push(timestampsMs[i]!);
      kept.push(values[i]!);
    }
    out.push({ labels, timestampsMs: times, values: kept, exemplars });
  }
  return out;
}

/** Roughly what keeping series costs. */
export function seriesBytes(series: readonly MetricsSeries[]): number {
  let bytes = 256;
  for (const one of series) {
    bytes += 256 + one.values.length * 16 + one.labels.length * 128;
    for (const exemplar of one.exemplars) bytes += 128 + exemplar.labels.length * 128;
  }
  return bytes;
}

/** topk, bottomk and comparisons: what a query does with its finished series. */
import type { ComparisonOperator, MetricsSecondStage } from '../../traceql/ast.ts';
import { compareLabels } from './labels.ts';
import type { DenseSeries } from './series.ts';

/** Changes the series' values in place; samples that go become NaN. */
export function applySecondStages(series: readonly DenseSeries[], stages: readonly MetricsSecondStage[]): void {
  for (const stage of stages) {
    if (stage.kind === 'metricsFilter') for (const one of series) keepMatching(one.values, stage.op, stage.value);
    else keepExtremes(series, stage.limit, stage.kind === 'topk');
  }
}

function keepMatching(values: Float64Array, op: ComparisonOperator, limit: number): void {
  for (let i = 0; i < values.length; i++) if (!compare(op, values[i]!, limit)) values[i] = Number.NaN;
}

function compare(op: ComparisonOperator, value: number, limit: number): boolean {
  switch (op) {
    case '=':
      return value === limit;
    case '!=':
      return value !== limit && !Number.isNaN(value);
    case '<':
      return value < limit;
    case '<=':
      return value <= limit;
    case '>':
      return value > limit;
    case '>=':
      return value >= limit;
  }
}

/**
 * Keeps the `limit` largest (or smallest) samples of each interval by itself. Of equal ones topk takes the first series
 * in label order and bottomk the last, as if one were the other read backwards.
 */
function keepExtremes(series: readonly DenseSeries[], limit: number, largest: boolean): void {
  if (series.length <= limit) return;
  const ordered = [...series].sort((a, b) => compareLabels(a.labels, b.labels));
  if (!largest) ordered.reverse();
  const intervals = ordered[0]!.values.length;
  const present: number[] = [];
  for (let i = 0; i < intervals; i++) {
    present.length = 0;
    for (let s = 0; s < ordered.length; s++) if (!Number.isNaN(ordered[s]!.values[i]!)) present.push(s);
    if (present.length <= limit) continue;
    present.sort((a, b) => {
      const difference = ordered[a]!.values[i]! - ordered[b]!.values[i]!;
      return (largest ? -difference : difference) || a - b;
    });
    for (let k = limit; k < present.length; k++) ordered[present[k]!]!.values[i] = Number.NaN;
  }
}

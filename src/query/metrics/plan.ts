/** A metrics query taken apart: what to measure, by what to group, and what its hints ask for. */

import type { AttributeRef, MetricsAggregate, MetricsCompare, MetricsFunction, Pipeline } from '../../traceql/ast.ts';
import { canonical } from '../../traceql/canonical.ts';
import { type QueryHints, readHints } from '../../traceql/hints.ts';
import type { MetricsRequest } from '../../traceql/result.ts';
import { exemplarWidth } from './exemplars.ts';
import { type Grid, gridOf } from './grid.ts';
import type { Combine } from './partial.ts';

/** A share of spans, or of traces, is looked at and counts for all. */
export interface Sampling {
  readonly of: 'span' | 'trace';
  /** Between 0 and 1. */
  readonly share: number;
}

interface PlanBase {
  readonly grid: Grid;
  readonly pipeline: Pipeline;
  readonly sampling: Sampling | undefined;
  /** No span can match: `{ false }`. The answer is then empty even where it would have a series of zeros. */
  readonly never: boolean;
  /** Equal for queries whose partials are the same over the same grid. */
  readonly key: string;
}

export interface AggregatePlan extends PlanBase {
  readonly kind: 'aggregate';
  readonly name: MetricsFunction;
  readonly combine: Combine;
  readonly withCounts: boolean;
  readonly measured: AttributeRef | undefined;
  readonly by: readonly AttributeRef[];
  readonly quantiles: readonly number[];
  readonly exemplars: number;
  /** Length of the exemplar intervals in ns; 0 without exemplars. */
  readonly exemplarWidthNano: number;
}

export interface ComparePlan extends PlanBase {
  readonly kind: 'compare';
  readonly compare: MetricsCompare;
}

export type MetricsPlan = AggregatePlan | ComparePlan;

const combineOf: Record<MetricsFunction, Combine> = {
  rate: 'count',
  count_over_time: 'count',
  min_over_time: 'min',
  max_over_time: 'max',
  sum_over_time: 'add',
  avg_over_time: 'add',
  quantile_over_time: 'count',
  histogram_over_time: 'count',
};

/** Slots of an aggregate's rows are bucket exponents. */
export const isBucketed = (name: MetricsFunction): boolean =>
  name === 'quantile_over_time' || name === 'histogram_over_time';

export function planMetrics(request: Pick<MetricsRequest, 'query' | 'range' | 'stepNano' | 'exemplars'>): MetricsPlan {
  const { query } = request;
  const { metrics } = query;
  if (metrics === undefined) throw new TypeError('the API refuses queries without a metrics stage');
  const grid = gridOf(request);
  const hints = readHints(query.hints);
  const sampling = samplingOf(hints);
  const base = { grid, pipeline: query.pipeline, sampling, never: neverMatches(query.pipeline) };
  const key = canonical([query.pipeline, metrics, sampling]);
  if (metrics.kind === 'metricsCompare') return { ...base, kind: 'compare', compare: metrics, key };
  const exemplars = exemplarsOf(request.exemplars, hints);
  const exemplarWidthNano = exemplarWidth(exemplars, grid);
  return { ...base, ...aggregateParts(metrics), exemplars, exemplarWidthNano, key: `${exemplarWidthNano} ${key}` };
}

function aggregateParts(metrics: MetricsAggregate) {
  return {
    kind: 'aggregate',
    name: metrics.name,
    combine: combineOf[metrics.name],
    withCounts: metrics.name === 'avg_over_time',
    measured: metrics.attribute,
    by: metrics.by,
    quantiles: metrics.quantiles,
  } as const;
}

function neverMatches(pipeline: Pipeline): boolean {
  const stage = pipeline.stages[0];
  if (pipeline.stages.length !== 1 || stage?.kind !== 'spansetFilter') return false;
  const { expression } = stage;
  return expression.kind === 'static' && expression.static.type === 'bool' && !expression.static.value;
}

/** Asked to choose ourselves (`true`), we look at everything: that is fast enough. */
function samplingOf({ sample, spanSample, traceSample }: QueryHints): Sampling | undefined {
  if (typeof traceSample === 'number' && traceSample < 1) return { of: 'trace', share: traceSample };
  const share = spanSample ?? sample;
  return typeof share === 'number' && share < 1 ? { of: 'span', share } : undefined;
}

function exemplarsOf(asked: number, { exemplars }: QueryHints): number {
  if (exemplars === undefined || exemplars === true) return asked;
  return exemplars === false ? 0 : Math.min(asked, exemplars);
}

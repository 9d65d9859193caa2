/** Parameters of metrics queries → a checked request, aligned to its step. */
import { invalid } from '../../base/errors.ts';
import type { Query } from '../../traceql/ast.ts';
import { checkMetrics } from '../../traceql/check.ts';
import { formatDuration } from '../../traceql/format-duration.ts';
import { readHints } from '../../traceql/hints.ts';
import { alignRange, autoStep, smallestStep } from '../../traceql/metrics-time.ts';
import { parseQuery } from '../../traceql/parser.ts';
import type { MetricsRequest, TimeRange } from '../../traceql/result.ts';
import type { QueryLimits } from '../ports.ts';
import { inContext, parseUnsigned, type QueryParams } from './params.ts';
import { refuseLongQuery } from './search-request.ts';
import { checkMetricsDuration, metricsRange, parseStep } from './time-range.ts';

/** What was asked, before limits, defaults and alignment. */
export interface MetricsFields {
  readonly query: string;
  readonly range: TimeRange;
  /** ns; undefined: chosen by the length of the range. */
  readonly stepNano: bigint | undefined;
  /** 0: the default. */
  readonly exemplars: number;
  /** 0: the default. */
  readonly maxSeries: number;
}

export function readMetricsFields(params: QueryParams, nowMs: number): MetricsFields {
  const step = params.get('step');
  return {
    query: params.get('q') ?? params.get('query') ?? '',
    range: metricsRange(params, nowMs),
    stepNano: step === undefined ? undefined : parseStep(step),
    exemplars: readCount(params, 'exemplars'),
    maxSeries: readCount(params, 'maxSeries'),
  };
}

/** @throws RubatoError of kind `invalid` */
export function rangeRequest(tenant: string, fields: MetricsFields, limits: QueryLimits): MetricsRequest {
  const query = readQuery(fields.query, limits, '');
  checkMetricsDuration(fields.range, limits.metricsDurationMaxMs);
  const { startUnixNano, endUnixNano } = fields.range;
  const lengthNano = endUnixNano - startUnixNano;
  const stepNano = fields.stepNano ?? autoStep(lengthNano);
  const smallest = limits.intervalsMax === 0 ? 1n : smallestStep(lengthNano, limits.intervalsMax);
  if (stepNano <= 0n || stepNano < smallest)
    throw invalid(
      'bad_step',
      `step of ${formatDuration(Number(stepNano))} is too small, ` +
        `minimum step for given range is ${formatDuration(Number(smallest))}`,
    );
  const aligned = alignRange({ startUnixNano, endUnixNano, stepNano });
  return {
    tenant,
    query,
    range: { startUnixNano: aligned.startUnixNano, endUnixNano: aligned.endUnixNano },
    stepNano,
    exemplars: exemplarsOf(query, fields.exemplars, limits),
    maxSeries: seriesMaxOf(fields.maxSeries, limits),
  };
}

/** One interval over the whole range. @throws RubatoError of kind `invalid` */
export function instantRequest(tenant: string, fields: MetricsFields, limits: QueryLimits): MetricsRequest {
  const query = readQuery(fields.query, limits, 'compiling query: ');
  checkMetricsDuration(fields.range, limits.metricsDurationMaxMs);
  const maxSeries = seriesMaxOf(fields.maxSeries, limits);
  return { tenant, query, range: fields.range, stepNano: 0n, exemplars: 0, maxSeries };
}

function readQuery(text: string, limits: QueryLimits, context: string): Query {
  refuseLongQuery(text, limits);
  const query = inContext(context, () => parseQuery(text));
  if (query.metrics === undefined) throw invalid('not_metrics', `${context}not a metrics query`);
  inContext('compiling query: ', () => checkMetrics(query));
  return query;
}

/** The parameter and the hint may lower the limit; only the hint turns exemplars off. */
function exemplarsOf(query: Query, asked: number, limits: QueryLimits): number {
  const hint = readHints(query.hints).exemplars;
  if (hint === false) return 0;
  if (typeof hint === 'number') return Math.min(hint, limits.exemplarsMax);
  return asked === 0 ? limits.exemplarsMax : Math.min(asked, limits.exemplarsMax);
}

function seriesMaxOf(asked: number, limits: QueryLimits): number {
  if (asked === 0 || limits.seriesMax === 0) return Math.max(asked, limits.seriesMax);
  return Math.min(asked, limits.seriesMax);
}

/** A count that cannot be read is as good as none. */
function readCount(params: QueryParams, name: string): number {
  try {
    return Number(parseUnsigned(params.get(name) ?? '0', 32));
  } catch {
    return 0;
  }
}

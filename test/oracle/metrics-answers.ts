/** Random metrics queries and ranges, and answers of the engine in the form of the oracle's. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { type MetricsContext, runMetrics } from '../../src/query/metrics/run-metrics.ts';
import { checkMetrics } from '../../src/traceql/check.ts';
import { parseQuery } from '../../src/traceql/parser.ts';
import type { MetricsResult } from '../../src/traceql/result.ts';
import type { OracleFunction, OracleQuery, OracleRange } from './metrics.ts';

/** Start of the data in Unix ns. */
export const base = 1_700_000_000_000_000_000n;
const ms = 1_000_000n;

function textOf({ name, measured, by, quantiles, kind }: OracleQuery): string {
  const kinds = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];
  const filter = kind === undefined ? '{ }' : `{ kind = ${kinds[kind]} }`;
  const group = by.length === 0 ? '' : ` by (${by.join(', ')})`;
  return `${filter} | ${name}(${[measured ?? [], ...quantiles].flat().join(', ')})${group}`;
}

const measured = fc.constantFrom('duration', 'span.load', 'span.http.status_code');
const by = fc.uniqueArray(
  fc.constantFrom('resource.service.name', 'span.http.route', 'span.cache.hit', 'span.load', 'name', 'kind', 'status'),
  { maxLength: 3 },
);
const kind = fc.option(fc.nat(5), { nil: undefined });
export const arbitraryMetrics: fc.Arbitrary<OracleQuery> = fc
  .record({
    name: fc.constantFrom<OracleFunction[]>(
      'rate',
      'count_over_time',
      'min_over_time',
      'max_over_time',
      'sum_over_time',
      'avg_over_time',
      'quantile_over_time',
      'histogram_over_time',
    ),
    measured,
    by,
    kind,
  })
  .map(({ name, measured, by, kind }) => ({
    name,
    ...(name === 'rate' || name === 'count_over_time' ? {} : { measured: measuredBy(name, measured) }),
    by,
    quantiles: name === 'quantile_over_time' ? [0, 0.5, 0.9, 1] : [],
    ...(kind !== undefined && { kind }),
  }));

/** Sums of the status codes, among them the greatest and least int64, depend on the order in which they are added. */
function measuredBy(name: OracleFunction, measured: string): string {
  const adds = name === 'sum_over_time' || name === 'avg_over_time';
  return adds && measured === 'span.http.status_code' ? 'duration' : measured;
}

/** Starts with, within, or before the data, which lies in the 61 s after `base`. */
export const arbitraryRange: fc.Arbitrary<OracleRange> = fc
  .record({ start: fc.integer({ min: -20, max: 50 }), intervals: fc.integer({ min: 1, max: 12 }), step: fc.nat(20) })
  .map(({ start, intervals, step }) => {
    const startUnixNano = base + BigInt(start) * 1000n * ms;
    const stepNano = BigInt(step) * 503n * ms;
    const endUnixNano = startUnixNano + (step === 0 ? 17_000n * ms : stepNano * BigInt(intervals));
    return { startUnixNano, endUnixNano, stepNano };
  });

export async function ask(context: MetricsContext, asked: OracleQuery, range: OracleRange): Promise<MetricsResult> {
  const { startUnixNano, endUnixNano, stepNano } = range;
  const parsed = checkMetrics(parseQuery(textOf(asked)));
  const request = {
    tenant: 'single-tenant',
    query: parsed,
    range: { startUnixNano, endUnixNano },
    stepNano,
    exemplars: 10,
    maxSeries: 0,
  };
  return runMetrics(context, request, new AbortController().signal);
}

/** Series by label text, NaN where a sample is left out. */
export function bySeries(result: MetricsResult, { startUnixNano, endUnixNano, stepNano }: OracleRange) {
  const instant = stepNano === 0n;
  const intervals = instant ? 1 : Number((endUnixNano - startUnixNano) / stepNano);
  return new Map(
    result.series.map(({ labels, timestampsMs, values }) => {
      const dense = new Array<number>(intervals).fill(Number.NaN);
      for (let i = 0; i < intervals; i++) {
        const edge = instant ? endUnixNano : startUnixNano + BigInt(i + 1) * stepNano;
        const at = timestampsMs.indexOf(Number(edge / ms));
        if (at >= 0) dense[i] = values[at]!;
      }
      const text = labels.map(({ key, value }) => `${key}=${value.type}:${'value' in value ? value.value : ''}`);
      return [text.join(' '), dense] as const;
    }),
  );
}

export function assertEqualSeries(got: Map<string, number[]>, want: Map<string, number[]>): void {
  assert.deepEqual([...got.keys()].sort(), [...want.keys()].sort());
  for (const [labels, values] of want) {
    got.get(labels)!.forEach((value, i) => {
      const expected = values[i]!;
      const near = Object.is(value, expected) || Math.abs(value - expected) <= 1e-9 * Math.abs(expected);
      assert.ok(near, `{${labels}}[${i}]: ${value} instead of ${expected}`);
    });
  }
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { liveFragment } from '../../src/block/live-fragment.ts';
import { type PlainSpan, tableOf } from '../../src/block/testing/plain-spans.ts';
import { randomSpans } from '../../src/block/testing/random-table.ts';
import { labelText } from '../../src/query/metrics/labels.ts';
import { QueryCache } from '../../src/query/metrics/query-cache.ts';
import { type MetricsContext, runMetrics } from '../../src/query/metrics/run-metrics.ts';
import { checkMetrics } from '../../src/traceql/check.ts';
import { parseQuery } from '../../src/traceql/parser.ts';
import type { MetricsResult } from '../../src/traceql/result.ts';
import type { Fragment } from '../../src/traceql/storage.ts';
import { type OracleFunction, type OracleQuery, type OracleRange, oracleMetrics } from './metrics.ts';

const base = 1_700_000_000_000_000_000n;
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
const query: fc.Arbitrary<OracleQuery> = fc
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
const range: fc.Arbitrary<OracleRange> = fc
  .record({ start: fc.integer({ min: -20, max: 50 }), intervals: fc.integer({ min: 1, max: 12 }), step: fc.nat(20) })
  .map(({ start, intervals, step }) => {
    const startUnixNano = base + BigInt(start) * 1000n * ms;
    const stepNano = BigInt(step) * 503n * ms;
    const endUnixNano = startUnixNano + (step === 0 ? 17_000n * ms : stepNano * BigInt(intervals));
    return { startUnixNano, endUnixNano, stepNano };
  });

/** The spans in `count` fragments of whole traces; the last trace of each is hidden and repeated in one of its own. */
function fragmentsOf(spans: readonly PlainSpan[], count: number): Fragment[] {
  const traces = [...Map.groupBy(spans, ({ traceId }) => traceId).values()];
  const parts = Array.from({ length: count }, (_, k) => traces.filter((_, t) => t % count === k));
  const moved = parts.flatMap((part) => part.slice(-1));
  const fragments = parts.map((part, k) => {
    const whole = liveFragment(`part ${k}`, tableOf(part.flat()));
    const hidden = Uint8Array.from({ length: whole.traceCount }, (_, trace) => {
      const id = Buffer.from(whole.traceIds.subarray(trace * 16, trace * 16 + 16)).toString('hex');
      return part.at(-1)?.[0]?.traceId === id ? 1 : 0;
    });
    return whole.view(hidden);
  });
  return [...fragments, liveFragment('moved', tableOf(moved.flat()))];
}

function contextOver(fragments: readonly Fragment[]): MetricsContext {
  return {
    storage: { snapshot: async () => ({ fragments, blockCount: fragments.length, version: '1' }) },
    budget: { memoryBytesMax: 1 << 26 },
    cache: new QueryCache(1 << 22),
    pause: async () => {},
    nowMs: () => 0,
  };
}

async function ask(context: MetricsContext, asked: OracleQuery, range: OracleRange): Promise<MetricsResult> {
  const { startUnixNano, endUnixNano, stepNano } = range;
  const parsed = checkMetrics(parseQuery(textOf(asked)));
  const request = {
    tenant: 't',
    query: parsed,
    range: { startUnixNano, endUnixNano },
    stepNano,
    exemplars: 10,
    maxSeries: 0,
  };
  return runMetrics(context, request, new AbortController().signal);
}

/** Series by label text, NaN where a sample is left out. */
function bySeries(result: MetricsResult, { startUnixNano, endUnixNano, stepNano }: OracleRange) {
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

function assertEqualSeries(got: Map<string, number[]>, want: Map<string, number[]>): void {
  assert.deepEqual([...got.keys()].sort(), [...want.keys()].sort());
  for (const [labels, values] of want) {
    got.get(labels)!.forEach((value, i) => {
      const expected = values[i]!;
      const near = Object.is(value, expected) || Math.abs(value - expected) <= 1e-9 * Math.abs(expected);
      assert.ok(near, `{${labels}}[${i}]: ${value} instead of ${expected}`);
    });
  }
}

test('metrics over fragments are those of an evaluator that looks at one span after the other', async () => {
  const seeds = fc.record({
    seed: fc.nat(),
    traces: fc.integer({ min: 1, max: 40 }),
    count: fc.integer({ min: 1, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(seeds, query, range, async ({ seed, traces, count }, asked, range) => {
      const spans = randomSpans({ seed, traces, broken: false, baseUnixNano: base });
      const result = await ask(contextOver(fragmentsOf(spans, count)), asked, range);
      assertEqualSeries(bySeries(result, range), oracleMetrics(spans, asked, range));
    }),
    { numRuns: 150 },
  );
});

test('what is kept of earlier queries does not change answers of later ones', async () => {
  const spans = randomSpans({ seed: 7, traces: 60, broken: false, baseUnixNano: base });
  await fc.assert(
    fc.asyncProperty(query, fc.array(range, { minLength: 2, maxLength: 5 }), async (asked, ranges) => {
      const context = contextOver(fragmentsOf(spans, 2));
      for (const one of [...ranges, ...ranges]) {
        assertEqualSeries(bySeries(await ask(context, asked, one), one), oracleMetrics(spans, asked, one));
      }
    }),
    { numRuns: 40 },
  );
});

test('exemplars are at most as many as asked for, one of a trace, and spans of their series', async () => {
  const spans = randomSpans({ seed: 3, traces: 80, broken: false, baseUnixNano: base });
  await fc.assert(
    fc.asyncProperty(
      query,
      range.filter(({ stepNano }) => stepNano > 0n),
      async (asked, range) => {
        const result = await ask(contextOver(fragmentsOf(spans, 2)), asked, range);
        const exemplars = result.series.flatMap((series) => series.exemplars.map((exemplar) => ({ exemplar, series })));
        assert.ok(exemplars.length <= 10);
        const traces = exemplars.map(({ exemplar }) => exemplar.labels.find(({ key }) => key === 'trace:id')?.value);
        assert.equal(new Set(traces.map((value) => JSON.stringify(value))).size, exemplars.length);
        for (const { exemplar, series } of exemplars) {
          for (const { key, value } of series.labels.filter(({ key }) => asked.by.includes(key))) {
            if (value.type === 'string' && value.value === 'nil') continue;
            const own = exemplar.labels.find((label) => label.key === key)?.value;
            assert.equal(own && labelText(own), labelText(value));
          }
        }
        // Where spans lie makes no difference.
        const again = await ask(contextOver(fragmentsOf(spans, 3)), asked, range);
        const textOfAll = ({ series }: MetricsResult): string[] =>
          series
            .flatMap(({ exemplars }) => exemplars)
            .map(({ labels, timestampMs }) => `${timestampMs} ${labels.map(({ value }) => labelText(value))}`)
            .sort();
        assert.deepEqual(textOfAll(again), textOfAll(result));
      },
    ),
    { numRuns: 40 },
  );
});

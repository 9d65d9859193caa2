import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { LruCache } from '../../src/base/lru-cache.ts';
import { liveFragment } from '../../src/block/live-fragment.ts';
import { type PlainSpan, tableOf } from '../../src/block/testing/plain-spans.ts';
import { randomSpans } from '../../src/block/testing/random-table.ts';
import { labelText } from '../../src/query/metrics/labels.ts';
import type { MetricsContext } from '../../src/query/metrics/run-metrics.ts';
import type { MetricsResult } from '../../src/traceql/result.ts';
import type { Fragment } from '../../src/traceql/storage.ts';
import { oracleMetrics } from './metrics.ts';
import { arbitraryMetrics, arbitraryRange, ask, assertEqualSeries, base, bySeries } from './metrics-answers.ts';

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
    cache: new LruCache(1 << 22),
    pause: async () => {},
    nowMs: () => 0,
  };
}

test('metrics over fragments are those of an evaluator that looks at one span after the other', async () => {
  const seeds = fc.record({
    seed: fc.nat(),
    traces: fc.integer({ min: 1, max: 40 }),
    count: fc.integer({ min: 1, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(seeds, arbitraryMetrics, arbitraryRange, async ({ seed, traces, count }, asked, range) => {
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
    fc.asyncProperty(
      arbitraryMetrics,
      fc.array(arbitraryRange, { minLength: 2, maxLength: 5 }),
      async (asked, ranges) => {
        const context = contextOver(fragmentsOf(spans, 2));
        for (const one of [...ranges, ...ranges]) {
          assertEqualSeries(bySeries(await ask(context, asked, one), one), oracleMetrics(spans, asked, one));
        }
      },
    ),
    { numRuns: 40 },
  );
});

test('exemplars are at most as many as asked for, one of a trace, and spans of their series', async () => {
  const spans = randomSpans({ seed: 3, traces: 80, broken: false, baseUnixNano: base });
  await fc.assert(
    fc.asyncProperty(
      arbitraryMetrics,
      arbitraryRange.filter(({ stepNano }) => stepNano > 0n),
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

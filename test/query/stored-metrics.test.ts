/** Random metrics over blocks in an object store and over traces torn between places, against the oracle. */
import { test } from 'node:test';
import * as fc from 'fast-check';
import { LruCache } from '../../src/base/lru-cache.ts';
import { type PlainSpan, tableOf } from '../../src/block/testing/plain-spans.ts';
import { randomSpans } from '../../src/block/testing/random-table.ts';
import type { TraceStorage } from '../../src/traceql/storage.ts';
import { oracleMetrics } from '../oracle/metrics.ts';
import { arbitraryMetrics, arbitraryRange, ask, assertEqualSeries, base, bySeries } from '../oracle/metrics-answers.ts';
import { storedTables } from './stored-spans.ts';

/** Two blocks and a live table; each trace lies in one of them, or is torn over all. */
function stored(spans: readonly PlainSpan[], torn: boolean): Promise<TraceStorage> {
  const places: PlainSpan[][] = [[], [], []];
  for (const [k, span] of spans.entries())
    places[(torn ? k : Number.parseInt(span.traceId.slice(-4), 16)) % 3]!.push(span);
  const tables = (from: number, end: number) =>
    places
      .slice(from, end)
      .filter((list) => list.length > 0)
      .map(tableOf);
  return storedTables({ blocks: tables(0, 2), live: tables(2, 3) }, { rowGroupSpansMax: 50 });
}

test('metrics over stored blocks and torn traces are those of the oracle, also when asked again', async () => {
  const data = fc.record({ seed: fc.nat(), traces: fc.integer({ min: 1, max: 40 }), torn: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(data, arbitraryMetrics, arbitraryRange, async ({ seed, traces, torn }, query, range) => {
      const spans = randomSpans({ seed, traces, broken: false, baseUnixNano: base });
      const context = {
        storage: await stored(spans, torn),
        budget: { memoryBytesMax: 1 << 26 },
        cache: new LruCache(1 << 22),
        pause: async () => {},
        nowMs: () => 0,
      };
      const want = oracleMetrics(spans, query, range);
      for (let time = 0; time < 2; time++) assertEqualSeries(bySeries(await ask(context, query, range), range), want);
    }),
    { numRuns: 80 },
  );
});

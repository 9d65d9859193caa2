/**
 * Searches over the generated shop traces beside the project, without a server: in blocks, whose files lie in memory, and
 * in live tables. `first` is the first answer after the start, `again` the best of later ones.
 */
import assert from 'node:assert/strict';
import { buildBlockOf } from '../src/block/build.ts';
import { liveFragment } from '../src/block/live-fragment.ts';
import { memoryBlock } from '../src/block/testing/memory-block.ts';
import { runSearch, type SearchContext } from '../src/query/search/run-search.ts';
import { checkQuery } from '../src/traceql/check.ts';
import { parseQuery } from '../src/traceql/parser.ts';
import type { Fragment } from '../src/traceql/storage.ts';
import { generatedBatches, missing } from '../test/support/shared.ts';
import { type Bench, type Figure, lowestMsAsync, runIfMain } from './measure.ts';
import { tableOf } from './traffic.ts';

const tableCount = 6;
const tableSeconds = 60;

const queries: readonly (readonly [query: string, limit: number])[] = [
  ['{ }', 20],
  ['{ status = error }', 20],
  ['{ status = error }', 1000],
  ['{ resource.service.name = "checkout" && duration > 200ms }', 1000],
  ['{ span.http.response.status_code = 503 }', 1000],
  ['{ span.user.id = "u31" }', 1000],
  ['{ span.app.order.id = "nope" }', 1000],
  ['{ .db.system = "redis" && .db.query.text =~ ".*catalog:1.*" }', 1000],
  ['{ name =~ "GET /api/.*" && span.http.response.status_code >= 500 }', 1000],
  ['{ resource.service.name = "frontend" } >> { status = error && resource.service.name = "payment" }', 1000],
  ['{ span.db.system = "postgresql" } | count() > 20', 1000],
  ['{ event.exception.type = "TypeError" }', 1000],
  ['{ kind = server && resource.service.name = "auth" } | select(span.rpc.method, resource.k8s.pod.name)', 100],
  ['{ } | count() > 90', 1000],
  ['{ } | avg(duration) > 100ms', 1000],
  ['{ kind = server } | by(name) | count() > 5', 1000],
  ['{ duration * 2 > 3s }', 1000],
  ['{ span:id = "7cc359f1c5cba68c" }', 20],
];

export const bench: Bench = async (size) => {
  const skipped = missing('tracegen/tracegen.mjs');
  if (skipped !== false) return { figures: [], skipped };
  const traces = Math.ceil((size === 'quick' ? 300 : 20_000) / tableCount);
  const stored: Fragment[] = [];
  const live: Fragment[] = [];
  for (let k = 0; k < tableCount; k++) {
    const baseMs = 1_700_000_000_000 + k * tableSeconds * 1000;
    const batches = [...(await generatedBatches({ seed: k + 1, traces, baseMs }))];
    const table = tableOf(batches.map(({ bytes }) => bytes)).share();
    stored.push(...(await memoryBlock(buildBlockOf(table), `block-${k}`).open()));
    live.push(liveFragment(`live-${k}`, table));
  }
  const figures: Figure[] = [];
  for (const [text, limit] of queries) {
    const counts: number[] = [];
    for (const [place, fragments] of [
      ['blocks', stored],
      ['live', live],
    ] as const) {
      const search = async (): Promise<void> => {
        counts.push(await countTraces(fragments, text, limit));
      };
      const name = `${text}, ${limit}, ${place}`;
      figures.push({ name: `${name}, first`, value: await lowestMsAsync(1, search), unit: 'ms' });
      figures.push({
        name: `${name}, again`,
        value: await lowestMsAsync(size === 'quick' ? 1 : 15, search),
        unit: 'ms',
      });
    }
    assert.equal(new Set(counts).size, 1, `${text}: answers of ${new Set(counts)} traces`);
  }
  return { figures };
};

async function countTraces(fragments: readonly Fragment[], text: string, limit: number): Promise<number> {
  const context: SearchContext = {
    storage: { snapshot: async () => ({ fragments, blockCount: tableCount, version: 'bench' }) },
    budget: { memoryBytesMax: 1 << 30 },
    pause: () => undefined,
    nowMs: () => performance.now(),
  };
  const range = { startUnixNano: 0n, endUnixNano: 0n };
  const query = checkQuery(parseQuery(text));
  const request = { tenant: 'bench', query, range, limit, spansPerSpanSet: 3, sort: 'start', totals: false } as const;
  return (await runSearch(context, request, new AbortController().signal)).traces.length;
}

await runIfMain(import.meta, bench);

/** What our API adds to Tempo's, over blocks and torn traces, against the oracle: sort, totals, cost and explain. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import type { PlainSpan } from '../../src/model/plain-span.ts';
import { Engine } from '../../src/query/engine.ts';
import type { MetricsExplanation } from '../../src/query/metrics/explain.ts';
import type { SearchExplanation } from '../../src/query/search/explain.ts';
import { checkQuery } from '../../src/traceql/check.ts';
import { parseQuery } from '../../src/traceql/parser.ts';
import { startTestApi, type TestApi } from '../api/api-server.ts';
import { evaluatePipeline } from '../oracle/evaluate.ts';
import { tracesOf } from '../oracle/trace.ts';
import { baseUnixSeconds, manySpans } from './many-spans.ts';
import { deal, dealByTime, type Placement, storedSpans } from './stored-spans.ts';

const traceCount = 600;
const spans = manySpans(traceCount);
const range = `start=${baseUnixSeconds - 60}&end=${baseUnixSeconds + 3600}`;
const allSpans = traceCount * 7;

const placements: Record<string, Placement> = {
  'one block': { blocks: [spans], live: [] },
  'four blocks by time': { blocks: dealByTime(spans, 4), live: [] },
  'blocks and a live table, every trace torn': (() => {
    const [live, ...blocks] = deal(spans, 3, (_, number) => number % 3);
    return { blocks, live: [live!] };
  })(),
};

/** An API over stored spans, with nothing read so far. */
async function apiOver(placement: Placement): Promise<TestApi> {
  const reader = await storedSpans(placement, { rowGroupSpansMax: 1024 });
  const defaults = { budget: { memoryBytesMax: 1 << 26 }, cacheBytesMax: 1 << 20 };
  const engine = new Engine({ storage: reader, clock: systemClock, defaults });
  return startTestApi({
    ports: { engine, traces: reader, explain: (request, signal) => engine.explain(request, signal) },
  });
}

interface Found {
  readonly traces: readonly { traceID: string; startTimeUnixNano: string; spanSets?: { matched: number }[] }[];
  readonly totals?: { readonly traces: number; readonly spans: number };
  readonly explain?: SearchExplanation;
  readonly metrics: Metrics;
}

interface ExplainedMetrics {
  readonly explain?: MetricsExplanation;
}

interface Metrics {
  readonly inspectedBytes?: string;
  readonly inspectedSpans?: string;
  readonly totalBlocks?: number;
  readonly cost?: {
    readonly requests: number;
    readonly pages: number;
    readonly inspectedSpans: number;
    readonly milliseconds: Readonly<Record<string, number>>;
  };
}

async function ask<Shape = Found>(api: TestApi, path: string): Promise<Shape> {
  const { status, text } = await api.get(path);
  assert.equal(status, 200, text);
  return JSON.parse(text) as Shape;
}

const search = (query: string, more: string): string =>
  `/api/search?q=${encodeURIComponent(query)}&${range}${more && `&${more}`}`;

function expected(query: string, given: readonly PlainSpan[]) {
  const { pipeline } = checkQuery(parseQuery(query));
  return tracesOf(given)
    .map((trace) => ({ trace, sets: evaluatePipeline(pipeline, trace) }))
    .filter(({ sets }) => sets.length > 0)
    .map(({ trace, sets }) => ({
      id: trace.id.replace(/^0+/, ''),
      start: trace.start,
      duration: trace.end - trace.start,
      matched: new Set(sets.flatMap(({ nodes }) => nodes)).size,
    }));
}

const descending = (a: bigint, b: bigint): number => (a > b ? -1 : a < b ? 1 : 0);

const queries = [
  '{ }',
  '{ status = error }',
  '{ span.http.route = "/route/7" } >> { kind = client }',
  '{ resource.service.name =~ "service-[123]" } | by(name) | count() > 1',
  '{ .nosuch = 1 || span.load > 100 && duration > 90ms }',
];

for (const [name, placement] of Object.entries(placements)) {
  let api: TestApi;
  before(async () => {
    api = await apiOver(placement);
  });
  after(() => api.close());

  test(`sort and totals are the oracle's over ${name}`, async () => {
    for (const query of queries) {
      const all = expected(query, spans);
      const totals = { traces: all.length, spans: all.reduce((sum, { matched }) => sum + matched, 0) };
      const orders = {
        start: all.toSorted((a, b) => descending(a.start, b.start)),
        duration: all.toSorted((a, b) => descending(a.duration, b.duration) || descending(a.start, b.start)),
      };
      for (const [sort, order] of Object.entries(orders)) {
        for (const limit of [1, 10, 1000]) {
          const want = order.slice(0, limit).map(({ id }) => id);
          for (const more of ['', '&totals=true']) {
            const found = await ask(api, search(query, `sort=${sort}&limit=${limit}${more}`));
            assert.deepEqual(
              found.traces.map(({ traceID }) => traceID),
              want,
              `${query} by ${sort}, ${limit}`,
            );
            assert.deepEqual(found.totals, more === '' ? undefined : totals, query);
          }
        }
      }
      const plain = await ask(api, search(query, 'limit=10'));
      assert.deepEqual(
        plain.traces.map(({ traceID }) => traceID),
        orders.start.slice(0, 10).map(({ id }) => id),
        'sort=start is the default',
      );
    }
  });

  test(`explain says over ${name} what a search would read`, async () => {
    const { explain } = await ask(api, search('{ status = error && span.load > 5 } | select(name)', 'explain=true'));
    assert.ok(explain !== undefined);
    assert.equal(explain.order, 'start');
    assert.equal(explain.stopsEarly, true);
    assert.deepEqual(explain.predicates, ['status = error', 'span.load > 5']);
    assert.ok(explain.fragments.length > 0);
    for (const { fixedColumns, columns, chunks } of explain.fragments) {
      assert.ok(fixedColumns.includes('status'));
      assert.deepEqual(columns, ['span.load: double']);
      assert.ok(chunks > 0);
    }
    const longest = await ask(api, search('{ }', 'explain=true&sort=duration'));
    assert.equal(longest.explain?.order, 'duration');
    assert.equal(longest.explain?.stopsEarly, false);
    const bad = await api.get(search('{ }', 'sort=size'));
    assert.equal(bad.status, 400);
  });

  test(`explain says over ${name} what a metrics query would read`, async () => {
    const path = (kind: string, query: string) =>
      `/api/metrics/${kind}?q=${encodeURIComponent(query)}&${range}&explain=true`;
    const query = '{ span.load > 5 } | avg_over_time(duration) by (status)';
    const { explain } = await ask<ExplainedMetrics>(api, `${path('query_range', query)}&step=60s`);
    assert.ok(explain !== undefined);
    assert.equal(explain.metrics, 'avg_over_time(duration) by (status)');
    assert.equal(explain.stepNano, 60e9);
    assert.deepEqual(explain.predicates, ['span.load > 5']);
    assert.ok(explain.intervals > 1 && explain.fragments.length > 0);
    for (const { fixedColumns, columns, measured, chunks, chunkSpans } of explain.fragments) {
      assert.deepEqual([fixedColumns, columns], [['start'], ['span.load: double']]);
      assert.deepEqual([...measured.fixedColumns].sort(), ['duration', 'status']);
      assert.ok(chunks > 0 && chunkSpans > 0);
    }
    const instant = await ask<ExplainedMetrics>(api, path('query', '{ false } | rate() with (sample=0.5)'));
    assert.equal(instant.explain?.intervals, 1);
    assert.deepEqual(instant.explain?.sampling, { of: 'span', share: 0.5 });
    for (const { constant, columns } of instant.explain!.fragments) assert.deepEqual([constant, columns], [false, []]);
    const compared = await ask<ExplainedMetrics>(api, path('query', '{ } | compare({ status = error })'));
    assert.ok(compared.explain!.fragments.every(({ measured }) => measured.columns.includes('span.load: double')));
  });
}

test('cost says what was read, on every kind of query, and only when asked for', async () => {
  const api = await apiOver(placements['four blocks by time']!);
  try {
    const first = (await ask(api, search('{ status = error }', 'sort=duration&cost=true'))).metrics;
    assert.ok(first.cost!.requests > 0 && first.cost!.pages > 0 && Number(first.inspectedBytes) > 0);
    assert.equal(first.cost!.inspectedSpans, allSpans);
    for (const stage of ['plan', 'read', 'evaluate', 'materialize']) assert.ok(first.cost!.milliseconds[stage]! >= 0);
    const again = (await ask(api, search('{ status = error }', 'sort=duration&cost=true'))).metrics;
    assert.equal(again.cost!.requests, 0, 'everything is in memory now');
    const q = encodeURIComponent('{ } | rate()');
    for (const path of [
      search('{ }', ''),
      `/api/metrics/query_range?q=${q}&${range}`,
      `/api/metrics/query?q=${q}&${range}`,
      `/api/search/tags?${range}`,
      `/api/v2/search/tags?${range}`,
      `/api/search/tag/name/values?${range}`,
      `/api/v2/search/tag/span.load/values?${range}`,
    ]) {
      assert.equal((await ask<Found>(api, path)).metrics.cost, undefined, path);
      assert.equal(typeof (await ask<Found>(api, `${path}&cost=true`)).metrics.cost!.requests, 'number', path);
    }
    const { metrics } = await ask<Found>(api, `/api/v2/traces/1?cost=true`);
    assert.equal(typeof metrics.cost!.requests, 'number');
  } finally {
    await api.close();
  }
});

test('the longest traces are chosen before anything is read for their answers', async () => {
  const readBy = async (query: string, more: string): Promise<number> => {
    const api = await apiOver(placements['four blocks by time']!);
    try {
      return Number((await ask(api, search(query, `sort=duration&spss=100&${more}`))).metrics.inspectedBytes);
    } finally {
      await api.close();
    }
  };
  const query = '{ } | select(span.session)';
  const opened = await readBy('{ .nosuch = 1 }', 'limit=1');
  const few = (await readBy(query, 'limit=1')) - opened;
  const all = (await readBy(query, `limit=${traceCount}`)) - opened;
  assert.ok(few * 2 < all, `${few} bytes for one trace, ${all} for all`);
});

test('the newest traces are found without opening older blocks', async () => {
  const api = await apiOver(placements['four blocks by time']!);
  try {
    const newest = (await ask(api, search('{ status = error }', 'limit=3&cost=true'))).metrics;
    assert.ok(Number(newest.inspectedSpans) < allSpans / 3, `${newest.inspectedSpans} of ${allSpans} spans`);
    const counted = (await ask(api, search('{ status = error }', 'limit=3&cost=true&totals=true'))).metrics;
    assert.equal(Number(counted.inspectedSpans), allSpans);
  } finally {
    await api.close();
  }
});

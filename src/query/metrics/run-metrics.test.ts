import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LruCache } from '../../base/lru-cache.ts';
import { liveFragment } from '../../block/live-fragment.ts';
import { attrName, type PlainSpan, tableOf, valueHex } from '../../block/testing/plain-spans.ts';
import { checkMetrics } from '../../traceql/check.ts';
import { alignRange } from '../../traceql/metrics-time.ts';
import { parseQuery } from '../../traceql/parser.ts';
import type { MetricsRequest, MetricsResult, ResultAttribute } from '../../traceql/result.ts';
import type { Fragment } from '../../traceql/storage.ts';
import { labelText } from './labels.ts';
import { type MetricsContext, runMetrics } from './run-metrics.ts';

const base = 1_700_000_000_000_000_000n;
const second = 1_000_000_000n;

/** A span of a trace of its own, `at` seconds after the base. */
function span(at: number, attrs: Record<string, string | bigint | number | boolean> = {}): PlainSpan {
  const start = base + BigInt(Math.round(at * 1e9));
  const id = start.toString(16).padStart(16, '0');
  const typed = Object.entries(attrs).map(([key, value]) => {
    const type = ({ string: 'string', bigint: 'int', number: 'double', boolean: 'bool' } as const)[
      typeof value as 'string'
    ];
    return [attrName('span', type, key), valueHex(value)];
  });
  return {
    traceId: id.repeat(2),
    spanId: id,
    parentId: '0000000000000000',
    start,
    end: start + 5_000_000n,
    name: 'work',
    kind: 2,
    status: 0,
    attrs: Object.fromEntries(typed),
    resource: {},
    events: [],
    links: [],
  };
}

interface Options {
  readonly memoryBytesMax?: number;
  readonly cacheBytesMax?: number;
  readonly nowMs?: () => number;
}

function contextOver(fragments: readonly Fragment[], options: Options = {}): MetricsContext {
  return {
    storage: { snapshot: async () => ({ fragments, blockCount: fragments.length, version: '1' }) },
    budget: { memoryBytesMax: options.memoryBytesMax ?? 1 << 24 },
    cache: new LruCache(options.cacheBytesMax ?? 0),
    pause: async () => {},
    nowMs: options.nowMs ?? (() => 0),
  };
}

const over = (...spans: PlainSpan[]): MetricsContext => contextOver([liveFragment('f', tableOf(spans))]);

function request(text: string, from: number, to: number, step: number, more: Partial<MetricsRequest> = {}) {
  const range = {
    startUnixNano: base + BigInt(from) * second,
    endUnixNano: base + BigInt(to) * second,
    stepNano: BigInt(step) * second,
  };
  const { startUnixNano, endUnixNano, stepNano } = step === 0 ? range : alignRange(range);
  return {
    tenant: 't',
    query: checkMetrics(parseQuery(text)),
    range: { startUnixNano, endUnixNano },
    stepNano,
    exemplars: 0,
    maxSeries: 0,
    ...more,
  } satisfies MetricsRequest;
}

const { signal } = new AbortController();
const labels = (list: readonly ResultAttribute[]): string =>
  list.map(({ key, value }) => `${key}=${labelText(value)}`).join(' ');
const samples = (result: MetricsResult): Record<string, (readonly [number, number])[]> =>
  Object.fromEntries(
    result.series.map((series) => [
      labels(series.labels),
      series.timestampsMs.map(
        (time, i) => [Number(BigInt(time) - base / 1_000_000n) / 1000, series.values[i]!] as const,
      ),
    ]),
  );

test('an interval is open on the left and closed on the right; its sample stands at its right edge', async () => {
  const context = over(span(10), span(10.5), span(20), span(20.000000001));
  const result = await runMetrics(context, request('{ } | count_over_time()', 10, 30, 10), signal);
  assert.deepEqual(samples(result), {
    '__name__=count_over_time': [
      [10, 1],
      [20, 2],
      [30, 1],
    ],
  });
});

test('an instant query is not aligned, includes both ends and has one sample', async () => {
  const context = over(span(10), span(15), span(17), span(18));
  const result = await runMetrics(context, request('{ } | rate()', 10, 17, 0), signal);
  assert.deepEqual(
    result.series.map(({ values }) => values),
    [[3 / 7]],
  );
});

test('counts have zeros where nothing happened, other functions leave samples out', async () => {
  const context = over(span(1, { n: 4n }), span(25, { n: 8n }));
  const count = await runMetrics(context, request('{ } | count_over_time() by (span.n)', 0, 30, 10), signal);
  assert.deepEqual(samples(count), {
    'span.n=4': [
      [0, 0],
      [10, 1],
      [20, 0],
      [30, 0],
    ],
    'span.n=8': [
      [0, 0],
      [10, 0],
      [20, 0],
      [30, 1],
    ],
  });
  const sum = await runMetrics(context, request('{ } | sum_over_time(span.n)', 0, 30, 10), signal);
  assert.deepEqual(samples(sum), {
    '__name__=sum_over_time': [
      [10, 4],
      [30, 8],
    ],
  });
});

test('without a match there is a series of zeros, but not for { false }, groups or other functions', async () => {
  const count = async (text: string): Promise<number> =>
    (await runMetrics(over(span(1)), request(text, 0, 10, 10), signal)).series.length;
  assert.equal(await count('{ name = "none" } | rate()'), 1);
  assert.equal(await count('{ false } | rate()'), 0);
  assert.equal(await count('{ name = "none" } | rate() by (name)'), 0);
  assert.equal(await count('{ name = "none" } | max_over_time(duration)'), 0);
  assert.equal((await runMetrics(contextOver([]), request('{ } | rate()', 0, 10, 10), signal)).series.length, 1);
});

test('spans without the attribute do not count in sums, and floats have quantiles and histograms', async () => {
  const context = over(span(1, { load: 0.3 }), span(2, { load: 3.5 }), span(3));
  const sum = await runMetrics(context, request('{ } | sum_over_time(span.load)', 0, 10, 0), signal);
  assert.deepEqual(sum.series[0]?.values, [3.8]);
  const histogram = await runMetrics(context, request('{ } | histogram_over_time(span.load)', 0, 10, 0), signal);
  assert.deepEqual(Object.keys(samples(histogram)), ['__bucket=0.5', '__bucket=4']);
});

test('a missing label is left out beside others and is nil alone', async () => {
  const context = over(span(1, { a: 'x' }), span(2));
  const names = async (by: string) =>
    Object.keys(samples(await runMetrics(context, request(`{ } | rate() by (${by})`, 0, 10, 0), signal)));
  assert.deepEqual(await names('span.a'), ['span.a=nil', 'span.a=x']);
  assert.deepEqual(await names('span.a, kind'), ['kind=server', 'span.a=x kind=server']);
});

test('a limit of series cuts the sorted answer and says so', async () => {
  const context = over(span(1, { n: 3n }), span(2, { n: 1n }), span(3, { n: 2n }));
  const asked = request('{ } | rate() by (span.n)', 0, 10, 0);
  const cut = await runMetrics(context, { ...asked, maxSeries: 2 }, signal);
  assert.deepEqual(Object.keys(samples(cut)), ['span.n=1', 'span.n=2']);
  assert.equal(cut.truncated, true);
  assert.equal((await runMetrics(context, { ...asked, maxSeries: 3 }, signal)).truncated, false);
});

test('more series than the memory allows are refused', async () => {
  const spans = Array.from({ length: 200 }, (_, i) => span(i / 10, { n: BigInt(i) }));
  const context = contextOver([liveFragment('f', tableOf(spans))], { memoryBytesMax: 10_000 });
  await assert.rejects(runMetrics(context, request('{ } | rate() by (span.n)', 0, 20, 1), signal), {
    kind: 'exhausted',
    message: /series of 2\d samples/,
  });
});

test('a sample counts for all, and is the same wherever spans lie', async () => {
  const spans = Array.from({ length: 4000 }, (_, i) => span(i / 1000));
  const half = [0, 1].map((k) => liveFragment(`half ${k}`, tableOf(spans.filter((_, i) => i % 2 === k))));
  for (const hint of ['span_sample', 'trace_sample', 'sample']) {
    const asked = request(`{ } | count_over_time() with (${hint}=0.25)`, 0, 10, 0);
    const whole = (await runMetrics(over(...spans), asked, signal)).series[0]!.values[0]!;
    assert.ok(Math.abs(whole - 4000) < 600 && whole !== 4000, `${hint}: ${whole}`);
    assert.equal((await runMetrics(contextOver(half), asked, signal)).series[0]!.values[0], whole);
  }
});

test('the hint turns exemplars off', async () => {
  const context = over(span(1), span(2));
  const count = async (text: string): Promise<number> => {
    const { series } = await runMetrics(context, request(text, 0, 10, 10, { exemplars: 10 }), signal);
    return series.flatMap(({ exemplars }) => exemplars).length;
  };
  assert.equal(await count('{ } | rate()'), 2);
  assert.equal(await count('{ } | rate() with (exemplars=1)'), 1);
  assert.equal(await count('{ } | rate() with (exemplars=false)'), 0);
});

test('compare() keeps the most frequent values and says that there are more', async () => {
  const spans = Array.from({ length: 12 }, (_, i) => span(i / 10, { n: BigInt(i % 4), ok: i % 2 === 0 }));
  const asked = request('{ } | compare({ span.ok }, 1)', 0, 10, 0);
  const { series } = await runMetrics(over(...spans), asked, signal);
  const ofN = series
    .map(({ labels: list, values }) => `${labels(list)}: ${values[0]}`)
    .filter((text) => /span\.n/.test(text));
  assert.deepEqual(ofN.sort(), [
    '__meta_type=baseline __meta_error=__too_many_values__ span.n=nil: 0',
    '__meta_type=baseline span.n=1: 3',
    '__meta_type=baseline_total span.n=nil: 6',
    '__meta_type=selection __meta_error=__too_many_values__ span.n=nil: 0',
    '__meta_type=selection span.n=0: 3',
    '__meta_type=selection_total span.n=nil: 6',
  ]);
});

test('partial answers say what is known so far', async () => {
  const fragments = [0, 1, 2].map((k) => liveFragment(`f${k}`, tableOf([span(k)])));
  let now = 0;
  const context = contextOver(fragments, { nowMs: () => (now += 1000) });
  const seen: number[] = [];
  const result = await runMetrics(context, request('{ } | count_over_time()', 0, 10, 0), signal, (partial) => {
    assert.equal(partial.cost.completedJobs, seen.push(partial.series[0]!.values[0]!));
  });
  assert.deepEqual(seen, [1, 2]);
  assert.equal(result.series[0]!.values[0], 3);
  assert.equal(result.cost.completedJobs, 3);
});

test('a query whose caller went away stops', async () => {
  const controller = new AbortController();
  const context = over(span(1));
  const leaving = { ...context, pause: async () => controller.abort() };
  await assert.rejects(runMetrics(leaving, request('{ } | rate()', 0, 10, 0), controller.signal), { kind: 'canceled' });
});

test('asked again, the answer comes from the cache and a fragment that is new is added', async () => {
  const first = liveFragment('first', tableOf([span(1)]));
  const context = contextOver([first], { cacheBytesMax: 1 << 20 });
  const asked = request('{ } | count_over_time()', 0, 10, 0);
  await runMetrics(context, asked, signal);
  const unreadable: Fragment = Object.create(first, {
    load: { value: () => assert.fail('read again') },
    loadTraces: { value: () => assert.fail('read again') },
  });
  const fragments = [unreadable, liveFragment('second', tableOf([span(2)]))];
  const grown: MetricsContext = {
    ...context,
    storage: { snapshot: async () => ({ fragments, blockCount: 2, version: '2' }) },
  };
  // Private fields are the original's.
  for (const name of ['id', 'traceCount', 'baseUnixNano', 'minStart', 'maxEnd', 'sizeBytes', 'hiddenTraces'] as const) {
    Object.defineProperty(unreadable, name, { value: first[name] });
  }
  assert.equal((await runMetrics(grown, asked, signal)).series[0]!.values[0], 2);
});

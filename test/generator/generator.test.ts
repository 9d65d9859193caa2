/** The generator against a count of the same spans one by one, and what limits, filters and restarts do to it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRng } from '../../src/base/random.ts';
import { ShopTraffic } from '../../src/cli/demo/traffic.ts';
import { Generator, type GeneratorState } from '../../src/generator/generator.ts';
import { bucketIndex, NativeHistogram, schemaFor } from '../../src/generator/native-histogram.ts';
import { type GeneratorSettings, serviceGraphBuckets, spanMetricsBuckets } from '../../src/generator/settings.ts';
import {
  type PlainResource,
  type PlainSpan,
  plainResource,
  plainScope,
  plainSpan,
} from '../../src/model/plain-span.ts';
import { SpanTable } from '../../src/model/span-table.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { OtlpScanner } from '../../src/protocol/otlp/scan.ts';
import { Collected } from './collected.ts';
import { type Counted, countServiceGraph, countSpanMetrics, oneCalledSpanEach } from './count.ts';
import { allProcessors } from './settings.ts';

const nowMs = 1_795_507_200_000;
const attribute = (key: string, value: string) => ({ key, value: { type: 'string', value } }) as const;

function shopSpans(visits: number, seed = 1): PlainSpan[] {
  const traffic = new ShopTraffic(new SeededRng(seed));
  const spans: PlainSpan[] = [];
  for (let i = 0; i < visits; i++) spans.push(...traffic.visit(BigInt(nowMs - 5000 + i) * 1_000_000n));
  return spans;
}

let tables = 0;
/** Feeds spans through tables, `perTable` a table and `perCall` a call. */
function feed(generator: Generator, spans: readonly PlainSpan[], perTable = 1000, perCall = 100, atMs = nowMs): void {
  for (let first = 0; first < spans.length; first += perTable) {
    const table = new SpanTable(16);
    const scanner = new OtlpScanner(table);
    const id = `table-${tables++}`;
    for (let at = first; at < Math.min(first + perTable, spans.length); at += perCall) {
      const from = table.spanCount;
      scanner.scan(plainSpansToOtlp(spans.slice(at, Math.min(at + perCall, first + perTable))));
      generator.apply(id, table.share(), from, table.spanCount, atMs);
    }
  }
}

function collect(generator: Generator, atMs = nowMs + 60_000): Collected {
  const collected = new Collected();
  generator.collect(collected, { nowMs: atMs, exemplarsSinceMs: 0, zeroMs: atMs - 15_000 });
  return collected;
}

function assertCounted(actual: Collected, expected: Counted, prefix: string): void {
  const wanted = [...expected].sort(([a], [b]) => (a < b ? -1 : 1));
  const found = actual.of(prefix);
  assert.deepEqual(
    found.map(([series]) => series),
    wanted.map(([series]) => series),
  );
  // Sums are added up in another order.
  for (let i = 0; i < wanted.length; i++)
    assert.ok(Math.abs(found[i]![1] - wanted[i]![1]) <= 1e-9 * Math.abs(wanted[i]![1]), `${wanted[i]} is ${found[i]}`);
}

const withSpanMetrics = (changes: Partial<NonNullable<GeneratorSettings['spanMetrics']>>): GeneratorSettings => ({
  ...allProcessors,
  serviceGraphs: undefined,
  spanMetrics: { ...allProcessors.spanMetrics, ...changes },
});

function span(changes: Partial<PlainSpan> & { attributes?: PlainSpan['attributes'] }, service = 'a'): PlainSpan {
  const end = BigInt(nowMs) * 1_000_000n;
  return plainSpan({
    traceId: '0123456789abcdef0123456789abcdef',
    spanId: '00000000000000a1',
    name: 'op',
    kind: 2,
    startTimeUnixNano: end - 50_000_000n,
    endTimeUnixNano: end,
    resource: plainResource({ attributes: [attribute('service.name', service)] }),
    scope: plainScope({}),
    ...changes,
  });
}

const resource = (attributes: Readonly<Record<string, string>>): PlainResource =>
  plainResource({ attributes: Object.entries(attributes).map(([key, value]) => attribute(key, value)) });

test('span metrics of a shop are what counting span by span gives, whatever the tables and calls', () => {
  const spans = shopSpans(150);
  assert.ok(spans.length > 1500);
  const dimensions = {
    http_route: 'http.route',
    k8s_namespace_name: 'k8s.namespace.name',
    app_membership: 'app.membership',
  };
  const expected = countSpanMetrics(spans, dimensions, spanMetricsBuckets);
  const settings = withSpanMetrics({ dimensions: Object.values(dimensions) });
  for (const [perTable, perCall] of [
    [100_000, 100_000],
    [300, 7],
  ] as const) {
    const generator = new Generator(settings);
    feed(generator, spans, perTable, perCall);
    assertCounted(collect(generator), expected, 'traces_spanmetrics');
    assert.equal(generator.counters().spansReceived, spans.length);
  }
});

test('the service graph of a shop is what pairing whole traces gives, in any order of spans and over a restart', () => {
  const spans = oneCalledSpanEach(shopSpans(150));
  const expected = countServiceGraph(spans, serviceGraphBuckets);
  assert.ok([...expected.keys()].some((series) => series.includes('database')));
  assert.ok([...expected.keys()].some((series) => series.includes('messaging_system')));
  const rng = new SeededRng(7);
  const shuffled = spans.map((each) => ({ each, at: rng.float() })).sort((a, b) => a.at - b.at);
  const settings = { ...allProcessors, spanMetrics: undefined };
  for (const order of [spans, shuffled.map(({ each }) => each)]) {
    const half = Math.floor(order.length / 2);
    const first = new Generator(settings);
    feed(first, order.slice(0, half));
    const state = JSON.parse(JSON.stringify(first.state())) as GeneratorState;
    assert.ok(state.edges.length > 0, 'some wait for their other half');
    const second = new Generator(settings, state);
    feed(second, order.slice(half));
    assertCounted(collect(second), expected, 'traces_service_graph');
    assert.equal(second.counters().waitingEdges, 0);
  }
});

test('counters, classic and native histograms go on after a restart where they were', () => {
  const settings: GeneratorSettings = { ...allProcessors, registry: { ...allProcessors.registry, histograms: 'both' } };
  const spans = shopSpans(60, 3);
  const whole = new Generator(settings);
  feed(whole, spans);
  const first = new Generator(settings);
  feed(first, spans.slice(0, 200));
  const second = new Generator(settings, JSON.parse(JSON.stringify(first.state())) as GeneratorState);
  feed(second, spans.slice(200));
  const [a, b] = [collect(whole), collect(second)];
  assert.deepEqual([...b.values.keys()].sort(), [...a.values.keys()].sort());
  for (const [series, value] of a.values) assert.ok(Math.abs(b.values.get(series)! - value) < 1e-6, series);
  assert.ok(a.natives.size > 10);
  for (const [series, { state }] of a.natives) {
    const other = b.natives.get(series)!.state;
    assert.deepEqual(other.buckets, state.buckets);
    assert.equal(other.count, state.count);
  }
  assert.ok(b.zeros.size < a.zeros.size, 'series that were sent before are not new');
});

test('the bucket of an exemplar leads to a trace that fell into it', () => {
  const spans = shopSpans(20);
  const generator = new Generator(withSpanMetrics({}));
  feed(generator, spans);
  const { exemplars } = collect(generator);
  const traces = new Map(spans.map((each) => [each.traceId, each]));
  assert.ok(exemplars.size > 20);
  for (const [series, exemplar] of exemplars) {
    assert.ok(traces.has(exemplar.traceId));
    const le = /le="([^"]+)"/.exec(series)![1]!;
    assert.ok(le === '+Inf' || exemplar.value <= Number(le));
  }
});

test('series beyond the limit are counted together, and those that exist go on', () => {
  const settings = {
    ...withSpanMetrics({ latency: false, size: false }),
    registry: { ...allProcessors.registry, seriesMax: 2 },
  };
  const generator = new Generator(settings);
  for (const name of ['a', 'b', 'c', 'd', 'a']) feed(generator, [span({ name })]);
  const values = collect(generator).of('traces_spanmetrics_calls_total');
  assert.deepEqual(values.map(([, value]) => value).sort(), [1, 2, 2]);
  assert.deepEqual(
    values.find(([series]) => series.includes('metric_overflow')),
    ['traces_spanmetrics_calls_total{metric_overflow="true"}', 2],
  );
  const counters = generator.counters();
  assert.equal(counters.activeSeries, 3);
});

test('an entity is a label set over all metrics', () => {
  const settings: GeneratorSettings = {
    ...withSpanMetrics({}),
    registry: { ...allProcessors.registry, limiter: 'entity', entitiesMax: 1 },
  };
  const generator = new Generator(settings);
  for (const name of ['a', 'b', 'c']) feed(generator, [span({ name })]);
  const { values } = collect(generator);
  const overflown = [...values].filter(([series]) => /(calls_total|size_total|_count)\{metric_overflow/.test(series));
  assert.equal(overflown.length, 3);
  assert.equal(values.get('traces_spanmetrics_calls_total{metric_overflow="true"}'), 2);
});

test('values of a label beyond the limit become one', () => {
  const settings = {
    ...withSpanMetrics({ latency: false, size: false }),
    registry: { ...allProcessors.registry, valuesPerLabelMax: 2 },
  };
  const generator = new Generator(settings);
  for (const name of ['a', 'b', 'c', 'd']) feed(generator, [span({ name })]);
  const names = collect(generator)
    .of('traces_spanmetrics_calls_total')
    .map(([series, value]) => [/span_name="([^"]+)"/.exec(series)![1], value]);
  assert.deepEqual(names, [
    ['__cardinality_overflow__', 2],
    ['a', 1],
    ['b', 1],
  ]);
  assert.equal(generator.counters().limitedLabelValues, 2);
});

test('series without an update for long are gone, and begin at zero when they come again', () => {
  const generator = new Generator(withSpanMetrics({ latency: false, size: false }));
  feed(generator, [span({ name: 'old' })]);
  assert.equal(collect(generator, nowMs + 1000).zeros.size, 1);
  assert.equal(collect(generator, nowMs + 2000).zeros.size, 0);
  const later = nowMs + 16 * 60_000;
  const end = BigInt(later) * 1_000_000n;
  feed(generator, [span({ name: 'new', startTimeUnixNano: end, endTimeUnixNano: end })], 1, 1, later);
  const { values } = collect(generator, later + 1);
  assert.equal(values.size, 1);
  assert.match([...values.keys()][0]!, /span_name="new"/);
  assert.equal(generator.counters().activeSeries, 1);
});

test('filter policies, dimensions, mappings and target info', () => {
  const generator = new Generator(
    withSpanMetrics({
      latency: false,
      size: false,
      dimensions: ['region', 'service'],
      mappings: [{ name: 'where', source_labels: ['region', 'missing', 'zone'], join: '/' }],
      targetInfo: true,
      targetInfoExcluded: ['secret'],
      policies: [
        { include: { match_type: 'strict', attributes: [{ key: 'kind', value: 'SPAN_KIND_SERVER' }] } },
        {
          exclude: {
            match_type: 'regex',
            attributes: [
              { key: 'resource.region', value: '^x' },
              { key: 'name', value: 'op' },
            ],
          },
        },
      ],
    }),
  );
  const shop = { 'service.name': 's', 'service.namespace': 'n', 'service.instance.id': 'i', region: 'eu', secret: '1' };
  feed(generator, [
    span({
      resource: resource(shop),
      attributes: [attribute('zone', 'z'), attribute('region', 'span'), attribute('service', 'q')],
    }),
    span({ resource: resource(shop), kind: 3 }),
    span({ resource: resource({ ...shop, region: 'x1' }) }),
  ]);
  const { values } = collect(generator);
  const labels =
    '__service="q",instance="i",job="n/s",region="eu",service="s",span_kind="SPAN_KIND_SERVER",span_name="op",status_code="STATUS_CODE_UNSET",where="eu/z"';
  assert.deepEqual(
    [...values].filter(([series]) => !series.startsWith('traces_host')),
    [
      [`traces_spanmetrics_calls_total{${labels}}`, 1],
      ['traces_target_info{instance="i",job="n/s",region="eu"}', 1],
    ],
  );
  assert.equal(generator.counters().discarded.span_metrics_filtered, 2);
});

test('spans that stand for several, late spans and names that are not UTF-8', () => {
  const generator = new Generator(
    withSpanMetrics({ size: false, spanMultiplierKey: 'ratio', traceStateMultiplier: true }),
  );
  const ratio = [{ key: 'ratio', value: { type: 'double', value: 0.25 } }] as const;
  feed(generator, [
    span({ attributes: ratio }),
    span({ traceState: 'a=b,ot=rv:1;th:8' }),
    span({ endTimeUnixNano: BigInt(nowMs - 31_000) * 1_000_000n }),
    span({ endTimeUnixNano: BigInt(nowMs + 31_000) * 1_000_000n }),
  ]);
  assert.equal(collect(generator).of('traces_spanmetrics_calls_total')[0]![1], 6);
  assert.equal(generator.counters().discarded.outside_metrics_ingestion_slack, 2);
  const table = new SpanTable(16);
  const request = plainSpansToOtlp([span({ name: 'xyz' })]);
  request[Buffer.from(request).indexOf('xyz')] = 0xff;
  new OtlpScanner(table).scan(request);
  generator.apply('bad', table, 0, 1, nowMs);
  assert.equal(generator.counters().discarded.invalid_utf8, 1);
});

test('an edge waits for its time only, and a full store drops spans', () => {
  const settings: GeneratorSettings = {
    ...allProcessors,
    spanMetrics: undefined,
    serviceGraphs: { ...allProcessors.serviceGraphs, edgesMax: 3, virtualNodeLabel: true },
  };
  const generator = new Generator(settings);
  const client = (spanId: string, peer = '') =>
    span({ spanId, kind: 3, attributes: peer === '' ? [] : [attribute('peer.service', peer)] });
  feed(generator, [
    client('0000000000000001', 'far'),
    client('0000000000000002'),
    client('0000000000000003'),
    client('0000000000000004'),
  ]);
  assert.equal(generator.counters().graph!.droppedSpans, 1);
  assert.equal(collect(generator, nowMs + 9_999).of('traces_service').length, 0);
  assert.deepEqual(collect(generator, nowMs + 10_000).of('traces_service_graph_request_total'), [
    [
      'traces_service_graph_request_total{client="a",connection_type="virtual_node",server="far",virtual_node="server"}',
      1,
    ],
  ]);
  assert.deepEqual({ ...generator.counters().graph }, { edges: 1, expiredEdges: 2, droppedSpans: 1 });
});

test('native buckets hold what their bounds say, and become wider or begin anew when there are too many', () => {
  assert.equal(schemaFor(1.1), 3);
  const rng = new SeededRng(5);
  for (let i = 0; i < 2000; i++) {
    const value = 10 ** (rng.float() * 12 - 6);
    const schema = Math.floor(rng.float() * 12) - 4;
    const index = bucketIndex(value, schema);
    assert.ok(value <= 2 ** (index * 2 ** -schema) && value > 2 ** ((index - 1) * 2 ** -schema));
  }
  const histogram = new NativeHistogram({ schema: 3, bucketsMax: 10, resetMs: 1000 }, 0);
  for (let i = 0; i < 100; i++) histogram.observe(1.05 ** i, 1, 500);
  assert.ok(histogram.buckets.length <= 10 && histogram.schema < 3);
  assert.equal(
    histogram.buckets.reduce((sum, [, count]) => sum + count, 0),
    100,
  );
  for (let i = 0; i < 100; i++) histogram.observe(1.9 ** i, 1, 2000);
  assert.ok(histogram.count < 200, 'it began anew');
});

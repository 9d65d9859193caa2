/** What observers make of requests: counts, cost attribution, logs of spans, live traces. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { invalid } from '../../base/errors.ts';
import type { KeyValue } from '../../model/any-value.ts';
import { type PlainSpan, plainResource, plainSpan } from '../../model/plain-span.ts';
import { SpanTable } from '../../model/span-table.ts';
import { plainSpansToOtlp } from '../../protocol/otlp/encode-plain.ts';
import { OtlpScanner } from '../../protocol/otlp/scan.ts';
import type { StoredRequest } from './ingest-observer.ts';
import { LiveTraces } from './live-traces.ts';
import { SpanLog, type SpanLogOptions } from './span-log.ts';
import { countSpans, UsageCounters } from './usage-counters.ts';
import { type CostAttribution, UsageTracker } from './usage-tracker.ts';

type Values = Readonly<Record<string, string | bigint | number | boolean>>;

function attributes(values: Values): KeyValue[] {
  return Object.entries(values).map(([key, value]) => {
    if (typeof value === 'string') return { key, value: { type: 'string', value } };
    if (typeof value === 'bigint') return { key, value: { type: 'int', value } };
    if (typeof value === 'number') return { key, value: { type: 'double', value } };
    return { key, value: { type: 'bool', value } };
  });
}

let spanNumber = 0;
function span(resource: Values, own: Values = {}, more: Partial<PlainSpan> = {}): PlainSpan {
  spanNumber++;
  return plainSpan({
    traceId: spanNumber.toString(16).padStart(32, '0'),
    spanId: spanNumber.toString(16).padStart(16, '0'),
    name: 'n',
    attributes: attributes(own),
    resource: plainResource({ attributes: attributes(resource) }),
    ...more,
  });
}

/** A tenant's table that requests are scanned into one after another. */
function requests() {
  const table = new SpanTable(16);
  const scanner = new OtlpScanner(table);
  return (spans: readonly PlainSpan[]): StoredRequest => {
    const from = table.spanCount;
    const body = plainSpansToOtlp(spans);
    const { truncatedAttributes } = scanner.scan(body);
    const place = { table, tableId: '', from, to: table.spanCount, seq: 1 };
    return { tenant: 't', receiver: 'otlp/grpc', body, ...place, noGenerateMetrics: false, truncatedAttributes };
  };
}

function tracker(costs: CostAttribution, staleMs = 1000) {
  const time = { nowMs: 0, costs };
  const usage = new UsageTracker({ attributionOf: () => time.costs, staleMs, nowMs: () => time.nowMs });
  const series = (): Record<string, number> =>
    Object.fromEntries(
      usage
        .text()
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => {
          const [, labels, value] =
            /^tempo_usage_tracker_bytes_received_total\{(.*),tenant="t",tracker="cost-attribution"\} (\d+)$/.exec(
              line,
            )!;
          return [labels, Number(value)];
        }),
    );
  return { usage, time, series };
}

test('bytes go to the label values of spans and resources; what is not there is __missing__', () => {
  const { usage, series } = tracker({
    dimensions: { 'resource.team': '', 'span.http.route': 'route' },
    seriesMax: 10,
  });
  const request = requests();
  const first = request([span({ team: 'a' }, { 'http.route': '/x' })]);
  const second = request([span({ 'http.route': '/not-a-span' }, { team: 'not-a-resource' })]);
  usage.stored(first);
  usage.stored(second);
  assert.deepEqual(series(), {
    'route="/x",team="a"': first.body.length,
    'route="__missing__",team="__missing__"': second.body.length,
  });
});

test('without a scope both are looked at and the span wins; numbers and booleans are text', () => {
  const { usage, series } = tracker({ dimensions: { x: '1st' }, seriesMax: 10 });
  const request = requests();
  for (const spans of [
    [span({ x: 'r' })],
    [span({ x: 'r' }, { x: 's' })],
    [span({}, { x: -5n })],
    [span({}, { x: 1.5 })],
    [span({}, { x: true })],
    [span({}, { x: 'a"b\\\n' })],
  ])
    usage.stored(request(spans));
  assert.deepEqual(Object.keys(series()), [
    '_1st="r"',
    '_1st="s"',
    '_1st="-5"',
    '_1st="1.5"',
    '_1st="true"',
    '_1st="a\\"b\\\\\\n"',
  ]);
});

test('the bytes of a request are shared out whole, larger spans get more', () => {
  const teams = fc.constantFrom('a', 'b', 'c');
  fc.assert(
    fc.property(fc.array(fc.array(teams, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 8 }), (sent) => {
      const { usage, series } = tracker({ dimensions: { team: '' }, seriesMax: 10 });
      const request = requests();
      let bytes = 0;
      for (const spans of sent) {
        const stored = request(spans.map((team) => span({ team }, { size: 'x'.repeat(spanNumber % 50) })));
        usage.stored(stored);
        bytes += stored.body.length;
      }
      const counted = Object.values(series()).reduce((sum, value) => sum + value, 0);
      // Each series is rounded.
      assert.ok(Math.abs(counted - bytes) <= 3, `${counted} of ${bytes}`);
    }),
  );
  const { usage, series } = tracker({ dimensions: { team: '' }, seriesMax: 10 });
  usage.stored(requests()([span({ team: 'small' }), span({ team: 'large' }, { text: 'x'.repeat(2000) })]));
  assert.ok(series()['team="large"']! > 10 * series()['team="small"']!);
});

test('series beyond the limit are counted together; stale ones make room', () => {
  const { usage, time, series } = tracker({ dimensions: { team: '' }, seriesMax: 2 });
  const request = requests();
  for (const team of ['a', 'b', 'c', 'd', 'a']) usage.stored(request([span({ team })]));
  assert.deepEqual(Object.keys(series()), ['team="a"', 'team="b"', 'team="__overflow__"']);
  time.nowMs = 900;
  usage.stored(request([span({ team: 'a' })]));
  time.nowMs = 1500;
  usage.stored(request([span({ team: 'e' })]));
  assert.deepEqual(Object.keys(series()), ['team="a"', 'team="e"']);
  time.nowMs = 3000;
  assert.deepEqual(series(), {});
  const again = request([span({ team: 'a' })]);
  usage.stored(again);
  assert.deepEqual(series(), { 'team="a"': again.body.length }, 'a forgotten series begins anew');
});

test('other dimensions begin anew, the same ones loaded again do not, none end it', () => {
  const { usage, time, series } = tracker({ dimensions: { team: '' }, seriesMax: 10 });
  const request = requests();
  const stored = request([span({ team: 'a', cell: 'z' })]);
  usage.stored(stored);
  time.costs = { dimensions: { team: '' }, seriesMax: 10 };
  usage.stored(request([span({ team: 'a', cell: 'z' })]));
  assert.equal(Object.keys(series()).length, 1);
  assert.ok(series()['team="a"']! > stored.body.length);
  time.costs = { dimensions: { cell: '' }, seriesMax: 10 };
  usage.stored(request([span({ team: 'a', cell: 'z' })]));
  assert.deepEqual(Object.keys(series()), ['cell="z"']);
  time.costs = { dimensions: {}, seriesMax: 10 };
  usage.stored(request([span({ team: 'a' })]));
  assert.deepEqual(series(), {});
});

test('what was stored and what was refused is counted by tenant, reason and receiver', () => {
  const counters = new UsageCounters();
  const request = requests();
  const stored = request([span({}), span({})]);
  counters.stored({ ...stored, truncatedAttributes: 3 });
  const { body } = request([span({})]);
  for (const code of ['rate_limited', 'batch_over_burst', 'invalid_span_id', 'whatever'])
    counters.refused({ tenant: 't', receiver: 'otlp/grpc', body, error: invalid(code, '') });
  assert.deepEqual(counters.snapshot(), {
    tenants: {
      t: {
        spans: 2,
        bytes: stored.body.length,
        ingressBytes: stored.body.length + 4 * body.length,
        truncatedAttributes: 3,
      },
    },
    receivers: { 'otlp/grpc': { accepted: 2, refused: 4 } },
    discarded: [
      { tenant: 't', reason: 'rate_limited', spans: 2 },
      { tenant: 't', reason: 'invalid_span_id', spans: 1 },
      { tenant: 't', reason: 'unknown_error', spans: 1 },
    ],
  });
});

test('spans of refused requests are counted up to where they are damaged', () => {
  const body = plainSpansToOtlp([span({ a: 'x' }), span({ b: 'x' }), span({ b: 'x' })]);
  assert.equal(countSpans(body), 3);
  fc.assert(
    fc.property(fc.nat(body.length), fc.uint8Array({ maxLength: 20 }), (cut, tail) => {
      const spans = countSpans(Buffer.concat([body.subarray(0, cut), tail]));
      assert.ok(spans >= 0 && spans <= 3 + tail.length);
    }),
  );
});

test('logs name the spans that are asked for', () => {
  let lines: Record<string, unknown>[] = [];
  const log = { info: (fields: object, message: string) => lines.push({ ...fields, message }) };
  const written = (): Record<string, unknown>[] => {
    const all = lines;
    lines = [];
    return all;
  };
  const only = (options: Partial<SpanLogOptions>): SpanLogOptions => ({
    allAttributes: false,
    onlyErrors: false,
    ...options,
  });
  const request = requests();
  const stored = request([
    span({}, {}, { traceId: 'a'.repeat(32) }),
    span(
      { s: 'shop' },
      { n: 5n },
      { traceId: 'b'.repeat(32), statusCode: 2, kind: 2, endTimeUnixNano: 1_500_000_000n },
    ),
  ]);
  const refused = { tenant: 't', receiver: undefined, error: new Error('no room') };

  new SpanLog({ received: only({}), discarded: undefined, log }).refused({ ...refused, body: stored.body });
  assert.deepEqual(written(), []);
  new SpanLog({ received: only({}), discarded: undefined, log }).stored(stored);
  assert.deepEqual(
    written().map(({ traceid, message }) => [traceid, message]),
    [
      ['a'.repeat(32), 'received'],
      ['b'.repeat(32), 'received'],
    ],
  );
  const discarded = new SpanLog({
    received: undefined,
    discarded: only({ onlyErrors: true, allAttributes: true }),
    log,
  });
  discarded.stored(stored);
  discarded.refused({ ...refused, body: stored.body });
  const [line, ...rest] = written();
  assert.equal(rest.length, 0);
  const { spanid, ...shown } = line!;
  assert.equal(String(spanid).length, 16);
  assert.deepEqual(shown, {
    tenant: 't',
    reason: 'no room',
    traceid: 'b'.repeat(32),
    span_name: 'n',
    span_kind: 'server',
    span_status: 'error',
    span_duration_seconds: 1.5,
    resource: { s: 'shop' },
    attributes: { n: '5' },
    message: 'discarded',
  });
  discarded.refused({ ...refused, body: Uint8Array.of(0xff) });
  assert.match(String(written()[0]?.['message']), /cannot be read/);
});

test('live traces are counted once each, and a request that brings too many counts for nothing', () => {
  const table = new SpanTable(16);
  const scanner = new OtlpScanner(table);
  const scan = (...traces: number[]): number => {
    const from = table.spanCount;
    const traceId = (n: number): string => n.toString(16).padStart(32, '0');
    scanner.scan(plainSpansToOtlp(traces.map((n) => span({}, {}, { traceId: traceId(n) }))));
    return from;
  };
  scan(1, 2, 1);
  const live = new LiveTraces(table, table.spanCount);
  assert.equal(live.count, 2);
  const mark = table.mark();
  assert.equal(live.admit(table, scan(2, 3, 4), table.spanCount, 3), false);
  table.rollback(mark);
  assert.equal(live.count, 2);
  assert.equal(live.admit(table, scan(3, 3), table.spanCount, 3), true);
  assert.equal(live.admit(table, scan(1, 2, 3), table.spanCount, 1), true, 'spans of known traces always may come');
  assert.equal(live.count, 3);
  assert.equal(live.admit(table, scan(...Array.from({ length: 3000 }, (_, n) => n + 1)), table.spanCount, 3000), true);
  assert.equal(live.count, 3000);
});

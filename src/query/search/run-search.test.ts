import assert from 'node:assert/strict';
import { test } from 'node:test';
import { liveFragment } from '../../block/live-fragment.ts';
import { type PlainSpan, plainResource, plainSpan } from '../../model/plain-span.ts';
import { SpanTable } from '../../model/span-table.ts';
import { plainSpansToOtlp } from '../../protocol/otlp/encode-plain.ts';
import { OtlpScanner } from '../../protocol/otlp/scan.ts';
import { checkQuery } from '../../traceql/check.ts';
import { parseQuery } from '../../traceql/parser.ts';
import type { ResultValue, SearchRequest, SearchResult, TraceResult } from '../../traceql/result.ts';
import type { Fragment } from '../../traceql/storage.ts';
import { explainSearch } from './explain.ts';
import { runSearch, type SearchContext } from './run-search.ts';

const base = 1_700_000_000_000_000_000n;
const second = 1_000_000_000n;
const hex = (number: number, digits: number): string => number.toString(16).padStart(digits, '0');
const service = (name: string) => plainResource({ attributes: [string('service.name', name)] });
const string = (key: string, value: string) => ({ key, value: { type: 'string', value } }) as const;

/** Trace n starts at second n, has a server root of n ms and a failing client below. */
function trace(n: number): PlainSpan[] {
  const startTimeUnixNano = base + BigInt(n) * second;
  const common = { traceId: hex(n, 32), startTimeUnixNano };
  return [
    plainSpan({
      ...common,
      spanId: hex(1, 16),
      name: 'root',
      kind: 2,
      endTimeUnixNano: startTimeUnixNano + BigInt(n) * 1_000_000n,
      resource: service('front'),
      attributes: [string('n', String(n)), string('parity', n % 2 === 0 ? 'even' : 'odd')],
    }),
    plainSpan({
      ...common,
      spanId: hex(2, 16),
      parentSpanId: hex(1, 16),
      name: 'call',
      kind: 3,
      endTimeUnixNano: startTimeUnixNano + 1000n,
      statusCode: 2,
      resource: service('back'),
      attributes: [string('peer', 'db')],
    }),
  ];
}

function fragmentOf(spans: readonly PlainSpan[], id = 'f') {
  const table = new SpanTable();
  new OtlpScanner(table).scan(plainSpansToOtlp(spans));
  return liveFragment(id, table.share());
}

const contextOf = (fragments: readonly Fragment[], given: Partial<SearchContext> = {}): SearchContext => ({
  storage: { snapshot: async () => ({ fragments, blockCount: fragments.length, version: 'fixed' }) },
  budget: { memoryBytesMax: 1 << 26 },
  pause: async () => {},
  nowMs: () => 0,
  ...given,
});

const requestOf = (query: string, given: Partial<SearchRequest> = {}): SearchRequest => ({
  tenant: 't',
  query: checkQuery(parseQuery(query)),
  range: { startUnixNano: 0n, endUnixNano: 0n },
  limit: 100,
  spansPerSpanSet: 3,
  sort: 'start',
  totals: false,
  ...given,
});

const signal = new AbortController().signal;
const traces = (...numbers: number[]): PlainSpan[] => numbers.flatMap(trace);
const numbersOf = (result: SearchResult): number[] =>
  result.traces.map(({ traceId }) => Number.parseInt(traceId.slice(-8), 16));
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

test('the newest traces come first, whatever fragments they lie in', async () => {
  const fragments = [fragmentOf(traces(1, 4, 7), 'a'), fragmentOf(traces(2, 5), 'b'), fragmentOf(traces(3, 6), 'c')];
  const result = await runSearch(contextOf(fragments), requestOf('{ status = error }', { limit: 4 }), signal);
  assert.deepEqual(numbersOf(result), [7, 6, 5, 4]);
});

test('traces that start together come in the order of their ids, and a limit cuts there', async () => {
  const same = [3, 1, 2].flatMap((n) =>
    trace(n).map((span) => ({ ...span, startTimeUnixNano: base, endTimeUnixNano: base + 5n })),
  );
  const fragments = [fragmentOf(same.slice(0, 2), 'a'), fragmentOf(same.slice(2), 'b')];
  for (const limit of [1, 2, 3]) {
    const result = await runSearch(contextOf(fragments), requestOf('{ }', { limit }), signal);
    assert.deepEqual(numbersOf(result), [1, 2, 3].slice(0, limit));
  }
});

test('sorted by duration, the longest come first over the whole range', async () => {
  const fragments = [fragmentOf(traces(...upTo(9)), 'a'), fragmentOf(traces(20, 15), 'b')];
  const request = requestOf('{ span.parity = "odd" }', { limit: 3, sort: 'duration' });
  assert.deepEqual(numbersOf(await runSearch(contextOf(fragments), request, signal)), [15, 9, 7]);
});

test('sorted by spans or by errors, the traces with most of them come first, the newest among equals', async () => {
  const extra = (n: number, statusCode: number): PlainSpan =>
    plainSpan({
      traceId: hex(n, 32),
      spanId: hex(9, 16),
      parentSpanId: hex(1, 16),
      startTimeUnixNano: base + BigInt(n) * second,
      endTimeUnixNano: base + BigInt(n) * second + 5n,
      statusCode,
      resource: service('extra'),
    });
  const fragments = [
    fragmentOf([...traces(1, 2, 3), extra(2, 0)], 'a'),
    fragmentOf([...traces(4, 5), extra(4, 2)], 'b'),
  ];
  const sorted = async (query: string, sort: SearchRequest['sort'], limit = 3) =>
    numbersOf(await runSearch(contextOf(fragments), requestOf(query, { sort, limit }), signal));
  assert.deepEqual(await sorted('{ }', 'spans'), [4, 2, 5]);
  assert.deepEqual(await sorted('{ }', 'errors', 2), [4, 5]);
  assert.deepEqual(await sorted('{ span.parity = "even" }', 'errors'), [4, 2]);
  assert.deepEqual(await sorted('{ status = error }', 'errors', 1), [4]);
});

test('totals count every match, and no more than asked for is answered', async () => {
  const fragments = [fragmentOf(traces(...upTo(9)), 'a'), fragmentOf(traces(20), 'b')];
  const request = requestOf('{ span.parity = "even" || status = error }', { limit: 2, totals: true });
  const result = await runSearch(contextOf(fragments), request, signal);
  assert.deepEqual(result.totals, { traces: 10, spans: 15 });
  assert.deepEqual(numbersOf(result), [20, 9]);
});

test('a time range takes whole traces that overlap it, both ends included', async () => {
  const search = async (start: bigint, end: bigint) =>
    numbersOf(
      await runSearch(
        contextOf([fragmentOf(traces(...upTo(5)))]),
        requestOf('{ }', { range: { startUnixNano: base + start, endUnixNano: base + end } }),
        signal,
      ),
    );
  assert.deepEqual(await search(2n * second, 3n * second), [3, 2]);
  assert.deepEqual(await search(2n * second + 2_000_000n, 3n * second - 1n), [2]);
  assert.deepEqual(await search(2n * second + 2_000_001n, 3n * second - 1n), []);
});

/** Counts what is asked of a fragment. */
function counting(fragment: Fragment, loads: string[]): Fragment {
  return new Proxy(fragment, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name === 'loadTraces' || name === 'load') loads.push(`${target.id} ${name}`);
      return value.bind(target);
    },
  });
}

test('once the limit is reached, older fragments are not opened', async () => {
  const loads: string[] = [];
  const fragments = [fragmentOf(traces(1, 2), 'old'), fragmentOf(traces(8, 9), 'new')].map((f) => counting(f, loads));
  const result = await runSearch(contextOf(fragments), requestOf('{ status = error }', { limit: 1 }), signal);
  assert.deepEqual(numbersOf(result), [9]);
  // Both may be opened, being few; only the new one is read.
  assert.deepEqual(
    loads.filter((load) => load.endsWith(' load')),
    ['new load', 'new load'],
  );
});

test('a value that no span has costs no reading of spans when the attribute does not exist', async () => {
  const loads: string[] = [];
  const fragment = counting(fragmentOf(traces(1, 2)), loads);
  const result = await runSearch(contextOf([fragment]), requestOf('{ span.nosuch = "x" }'), signal);
  assert.deepEqual(numbersOf(result), []);
  assert.deepEqual(loads, ['f loadTraces']);
});

const shown = (value: ResultValue): unknown => ('value' in value ? value.value : value.type);
const spansOf = ({ spanSets }: TraceResult) =>
  spanSets[0]!.spans.map(({ spanId, name, attributes }) => [
    spanId.slice(-1),
    name,
    Object.fromEntries(attributes.map(({ key, value }) => [key, shown(value)])),
  ]);

async function firstTrace(query: string): Promise<TraceResult> {
  const result = await runSearch(contextOf([fragmentOf(traces(3))]), requestOf(query), signal);
  return result.traces[0]!;
}

test('spans come with the attributes whose conditions they meet, and with selected ones', async () => {
  assert.deepEqual(spansOf(await firstTrace('{ span.peer = "db" || kind = server }')), [
    ['1', undefined, { kind: 'server' }],
    ['2', undefined, { peer: 'db' }],
  ]);
  assert.deepEqual(spansOf(await firstTrace('{ name != "" } | select(span.peer, resource.service.name, status)')), [
    ['1', 'root', { peer: 'nil', 'service.name': 'front', status: 'unset' }],
    ['2', 'call', { peer: 'db', 'service.name': 'back', status: 'error' }],
  ]);
  assert.deepEqual(spansOf(await firstTrace('{ span.peer = nil }')), [['1', undefined, { peer: 'nil' }]]);
});

test('a trace comes with its root, its times and its services', async () => {
  const { traceId, rootServiceName, rootTraceName, startUnixNano, durationNano, serviceStats } =
    await firstTrace('{ status = error }');
  assert.deepEqual(
    { traceId, rootServiceName, rootTraceName, startUnixNano, durationNano },
    {
      traceId: hex(3, 32),
      rootServiceName: 'front',
      rootTraceName: 'root',
      startUnixNano: base + 3n * second,
      durationNano: 3_000_000,
    },
  );
  assert.deepEqual(serviceStats, [
    { service: 'back', spanCount: 1, errorCount: 1 },
    { service: 'front', spanCount: 1, errorCount: 0 },
  ]);
});

test('a search by tags finds traces in which every tag is met somewhere', async () => {
  const search = async (tags: Record<string, string>, minDurationNano = 0) => {
    const query = {
      tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
      minDurationNano,
      maxDurationNano: 0,
    };
    const result = await runSearch(contextOf([fragmentOf(traces(1, 2, 3))]), { ...requestOf('{ }'), query }, signal);
    for (const found of result.traces) assert.deepEqual([found.spanSets, found.serviceStats], [[], []]);
    return numbersOf(result);
  };
  assert.deepEqual(await search({}), [3, 2, 1]);
  assert.deepEqual(await search({}, 2_000_000), [3, 2]);
  assert.deepEqual(await search({ parity: 'odd', 'service.name': 'back' }), [3, 1]);
  assert.deepEqual(await search({ parity: 'od' }), []);
  assert.deepEqual(await search({ 'root.name': 'root', 'status.code': 'error', name: 'call' }), [3, 2, 1]);
  assert.deepEqual(await search({ 'root.service.name': 'back' }), []);
});

test('a search stops when its signal fires', async () => {
  const controller = new AbortController();
  const context = contextOf([fragmentOf(traces(1))], { pause: async () => controller.abort() });
  await assert.rejects(runSearch(context, requestOf('{ status = error }'), controller.signal), { kind: 'canceled' });
});

test('a search that needs more memory than it may use is stopped with a reason', async () => {
  const context = contextOf([fragmentOf(traces(...upTo(50)))], { budget: { memoryBytesMax: 2000 } });
  await assert.rejects(runSearch(context, requestOf('{ status = error }'), signal), {
    kind: 'exhausted',
    code: 'query_memory',
  });
});

test('partial answers hold what is known so far, no more often than twice a second', async () => {
  let nowMs = 0;
  const fragments = upTo(6).map((n) => fragmentOf(traces(n), `${n}`));
  const context = contextOf(fragments, { nowMs: () => (nowMs += 200) });
  const partials: number[][] = [];
  const result = await runSearch(context, requestOf('{ status = error }'), signal, (partial) =>
    partials.push(numbersOf(partial)),
  );
  assert.deepEqual(numbersOf(result), [6, 5, 4, 3, 2, 1]);
  assert.deepEqual(partials, [[6, 5, 4, 3, 2, 1]]);
});

test('the cost says how much was looked at', async () => {
  const { cost } = await runSearch(contextOf([fragmentOf(traces(...upTo(4)))]), requestOf('{ kind = server }'), signal);
  assert.deepEqual(
    [cost.inspectedTraces, cost.inspectedSpans, cost.totalJobs, cost.completedJobs, cost.totalBlocks],
    [4, 8, 1, 1, 1],
  );
  assert.deepEqual(Object.keys(cost.milliseconds).sort(), ['evaluate', 'materialize', 'plan', 'read']);
});

test('an explanation names fragments, chunks, columns and conditions', async () => {
  const fragments = [fragmentOf(traces(1, 2), 'a'), fragmentOf(traces(3), 'b')];
  const request = requestOf('{ span.n = "1" && kind = server } | select(resource.service.name)');
  const { snapshot } = contextOf(fragments).storage;
  const cost = { requests: 0, bytes: 0, pages: 0 };
  const explanation = await explainSearch(
    request,
    await snapshot({ tenant: 't', startUnixNano: 0n, endUnixNano: 0n }, cost),
    cost,
    signal,
  );
  assert.deepEqual(explanation, {
    order: 'start',
    stopsEarly: true,
    predicates: ['span.n = `1`', 'kind = server'],
    resultAttributes: ['span.n', 'kind', 'resource.service.name'],
    fragments: [
      { id: 'a', traces: 2, spans: 4, chunks: 1, chunkSpans: 4, fixedColumns: ['kind'], columns: ['span.n: string'] },
      { id: 'b', traces: 1, spans: 2, chunks: 1, chunkSpans: 2, fixedColumns: ['kind'], columns: ['span.n: string'] },
    ],
  });
});

/** Rows of docs/differences-from-tempo.md that no other test holds, as they look over HTTP. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { liveFragment } from '../../src/block/live-fragment.ts';
import { type PlainSpan, plainSpan } from '../../src/model/plain-span.ts';
import { startTestApi, type TestApi } from '../api/api-server.ts';
import { baseUnixSeconds, manySpans } from './many-spans.ts';
import { tableOf } from './stored-spans.ts';

const range = `start=${baseUnixSeconds - 60}&end=${baseUnixSeconds + 3600}`;

function odd(number: number, attributes: PlainSpan['attributes']): PlainSpan {
  const startTimeUnixNano = BigInt(baseUnixSeconds) * 1_000_000_000n + BigInt(number) * 1_000_000n;
  return plainSpan({
    traceId: 'f0'.padStart(32, '0'),
    spanId: number.toString(16).padStart(16, '0'),
    name: 'odd',
    startTimeUnixNano,
    endTimeUnixNano: startTimeUnixNano + 1n,
    attributes,
  });
}
const text = (key: string, value: string) => ({ key, value: { type: 'string', value } }) as const;
const ints = (key: string, ...values: bigint[]) =>
  ({ key, value: { type: 'array', value: values.map((value) => ({ type: 'int', value }) as const) } }) as const;

const spans = [
  ...manySpans(40),
  odd(1, [text('x', 'nil')]),
  odd(2, []),
  odd(3, [text('x', 'a'), ints('list', 1n, 2n)]),
  odd(3, [text('x', 'a'), ints('list', 1n, 2n)]),
];

let api: TestApi;
before(async () => {
  api = await startTestApi({ fragment: liveFragment('all', tableOf(spans)) });
});
after(() => api.close());

async function ask<Shape>(path: string): Promise<Shape> {
  const answer = await api.get(path);
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text) as Shape;
}

type Found = { traces: { traceID: string; spanSets: { matched: number; spans: { spanID: string }[] }[] }[] };
const search = (query: string, more = ''): Promise<Found> =>
  ask(`/api/search?q=${encodeURIComponent(query)}&${range}${more}`);
const spanIds = ({ traces }: Found): string[] =>
  traces.flatMap(({ spanSets }) => spanSets.flatMap((set) => set.spans.map(({ spanID }) => spanID.slice(-1))));
const values = async (tag: string, filter: string): Promise<string[]> => {
  const path = `/api/v2/search/tag/${encodeURIComponent(tag)}/values?${range}&q=${encodeURIComponent(filter)}`;
  return (await ask<{ tagValues: { value: string }[] }>(path)).tagValues.map(({ value }) => value);
};

test('the text "nil" is a value, not a missing attribute', async () => {
  assert.deepEqual(spanIds(await search('{ name = "odd" && span.x = nil }')), ['2']);
  assert.deepEqual(spanIds(await search('{ name = "odd" && span.x != nil }')), ['1', '3']);
  assert.deepEqual(spanIds(await search('{ name = "odd" && span.x = "nil" }')), ['1']);
  assert.equal((await search('{ name = "odd" } | by(span.x)')).traces[0]!.spanSets.length, 3);
});

test('a span that was received twice is there once', async () => {
  assert.deepEqual(spanIds(await search('{ span.x = "a" }')), ['3']);
  const { batches } = await ask<{ batches: { scopeSpans: { spans: unknown[] }[] }[] }>('/api/traces/f0');
  assert.equal(batches.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)).length, 3);
});

test('!~ on an array is answered, and met when no element matches', async () => {
  assert.deepEqual(spanIds(await search('{ span.list !~ "x" }')), []);
  assert.deepEqual(spanIds(await search('{ name = "odd" && span.x !~ "n.*" }')), ['3']);
});

test('a limit keeps the newest traces', async () => {
  const found = await search('{ name != "odd" }', '&limit=3');
  assert.deepEqual(
    found.traces.map(({ traceID }) => Number.parseInt(traceID, 16)),
    [40, 39, 38],
  );
});

test('spss=0 is the default of 3', async () => {
  const [trace] = (await search('{ name != "odd" }', '&limit=1&spss=0')).traces;
  assert.equal(trace!.spanSets[0]!.spans.length, 3);
  assert.equal(trace!.spanSets[0]!.matched, 7);
});

test('filters of tags compare numbers of one type, searches compare numbers', async () => {
  assert.ok((await search('{ span.load > 1 }')).traces.length > 0);
  assert.deepEqual(await values('span.session', '{ span.load > 1 && span.load < 1.3 }'), []);
  assert.deepEqual(await values('span.session', '{ span.load > 1.0 && span.load < 1.3 }'), ['session-8', 'session-9']);
});

test('status and kind list their keywords whatever the filter; ids and durations list nothing', async () => {
  assert.deepEqual(await values('status', '{ name = "nosuch" }'), ['error', 'ok', 'unset']);
  assert.equal((await values('kind', '{ name = "nosuch" }')).length, 6);
  for (const tag of ['span:id', 'trace:id', 'duration', 'trace:duration'])
    assert.deepEqual(await values(tag, '{ }'), []);
});

test('a filter of tags with a structural operator is ignored', async () => {
  assert.equal((await values('resource.service.name', '{ name = "nosuch" } >> { }')).length, 8);
});

test('a metrics range of exactly the longest allowed is accepted, and steps are checked on what was asked', async () => {
  const path = `/api/metrics/query_range?q=${encodeURIComponent('{ } | rate()')}&start=${baseUnixSeconds}`;
  await ask(`${path}&end=${baseUnixSeconds + 86_400}&step=60`);
  assert.equal((await api.get(`${path}&end=${baseUnixSeconds + 86_401}&step=60`)).status, 400);
  assert.match(
    (await api.get(`${path}&end=${baseUnixSeconds + 86_400}&step=1s`)).text,
    /minimum step for given range is 8\.64s/,
  );
});

test('a tag request whose start is after its end is read the other way round', async () => {
  const path = `/api/search/tags?start=${baseUnixSeconds + 3600}&end=${baseUnixSeconds - 60}`;
  assert.ok((await ask<{ tagNames: string[] }>(path)).tagNames.includes('session'));
});

test('compare() chooses among equally frequent values by their text', async () => {
  const q = encodeURIComponent('{ name != "odd" } | compare({ status = error }, 2)');
  const { series } = await ask<{ series: { labels: { key: string; value: { stringValue?: string } }[] }[] }>(
    `/api/metrics/query?q=${q}&${range}`,
  );
  const sessions = series
    .filter(({ labels }) => labels[0]!.value.stringValue === 'baseline')
    .flatMap(({ labels }) => labels.filter(({ key }) => key === 'span.session').map(({ value }) => value.stringValue));
  assert.deepEqual(
    sessions.filter((value) => value !== 'nil'),
    ['session-1', 'session-10'],
  );
});

test('nested-set numbers count the spans of a trace in its own order', async () => {
  const rows = (query: string): Promise<Found> => search(`{ name != "odd" && ${query} }`, '&limit=1');
  for (const [query, ids] of [
    ['nestedSetParent < 0', ['1']],
    ['nestedSetLeft = 1', ['1']],
    ['nestedSetLeft = 2', ['2']],
    ['nestedSetRight = 14', ['1']],
  ] as const) {
    assert.deepEqual(spanIds(await rows(query)), ids, query);
  }
});

test('metrics answer protobuf when asked', async () => {
  const path = `/api/metrics/query?q=${encodeURIComponent('{ } | rate()')}&${range}`;
  const { status, headers } = await api.get(path, { accept: 'application/protobuf' });
  assert.equal(status, 200);
  assert.equal(headers['content-type'], 'application/protobuf');
});

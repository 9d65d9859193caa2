import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { systemClock } from '../../src/base/clock.ts';
import { liveFragment } from '../../src/block/live-fragment.ts';
import { randomTable } from '../../src/block/testing/random-table.ts';
import { Engine } from '../../src/query/engine.ts';
import type { QueryEngine } from '../../src/traceql/result.ts';
import type { Fragment } from '../../src/traceql/storage.ts';
import { startTestApi, type TestApi } from './api-server.ts';

const fragments: Fragment[] = [];
const calls: string[] = [];
let api: TestApi;

function count<Result>(call: string, result: Result): Result {
  calls.push(call);
  return result;
}

before(async () => {
  const engine = new Engine({
    storage: { snapshot: async () => ({ fragments, blockCount: fragments.length, version: `${fragments.length}` }) },
    clock: systemClock,
    defaults: { budget: { memoryBytesMax: 1 << 28 }, cacheBytesMax: 0 },
  });
  const counted: QueryEngine = {
    search: (...given) => count('search', engine.search(...given)),
    metrics: (...given) => count('metrics', engine.metrics(...given)),
    tagNames: (...given) => count('tagNames', engine.tagNames(...given)),
    tagValues: (...given) => count('tagValues', engine.tagValues(...given)),
    serviceGraph: () => assert.fail(),
    version: (...given) => engine.version(...given),
  };
  api = await startTestApi({ ports: { engine: counted }, options: { answerCacheBytes: 1 << 20 } });
});
after(() => api.close());

const grow = (seed: number): void => {
  fragments.push(liveFragment(`table ${seed}`, randomTable({ seed, traces: 40, broken: false })));
};
const range = 'start=1699999990&end=1700000100';
const paths = [
  `/api/search?q={}&limit=100&${range}`,
  `/api/search?limit=100&${range}`,
  `/api/metrics/query_range?q={}|rate()&start=1699999990&end=1700000100&step=10`,
  `/api/metrics/query?q={}|count_over_time()&start=1699999990&end=1700000100`,
  `/api/search/tags?${range}`,
  `/api/v2/search/tags?${range}`,
  `/api/search/tag/name/values?${range}`,
  `/api/v2/search/tag/name/values?${range}`,
];

test('the same question over the same data is answered once, over other data anew', async () => {
  grow(1);
  for (const path of paths) {
    calls.length = 0;
    const first = await api.get(path);
    assert.equal(first.status, 200, first.text);
    assert.deepEqual((await api.get(path)).body, first.body);
    assert.equal(calls.length, 1, path);
    await api.get(path, { 'cache-control': 'no-cache' });
    assert.equal(calls.length, 2, `${path} with no-cache`);
    await api.get(path, { accept: 'application/protobuf' });
    assert.equal(calls.length, 3, `${path} as protobuf`);
  }
  const before = (JSON.parse((await api.get(paths[0]!)).text) as { traces: unknown[] }).traces.length;
  grow(2);
  const after = (JSON.parse((await api.get(paths[0]!)).text) as { traces: unknown[] }).traces.length;
  assert.ok(after > before, `${before} traces, then ${after}`);
});

test('other limits, ranges, tenants and options are other questions', async () => {
  calls.length = 0;
  const asked = [
    ...[paths[0]!, `/api/search?q={}&limit=99&${range}`, `/api/search?q={}&limit=100&start=1699999990&end=1700000101`],
    ...[`/api/search?q={}&limit=100&spss=1&${range}`, `/api/search?q={}&limit=100&cost=true&${range}`],
    ...[`/api/search?q={duration>1ns}&limit=100&${range}`, `/api/search?q={}&limit=100&sort=duration&${range}`],
  ];
  for (const path of asked) await api.get(path, { 'cache-control': 'no-cache' });
  calls.length = 0;
  for (let round = 0; round < 2; round++) for (const path of asked.slice(1)) await api.get(path);
  assert.equal(calls.length, asked.length - 1);
});

test('a kept answer is compressed for those who take it so', async () => {
  const plain = await api.get(paths[0]!);
  for (let round = 0; round < 2; round++) {
    const packed = await api.get(paths[0]!, { 'accept-encoding': 'gzip' });
    assert.equal(packed.headers['content-encoding'], 'gzip');
    assert.deepEqual(gunzipSync(packed.body), plain.body);
  }
});

test('an error is not kept', async () => {
  for (let round = 0; round < 2; round++) assert.equal((await api.get(`/api/search?q={.a=~"("}&${range}`)).status, 400);
});

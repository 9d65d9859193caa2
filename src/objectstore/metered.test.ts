import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { describeObjectStore } from './conformance.ts';
import { MemoryObjectStore } from './memory.ts';
import { MeteredObjectStore } from './metered.ts';
import { StoreMeter } from './store-meter.ts';

describeObjectStore('metered', async () => new MeteredObjectStore(new MemoryObjectStore(), new StoreMeter()));

function requests(meter: StoreMeter): Record<string, number> {
  const totals: Record<string, number> = {};
  for (const { operation, status, buckets } of meter.series())
    totals[`${operation} ${status}`] = buckets.reduce((sum, n) => sum + n, 0);
  return totals;
}

test('requests are counted by operation and outcome, bytes by operation', async () => {
  const meter = new StoreMeter();
  const store = new MeteredObjectStore(new MemoryObjectStore(), meter);
  await store.put('k', [new Uint8Array(3), new Uint8Array(4)]);
  await assert.rejects(store.put('k', new Uint8Array(1), { ifAbsent: true }));
  await store.get('k');
  await store.getRange('k', 1, 2);
  await store.getTail('k', 1);
  await assert.rejects(store.get('none'));
  await assert.rejects(store.getRange('k', 6, 2));
  await assert.rejects(store.get('k', AbortSignal.abort()));
  for await (const _ of store.list('')) break;
  await store.delete('k');
  assert.deepEqual(requests(meter), {
    'GET 200': 3,
    'GET 404': 1,
    'GET 416': 1,
    'GET 499': 1,
    'PUT 200': 1,
    'PUT 412': 1,
    'LIST 200': 1,
    'DELETE 200': 1,
  });
  assert.equal(meter.bytes('PUT'), 7);
  assert.equal(meter.bytes('GET'), 10);
});

test('times fall into the buckets that they belong to', () => {
  const meter = new StoreMeter();
  for (const ms of [1, 5, 6, 29_999, 30_001]) meter.request('get', undefined, ms, 0);
  const [series] = [...meter.series()];
  assert.deepEqual(series!.buckets, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
  assert.ok(Math.abs(series!.sumSeconds - 60.012) < 1e-6);
});

test('threads count into the same memory', async () => {
  const meter = new StoreMeter();
  const url = new URL('./store-meter.ts', import.meta.url).href;
  const code = `
    const { workerData } = require('node:worker_threads');
    import(${JSON.stringify(url)}).then(({ StoreMeter }) => {
      const meter = new StoreMeter(workerData);
      for (let i = 0; i < 1000; i++) meter.request('put', undefined, 1, 2);
    });`;
  await Promise.all(
    [1, 2].map(
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker(code, { eval: true, workerData: meter.memory });
          worker.once('exit', resolve);
          worker.once('error', reject);
        }),
    ),
  );
  assert.deepEqual(requests(meter), { 'PUT 200': 2000 });
  assert.equal(meter.bytes('PUT'), 4000);
});

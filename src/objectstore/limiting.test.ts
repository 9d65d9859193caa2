import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../base/clock.ts';
import { ErrorKind } from '../base/errors.ts';
import { describeObjectStore } from './conformance.ts';
import { FailingObjectStore } from './failing.ts';
import { LimitingObjectStore } from './limiting.ts';
import { MemoryObjectStore } from './memory.ts';
import { isKind } from './object-store.ts';

describeObjectStore('limiting', async () => new LimitingObjectStore(new MemoryObjectStore(), 2));

async function slowStore(inFlightMax: number) {
  const clock = new ManualClock();
  const started: string[] = [];
  const memory = new MemoryObjectStore();
  for (const key of ['a', 'b', 'c', 'd']) await memory.put(key, new Uint8Array(1));
  const slow = new FailingObjectStore(memory, clock, (_operation, key) => {
    started.push(key);
    return { latencyMs: 10, ...(key === 'a' && { error: 'before' as const }) };
  });
  return { clock, started, store: new LimitingObjectStore(slow, inFlightMax) };
}

test('no more run than allowed; the others come in their order, also behind one that failed', async () => {
  const { clock, started, store } = await slowStore(1);
  const all = ['a', 'b', 'c', 'd'].map((key) => store.get(key));
  const outcomes = Promise.allSettled(all);
  const seen: number[] = [];
  for (let i = 0; i < 5; i++) {
    seen.push(started.length);
    await clock.advance(10);
  }
  assert.deepEqual(seen, [1, 2, 3, 4, 4]);
  assert.deepEqual(started, ['a', 'b', 'c', 'd']);
  assert.deepEqual(
    (await outcomes).map(({ status }) => status),
    ['rejected', 'fulfilled', 'fulfilled', 'fulfilled'],
  );
});

test('who gives up while waiting takes nobody else’s place', async () => {
  const { clock, started, store } = await slowStore(1);
  const abort = new AbortController();
  const first = store.get('b');
  const given = assert.rejects(store.get('c', abort.signal), (error) => isKind(error, ErrorKind.canceled));
  const last = store.get('d');
  abort.abort();
  await given;
  await clock.advance(20);
  await Promise.all([first, last]);
  assert.deepEqual(started, ['b', 'd']);
  const again = store.get('b');
  await clock.advance(10);
  await again;
});

test('reads within a listing do not wait for it', async () => {
  const memory = new MemoryObjectStore();
  await memory.put('a', new Uint8Array(1));
  const store = new LimitingObjectStore(memory, 1);
  for await (const { key } of store.list('')) assert.equal((await store.get(key)).length, 1);
});

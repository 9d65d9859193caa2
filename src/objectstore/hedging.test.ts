import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock, systemClock } from '../base/clock.ts';
import { ErrorKind } from '../base/errors.ts';
import { describeObjectStore } from './conformance.ts';
import { FailingObjectStore, type Fault } from './failing.ts';
import { HedgingObjectStore } from './hedging.ts';
import { MemoryObjectStore } from './memory.ts';
import { isKind } from './object-store.ts';

describeObjectStore('hedging', async () => {
  return new HedgingObjectStore(new MemoryObjectStore(), { clock: systemClock, afterMs: 1, requestsMax: 3 });
});

async function withFaults(faults: (Fault | undefined)[], requestsMax = 2) {
  const clock = new ManualClock();
  const memory = new MemoryObjectStore();
  await memory.put('k', new Uint8Array([7]));
  let requests = 0;
  const failing = new FailingObjectStore(memory, clock, () => faults[requests++]);
  let hedged = 0;
  const options = { clock, afterMs: 100, requestsMax, onHedge: () => void hedged++ };
  const store = new HedgingObjectStore(failing, options);
  return { clock, store, counts: () => ({ requests, hedged }) };
}

test('a quick read is asked once, and leaves no timer', async () => {
  const { clock, store, counts } = await withFaults([]);
  assert.equal((await store.get('k'))[0], 7);
  await clock.advance(1000);
  assert.deepEqual(counts(), { requests: 1, hedged: 0 });
  assert.equal(clock.sleeperCount, 0);
});

test('a slow read is asked again, the first answer counts and the other is given up', async () => {
  const { clock, store, counts } = await withFaults([{ latencyMs: 5000 }, { latencyMs: 10 }]);
  const got = store.getRange('k', 0, 1);
  await clock.advance(111);
  assert.equal((await got)[0], 7);
  assert.deepEqual(counts(), { requests: 2, hedged: 1 });
  for (let i = 0; i < 10; i++) await Promise.resolve();
  assert.equal(clock.sleeperCount, 0);
});

test('no more requests than allowed', async () => {
  const slow = { latencyMs: 1000 };
  const { clock, store, counts } = await withFaults([slow, slow, slow, slow], 3);
  const got = store.getTail('k', 1);
  await clock.advance(999);
  assert.deepEqual(counts(), { requests: 3, hedged: 2 });
  await clock.advance(1);
  assert.equal((await got).size, 1);
});

test('an error is waited out while another request runs, and is the result when none does', async () => {
  const { clock, store } = await withFaults([{ latencyMs: 150, error: 'before' }, { latencyMs: 100 }]);
  const got = store.get('k');
  await clock.advance(250);
  assert.equal((await got)[0], 7);
  const failing = await withFaults([{ error: 'before' }]);
  await assert.rejects(failing.store.get('k'), (error) => isKind(error, ErrorKind.unavailable));
});

test('an answer that will not change is not waited out', async () => {
  const { clock, store } = await withFaults([{ latencyMs: 5000 }, undefined]);
  const got = assert.rejects(store.get('missing'), (error) => isKind(error, ErrorKind.notFound));
  await clock.advance(101);
  await got;
});

test('an abort ends all requests', async () => {
  const { clock, store } = await withFaults([{ latencyMs: 5000 }, { latencyMs: 5000 }]);
  const abort = new AbortController();
  const got = assert.rejects(store.get('k', abort.signal), (error) => isKind(error, ErrorKind.canceled));
  await clock.advance(200);
  abort.abort();
  await got;
  assert.equal(clock.sleeperCount, 0);
});

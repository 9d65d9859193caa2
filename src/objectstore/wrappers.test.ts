import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ManualClock, systemClock } from '../base/clock.ts';
import { ErrorKind } from '../base/errors.ts';
import { SeededRng } from '../base/random.ts';
import { describeObjectStore } from './conformance.ts';
import { CountingObjectStore } from './counting.ts';
import { FailingObjectStore, type Fault, type FaultDecision, seededFaults } from './failing.ts';
import { MemoryObjectStore } from './memory.ts';
import { isKind, type ObjectStore } from './object-store.ts';
import { RetryingObjectStore } from './retrying.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (body: Uint8Array): string => new TextDecoder().decode(body);

function retrying(inner: ObjectStore, options: { triesMax?: number } = {}): RetryingObjectStore {
  return new RetryingObjectStore(inner, { clock: systemClock, rng: new SeededRng(1), firstWaitMs: 1, ...options });
}

/** The given faults one after another, then none. */
function script(...faults: (Fault | undefined)[]): FaultDecision {
  return () => faults.shift();
}

describeObjectStore('counting', async () => new CountingObjectStore(new MemoryObjectStore()));
describeObjectStore(
  'failing without faults',
  async () => new FailingObjectStore(new MemoryObjectStore(), systemClock, () => undefined),
);
describeObjectStore('retrying over faults before and after the effect', async () => {
  const faults = { errorBefore: 0.1, errorAfter: 0.1 };
  const decide = seededFaults(new SeededRng(7), faults);
  return retrying(new FailingObjectStore(new MemoryObjectStore(), systemClock, decide), { triesMax: 12 });
});

describe('counting store', () => {
  test('requests, bytes and errors are counted per operation', async () => {
    const store = new CountingObjectStore(new MemoryObjectStore());
    await store.put('a', [bytes('01234'), bytes('56789')]);
    await store.get('a');
    await store.getRange('a', 2, 3);
    await store.getTail('a', 4);
    await assert.rejects(store.get('b'));
    for await (const _ of store.list('')) break;
    await store.delete('a');
    assert.deepEqual(store.counts, {
      put: { requests: 1, bytes: 10, errors: 0 },
      get: { requests: 2, bytes: 10, errors: 1 },
      getRange: { requests: 1, bytes: 3, errors: 0 },
      getTail: { requests: 1, bytes: 4, errors: 0 },
      list: { requests: 1, bytes: 0, errors: 0 },
      delete: { requests: 1, bytes: 0, errors: 0 },
    });
    assert.equal(store.requestCount, 7);
    store.reset();
    assert.equal(store.requestCount, 0);
  });
});

describe('failing store', () => {
  test('an error before the effect leaves nothing, one after it leaves everything', async () => {
    const inner = new MemoryObjectStore();
    const store = new FailingObjectStore(inner, systemClock, script({ error: 'before' }, { error: 'after' }));
    await assert.rejects(store.put('a', bytes('a')), (error) => isKind(error, ErrorKind.unavailable));
    assert.equal(inner.objectCount, 0);
    await assert.rejects(store.put('b', bytes('b')), (error) => isKind(error, ErrorKind.unavailable));
    assert.equal(text(await inner.get('b')), 'b');
  });

  test('a torn read gives the beginning without an error', async () => {
    const inner = new MemoryObjectStore();
    await inner.put('a', bytes('0123456789'));
    const store = new FailingObjectStore(inner, systemClock, script({ tornTo: 0.45 }));
    assert.equal(text(await store.get('a')), '0123');
    assert.equal(text(await store.get('a')), '0123456789');
  });

  test('latency passes on the clock that was given, and an abort ends it', async () => {
    const clock = new ManualClock();
    const store = new FailingObjectStore(new MemoryObjectStore(), clock, () => ({ latencyMs: 100 }));
    let done = false;
    const put = store.put('a', bytes('a')).then(() => (done = true));
    await clock.advance(99);
    assert.equal(done, false);
    await clock.advance(1);
    await put;
    const abort = new AbortController();
    const get = assert.rejects(store.get('a', abort.signal), (error) => isKind(error, ErrorKind.canceled));
    abort.abort();
    await get;
  });

  test('the same seed gives the same faults', () => {
    const probabilities = { errorBefore: 0.2, errorAfter: 0.2, tornRead: 0.2, latencyMsMax: 10 };
    const [one, two, other] = [5, 5, 6].map((seed) => seededFaults(new SeededRng(seed), probabilities));
    const draw = (decide: FaultDecision): unknown[] => Array.from({ length: 50 }, () => decide('get', 'k'));
    const first = draw(one!);
    assert.deepEqual(draw(two!), first);
    assert.notDeepEqual(draw(other!), first);
  });
});

describe('retrying store', () => {
  test('what may pass is tried again, a bounded number of times', async () => {
    const inner = new CountingObjectStore(new MemoryObjectStore());
    const failing = new FailingObjectStore(inner, systemClock, script({ error: 'before' }, { error: 'before' }));
    await retrying(failing).put('a', bytes('a'));
    assert.equal(inner.counts.put.requests, 1);
    let tries = 0;
    const down = new FailingObjectStore(inner, systemClock, () => {
      tries++;
      return { error: 'before' };
    });
    await assert.rejects(retrying(down, { triesMax: 3 }).get('a'), (error) => isKind(error, ErrorKind.unavailable));
    assert.equal(tries, 3);
  });

  test('what will not pass is not tried again', async () => {
    const inner = new CountingObjectStore(new MemoryObjectStore());
    const store = retrying(inner);
    await assert.rejects(store.get('missing'), (error) => isKind(error, ErrorKind.notFound));
    await store.put('a', bytes('a'));
    await assert.rejects(store.put('a', bytes('b'), { ifAbsent: true }), (error) => isKind(error, ErrorKind.conflict));
    await assert.rejects(store.getRange('a', 0, 5), (error) => isKind(error, ErrorKind.invalid));
    assert.equal(inner.counts.get.requests, 1);
    assert.equal(inner.counts.put.requests, 2);
    assert.equal(inner.counts.getRange.requests, 1);
  });

  test('a conditional put that is refused because of its own first try has succeeded', async () => {
    const inner = new MemoryObjectStore();
    const store = retrying(new FailingObjectStore(inner, systemClock, script({ error: 'after' })));
    await store.put('a', [bytes('mi'), bytes('ne')], { ifAbsent: true });
    assert.equal(text(await inner.get('a')), 'mine');
  });

  test('a conditional put that is refused because of somebody else is a conflict, also after a failed try', async () => {
    const inner = new MemoryObjectStore();
    await inner.put('a', bytes('theirs'));
    const store = retrying(new FailingObjectStore(inner, systemClock, script({ error: 'before' })));
    const put = store.put('a', bytes('mine!!'), { ifAbsent: true });
    await assert.rejects(put, (error) => isKind(error, ErrorKind.conflict));
    assert.equal(text(await inner.get('a')), 'theirs');
  });

  test('a listing goes on where it broke off, and keeps its limit', async () => {
    const inner = new MemoryObjectStore();
    for (let i = 0; i < 10; i++) await inner.put(`k/${i}`, bytes('x'));
    const broken = script({ error: 'after' }, { error: 'before' }, { error: 'after' }, { error: 'after' });
    const store = retrying(new FailingObjectStore(inner, systemClock, broken));
    const keys: string[] = [];
    for await (const { key } of store.list('k/', { limit: 7, startAfter: 'k/0' })) keys.push(key);
    assert.deepEqual(keys, ['k/1', 'k/2', 'k/3', 'k/4', 'k/5', 'k/6', 'k/7']);
  });

  test('waits grow, stay bounded, and end with the abort', async () => {
    const waits: number[] = [];
    const clock = { ...systemClock, sleep: async (ms: number) => void waits.push(ms) };
    const down = new FailingObjectStore(new MemoryObjectStore(), systemClock, () => ({ error: 'before' }));
    const almostOne = { uint32: () => 0, float: () => 0.999 };
    const options = { clock, rng: almostOne, triesMax: 8, firstWaitMs: 10, waitMsMax: 100 };
    await assert.rejects(new RetryingObjectStore(down, options).get('a'));
    assert.deepEqual(
      waits.map((ms) => Math.round(ms)),
      [10, 20, 40, 80, 100, 100, 100],
    );
    const manual = new ManualClock();
    const abort = new AbortController();
    const got = new RetryingObjectStore(down, { clock: manual, rng: almostOne }).get('a', abort.signal);
    const ended = assert.rejects(got, (error) => isKind(error, ErrorKind.canceled));
    while (manual.sleeperCount === 0) await Promise.resolve();
    abort.abort();
    await ended;
    assert.equal(manual.sleeperCount, 0);
  });

  test('a try that hangs is given up and counts as one that failed', async () => {
    const clock = new ManualClock();
    const inner = new MemoryObjectStore();
    await inner.put('a', bytes('a'));
    const hanging = new FailingObjectStore(inner, clock, script({ latencyMs: 1e9 }));
    const store = new RetryingObjectStore(hanging, { clock, rng: new SeededRng(1), tryTimeoutMs: 1000 });
    const got = store.get('a');
    for (let i = 0; i < 30; i++) await clock.advance(100);
    assert.equal(text(await got), 'a');
    assert.equal(clock.sleeperCount, 0);
  });

  test('an abort during a try with a timeout is reported as canceled', async () => {
    const clock = new ManualClock();
    const hanging = new FailingObjectStore(new MemoryObjectStore(), clock, () => ({ latencyMs: 1e9 }));
    const store = new RetryingObjectStore(hanging, { clock, rng: new SeededRng(1), tryTimeoutMs: 1000 });
    const abort = new AbortController();
    const ended = assert.rejects(store.get('a', abort.signal), (error) => isKind(error, ErrorKind.canceled));
    await Promise.resolve();
    abort.abort();
    await ended;
    assert.equal(clock.sleeperCount, 0);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ManualClock, systemClock } from '../base/clock.ts';
import { ErrorKind, type RubatoError } from '../base/errors.ts';
import { SeededRng } from '../base/random.ts';
import { FailingObjectStore, type FaultDecision, seededFaults } from '../objectstore/failing.ts';
import { MemoryObjectStore } from '../objectstore/memory.ts';
import { isKind, type ObjectStore, unavailable } from '../objectstore/object-store.ts';
import type { SegmentEntry } from './segment-codec.ts';
import { readSegments } from './segment-reader.ts';
import { SegmentWriter, type SegmentWriterOptions } from './segment-writer.ts';

const writer = 'w1';

function entry(text: string): SegmentEntry {
  return { tenant: 'single-tenant', encoding: 1, flags: 0, body: new TextEncoder().encode(text) };
}

interface Harness {
  readonly segments: SegmentWriter;
  readonly events: string[];
}

function open(store: ObjectStore, options: Partial<SegmentWriterOptions> = {}): Harness {
  const events: string[] = [];
  const segments = new SegmentWriter({
    store,
    writer,
    clock: systemClock,
    lingerMs: 0,
    segmentBytesMax: 1 << 20,
    inFlightMax: 3,
    pendingBytesMax: 1 << 24,
    onCut: (seq) => events.push(`cut ${seq}`),
    onDurable: (seq) => events.push(`durable ${seq}`),
    onFailed: (seq) => events.push(`failed ${seq}`),
    ...options,
  });
  return { segments, events };
}

async function stored(store: ObjectStore): Promise<Map<number, string[]>> {
  const found = new Map<number, string[]>();
  for await (const segment of readSegments(store, writer, 0, (skipped) => assert.fail(skipped.reason)))
    found.set(
      segment.header.seq,
      segment.entries.map((one) => new TextDecoder().decode(one.body)),
    );
  return found;
}

/** Enough turns of the event loop, and of the pool, for what does not depend on the clock. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Puts stand still until let go, one by one and in any order. */
class GatedStore extends MemoryObjectStore {
  readonly gates = new Map<string, PromiseWithResolvers<void>>();

  override async put(...args: Parameters<MemoryObjectStore['put']>): Promise<void> {
    const gate = Promise.withResolvers<void>();
    this.gates.set(args[0], gate);
    await gate.promise;
    this.gates.delete(args[0]);
    // Without the signal: an abort that comes too late to stop the put.
    await super.put(args[0], args[1]);
  }

  gate(seq: number): PromiseWithResolvers<void> {
    return this.gates.get(`wal/${writer}/${String(seq).padStart(10, '0')}`)!;
  }
}

describe('segment writer', () => {
  test('an idle writer stores a single request without waiting for the linger', async () => {
    const store = new MemoryObjectStore();
    const clock = new ManualClock();
    const { segments, events } = open(store, { clock, lingerMs: 500 });
    const append = segments.append(entry('only'));
    assert.equal(append.seq, 1);
    await append.durable;
    assert.deepEqual(events, ['cut 1', 'durable 1']);
    assert.deepEqual(await stored(store), new Map([[1, ['only']]]));
    assert.equal(segments.pendingBytes, 0);
  });

  test('requests that arrive in one turn of the event loop share a segment', async () => {
    const store = new MemoryObjectStore();
    const { segments } = open(store);
    const appends = ['a', 'b', 'c'].map((text) => segments.append(entry(text)));
    assert.deepEqual(
      appends.map(({ seq }) => seq),
      [1, 1, 1],
    );
    await Promise.all(appends.map(({ durable }) => durable));
    assert.deepEqual(await stored(store), new Map([[1, ['a', 'b', 'c']]]));
  });

  test('soon after a cut requests gather for the rest of the linger, no longer', async () => {
    const store = new MemoryObjectStore();
    const clock = new ManualClock();
    const { segments, events } = open(store, { clock, lingerMs: 500 });
    await segments.append(entry('first')).durable;
    await clock.advance(100);
    const second = segments.append(entry('second'));
    await clock.advance(300);
    const third = segments.append(entry('third'));
    await settle();
    assert.deepEqual(events, ['cut 1', 'durable 1']);
    await clock.advance(100);
    await Promise.all([second.durable, third.durable]);
    assert.deepEqual(events, ['cut 1', 'durable 1', 'cut 2', 'durable 2']);
    assert.deepEqual(
      await stored(store),
      new Map([
        [1, ['first']],
        [2, ['second', 'third']],
      ]),
    );
    await clock.advance(10_000);
    assert.equal(clock.sleeperCount, 0);
  });

  test('a full segment is cut at once, and one large request makes a segment of its own', async () => {
    const store = new MemoryObjectStore();
    const clock = new ManualClock();
    const { segments } = open(store, { clock, lingerMs: 500, segmentBytesMax: 100 });
    const seqs = ['x'.repeat(60), 'y'.repeat(60), 'z'.repeat(1000), 'a'].map(
      (text) => segments.append(entry(text)).seq,
    );
    assert.deepEqual(seqs, [1, 2, 3, 4]);
    await segments.close();
    assert.deepEqual(
      [...(await stored(store)).values()].map((texts) => texts.map((text) => text.length)),
      [[60], [60], [1000], [1]],
    );
  });

  test('no more segments are in flight than allowed; the open one goes on gathering meanwhile', async () => {
    const store = new GatedStore();
    const { segments, events } = open(store, { inFlightMax: 2 });
    const first = segments.append(entry('1'));
    await settle();
    const second = segments.append(entry('2'));
    await settle();
    const third = segments.append(entry('3'));
    await settle();
    const fourth = segments.append(entry('4'));
    await settle();
    assert.deepEqual([first.seq, second.seq, third.seq, fourth.seq], [1, 2, 3, 3]);
    assert.equal(store.gates.size, 2);
    store.gate(1).resolve();
    await first.durable;
    await settle();
    assert.deepEqual(events, ['cut 1', 'cut 2', 'durable 1', 'cut 3']);
    store.gate(3).resolve();
    store.gate(2).resolve();
    await Promise.all([second.durable, third.durable, fourth.durable]);
  });

  test('a segment that is stored sooner than an earlier one is reported after it', async () => {
    const store = new GatedStore();
    const { segments, events } = open(store);
    const first = segments.append(entry('1'));
    await settle();
    const second = segments.append(entry('2'));
    let secondDurable = false;
    void second.durable.then(() => (secondDurable = true));
    await settle();
    store.gate(2).resolve();
    await settle();
    assert.equal(secondDurable, false);
    assert.deepEqual(events, ['cut 1', 'cut 2']);
    store.gate(1).resolve();
    await Promise.all([first.durable, second.durable]);
    assert.deepEqual(events, ['cut 1', 'cut 2', 'durable 1', 'durable 2']);
  });

  test('rows can be published before the sender hears: hooks run before the promises settle', async () => {
    const { segments, events } = open(new MemoryObjectStore());
    await segments.append(entry('1')).durable.then(() => events.push('answered'));
    assert.deepEqual(events, ['cut 1', 'durable 1', 'answered']);
  });

  test('a failed put refuses its segment and all that were cut after it; the open one goes on under its own seq', async () => {
    const store = new GatedStore();
    const { segments, events } = open(store, { clock: new ManualClock(), lingerMs: 500 });
    const appends = [];
    for (let i = 1; i <= 4; i++) {
      appends.push(segments.append(entry(String(i))));
      if (i < 4) void segments.flush();
    }
    await settle();
    assert.deepEqual(
      appends.map(({ seq }) => seq),
      [1, 2, 3, 4],
    );
    // 1 and 3 are stored, 2 fails, 4 is still open.
    store.gate(3).resolve();
    store.gate(1).resolve();
    await settle();
    store.gate(2).reject(unavailable('down', 'the bucket is down'));
    const outcomes = await Promise.allSettled(appends.slice(0, 3).map(({ durable }) => durable));
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected'],
    );
    void segments.flush();
    assert.equal(segments.append(entry('5')).seq, 5);
    void segments.flush();
    await settle();
    store.gate(5).resolve();
    store.gate(4).resolve();
    await appends[3]!.durable;
    await segments.close();
    assert.deepEqual(
      events.filter((event) => !event.startsWith('cut')),
      ['durable 1', 'failed 2', 'failed 3', 'durable 4', 'durable 5'],
    );
    assert.deepEqual([...(await stored(store)).keys()], [1, 4, 5]);
    assert.equal(segments.pendingBytes, 0);
  });

  test('a refused segment whose put worked after all is deleted, and its seq is not used again', async () => {
    const inner = new MemoryObjectStore();
    let failures = 1;
    const decide: FaultDecision = (operation) =>
      operation === 'put' && failures-- > 0 ? { error: 'after' } : undefined;
    const { segments } = open(new FailingObjectStore(inner, systemClock, decide));
    await assert.rejects(segments.append(entry('lost answer')).durable);
    await segments.append(entry('retried')).durable;
    await segments.close();
    assert.deepEqual(await stored(inner), new Map([[2, ['retried']]]));
  });

  test('the puts of refused segments are aborted and what they leave behind is deleted', async () => {
    const store = new GatedStore();
    const { segments, events } = open(store);
    const first = segments.append(entry('1'));
    await settle();
    const second = segments.append(entry('2'));
    await settle();
    store.gate(1).reject(unavailable('down', 'the bucket is down'));
    await assert.rejects(second.durable);
    await assert.rejects(first.durable);
    const closed = segments.close();
    store.gate(2).resolve();
    await closed;
    assert.equal(store.objectCount, 0);
    assert.deepEqual(events, ['cut 1', 'cut 2', 'failed 1', 'failed 2']);
  });

  test('appends beyond the pending bytes are refused until something is durable', async () => {
    const store = new GatedStore();
    const { segments } = open(store, { pendingBytesMax: 2000 });
    const first = segments.append(entry('x'.repeat(1500)));
    const pending = segments.pendingBytes;
    assert.ok(pending > 1500 && pending < 1600);
    assert.throws(
      () => segments.append(entry('y'.repeat(1500))),
      (error) => isKind(error, ErrorKind.exhausted),
    );
    assert.equal(segments.pendingBytes, pending);
    await settle();
    store.gate(1).resolve();
    await first.durable;
    assert.equal(segments.pendingBytes, 0);
    segments.append(entry('y'.repeat(1500)));
    await settle();
    store.gate(2).resolve();
    await segments.close();
  });

  test('close stores what is open, and refuses what comes later', async () => {
    const store = new MemoryObjectStore();
    const clock = new ManualClock();
    const { segments } = open(store, { clock, lingerMs: 500 });
    await segments.append(entry('1')).durable;
    const second = segments.append(entry('2'));
    await segments.close();
    await second.durable;
    assert.throws(
      () => segments.append(entry('3')),
      (error) => isKind(error, ErrorKind.unavailable),
    );
    assert.equal(clock.sleeperCount, 0);
  });

  test('a caller that does not look at the outcome does not bring the process down', async () => {
    const decide: FaultDecision = () => ({ error: 'before' });
    const failed: RubatoError[] = [];
    const { segments } = open(new FailingObjectStore(new MemoryObjectStore(), systemClock, decide), {
      onFailed: (_, error) => failed.push(error),
    });
    segments.append(entry('1'));
    await segments.close();
    assert.deepEqual(
      failed.map(({ code }) => code),
      ['injected'],
    );
  });

  for (const seed of [1, 2, 3, 4, 5]) {
    test(`under faults and load every acknowledged entry is stored, in order, exactly once (seed ${seed})`, async () => {
      const inner = new MemoryObjectStore();
      const rng = new SeededRng(seed);
      const faults = seededFaults(rng, { errorBefore: 0.1, errorAfter: 0.1, latencyMsMax: 4 });
      const store = new FailingObjectStore(inner, systemClock, (operation, key) =>
        operation === 'put' ? faults(operation, key) : undefined,
      );
      const { segments, events } = open(store, { lingerMs: 1, segmentBytesMax: 600, inFlightMax: 4 });
      const acknowledged = new Map<number, string[]>();
      let refused = 0;
      const clients: Promise<void>[] = [];
      for (let i = 0; i < 300; i++) {
        const text = `entry ${i} ${'.'.repeat(rng.uint32() % 200)}`;
        const { seq, durable } = segments.append(entry(text));
        clients.push(
          durable.then(
            () => {
              acknowledged.set(seq, [...(acknowledged.get(seq) ?? []), text]);
            },
            () => {
              refused++;
            },
          ),
        );
        if (i % 7 === 0) await systemClock.sleep(1);
      }
      await segments.close();
      await Promise.all(clients);
      assert.ok(refused > 0 && acknowledged.size > 0);
      // Deletes do not fail here, so nothing that was refused is left either.
      assert.deepEqual(await stored(inner), acknowledged);
      const outcomes = events.filter((event) => !event.startsWith('cut')).map((event) => Number(event.split(' ')[1]));
      assert.deepEqual(
        outcomes,
        outcomes.map((_, i) => i + 1),
      );
      assert.equal(segments.pendingBytes, 0);
    });
  }
});

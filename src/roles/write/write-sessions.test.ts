import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ManualClock } from '../../base/clock.ts';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import { SeededRng } from '../../base/random.ts';
import { newBlockId } from '../../block/block-id.ts';
import { buildBlockOf } from '../../block/build.ts';
import { ManifestStore } from '../../block/manifest.ts';
import { blockFileKey } from '../../block/manifest-keys.ts';
import { plainSpan } from '../../model/plain-span.ts';
import { FailingObjectStore, seededFaults } from '../../objectstore/failing.ts';
import { MemoryObjectStore } from '../../objectstore/memory.ts';
import type { ObjectStore } from '../../objectstore/object-store.ts';
import { plainSpansToOtlp } from '../../protocol/otlp/encode-plain.ts';
import { newWriterId, segmentKey } from '../../wal/segment-keys.ts';
import { SegmentWriter } from '../../wal/segment-writer.ts';
import { Adopter } from '../backend/adopter.ts';
import { spanIdsIn } from '../backend/testing/bucket.ts';
import { sealWriter, Tenure } from '../members/tenure.ts';
import { SegmentHold } from '../metrics/segment-hold.ts';
import { RecentSegments } from '../tail/recent-segments.ts';
import { WriteSessions } from './write-sessions.ts';
import { Writer } from './writer.ts';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const announceMs = 1000;
const tenant = 't';

/** A writer that makes sessions over a store, as the write thread does. */
function sessionsOver(store: ObjectStore, clock: ManualClock, seed: number) {
  const rng = new SeededRng(seed);
  const manifest = new ManifestStore(store, clock, rng);
  const replaced: string[] = [];
  const sessions: WriteSessions = new WriteSessions(newWriterId(rng), {
    clock,
    newId: () => newWriterId(rng),
    announceMs,
    onReplaced: (id) => replaced.push(id),
    create(id, onLost) {
      const member = { address: 'a:1', token: 't' };
      const tenure = new Tenure({ store, clock, writer: id, member, renewMs: 10_000, onLost, log });
      const confirm = (): Promise<void> => tenure.confirm();
      const writer = new Writer({
        writerId: id,
        clock,
        manifest,
        builder: {
          async build(of, data) {
            const blockId = newBlockId(clock.nowMs(), rng);
            const { parts, ...summary } = buildBlockOf(data);
            for (const [file, bytes] of parts) await store.put(blockFileKey(of, blockId, file), bytes);
            return { id: blockId, ...summary, level: 0, createdUnixMs: clock.nowMs() };
          },
        },
        confirm,
        limitsOf: () => ({ rateLimitBytes: 0, burstSizeBytes: 0, retryAfterMs: 5000, attributeBytesMax: 2048 }),
        deleteSegments: async (owner, seqs) => {
          for (const seq of seqs) await store.delete(segmentKey(owner, seq));
        },
        blockSpansMax: 20,
        blockAgeMsMax: 60_000,
        frozenSpansMax: 1000,
        waitingBytesMax: 1_000_000,
        onChange: () => undefined,
        log,
      });
      const segments = new SegmentWriter({
        store,
        writer: id,
        clock,
        lingerMs: 0,
        segmentBytesMax: 1_000_000,
        inFlightMax: 2,
        pendingBytesMax: 10_000_000,
        confirm,
        onCut: (seq) => writer.onCut(seq),
        onDurable: (seq) => writer.onDurable(seq),
        onFailed: (seq, error) => writer.onFailed(seq, error),
      });
      writer.attach(segments);
      return { id, writer, segments, tenure, recent: new RecentSegments(1000) };
    },
    log,
  });
  return { sessions, replaced, manifest };
}

function adopterOver(store: ObjectStore, clock: ManualClock): Adopter {
  const rng = new SeededRng(99);
  return new Adopter({
    store,
    manifest: new ManifestStore(store, clock, rng),
    clock,
    rng,
    hold: new SegmentHold({ store, clock, holdMsMax: 3_600_000 }),
    deadAfterMs: 60_000,
    blockSpansMax: 30,
    attributeBytesMax: () => 2048,
    pace: async () => undefined,
    onManifest: () => undefined,
    log,
  });
}

/** Lets time pass until the promise settles. */
async function settle<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  let isOver = false;
  const end = promise.finally(() => {
    isOver = true;
  });
  end.catch(() => undefined);
  for (let turns = 0; !isOver; turns++) {
    assert.ok(turns < 5000, 'it comes to an end');
    await setImmediate();
    await clock.advance(50);
  }
  return end;
}

let number = 0;
const newSpan = () => {
  const id = (++number).toString(16);
  return plainSpan({ traceId: id.padStart(32, 'a'), spanId: id.padStart(16, '0'), name: 'a span' });
};

/** Pushes until it is acknowledged. Returns how often it was refused. */
async function pushUntilTaken(sessions: WriteSessions, clock: ManualClock, body: Uint8Array): Promise<number> {
  for (let refused = 0; ; refused++) {
    try {
      await settle(clock, sessions.push(tenant, body, { noGenerateMetrics: false }));
      return refused;
    } catch (error) {
      assert.ok(error instanceof RubatoError && error.kind === ErrorKind.unavailable, String(error));
      assert.ok(refused < 5000, 'it is taken again');
      await setImmediate();
      await clock.advance(100);
    }
  }
}

test('a writer that was taken for dead goes on under another id, with every acknowledged span once', async () => {
  const store = new MemoryObjectStore();
  const clock = new ManualClock();
  const { sessions, replaced, manifest } = sessionsOver(store, clock, 1);
  const adopter = adopterOver(store, clock);
  await settle(clock, sessions.join());
  const acknowledged: string[] = [];
  for (let i = 0; i < 40; i++) {
    const spans = Array.from({ length: 7 }, newSpan);
    if (i === 10 || i === 25) {
      const { id } = sessions.current;
      await sealWriter(store, id, clock.nowMs());
      // Before, and after the writer knows.
      if (i === 10) assert.equal(await adopter.round(), 1);
      else void settle(clock, adopter.round());
    }
    const refused = await pushUntilTaken(sessions, clock, plainSpansToOtlp(spans));
    if (i === 10) assert.ok(refused > 0, 'nothing is acknowledged under an id that is lost');
    acknowledged.push(...spans.map(({ spanId }) => spanId));
  }
  assert.equal(replaced.length, 2);
  assert.equal(sessions.current.id, replaced[1]);
  await settle(clock, sessions.current.writer.flush());
  await settle(clock, adopter.round());
  const stored = await spanIdsIn(store, await manifest.load(tenant));
  assert.deepEqual(stored, acknowledged.sort());
  for await (const { key } of store.list('wal/')) assert.fail(`${key} is in a block`);
});

test('what waits for an answer is refused at once when the id is lost, and views are of the new session', async () => {
  const store = new MemoryObjectStore();
  const clock = new ManualClock();
  const stuck = new FailingObjectStore(store, clock, (operation, key) =>
    operation === 'put' && key.endsWith('2') && key.startsWith('wal/') ? { latencyMs: 100_000 } : undefined,
  );
  const { sessions } = sessionsOver(stuck, clock, 2);
  await settle(clock, sessions.join());
  await pushUntilTaken(sessions, clock, plainSpansToOtlp([newSpan()]));
  const first = sessions.current;
  assert.equal(first.writer.live(tenant).tables.length, 1);
  const waiting = sessions.push(tenant, plainSpansToOtlp([newSpan()]), { noGenerateMetrics: false });
  waiting.catch(() => undefined);
  await setImmediate();
  await sealWriter(store, first.id, clock.nowMs());
  await assert.rejects(first.tenure!.confirm());
  await assert.rejects(waiting, { code: 'writer_lost' });
  assert.deepEqual(first.writer.live(tenant).tables, []);
  assert.deepEqual(sessions.current.writer.live(tenant), {
    writer: sessions.current.id,
    manifestVersion: 0,
    tables: [],
  });
  await assert.rejects(first.writer.flush(), { code: 'stopping' });
});

test('over a store that fails now and then it joins all the same', async () => {
  const inner = new MemoryObjectStore();
  const clock = new ManualClock();
  let isFailing = false;
  const faults = seededFaults(new SeededRng(5), { errorBefore: 0.3, errorAfter: 0.3 });
  const store = new FailingObjectStore(inner, clock, (operation, key) =>
    isFailing && key.startsWith('members/') ? faults(operation, key) : undefined,
  );
  const { sessions, replaced, manifest } = sessionsOver(store, clock, 3);
  await settle(clock, sessions.join());
  isFailing = true;
  const acknowledged: string[] = [];
  for (let i = 0; i < 8; i++) {
    const span = newSpan();
    await pushUntilTaken(sessions, clock, plainSpansToOtlp([span]));
    acknowledged.push(span.spanId);
    await sealWriter(inner, sessions.current.id, clock.nowMs());
  }
  isFailing = false;
  await pushUntilTaken(sessions, clock, plainSpansToOtlp([newSpan()]));
  assert.equal(replaced.length, 8);
  await settle(clock, sessions.end());
  await settle(clock, sessions.current.writer.flush());
  await adopterOver(inner, clock).round();
  const stored = await spanIdsIn(inner, await manifest.load(tenant));
  assert.ok(acknowledged.every((id) => stored.includes(id)));
});

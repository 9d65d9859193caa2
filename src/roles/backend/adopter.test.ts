import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ManualClock } from '../../base/clock.ts';
import { SeededRng } from '../../base/random.ts';
import { ManifestStore } from '../../block/manifest.ts';
import { plainSpan } from '../../model/plain-span.ts';
import { FailingObjectStore, seededFaults } from '../../objectstore/failing.ts';
import { MemoryObjectStore } from '../../objectstore/memory.ts';
import type { ObjectStore } from '../../objectstore/object-store.ts';
import { plainSpansToOtlp } from '../../protocol/otlp/encode-plain.ts';
import { SegmentWriter } from '../../wal/segment-writer.ts';
import { sealKey } from '../members/member-keys.ts';
import { Tenure } from '../members/tenure.ts';
import { SegmentHold } from '../metrics/segment-hold.ts';
import { Adopter } from './adopter.ts';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const deadAfterMs = 60_000;

function adopterOver(store: ObjectStore, clock: ManualClock, seed: number): Adopter {
  const rng = new SeededRng(seed);
  return new Adopter({
    store,
    manifest: new ManifestStore(store, clock, rng),
    clock,
    rng,
    deadAfterMs,
    hold: new SegmentHold({ store, clock, holdMsMax: 3_600_000 }),
    blockSpansMax: 40,
    attributeBytesMax: () => 2048,
    pace: async () => undefined,
    onManifest: () => undefined,
    log,
  });
}

let spanNumber = 0;
const newSpan = () => {
  const id = (++spanNumber).toString(16);
  return plainSpan({ traceId: id.padStart(32, 'a'), spanId: id.padStart(16, '0'), name: 'a span' });
};

/** A writer's segments, and its tenure. */
async function writerOver(store: ObjectStore, clock: ManualClock, id: string) {
  const lost: string[] = [];
  const tenure = new Tenure({
    store,
    clock,
    writer: id,
    member: { address: 'a:1', token: 't' },
    renewMs: 10_000,
    onLost: (reason) => lost.push(reason),
    log,
  });
  await tenure.begin();
  const segments = new SegmentWriter({
    store,
    writer: id,
    clock,
    lingerMs: 0,
    segmentBytesMax: 1 << 20,
    inFlightMax: 2,
    pendingBytesMax: 1 << 24,
    confirm: () => tenure.confirm(),
  });
  const push = async (tenant: string, count: number): Promise<void> => {
    const body = plainSpansToOtlp(Array.from({ length: count }, newSpan));
    await segments.append({ tenant, encoding: 1, flags: 0, body }).durable;
  };
  return { tenure, push, lost };
}

async function spansInBlocks(store: ObjectStore, clock: ManualClock, tenant: string): Promise<number> {
  const state = await new ManifestStore(store, clock, new SeededRng(1)).load(tenant);
  return [...state.blocks.values()].reduce((sum, { spanCount }) => sum + spanCount, 0);
}

async function keysOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

test('segments of a writer without a sign of life become blocks, those of a living one do not', async () => {
  const store = new MemoryObjectStore();
  const clock = new ManualClock();
  const adopter = adopterOver(store, clock, 1);
  const { push, tenure } = await writerOver(store, clock, 'w1');
  for (let i = 0; i < 10; i++) await push(i % 2 === 0 ? 'a' : 'b', 10);
  // It renews its member object, so it lives.
  for (let i = 0; i < 10; i++) {
    assert.equal(await adopter.round(), 0);
    await clock.advance(deadAfterMs / 3);
  }
  await tenure.seal();
  assert.equal(await adopter.round(), 1);
  assert.deepEqual([await spansInBlocks(store, clock, 'a'), await spansInBlocks(store, clock, 'b')], [50, 50]);
  assert.deepEqual(await keysOf(store, 'wal/'), []);
  assert.deepEqual(await keysOf(store, 'members/'), []);
});

test('without a seal it takes the time that makes a writer dead, and a new segment is a sign of life', async () => {
  const store = new MemoryObjectStore();
  const clock = new ManualClock();
  const adopter = adopterOver(store, clock, 2);
  let hasDied = false;
  const dying = new FailingObjectStore(store, clock, (operation, key) =>
    hasDied && operation === 'put' && key.startsWith('members/') ? { error: 'before' } : undefined,
  );
  const { push } = await writerOver(dying, clock, 'w1');
  await push('a', 10);
  hasDied = true;
  assert.equal(await adopter.round(), 0);
  await clock.advance(deadAfterMs - 1);
  assert.equal(await adopter.round(), 0);
  await push('a', 10);
  await clock.advance(2);
  assert.equal(await adopter.round(), 0);
  await clock.advance(deadAfterMs);
  assert.equal(await adopter.round(), 1);
  assert.equal(await spansInBlocks(store, clock, 'a'), 20);
});

test('a writer that was adopted while it was paused acknowledges nothing more', async () => {
  const store = new MemoryObjectStore();
  const clock = new ManualClock();
  const { push, lost } = await writerOver(store, clock, 'w1');
  await push('a', 10);
  await store.put(sealKey('w1'), new TextEncoder().encode('{"sealedUnixMs":1}'));
  await adopterOver(store, clock, 3).round();
  await assert.rejects(push('a', 10), /id is lost/);
  assert.equal(lost.length, 1);
  assert.equal(await spansInBlocks(store, clock, 'a'), 10);
  // What it stored all the same is nobody's: removed, and never in a block.
  assert.deepEqual(await keysOf(store, 'wal/'), []);
});

test('a writer that could not renew its member object for long gives up by itself', async () => {
  const store = new MemoryObjectStore();
  const clock = new ManualClock();
  let isDown = false;
  const flaky = new FailingObjectStore(store, clock, (operation, key) =>
    isDown && operation === 'put' && key.startsWith('members/') ? { error: 'before' } : undefined,
  );
  const { push, lost } = await writerOver(flaky, clock, 'w1');
  isDown = true;
  for (let i = 0; i < 70; i++) await clock.advance(10_000);
  await assert.rejects(push('a', 1), /could not be renewed/);
  assert.equal(lost.length, 1);
});

test('adopters that work on the same writer while the store fails lose and double nothing', async () => {
  for (let seed = 1; seed <= 15; seed++) {
    const store = new MemoryObjectStore();
    const clock = new ManualClock();
    const { push, tenure } = await writerOver(store, clock, 'w1');
    for (let i = 0; i < 12; i++) await push(i % 3 === 0 ? 'a' : 'b', 10);
    await tenure.seal();
    const rng = new SeededRng(seed);
    const faults = seededFaults(rng, { errorBefore: 0.02, errorAfter: 0.02 });
    const adopters = [1, 2, 3].map((i) =>
      adopterOver(new FailingObjectStore(store, clock, faults), clock, seed * 10 + i),
    );
    const isLeft = async () => (await keysOf(store, 'wal/')).length > 0;
    for (let round = 0; round < 300 && (await isLeft()); round++) {
      const work = Promise.allSettled(adopters.map((adopter) => adopter.round()));
      let isDone = false;
      void work.then(() => (isDone = true));
      // Commits that lose wait before they try again.
      while (!isDone) {
        await clock.advance(100);
        await setImmediate();
      }
    }
    assert.equal(await isLeft(), false, `seed ${seed}`);
    const spans = [await spansInBlocks(store, clock, 'a'), await spansInBlocks(store, clock, 'b')];
    assert.deepEqual(spans, [40, 80], `seed ${seed}`);
  }
});

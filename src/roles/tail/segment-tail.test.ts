import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../../base/clock.ts';
import { SeededRng } from '../../base/random.ts';
import { FailingObjectStore, seededFaults } from '../../objectstore/failing.ts';
import { MemoryObjectStore } from '../../objectstore/memory.ts';
import type { ObjectStore } from '../../objectstore/object-store.ts';
import { encodeSegment, entryBytes } from '../../wal/segment-codec.ts';
import { segmentKey, segmentWindow } from '../../wal/segment-keys.ts';
import { encodeMember, memberKey } from '../members/member-keys.ts';
import { WriterDirectory } from '../members/writer-directory.ts';
import { decodeRecent, encodeRecent } from './recent-protocol.ts';
import { RecentSegments } from './recent-segments.ts';
import { SegmentTail } from './segment-tail.ts';

const log = { warn: () => undefined };
const member = { address: 'a:1', token: 't' };

async function segment(writer: string, seq: number): Promise<readonly Uint8Array[]> {
  const entry = { tenant: 't', encoding: 1 as const, flags: 0, body: new Uint8Array([seq & 255]) };
  return encodeSegment({ writer, seq, createdUnixMs: 0 }, [entry], entryBytes(entry));
}

/** A tail over a store, and what it handed over. `recent` is the memory of a writer that answers. */
function tailOver(store: ObjectStore, recent: Map<string, RecentSegments>) {
  const clock = new ManualClock();
  const seen: string[] = [];
  const asked: string[] = [];
  const tail = new SegmentTail({
    store,
    clock,
    directory: new WriterDirectory({ store, clock, intervalMs: 1000 }),
    ask: async (writer, _member, after) => {
      asked.push(writer);
      const memory = recent.get(writer);
      if (memory === undefined) throw new Error('cut off');
      return decodeRecent(encodeRecent(memory.since(after, 200)));
    },
    onSegment: ({ header }) => seen.push(`${header.writer}/${header.seq}`),
    followMs: 100,
    log,
  });
  return { clock, tail, seen, asked };
}

test('segments come from the memory of a writer, and older ones from the store', async () => {
  const store = new MemoryObjectStore();
  const recent = new RecentSegments(300);
  await store.put(memberKey('w'), encodeMember(member, 0));
  const { tail, seen } = tailOver(store, new Map([['w', recent]]));
  for (let seq = 1; seq <= 20; seq++) {
    // Segment 7 was refused.
    if (seq === 7) continue;
    const object = await segment('w', seq);
    await store.put(segmentKey('w', seq), object);
    recent.add(seq, object);
  }
  await tail.catchUp();
  const all = Array.from({ length: 20 }, (_, i) => `w/${i + 1}`).filter((id) => id !== 'w/7');
  assert.deepEqual(seen, all);
  assert.deepEqual(tail.positions.get('w'), { through: 20, beyond: [] });
  // Everybody has them in blocks: what is in memory still counts as handed over.
  for (let seq = 1; seq <= 20; seq++) await store.delete(segmentKey('w', seq));
  await tail.catchUp();
  assert.equal(seen.length, 19);
});

test('a writer that does not answer is read from the store, also when segments appear out of order', async () => {
  const store = new MemoryObjectStore();
  await store.put(memberKey('w'), encodeMember(member, 0));
  const { tail, seen, asked } = tailOver(store, new Map());
  const put = async (seq: number) => store.put(segmentKey('w', seq), await segment('w', seq));
  await put(1);
  await put(3);
  await tail.catchUp();
  assert.deepEqual(seen, ['w/1', 'w/3']);
  await put(2);
  await tail.catchUp();
  assert.deepEqual(seen, ['w/1', 'w/3', 'w/2']);
  assert.equal(asked.length, 1, 'it is not asked again at once');
  await put(segmentWindow + 4);
  await tail.catchUp();
  assert.deepEqual(tail.positions.get('w'), { through: 4, beyond: [segmentWindow + 4] });
});

test('a store that fails makes catching up fail, and nothing is handed over twice after it', async () => {
  const clock = new ManualClock();
  const inner = new MemoryObjectStore();
  await inner.put(memberKey('w'), encodeMember(member, 0));
  for (let seq = 1; seq <= 30; seq++) await inner.put(segmentKey('w', seq), await segment('w', seq));
  const store = new FailingObjectStore(inner, clock, seededFaults(new SeededRng(3), { errorBefore: 0.15 }));
  const { tail, seen } = tailOver(store, new Map());
  let failures = 0;
  for (let tries = 0; tries < 1000; tries++) {
    try {
      await tail.catchUp();
      break;
    } catch {
      failures++;
    }
  }
  assert.ok(failures > 0);
  assert.equal(seen.length, 30);
  assert.equal(new Set(seen).size, 30);
});

test('a new writer is known as soon as its member object is older than the interval, and a gone one is let go', async () => {
  const store = new MemoryObjectStore();
  const gone: string[] = [];
  const clock = new ManualClock();
  const directory = new WriterDirectory({ store, clock, intervalMs: 1000 });
  const seen: string[] = [];
  const tail = new SegmentTail({
    store,
    clock,
    directory,
    ask: async () => {
      throw new Error('cut off');
    },
    onSegment: ({ header }) => seen.push(header.writer),
    onGone: (writer) => gone.push(writer),
    followMs: 100,
    log,
  });
  await tail.catchUp();
  for (const writer of ['new', 'own']) {
    await store.put(memberKey(writer), encodeMember(member, 0));
    await store.put(segmentKey(writer, 1), await segment(writer, 1));
  }
  await clock.advance(1001);
  await tail.catchUp('own');
  assert.deepEqual(seen, ['new']);
  await store.delete(memberKey('new'));
  await store.delete(segmentKey('new', 1));
  await clock.advance(1001);
  await tail.catchUp('own');
  assert.deepEqual(gone, ['new']);
  // Its process goes on under another id: what it had acknowledged is read like that of others.
  await tail.catchUp('own, again');
  assert.deepEqual(seen, ['new', 'own']);
});

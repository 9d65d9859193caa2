import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { ErrorKind } from '../base/errors.ts';
import { SeededRng } from '../base/random.ts';
import { SimulatedFileSystem } from '../fs/simulated-file-system.ts';
import { FailingObjectStore, type FaultDecision } from '../objectstore/failing.ts';
import { LocalObjectStore } from '../objectstore/local.ts';
import { MemoryObjectStore } from '../objectstore/memory.ts';
import { isKind, type ObjectStore } from '../objectstore/object-store.ts';
import { segmentKey } from './segment-keys.ts';
import { deleteSegments, listWriters, readSegments, type SkippedSegment } from './segment-reader.ts';
import { SegmentWriter } from './segment-writer.ts';

const writer = 'w1';

/** Segments 1 to `count`; each holds as many entries as its seq. */
async function write(store: ObjectStore, count: number, name = writer): Promise<void> {
  const segments = openWriter(store, name);
  for (let seq = 1; seq <= count; seq++) {
    for (let i = 0; i < seq; i++)
      segments.append({ tenant: `t${i % 2}`, encoding: 1, flags: 0, body: new TextEncoder().encode(`${seq}/${i}`) });
    await segments.flush();
  }
  await segments.close();
}

function openWriter(store: ObjectStore, name: string): SegmentWriter {
  const limits = { lingerMs: 0, segmentBytesMax: 1 << 20, inFlightMax: 2, pendingBytesMax: 1 << 24 };
  return new SegmentWriter({ store, writer: name, clock: systemClock, ...limits });
}

async function read(
  store: ObjectStore,
  afterSeq = 0,
): Promise<{ seqs: number[]; entries: number; skipped: SkippedSegment[] }> {
  const skipped: SkippedSegment[] = [];
  const seqs: number[] = [];
  let entries = 0;
  for await (const segment of readSegments(store, writer, afterSeq, (one) => skipped.push(one))) {
    seqs.push(segment.header.seq);
    assert.equal(segment.key, segmentKey(writer, segment.header.seq));
    for (const [i, entry] of segment.entries.entries())
      assert.equal(new TextDecoder().decode(entry.body), `${segment.header.seq}/${i}`);
    entries += segment.entries.length;
  }
  return { seqs, entries, skipped };
}

describe('reading segments', () => {
  test('all come in order, from behind a seq on', async () => {
    const store = new MemoryObjectStore();
    await write(store, 12);
    assert.deepEqual(await read(store), { seqs: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], entries: 78, skipped: [] });
    assert.deepEqual((await read(store, 9)).seqs, [10, 11, 12]);
    assert.deepEqual((await read(store, 12)).seqs, []);
  });

  const damages: [
    name: string,
    damage: (store: MemoryObjectStore) => Promise<void>,
    entries: number,
    skipped: RegExp[],
  ][] = [
    ['nothing', async () => {}, 15, []],
    ['one bit of one', (store) => change(store, 3, (bytes) => flip(bytes, bytes.length - 3)), 12, [/checksum/]],
    ['a torn one', (store) => change(store, 5, (bytes) => bytes.subarray(0, bytes.length / 2)), 10, [/bytes/]],
    ['an empty one', (store) => change(store, 1, () => new Uint8Array(0)), 14, [/too few/]],
    ['one full of zeros', (store) => change(store, 2, (bytes) => bytes.fill(0)), 13, [/magic/]],
    [
      'two at once',
      async (store) => {
        await change(store, 2, (bytes) => bytes.subarray(0, 45));
        await change(store, 4, (bytes) => flip(bytes, 50));
      },
      9,
      [/bytes/, /checksum/],
    ],
    [
      'all of them',
      async (store) => {
        for (let seq = 1; seq <= 5; seq++) await change(store, seq, (bytes) => flip(bytes, 20));
      },
      0,
      [/checksum/, /checksum/, /checksum/, /checksum/, /checksum/],
    ],
    [
      "another segment's content",
      async (store) => store.put(segmentKey(writer, 2), await store.get(segmentKey(writer, 5))),
      13,
      [/holds segment 5/],
    ],
    [
      "another writer's segment",
      async (store) => {
        await write(store, 1, 'w2');
        await store.put(segmentKey(writer, 1), await store.get(segmentKey('w2', 1)));
      },
      14,
      [/of writer w2/],
    ],
    ['a missing one', (store) => store.delete(segmentKey(writer, 3)), 12, []],
    [
      'something else among them',
      (store) => store.put(`wal/${writer}/0000000002.bak`, new Uint8Array(3)),
      15,
      [/name/],
    ],
  ];
  for (const [name, damage, entries, reasons] of damages) {
    test(`damage: ${name} leaves ${entries} of 15 entries`, async () => {
      const store = new MemoryObjectStore();
      await write(store, 5);
      await damage(store);
      const result = await read(store);
      assert.equal(result.entries, entries);
      assert.equal(result.skipped.length, reasons.length);
      for (const [i, reason] of reasons.entries()) assert.match(result.skipped[i]!.reason, reason);
    });
  }

  test('a segment of a newer format is an error, not damage', async () => {
    const store = new MemoryObjectStore();
    await write(store, 5);
    await change(store, 4, (bytes) => {
      bytes[4] = 9;
      return bytes;
    });
    await assert.rejects(
      read(store),
      /0000000004 at 4: a segment of format 9 was written by a newer version of Rubato; this one reads format 1/,
    );
  });

  test('bytes damaged on the way only are read again', async () => {
    const inner = new MemoryObjectStore();
    await write(inner, 3);
    const torn = new Set<string>();
    const decide: FaultDecision = (operation, key) =>
      operation === 'get' && !torn.has(key) && torn.add(key) ? { tornTo: 0.7 } : undefined;
    assert.deepEqual((await read(new FailingObjectStore(inner, systemClock, decide))).seqs, [1, 2, 3]);
  });

  test('a store that fails is an error, not a skipped segment', async () => {
    const inner = new MemoryObjectStore();
    await write(inner, 8);
    const decide: FaultDecision = (operation, key) =>
      operation === 'get' && key.endsWith('3') ? { error: 'before' } : undefined;
    await assert.rejects(read(new FailingObjectStore(inner, systemClock, decide)), (error) =>
      isKind(error, ErrorKind.unavailable),
    );
  });

  test('a segment that is deleted between listing and reading is passed over', async () => {
    const inner = new MemoryObjectStore();
    await write(inner, 3);
    const store = new FailingObjectStore(inner, systemClock, () => undefined);
    const get = store.get.bind(store);
    store.get = async (...args) => {
      await inner.delete(segmentKey(writer, 2));
      return get(...args);
    };
    const result = await read(store);
    assert.deepEqual(result.seqs, [1, 3]);
    assert.deepEqual(result.skipped, []);
  });

  test('a reader that stops early leaves nothing running that could fail unseen', async () => {
    const inner = new MemoryObjectStore();
    await write(inner, 8);
    const decide: FaultDecision = (_, key) => (key.endsWith('4') ? { latencyMs: 5, error: 'before' } : undefined);
    const store = new FailingObjectStore(inner, systemClock, decide);
    for await (const _ of readSegments(store, writer, 0, () => {})) break;
    await systemClock.sleep(20);
  });
});

describe('writers and deletion', () => {
  test('writers are listed while they have segments; covered segments are deleted, later ones stay', async () => {
    const store = new MemoryObjectStore();
    await write(store, 20);
    await write(store, 2, 'w2');
    assert.deepEqual(await listWriters(store), ['w1', 'w2']);
    assert.equal(await deleteSegments(store, writer, 17), 17);
    assert.deepEqual((await read(store)).seqs, [18, 19, 20]);
    assert.equal(await deleteSegments(store, writer, 17), 0);
    await deleteSegments(store, writer, 20);
    assert.deepEqual(await listWriters(store), ['w2']);
  });
});

describe('power failure under the writer', () => {
  /** Appends until the power fails before the given file operation. Gives the texts that were acknowledged. */
  async function writeUntil(
    operationIndex: number,
    syncLies: boolean,
  ): Promise<[SimulatedFileSystem, Set<string>, boolean]> {
    let operations = 0;
    let failed = false;
    const before = (): void => {
      if (operations++ < operationIndex) return;
      failed = true;
      throw new Error('power failure');
    };
    const fileSystem = new SimulatedFileSystem({ before, syncLies });
    const acknowledged = new Set<string>();
    try {
      const segments = openWriter(await openFolder(fileSystem), writer);
      const appends: Promise<unknown>[] = [];
      for (let i = 0; i < 12; i++) {
        const body = new TextEncoder().encode(`entry ${i}`);
        const { durable } = segments.append({ tenant: 't', encoding: 1, flags: 0, body });
        appends.push(
          durable.then(
            () => acknowledged.add(`entry ${i}`),
            () => {},
          ),
        );
        if (i % 3 === 2) await segments.flush();
        else if (i % 3 === 1) void segments.flush();
      }
      await segments.close();
      await Promise.all(appends);
    } catch (error) {
      assert.ok(isKind(error, ErrorKind.unavailable), String(error));
    }
    return [fileSystem, acknowledged, failed];
  }

  function openFolder(fileSystem: SimulatedFileSystem): Promise<LocalObjectStore> {
    return LocalObjectStore.open({ root: '/data', clock: systemClock, rng: new SeededRng(1), fileSystem });
  }

  test('at every step all acknowledged entries survive and no segment is found damaged', async () => {
    let steps = 0;
    for (let failed = true; failed; steps++) {
      const [fileSystem, acknowledged, hit] = await writeUntil(steps, false);
      failed = hit;
      for (let seed = 0; seed < 3; seed++) {
        const store = await openFolder(fileSystem.crash(new SeededRng(steps * 10 + seed)));
        const found = new Set<string>();
        const onSkipped = ({ key, reason }: SkippedSegment): void => assert.fail(`${key}: ${reason}`);
        for await (const segment of readSegments(store, writer, 0, onSkipped))
          for (const entry of segment.entries) found.add(new TextDecoder().decode(entry.body));
        for (const text of acknowledged) assert.ok(found.has(text), `step ${steps}: ${text} was acknowledged`);
      }
    }
    assert.ok(steps > 40, `${steps} steps`);
  });

  test('when the disk lied about syncing, torn segments are reported and the others read', async () => {
    const [fileSystem] = await writeUntil(Number.POSITIVE_INFINITY, true);
    let damaged = 0;
    let whole = 0;
    for (let seed = 0; seed < 20; seed++) {
      const store = await openFolder(fileSystem.crash(new SeededRng(seed)));
      for await (const _ of readSegments(store, writer, 0, () => damaged++)) whole++;
    }
    assert.ok(damaged > 0 && whole === 160 - damaged, `${damaged} damaged, ${whole} whole`);
  });
});

async function change(store: ObjectStore, seq: number, how: (bytes: Uint8Array) => Uint8Array): Promise<void> {
  const key = segmentKey(writer, seq);
  await store.put(key, how(await store.get(key)));
}

function flip(bytes: Uint8Array, at: number): Uint8Array {
  bytes[at]! ^= 1;
  return bytes;
}

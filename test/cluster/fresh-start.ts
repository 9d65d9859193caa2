/** What a reader costs that starts over a store full of small blocks: requests and time until its first answer. */
import assert from 'node:assert/strict';
import { systemClock } from '../../src/base/clock.ts';
import { SeededRng } from '../../src/base/random.ts';
import { newBlockId } from '../../src/block/block-id.ts';
import { buildBlockOf } from '../../src/block/build.ts';
import { ColumnCache } from '../../src/block/column-cache.ts';
import { readPack } from '../../src/block/index-pack.ts';
import { type BlockMeta, ManifestStore } from '../../src/block/manifest.ts';
import { blockFileKey } from '../../src/block/manifest-keys.ts';
import { packIndexes } from '../../src/block/pack-indexes.ts';
import { openBlock } from '../../src/block/read-block.ts';
import { tableOf } from '../../src/block/testing/plain-spans.ts';
import { CountingObjectStore } from '../../src/objectstore/counting.ts';
import { MemoryObjectStore } from '../../src/objectstore/memory.ts';
import { someSpans } from '../../src/roles/backend/testing/bucket.ts';
import { WriterDirectory } from '../../src/roles/members/writer-directory.ts';
import { Reader } from '../../src/roles/read/reader.ts';
import { Mirror } from '../../src/roles/tail/mirror.ts';
import { SegmentTail } from '../../src/roles/tail/segment-tail.ts';

const tenant = 't';
const blocksACommit = 16;

export interface FreshStart {
  readonly requests: number;
  readonly readyMs: number;
}

export async function freshStart(blockCount: number): Promise<FreshStart> {
  const store = new CountingObjectStore(new MemoryObjectStore());
  const rng = new SeededRng(1);
  const manifest = new ManifestStore(store, systemClock, rng);
  let traceId = '';
  for (let made = 0; made < blockCount; ) {
    const add: BlockMeta[] = [];
    for (; add.length < blocksACommit && made < blockCount; made++) {
      const spans = someSpans(2, systemClock.nowMs());
      traceId = spans[0]!.traceId;
      const { parts, ...summary } = buildBlockOf(tableOf(spans));
      const id = newBlockId(systemClock.nowMs(), rng);
      for (const [file, bytes] of parts) await store.put(blockFileKey(tenant, id, file), bytes);
      add.push({ id, ...summary, level: 0, createdUnixMs: systemClock.nowMs() });
    }
    // As the backend does it in its rounds.
    await packIndexes({ store, manifest, clock: systemClock, rng }, await manifest.commit(tenant, () => ({ add })));
  }
  const { version, packs } = await manifest.load(tenant);
  console.log(`${blockCount} blocks, ${packs.size} packs, manifest version ${version}`);
  return start(store, traceId, blockCount);
}

async function start(store: CountingObjectStore, traceId: string, blockCount: number): Promise<FreshStart> {
  store.reset();
  const startedMs = performance.now();
  const log = { warn: () => undefined };
  const mirror = new Mirror({ attributeBytesMax: () => 2048, tableSpansMax: 131_072, log });
  const tail = new SegmentTail({
    store,
    clock: systemClock,
    directory: new WriterDirectory({ store, clock: systemClock, intervalMs: 60_000 }),
    ask: async () => assert.fail('there is no writer'),
    onSegment: (segment) => mirror.add(segment),
    followMs: 200,
    log,
  });
  const cache = new ColumnCache(1 << 26);
  const reader = new Reader({
    live: {
      live: async () => {
        await tail.catchUp();
        return { manifestVersion: 0, tables: mirror.live(tenant) };
      },
      see: (state) => mirror.see(state),
    },
    manifest: new ManifestStore(store, systemClock, new SeededRng(2)),
    openBlock: (_tenant, { id, files }, cost, index) => {
      const readRange = (file: string, offset: number, length: number): Promise<Uint8Array> =>
        store.getRange(blockFileKey(tenant, id, file), offset, length);
      const options = { blockId: id, sizes: files, readRange, cache, traceGapBytesMax: 32 << 10 };
      return openBlock(index === undefined ? options : { ...options, index }, cost);
    },
    readPack: (_tenant, pack, cost) => readPack(store, tenant, pack, cost),
  });
  await reader.refresh(tenant);
  await tail.catchUp();
  assert.equal(reader.blockCount, blockCount);
  const { requestCount: requests } = store;
  const readyMs = performance.now() - startedMs;
  const id = Buffer.from(traceId, 'hex');
  const found = await reader.trace(
    { tenant, traceId: id },
    { requests: 0, bytes: 0, pages: 0 },
    new AbortController().signal,
  );
  assert.equal(found.length, 1);
  return { requests, readyMs };
}

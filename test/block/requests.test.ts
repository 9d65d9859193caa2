/** What reading costs in requests and bytes: a request to a bucket takes tens of milliseconds and has a price. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestsOf, shopTraces, tableOf as tableFrom } from '../../bench/traffic.ts';
import { loadTraceRows } from '../../src/api/encode/trace-rows.ts';
import { loadConfig } from '../../src/app/config/load.ts';
import { createReader } from '../../src/app/read-role.ts';
import { ManualClock } from '../../src/base/clock.ts';
import { SeededRng } from '../../src/base/random.ts';
import { newBlockId } from '../../src/block/block-id.ts';
import { buildBlockOf } from '../../src/block/build.ts';
import { ColumnCache } from '../../src/block/column-cache.ts';
import { readPack } from '../../src/block/index-pack.ts';
import { type BlockMeta, type ManifestState, ManifestStore } from '../../src/block/manifest.ts';
import { blockFileKey } from '../../src/block/manifest-keys.ts';
import { packIndexes } from '../../src/block/pack-indexes.ts';
import { openBlock } from '../../src/block/read-block.ts';
import { expectedTraces } from '../../src/block/testing/expected.ts';
import { type PlainSpan, readFragment, tableOf } from '../../src/block/testing/plain-spans.ts';
import { randomSpans } from '../../src/block/testing/random-table.ts';
import { CountingObjectStore } from '../../src/objectstore/counting.ts';
import { MemoryObjectStore } from '../../src/objectstore/memory.ts';
import { runSearch } from '../../src/query/search/run-search.ts';
import { Reader } from '../../src/roles/read/reader.ts';
import { checkQuery } from '../../src/traceql/check.ts';
import { parseQuery } from '../../src/traceql/parser.ts';

const tenant = 't';
const newCost = () => ({ requests: 0, bytes: 0, pages: 0 });
const everything = { tenant, startUnixNano: 0n, endUnixNano: 0n };

interface Stored {
  readonly store: CountingObjectStore;
  readonly manifest: ManifestStore;
  readonly state: ManifestState;
  readonly blocks: readonly BlockMeta[];
}

async function storeBlocks(spansOfBlocks: Iterable<readonly PlainSpan[]>): Promise<Stored> {
  const store = new CountingObjectStore(new MemoryObjectStore());
  const manifest = new ManifestStore(store, clock, rng);
  const blocks: BlockMeta[] = [];
  for (const spans of spansOfBlocks) {
    const { parts, ...summary } = buildBlockOf(tableOf(spans));
    const id = newBlockId(clock.nowMs(), rng);
    for (const [file, bytes] of parts) await store.put(blockFileKey(tenant, id, file), bytes);
    blocks.push({ id, ...summary, level: 0, createdUnixMs: 0 });
  }
  const state = await manifest.commit(tenant, () => ({ add: blocks }));
  return { store, manifest, state, blocks };
}

const clock = new ManualClock(1_700_000_000_000);
const rng = new SeededRng(7);

/** A reader that has just started and knows the manifest. */
function freshReader(store: CountingObjectStore, state: ManifestState): Reader {
  const cache = new ColumnCache(1 << 26);
  store.reset();
  return new Reader({
    live: { live: async () => ({ manifestVersion: 0, tables: [] }) },
    manifest: { load: async () => state },
    openBlock: (owner, { id, files }, cost, index) => {
      const readRange = (file: string, offset: number, length: number) =>
        store.getRange(blockFileKey(owner, id, file), offset, length);
      const options = { blockId: id, sizes: files, readRange, cache };
      return openBlock(index === undefined ? options : { ...options, index }, cost);
    },
    readPack: (owner, pack, cost) => readPack(store, owner, pack, cost),
  });
}

const manyBlocks = Array.from({ length: 200 }, (_, i) =>
  randomSpans({
    seed: i + 1,
    traces: 12,
    broken: false,
    baseUnixNano: 1_700_000_000_000_000_000n + BigInt(i) * 60_000_000_000n,
  }),
);

test('over 200 blocks', async (t) => {
  const unpacked = await storeBlocks(manyBlocks);
  const { store, manifest } = unpacked;
  const state = await packIndexes({ store, manifest, clock, rng }, unpacked.state);
  assert.equal(state.packs.size, 1);

  await t.test('a trace is found and read with four requests by a reader that has just started', async () => {
    for (const block of [0, 57, 123, 199]) {
      const [expected] = expectedTraces(manyBlocks[block]!);
      const reader = freshReader(store, state);
      const cost = newCost();
      const [found] = await reader.trace({ tenant, traceId: Buffer.from(expected!.traceId, 'hex') }, cost, signal);
      assert.deepEqual(await readFragment(found!.fragment), [expected]);
      assert.ok(store.requestCount <= 4, `${store.requestCount} requests`);
    }
  });

  await t.test('and with three by one that has found another trace before', async () => {
    const reader = freshReader(store, state);
    const idOf = (block: number) => Buffer.from(expectedTraces(manyBlocks[block]!)[1]!.traceId, 'hex');
    await reader.trace({ tenant, traceId: idOf(10) }, newCost(), signal);
    store.reset();
    const [found] = await reader.trace({ tenant, traceId: idOf(150) }, newCost(), signal);
    await readFragment(found!.fragment);
    assert.ok(store.requestCount <= 3, `${store.requestCount} requests`);
  });

  await t.test('an unknown trace is known to be unknown with one', async () => {
    const reader = freshReader(store, state);
    assert.deepEqual(await reader.trace({ tenant, traceId: Buffer.alloc(16, 5) }, newCost(), signal), []);
    assert.equal(store.requestCount, 1);
  });

  await t.test('a snapshot costs one request, and nothing when it is taken again', async () => {
    const reader = freshReader(store, state);
    const snapshot = await reader.snapshot(everything, newCost());
    assert.equal(snapshot.blockCount, 200);
    assert.equal(store.requestCount, 1);
    await reader.snapshot(everything, newCost());
    assert.equal(store.requestCount, 1);
  });

  await t.test('the newest traces are found without a look at the oldest blocks', async () => {
    const reader = freshReader(store, state);
    const { traces } = await search(reader, '{ }', 5);
    assert.equal(traces.length, 5);
    // Indexes, then of some of the newest blocks what stands in an answer.
    assert.ok(store.requestCount <= 60, `${store.requestCount} requests`);
  });

  await t.test('without a pack every index is a request', async () => {
    const reader = freshReader(store, unpacked.state);
    await reader.snapshot(everything, newCost());
    assert.equal(store.requestCount, 200);
  });
});

test('a trace of a block of full size is found and read with four requests, as the server is wired to a bucket', async () => {
  const traces = [...shopTraces(131_072)];
  const spans = traces.flat();
  const { parts, ...summary } = buildBlockOf(tableFrom(requestsOf(traces)).share());
  const { store, manifest } = await storeBlocks(manyBlocks.slice(0, 20));
  const id = newBlockId(clock.nowMs(), rng);
  for (const [file, bytes] of parts) await store.put(blockFileKey(tenant, id, file), bytes);
  const block = { id, ...summary, level: 0, createdUnixMs: 0 };
  const unpacked = await manifest.commit(tenant, () => ({ add: [block] }));
  const { version: manifestVersions } = await packIndexes({ store, manifest, clock, rng }, unpacked);
  const { config } = loadConfig('storage: { trace: { backend: s3, s3: { bucket: b, endpoint: localhost } } }', 'test');
  const live = { live: async () => ({ manifestVersion: 0, tables: [] }) };
  const withEvents = [...new Set(spans.filter(({ events }) => events.length > 0).map(({ traceId }) => traceId))];
  for (const share of [0, 0.5, 0.99]) {
    const traceId = withEvents[Math.floor(share * withEvents.length)]!;
    const reader = createReader({ config, store, live, manifest });
    store.reset();
    const [found] = await reader.trace({ tenant, traceId: Buffer.from(traceId, 'hex') }, newCost(), signal);
    const rows = await loadTraceRows(found!, newCost(), signal);
    assert.equal(rows.endSpan - rows.firstSpan, spans.filter((span) => span.traceId === traceId).length);
    // Of the pack of indexes, and of the traces, spans and events of the block.
    assert.equal(store.counts.getRange.requests, 4);
    assert(store.counts.getRange.bytes < 4 << 20, `${store.counts.getRange.bytes} bytes`);
    // The manifest before: once, then a reader only asks for what is new in it.
    assert.deepEqual([store.counts.list.requests, store.counts.get.requests], [1, manifestVersions]);
  }
});

test('a search reads the pages of the columns that it names, not the others', async () => {
  const letters = new SeededRng(3);
  const text = () => letters.uint32().toString(36) + letters.uint32().toString(36);
  const spans = Array.from({ length: 20_000 }, (_, i): PlainSpan => {
    const start = 1_700_000_000_000_000_000n + BigInt(i) * 1_000_000n;
    const attrs = Object.fromEntries(
      Array.from({ length: 8 }, (_, key) => [`span/string/key${key}`, Buffer.from(text()).toString('hex')]),
    );
    return {
      traceId: Math.floor(i / 10)
        .toString(16)
        .padStart(32, '0'),
      spanId: (i + 1).toString(16).padStart(16, '0'),
      parentId: '0'.repeat(16),
      start,
      end: start + 5n,
      name: 'n',
      kind: 1,
      status: 0,
      attrs,
      resource: { 'resource/string/service.name': Buffer.from('s').toString('hex') },
      events: [],
      links: [],
    };
  });
  const { store, state, blocks } = await storeBlocks([spans]);
  const { files } = blocks[0]!;
  const reader = freshReader(store, state);
  const none = await search(reader, '{ span.key3 = "nowhere" }', 20);
  assert.equal(none.traces.length, 0);
  const column = files['spans.parquet']! / 9;
  const wanted = files['index']! + files['traces.parquet']! + column;
  const { requests, bytes } = store.counts.getRange;
  assert.ok(bytes < wanted * 1.2, `${bytes} bytes, about ${Math.round(wanted)} are needed`);
  assert.ok(requests <= 12, `${requests} requests`);
  store.reset();
  await search(reader, '{ span.key3 = "nowhere" && span.key5 = "nowhere" }', 20);
  assert.ok(store.counts.getRange.bytes < column * 1.2, `${store.counts.getRange.bytes} bytes for another column`);
  store.reset();
  await search(reader, '{ span.key9 = "nowhere" }', 20);
  assert.equal(store.requestCount, 0, 'a key that no block has costs nothing');
});

const { signal } = new AbortController();

async function search(reader: Reader, query: string, limit: number) {
  const context = {
    storage: reader,
    budget: { memoryBytesMax: 1 << 28 },
    pause: async () => {},
    nowMs: () => performance.now(),
  };
  const range = { startUnixNano: 0n, endUnixNano: 0n };
  const request = { tenant, query: checkQuery(parseQuery(query)), range, limit, spansPerSpanSet: 3 } as const;
  return runSearch(context, { ...request, sort: 'start', totals: false }, signal);
}

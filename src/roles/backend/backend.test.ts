import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRng } from '../../base/random.ts';
import { newBlockId } from '../../block/block-id.ts';
import { blockFileKey } from '../../block/manifest-keys.ts';
import { readFragment } from '../../block/testing/plain-spans.ts';
import { FailingObjectStore } from '../../objectstore/failing.ts';
import { segmentKey } from '../../wal/segment-keys.ts';
import { Bucket, hourMs, settings, smallCompaction, someSpans, tenant } from './testing/bucket.ts';

const ids = (spans: readonly { spanId: string }[]): string[] => spans.map(({ spanId }) => spanId).sort();
const traceIdBytes = (hex: string): Uint8Array => Buffer.from(hex, 'hex');

test('small blocks of a closed window become one, traces whole and spans that came twice once', async () => {
  const bucket = new Bucket();
  const traceId = 'f'.repeat(32);
  const spans = Array.from({ length: 5 }, () => someSpans(20, bucket.clock.nowMs(), traceId));
  for (const [i, part] of spans.entries()) await bucket.putBlock([...part, ...(spans[i - 1] ?? []).slice(0, 3)]);
  bucket.clock.pass(2 * hourMs);
  const compacted: { inputs: number; level: number }[] = [];
  const backend = bucket.backend({
    observer: {
      compacted: (inputs, { level }) => compacted.push({ inputs: inputs.length, level }),
      outstanding: () => undefined,
      retained: () => undefined,
      deleted: () => undefined,
      failed: () => assert.fail('nothing fails'),
    },
  });
  await backend.maintain();
  const state = await bucket.state();
  assert.deepEqual(
    [...state.blocks.values()].map(({ spanCount, traceCount, level }) => ({ spanCount, traceCount, level })),
    [{ spanCount: 100, traceCount: 1, level: 1 }],
  );
  assert.deepEqual(compacted, [{ inputs: 5, level: 1 }]);
  assert.equal(state.removed.size, 5);
  assert.deepEqual(await bucket.spanIds(), ids(spans.flat()));
  await backend.maintain();
  assert.equal((await bucket.state()).version, state.version, 'nothing is left to do');
});

test('a query that began before a compaction reads on until the grace period is over, then fails loudly', async () => {
  const bucket = new Bucket();
  const spans = Array.from({ length: 4 }, () => someSpans(30, bucket.clock.nowMs()));
  for (const part of spans) await bucket.putBlock(part);
  bucket.clock.pass(2 * hourMs);
  // Indexes are read, and nothing else.
  const [slow, slower] = [await bucket.open(await bucket.state()), await bucket.open(await bucket.state())];
  const backend = bucket.backend();
  await backend.maintain();
  assert.equal((await bucket.state()).blocks.size, 1);
  const read = [];
  for (const fragment of slow) read.push(...(await readFragment(fragment)).flatMap((trace) => trace.spans));
  assert.deepEqual(ids(read), ids(spans.flat()));
  bucket.clock.pass(hourMs);
  await backend.maintain();
  assert.equal((await bucket.state()).removed.size, 0);
  await bucket.assertNoOrphans();
  for (const fragment of slower) await assert.rejects(readFragment(fragment), { kind: 'notFound' });
});

test('old blocks are removed, and their files after the grace period', async () => {
  const bucket = new Bucket();
  const old = someSpans(10, bucket.clock.nowMs());
  await bucket.putBlock(old);
  bucket.clock.pass(10 * hourMs);
  const young = someSpans(10, bucket.clock.nowMs());
  await bucket.putBlock(young);
  const retention = { retentionMs: 5 * hourMs, retentionBytes: 0 };
  const backend = bucket.backend({ settingsOf: () => settings({ retention }) });
  await backend.maintain();
  assert.deepEqual(await bucket.spanIds(), ids(young));
  assert.deepEqual(
    [...(await bucket.state()).removed.values()].map(({ reason }) => reason),
    ['retention'],
  );
  await bucket.assertNoOrphans();
  bucket.clock.pass(hourMs);
  await backend.maintain();
  assert.equal((await bucket.state()).removed.size, 0);
  await bucket.assertNoOrphans();
});

test('a tenant for whom it is disabled keeps all blocks as they are', async () => {
  const bucket = new Bucket();
  for (let i = 0; i < 6; i++) await bucket.putBlock(someSpans(5, bucket.clock.nowMs()));
  const before = await bucket.state();
  bucket.clock.pass(100 * hourMs);
  const retention = { retentionMs: hourMs, retentionBytes: 1 };
  await bucket.backend({ settingsOf: () => settings({ retention, isDisabled: true }) }).maintain();
  assert.equal((await bucket.state()).version, before.version);
});

test('files without a block are deleted after their grace period, others and what is set aside never', async () => {
  const bucket = new Bucket();
  const spans = someSpans(10, bucket.clock.nowMs());
  await bucket.putBlock(spans);
  const orphan = newBlockId(bucket.clock.nowMs(), new SeededRng(5));
  const kept = [
    blockFileKey(tenant, 'backup-of-tuesday', 'index'),
    'damaged/wal/w/0000000001',
    `damaged/tenants/t/blocks/${orphan}/index`,
  ];
  for (const key of [blockFileKey(tenant, orphan, 'index'), blockFileKey(tenant, orphan, 'spans.parquet'), ...kept])
    await bucket.store.put(key, new Uint8Array(1));
  const backend = bucket.backend();
  bucket.clock.pass(24 * hourMs - 1000);
  await backend.maintain();
  assert.equal((await bucket.keys(`tenants/t/blocks/${orphan}/`)).length, 2);
  bucket.clock.pass(hourMs);
  await backend.maintain();
  assert.equal((await bucket.keys(`tenants/t/blocks/${orphan}/`)).length, 0);
  for (const key of kept) assert.equal((await bucket.keys(key)).length, 1, key);
  assert.deepEqual(await bucket.spanIds(), ids(spans));
});

test('a writer is forgotten when it has had no segment for an hour, and versions when they are old', async () => {
  const bucket = new Bucket();
  const cover = (writer: string, seq: number) => bucket.manifest.commit(tenant, () => ({ cover: { writer, seq } }));
  await cover('dead', 5);
  await cover('busy', 7);
  for (let seq = 1; seq < 30; seq++) await cover('idle', seq);
  await bucket.store.put(segmentKey('busy', 8), new Uint8Array(1));
  const backend = bucket.backend();
  const covered = async (): Promise<string[]> => [...(await bucket.state()).covered.keys()].sort();
  await backend.maintain();
  bucket.clock.pass(hourMs / 2);
  await cover('idle', 30);
  await backend.maintain();
  assert.equal((await bucket.keys('tenants/t/manifest/')).length, 32, 'none is older than the grace period');
  bucket.clock.pass(hourMs / 2);
  await backend.maintain();
  assert.deepEqual(await covered(), ['busy', 'idle']);
  bucket.clock.pass(hourMs);
  await backend.maintain();
  assert.deepEqual(await covered(), ['busy']);
  assert.ok((await bucket.keys('tenants/t/manifest/')).length < 16 * 2);
});

test('a damaged block does not stop the work on others, and is not tried again at once', async () => {
  const bucket = new Bucket();
  const [bad] = [await bucket.putBlock(someSpans(10, bucket.clock.nowMs()))];
  await bucket.putBlock(someSpans(10, bucket.clock.nowMs()));
  const key = blockFileKey(tenant, bad!.id, 'spans.parquet');
  const bytes = await bucket.store.get(key);
  await bucket.store.put(key, bytes.fill(0xff, 100, 300));
  bucket.clock.pass(2 * hourMs);
  const later = [someSpans(10, bucket.clock.nowMs()), someSpans(10, bucket.clock.nowMs())];
  for (const part of later) await bucket.putBlock(part);
  bucket.clock.pass(2 * hourMs);
  let failures = 0;
  const observer = {
    compacted: () => undefined,
    outstanding: () => undefined,
    retained: () => undefined,
    deleted: () => undefined,
    failed: (what: string) => (failures += what === 'compaction' ? 1 : 0),
  };
  const backend = bucket.backend({ observer });
  for (let round = 0; round < 4; round++) await backend.maintain();
  assert.equal(failures, 1);
  assert.deepEqual(
    [...(await bucket.state()).blocks.values()].map(({ spanCount }) => spanCount).sort((a, b) => a - b),
    [10, 10, 20],
  );
});

test('stopping gives up a compaction in its middle and changes nothing', async () => {
  const bucket = new Bucket();
  for (let i = 0; i < 4; i++) await bucket.putBlock(someSpans(50, bucket.clock.nowMs()));
  const before = await bucket.state();
  bucket.clock.pass(2 * hourMs);
  const reached = Promise.withResolvers<void>();
  const backend = bucket.backend({
    pace: (signal) => {
      reached.resolve();
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    },
  });
  const running = backend.run();
  await reached.promise;
  await backend.stop();
  await running;
  assert.equal((await bucket.state()).version, before.version);
  await bucket.assertNoOrphans();
});

test('redaction takes traces out of all blocks, compacted or not, and what it leaves is unchanged', async () => {
  const bucket = new Bucket();
  const [secret, other, unknown] = ['1'.repeat(32), '2'.repeat(32), '3'.repeat(32)];
  const kept = [someSpans(20, bucket.clock.nowMs()), someSpans(20, bucket.clock.nowMs())];
  await bucket.putBlock([...kept[0]!, ...someSpans(4, bucket.clock.nowMs(), secret)]);
  await bucket.putBlock([...kept[1]!, ...someSpans(3, bucket.clock.nowMs(), secret)]);
  await bucket.putBlock(someSpans(5, bucket.clock.nowMs(), other));
  const untouched = await bucket.putBlock(someSpans(6, bucket.clock.nowMs()));
  const before = await bucket.spanIds();
  const backend = bucket.backend();
  const result = await backend.redact({ tenant, traceIds: [secret, other, unknown].map(traceIdBytes) });
  const { manifestVersion, ...counts } = result;
  assert.deepEqual(counts, { blocksSearched: 4, blocksRewritten: 2, blocksRemoved: 1, traces: 2, spansRemoved: 12 });
  const state = await bucket.state();
  assert.equal(state.version, manifestVersion);
  assert.ok(state.blocks.has(untouched.id));
  assert.equal((await bucket.spanIds()).length, before.length - 12);
  for (const fragment of await bucket.open(state))
    for (const trace of await readFragment(fragment)) assert.ok(trace.traceId !== secret && trace.traceId !== other);
  const again = await backend.redact({ tenant, traceIds: [traceIdBytes(secret)] });
  assert.equal(again.traces, 0);
  bucket.clock.pass(hourMs);
  await backend.maintain();
  await bucket.assertNoOrphans();
  const bytes = await Promise.all((await bucket.keys('tenants/t/blocks/')).map((key) => bucket.store.get(key)));
  assert.ok(bytes.every((file) => !Buffer.from(file).includes(Buffer.from(secret, 'hex'))));
});

test('redaction and a compaction elsewhere at the same time leave nothing of the trace', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const bucket = new Bucket(seed);
    const secret = '4'.repeat(32);
    for (let i = 0; i < 8; i++)
      await bucket.putBlock([...someSpans(10, bucket.clock.nowMs()), ...someSpans(2, bucket.clock.nowMs(), secret)]);
    bucket.clock.pass(2 * hourMs);
    const compaction = { ...smallCompaction, inputsMax: 3 };
    const elsewhere = bucket.backend({ seed: 100 + seed, settingsOf: () => settings({ compaction }) });
    const [, result] = await Promise.all([
      elsewhere.maintain(),
      bucket.backend({ seed }).redact({ tenant, traceIds: [traceIdBytes(secret)] }),
    ]);
    assert.ok(result.spansRemoved >= 16);
    assert.equal((await bucket.spanIds()).length, 80);
  }
});

test('a compaction that slept for hours before its commit is dropped: its files may be collected', async () => {
  const bucket = new Bucket();
  for (let i = 0; i < 3; i++) await bucket.putBlock(someSpans(10, bucket.clock.nowMs()));
  const before = await bucket.state();
  bucket.clock.pass(2 * hourMs);
  const sleepy = new FailingObjectStore(bucket.store, bucket.clock, (operation, key) =>
    operation === 'put' && key.endsWith('/index') ? { latencyMs: 2 * hourMs } : undefined,
  );
  await bucket.backend({ store: sleepy, tenantMsMax: 0 }).maintain();
  assert.equal((await bucket.state()).version, before.version);
});

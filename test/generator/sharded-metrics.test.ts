/** Metrics processes of a cluster in one process: they share a store, and die by losing it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { SeededRng } from '../../src/base/random.ts';
import { ShopTraffic } from '../../src/cli/demo/traffic.ts';
import { nodeFileSystem } from '../../src/fs/node-file-system.ts';
import { TextPage } from '../../src/generator/open-metrics.ts';
import type { GeneratorSettings } from '../../src/generator/settings.ts';
import { FailingObjectStore } from '../../src/objectstore/failing.ts';
import { MemoryObjectStore } from '../../src/objectstore/memory.ts';
import type { ObjectStore } from '../../src/objectstore/object-store.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { encodeMember, memberKey } from '../../src/roles/members/member-keys.ts';
import { WriterDirectory } from '../../src/roles/members/writer-directory.ts';
import { MetricsRole } from '../../src/roles/metrics/metrics-role.ts';
import { SegmentHold } from '../../src/roles/metrics/segment-hold.ts';
import { newestHead } from '../../src/roles/metrics/shard-heads.ts';
import { ShardRecord } from '../../src/roles/metrics/shard-record.ts';
import { ShardedMetrics } from '../../src/roles/metrics/sharded-metrics.ts';
import { SegmentRemoval } from '../../src/roles/write/segment-removal.ts';
import { SegmentWriter } from '../../src/wal/segment-writer.ts';
import { assertSame, eventually, scraped } from './checks.ts';
import { countServiceGraph, countSpanMetrics, oneCalledSpanEach } from './count.ts';
import { allProcessors } from './settings.ts';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const clock = systemClock;
const names = /^traces_(spanmetrics|service_graph)/;
const settings: GeneratorSettings = {
  ...allProcessors,
  // Longer than a busy machine lets the halves of a call lie apart.
  serviceGraphs: { ...allProcessors.serviceGraphs, waitMs: 4_000 },
  collectionIntervalMs: 100,
  // However slow the machine is.
  slackMs: 3_600_000,
};

interface Process {
  readonly metrics: ShardedMetrics;
  readonly page: () => string;
  isDead: boolean;
}

function processOver(inner: ObjectStore, id: string, seed: number): Process {
  const store = new FailingObjectStore(inner, clock, () => (made.isDead ? { error: 'before' } : undefined));
  const rng = new SeededRng(seed);
  const metrics = new ShardedMetrics({
    store,
    clock,
    rng,
    id,
    renewMs: 30,
    deadAfterMs: 400,
    directory: new WriterDirectory({ store, clock, intervalMs: 100 }),
    ask: async () => {
      throw new Error('everything is read from the store');
    },
    isWanted: () => true,
    attributeBytesMax: () => 0,
    roleOf: (shard, checkpoints) =>
      new MetricsRole({
        clock,
        rng,
        fs: nodeFileSystem,
        checkpoints,
        folder: undefined,
        endpoints: [],
        userAgent: '',
        addedLabels: () => [{ name: '__metrics_gen_instance', value: String(shard) }],
        headers: () => ({}),
        settingsOf: () => settings,
        log,
      }),
    forgetQueue: async () => undefined,
    log,
  });
  const page = (): string => {
    const text = new TextPage('prometheus');
    for (const role of metrics.roles) role.writeText('t', text);
    return text.text();
  };
  const made: Process = { metrics, page, isDead: false };
  return made;
}

test('shards move between processes that come, go and die, and every span counts once', async (context) => {
  const store = new MemoryObjectStore();
  await store.put(memberKey('w1'), encodeMember({ address: 'a:1', token: '' }, 0));
  const removal = new SegmentRemoval(store, new SegmentHold({ store, clock, holdMsMax: 60_000 }));
  const segments = new SegmentWriter({
    store,
    writer: 'w1',
    clock,
    lingerMs: 0,
    segmentBytesMax: 1 << 20,
    inFlightMax: 2,
    pendingBytesMax: 1 << 24,
    confirm: async () => undefined,
    onDurable: (seq) => void removal.remove('w1', [seq]),
  });
  const rng = new SeededRng(5);
  const traffic = new ShopTraffic(new SeededRng(6));
  const sent = oneCalledSpanEach(
    Array.from({ length: 60 }, () => traffic.visit(BigInt(Date.now() - 2000) * 1_000_000n)).flat(),
  );
  const alive: Process[] = [];
  const all: Process[] = [];
  context.after(() => Promise.all(all.map(({ metrics }) => metrics.stop())));
  const join = async (id: string): Promise<void> => {
    const process = processOver(store, id, all.length);
    all.push(process);
    alive.push(process);
    await process.metrics.start();
  };
  let joined = 0;
  await join('first');
  for (let from = 0; from < sent.length; from += 40) {
    const body = plainSpansToOtlp(sent.slice(from, from + 40));
    await segments.append({ tenant: 't', encoding: 1, flags: 0, body }).durable;
    const chance = rng.float();
    if (chance < 0.2 && alive.length < 3) await join(`later-${joined++}`);
    else if (chance < 0.4 && alive.length > 1) alive.splice(rng.uint32() % alive.length, 1)[0]!.isDead = true;
    else if (chance < 0.5 && alive.length > 1) await alive.splice(rng.uint32() % alive.length, 1)[0]!.metrics.stop();
    await clock.sleep(40);
  }
  const expected = new Map([
    ...countSpanMetrics(sent, {}, settings.spanMetrics!.buckets),
    ...countServiceGraph(sent, settings.serviceGraphs!.buckets),
  ]);
  assert.ok(joined >= 2, 'some came');
  await eventually(async () =>
    assertSame(
      scraped(
        alive.map(({ page }) => page()),
        names,
      ),
      expected,
    ),
  );
  await eventually(async () => {
    await removal.retry();
    assert.equal(removal.heldCount, 0, 'what is counted is not held');
  });
  await Promise.all(all.map(({ metrics }) => metrics.stop()));
  assert.equal(
    scraped(
      all.map(({ page }) => page()),
      names,
    ).size,
    0,
    'nobody counts any more',
  );
});

test('who slept while a shard went on does not get it back, even if the version it wants is free again', async () => {
  const store = new MemoryObjectStore();
  const options = { store, clock, rng: new SeededRng(1), shard: 2 };
  const checkpoint = { collection: 1, positions: { w: { through: 5, beyond: [7] } }, tenants: {} };
  const sleeper = await ShardRecord.claim({ ...options, owner: 'a' }, undefined);
  await sleeper.write(checkpoint);
  const other = await ShardRecord.claim({ ...options, owner: 'b' }, await newestHead(store, 2));
  assert.deepEqual((await other.read()).positions, checkpoint.positions);
  await other.write({ ...checkpoint, collection: 2 });
  await assert.rejects(sleeper.write({ ...checkpoint, collection: 3 }), { kind: 'conflict' });
  assert.equal(sleeper.isLost, true);
  assert.equal((await other.read()).collection, 2);
  await other.write({ ...checkpoint, collection: 4 });
  await other.release();
  assert.equal((await newestHead(store, 2))?.owner, '');
});

test('segments are held until every shard has counted them, and not for shards that nobody looks after', async () => {
  const store = new MemoryObjectStore();
  const free = () => new SegmentHold({ store, clock, holdMsMax: 60_000 }).free('w', [4, 5, 6, 7]);
  assert.deepEqual(await free(), [4, 5, 6, 7]);
  const options = { store, clock, rng: new SeededRng(1), owner: 'a' };
  const [one, two] = [
    await ShardRecord.claim({ ...options, shard: 0 }, undefined),
    await ShardRecord.claim({ ...options, shard: 1 }, undefined),
  ];
  assert.deepEqual(await free(), []);
  await one.write({ collection: 1, positions: { w: { through: 5, beyond: [7] } }, tenants: {} });
  await two.write({ collection: 1, positions: { w: { through: 4, beyond: [7] } }, tenants: {} });
  assert.deepEqual(await free(), [4, 7]);
  assert.deepEqual(await new SegmentHold({ store, clock, holdMsMax: 0 }).free('w', [6]), [6]);
});

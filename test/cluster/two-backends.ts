/**
 * Two backends at work on one tenant while a writer makes small blocks as fast as it can: every answer is right all the
 * time, and when the grace periods are over no file is left that the manifest does not name.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { SINGLE_TENANT } from '../../src/api/tenant.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { systemRng } from '../../src/base/random.ts';
import { isNamed, ManifestStore } from '../../src/block/manifest.ts';
import { blocksPrefix } from '../../src/block/manifest-keys.ts';
import { LocalObjectStore } from '../../src/objectstore/local.ts';
import { GarbageCollector } from '../../src/roles/backend/garbage-collector.ts';
import { countByRequest, makeRequest, spansPerTrace, startRoles } from '../support/cluster.ts';
import { postSpans, temporaryFolder } from '../support/server.ts';

const tracesPerRequest = 20;
const spansPerRequest = tracesPerRequest * spansPerTrace;
const hourMs = 3_600_000;
const graces = { removedGraceMs: hourMs, orphanGraceMs: 24 * hourMs, writerGraceMs: hourMs, versionGraceMs: hourMs };

const config = {
  live_store: { max_block_spans: 500, max_block_duration: '1s' },
  backend_scheduler: {
    maintenance_interval: '500ms',
    provider: {
      compaction: {
        compaction: { settle_duration: '500ms', compaction_window: '5s', compacted_block_retention: '20s' },
        min_input_blocks_open_window: 2,
      },
    },
  },
};

export interface TwoBackends {
  readonly requests: number;
  readonly compactions: number;
  readonly orphans: number;
}

export async function twoBackends(durationMs: number): Promise<TwoBackends> {
  const folder = temporaryFolder('two-backends');
  const root = path.join(folder.path, 'store');
  const options = { folder: folder.path, storage: { local: { path: root } }, config };
  const servers = await startRoles(['write', 'read', 'backend', 'backend'], options);
  const [writer, reader, ...backends] = servers;
  const store = await LocalObjectStore.open({ root, clock: systemClock, rng: systemRng });
  const manifest = new ManifestStore(store, systemClock, systemRng);
  const start = Math.floor(Date.now() / 1000) - 5;
  const sent: string[] = [];
  const check = async (): Promise<void> => {
    const before = sent.slice();
    const counts = await countByRequest(reader!.http, start);
    for (const id of before) assert.equal(counts.get(id), spansPerRequest, `request ${id} of ${before.length}`);
    for (const [id, count] of counts) assert.equal(count, spansPerRequest, `request ${id}`);
  };
  try {
    const compacted = new Set<string>();
    for (const deadline = Date.now() + durationMs; Date.now() < deadline || compacted.size < 3; ) {
      for (let i = 0; i < 5; i++) {
        const { id, body } = makeRequest(tracesPerRequest, Date.now());
        // A writer may refuse; what counts is what it has acknowledged.
        if ((await postSpans(writer!.otlpHttp, body)) === 200) sent.push(id);
      }
      await check();
      for (const { id, level } of (await manifest.load(SINGLE_TENANT)).blocks.values())
        if (level > 0) compacted.add(id);
    }
    assert.equal(await writer!.stop(), 0);
    for (const backend of backends) assert.equal(await backend.stop(), 0);
    const orphans = await collectLater(store);
    await check();
    assert.equal(await reader!.stop(), 0);
    return { requests: sent.length, compactions: compacted.size, orphans };
  } catch (error) {
    console.error(`data is kept in ${folder.path}\n${servers.map((server) => server.log().slice(-2000)).join('\n')}`);
    throw error;
  } finally {
    await Promise.all(servers.map((server) => server.kill()));
    folder.remove();
  }
}

/** What a backend collects a day later, and that nothing else is left then. Returns how many orphans there were. */
async function collectLater(store: LocalObjectStore): Promise<number> {
  const aDayLater: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + graces.orphanGraceMs + hourMs };
  const manifest = new ManifestStore(store, aDayLater, systemRng);
  const garbage = new GarbageCollector({ store, manifest, clock: aDayLater, ...graces });
  const { state } = await garbage.collectRemoved(await manifest.load(SINGLE_TENANT));
  const { orphans, state: clean } = await garbage.clean(state);
  assert.equal(clean.removed.size, 0);
  const prefix = blocksPrefix(SINGLE_TENANT);
  for await (const { key } of store.list(prefix))
    assert.ok(isNamed(clean, key.slice(prefix.length).split('/')[0]!), `${key} belongs to nothing`);
  for await (const { key } of store.list('wal/')) assert.fail(`${key} is left`);
  return orphans;
}

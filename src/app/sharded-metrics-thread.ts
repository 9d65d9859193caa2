/**
 * The metrics of all writers' spans, or this process's part of it, in a thread of its own. Started by
 * `sharded-metrics-role.ts` with {@link ShardedMetricsThreadData}; it then answers its calls.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { systemClock } from '../base/clock.ts';
import { randomHex, systemRng } from '../base/random.ts';
import { lockFolder } from '../fs/folder-lock.ts';
import { nodeFileSystem } from '../fs/node-file-system.ts';
import { TextPage } from '../generator/open-metrics.ts';
import { isActive } from '../generator/settings.ts';
import { WriterDirectory } from '../roles/members/writer-directory.ts';
import { removeFolder, writeWhole } from '../roles/metrics/files.ts';
import { MetricsRole, type MetricsStatus } from '../roles/metrics/metrics-role.ts';
import { mergeStatus } from '../roles/metrics/metrics-status.ts';
import { ShardedMetrics } from '../roles/metrics/sharded-metrics.ts';
import { RecentClient } from '../roles/tail/recent-client.ts';
import type { Config } from './config/schema.ts';
import { valueFor, type WriteSettings } from './limits.ts';
import { createLog } from './log.ts';
import { metricsRoleOptions } from './metrics-role-options.ts';
import type { MetricsText } from './metrics-thread.ts';
import { openStore } from './open-store.ts';
import type { ByTenant } from './overrides/tenant-overrides.ts';
import { followPeerTls, peerTls } from './peer-tls.ts';
import { type Handlers, serve } from './thread-rpc.ts';

export interface ShardedMetricsThreadData {
  readonly config: Config;
  readonly settings: ByTenant<WriteSettings>;
}

assert(parentPort !== null, 'this file is the entry of a thread');
const { config, settings: firstSettings } = workerData as ShardedMetricsThreadData;
let settings = firstSettings;
const log = createLog(config.server, 'metrics');
const folder = config.metrics_generator.storage.path;
const store = await openStore(config);
const settingsOf = (tenant: string) => valueFor(settings, tenant).generator;
const queueFolder = (shard: number): string | undefined => (folder === '' ? undefined : `${folder}/shard-${shard}`);
const client = new RecentClient(config.cluster.ask_timeout, peerTls(config));
const unfollowTls = followPeerTls(config, (tls) => client.renewTls(tls), log);
const metrics = new ShardedMetrics({
  store,
  clock: systemClock,
  rng: systemRng,
  id: await processId(),
  renewMs: config.cluster.renew_interval,
  deadAfterMs: config.cluster.dead_after,
  directory: new WriterDirectory({ store, clock: systemClock, intervalMs: config.cluster.discovery_interval }),
  ask: (writer, member, after) => client.ask(writer, member, after),
  isWanted: (tenant) => isActive(settingsOf(tenant)),
  attributeBytesMax: (tenant) => valueFor(settings, tenant).limits.attributeBytesMax,
  roleOf: (shard, checkpoints) => {
    const parts = { config, settingsOf, log: log.child({ shard }), instance: `shard-${shard}` };
    return new MetricsRole(metricsRoleOptions(parts, { checkpoints, folder: queueFolder(shard) }));
  },
  forgetQueue: async (shard) => {
    const queue = queueFolder(shard);
    if (queue !== undefined) await removeFolder(nodeFileSystem, queue);
  },
  log,
});

/** The same as before a restart, so that shards and what waits to be sent are taken up again at once. */
async function processId(): Promise<string> {
  const fresh = randomHex(systemRng, 8);
  if (folder === '') return fresh;
  mkdirSync(folder, { recursive: true });
  // Held until the process ends.
  await lockFolder(folder, 'alone');
  const name = 'process-id';
  try {
    const known = readFileSync(path.join(folder, name), 'utf8').trim();
    if (/^[0-9a-f]{16}$/.test(known)) return known;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  await writeWhole(nodeFileSystem, folder, name, [Buffer.from(`${fresh}\n`)]);
  return fresh;
}

serve(parentPort, {
  /** Resolves when what nobody else counts is counted here. */
  start: (): Promise<void> => metrics.start(),
  configure: (changed: ByTenant<WriteSettings>): void => {
    settings = changed;
    for (const role of metrics.roles) role.configure();
  },
  text: ({ tenant, format }: MetricsText): string => {
    const page = new TextPage(format);
    for (const role of metrics.roles) role.writeText(tenant, page);
    return page.text();
  },
  status: (): MetricsStatus => mergeStatus(metrics.roles.map((role) => role.status())),
  stop: async (): Promise<void> => {
    await metrics.stop();
    unfollowTls();
    client.close();
  },
} satisfies Handlers);

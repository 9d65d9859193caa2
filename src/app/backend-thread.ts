/**
 * The backend role in a thread of its own. Started by `backend-role.ts` with {@link BackendThreadData}; it then answers
 * {@link BackendThreadMethods}, and calls {@link BackendHostMethods} of the thread that started it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { systemClock } from '../base/clock.ts';
import { systemRng } from '../base/random.ts';
import { ManifestStore } from '../block/manifest.ts';
import { Adopter } from '../roles/backend/adopter.ts';
import { Backend } from '../roles/backend/backend.ts';
import type { RedactionRequest, RedactionResult } from '../roles/backend/redact.ts';
import { settleLive } from '../roles/backend/settle-live.ts';
import { WriterDirectory } from '../roles/members/writer-directory.ts';
import { SegmentHold } from '../roles/metrics/segment-hold.ts';
import { RecentClient } from '../roles/tail/recent-client.ts';
import { BackendMetrics } from './backend-metrics.ts';
import { createPace, lowerThreadPriority } from './backend-pace.ts';
import { backendSettings, type CompactionOverrides, tenantSettings } from './backend-settings.ts';
import type { Config } from './config/schema.ts';
import { valueFor } from './limits.ts';
import { createLog } from './log.ts';
import { openStore } from './open-store.ts';
import type { ByTenant } from './overrides/tenant-overrides.ts';
import { peerTls } from './peer-tls.ts';
import { type Handlers, serve, ThreadClient } from './thread-rpc.ts';

export interface BackendThreadData {
  readonly config: Config;
  readonly overrides: CompactionOverrides;
  /** Set when other processes may leave segments behind; then they are adopted. */
  readonly attributeBytesMax: ByTenant<number> | undefined;
}

export interface ManifestSeen {
  readonly tenant: string;
  readonly version: number;
}

/** Decoded columns of a compaction's inputs, bytes: what neighbouring row groups share. */
const cacheBytesMax = 16 * 1024 * 1024;
/** A writer puts everything live into blocks within this time, or is taken over. */
const flushMsMax = 30_000;

assert(parentPort !== null, 'this file is the entry of a thread');
const { config } = workerData as BackendThreadData;
let { overrides, attributeBytesMax } = workerData as BackendThreadData;
const log = createLog(config.server, 'backend');
const store = await openStore(config);
// Listening begins here, and must include `serve` below in the same turn: what waits on the port is delivered once.
const host = new ThreadClient(parentPort);
const metrics = new BackendMetrics();
lowerThreadPriority();
const manifest = new ManifestStore(store, systemClock, systemRng);
const pace = createPace(systemClock);
const onManifest = (tenant: string, version: number): void =>
  void host.call('manifestSeen', { tenant, version } satisfies ManifestSeen);
const parts = { store, manifest, clock: systemClock, rng: systemRng, pace, onManifest, log };
const backend = new Backend({
  ...parts,
  ...backendSettings(config),
  settingsOf: (tenant) => tenantSettings(config, overrides, tenant),
  cacheBytesMax,
  observer: metrics,
});
const isAdopting = attributeBytesMax !== undefined;
const adopter = new Adopter({
  ...parts,
  deadAfterMs: config.cluster.dead_after,
  hold: new SegmentHold({ store, clock: systemClock, holdMsMax: config.metrics_generator.hold_segments }),
  blockSpansMax: config.live_store.max_block_spans,
  attributeBytesMax: (tenant) => (attributeBytesMax === undefined ? 0 : valueFor(attributeBytesMax, tenant)),
});
const stopping = new AbortController();

/** Everything live, of whatever process, is in blocks when it resolves. */
async function settle(): Promise<void> {
  const client = new RecentClient(flushMsMax, peerTls(config));
  try {
    await settleLive({
      directory: new WriterDirectory({ store, clock: systemClock, intervalMs: config.cluster.discovery_interval }),
      flush: (writer, member) => client.flush(writer, member),
      takeOver: (writer) => adopter.takeOver(writer, stopping.signal),
      log,
    });
  } finally {
    client.close();
  }
}

export const methods = {
  /** Resolves when the role has stopped. */
  run: async (): Promise<void> => {
    await Promise.all([backend.run(), isAdopting ? adopter.run(stopping.signal) : undefined]);
  },
  setAttributeBytesMax: (changed: ByTenant<number>): void => {
    attributeBytesMax = changed;
  },
  setOverrides: (changed: CompactionOverrides): void => {
    overrides = changed;
  },
  redact: async (request: RedactionRequest): Promise<RedactionResult> => {
    if (isAdopting) await settle();
    return backend.redact(request);
  },
  metrics: (): Promise<string> => metrics.text(),
  stop: (): Promise<void> => {
    stopping.abort();
    return backend.stop();
  },
} satisfies Handlers;
export type BackendThreadMethods = typeof methods;

serve(parentPort, methods);

/**
 * The backend role in a thread of its own. Started by `backend-role.ts` with {@link BackendThreadData}; it then answers
 * {@link BackendThreadMethods}, and calls {@link BackendHostMethods} of the thread that started it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { systemClock } from '../base/clock.ts';
import { systemRng } from '../base/random.ts';
import { ManifestStore } from '../block/manifest.ts';
import { Backend } from '../roles/backend/backend.ts';
import type { RedactionRequest, RedactionResult } from '../roles/backend/redact.ts';
import { BackendMetrics } from './backend-metrics.ts';
import { createPace, lowerThreadPriority } from './backend-pace.ts';
import { backendSettings, type CompactionOverrides, tenantSettings } from './backend-settings.ts';
import type { Config } from './config/schema.ts';
import { createLog } from './log.ts';
import { openStore } from './open-store.ts';
import { type Handlers, serve, ThreadClient } from './thread-rpc.ts';

export interface BackendThreadData {
  readonly config: Config;
  readonly overrides: CompactionOverrides;
}

export interface ManifestSeen {
  readonly tenant: string;
  readonly version: number;
}

/** Decoded columns of a compaction's inputs, bytes: what neighbouring row groups share. */
const cacheBytesMax = 16 * 1024 * 1024;

assert(parentPort !== null, 'this file is the entry of a thread');
const { config } = workerData as BackendThreadData;
let { overrides } = workerData as BackendThreadData;
const log = createLog(config.server, 'backend');
const store = await openStore(config);
// Listening begins here, and must include `serve` below in the same turn: what waits on the port is delivered once.
const host = new ThreadClient(parentPort);
const metrics = new BackendMetrics();
lowerThreadPriority();
const backend = new Backend({
  store,
  manifest: new ManifestStore(store, systemClock, systemRng),
  clock: systemClock,
  rng: systemRng,
  ...backendSettings(config),
  settingsOf: (tenant) => tenantSettings(config, overrides, tenant),
  cacheBytesMax,
  pace: createPace(systemClock),
  onManifest: (tenant, version) => void host.call('manifestSeen', { tenant, version } satisfies ManifestSeen),
  observer: metrics,
  log,
});

export const methods = {
  /** Resolves when the role has stopped. */
  run: (): Promise<void> => backend.run(),
  setOverrides: (changed: CompactionOverrides): void => {
    overrides = changed;
  },
  redact: (request: RedactionRequest): Promise<RedactionResult> => backend.redact(request),
  metrics: (): Promise<string> => metrics.text(),
  stop: (): Promise<void> => backend.stop(),
} satisfies Handlers;
export type BackendThreadMethods = typeof methods;

serve(parentPort, methods);

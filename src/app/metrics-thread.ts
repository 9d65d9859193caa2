/**
 * The metrics role in a thread of its own, so that a collection of many series delays no acknowledgement. Started by
 * `metrics-feed.ts` with {@link MetricsThreadData}; it then answers its calls.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { SINGLE_TENANT } from '../api/tenant.ts';
import { assert } from '../base/assert.ts';
import { systemClock } from '../base/clock.ts';
import { systemRng } from '../base/random.ts';
import { nodeFileSystem } from '../fs/node-file-system.ts';
import type { TextFormat } from '../generator/open-metrics.ts';
import type { GeneratorSettings } from '../generator/settings.ts';
import { type AppliedBatch, MetricsRole, type MetricsStatus } from '../roles/metrics/metrics-role.ts';
import type { Config } from './config/schema.ts';
import { addedLabels } from './generator-settings.ts';
import { valueFor } from './limits.ts';
import { createLog } from './log.ts';
import type { ByTenant } from './overrides/tenant-overrides.ts';
import { remoteWriteEndpoints } from './remote-write-endpoints.ts';
import { type Handlers, serve } from './thread-rpc.ts';
import { version } from './version.ts';

export interface MetricsThreadData {
  readonly config: Config;
  readonly settings: ByTenant<GeneratorSettings>;
}

export interface MetricsText {
  readonly tenant: string;
  readonly format: TextFormat;
}

assert(parentPort !== null, 'this file is the entry of a thread');
const { config, settings: firstSettings } = workerData as MetricsThreadData;
let settings = firstSettings;
const { storage } = config.metrics_generator;
const role = new MetricsRole({
  clock: systemClock,
  rng: systemRng,
  fs: nodeFileSystem,
  folder: storage.path === '' ? undefined : storage.path,
  endpoints: remoteWriteEndpoints(storage.remote_write),
  userAgent: `rubato/${version}`,
  addedLabels: (tenant) => addedLabels(config.metrics_generator, tenant),
  headers: (tenant) => ({
    ...(storage.remote_write_add_org_id_header && tenant !== SINGLE_TENANT && { 'x-scope-orgid': tenant }),
    ...valueFor(settings, tenant).remoteWriteHeaders,
  }),
  settingsOf: (tenant) => valueFor(settings, tenant),
  log: createLog(config.server, 'metrics'),
});
await role.open();
void role.run();

serve(parentPort, {
  positions: () => role.positions,
  keepPositions: (writers: readonly string[]): void => role.keepPositions(writers),
  apply: (batch: AppliedBatch): void => role.apply(batch),
  checkpoint: (): Promise<void> => role.checkpoint(),
  configure: (changed: ByTenant<GeneratorSettings>): void => {
    settings = changed;
    role.configure();
  },
  text: ({ tenant, format }: MetricsText): string => role.text(tenant, format),
  status: (): MetricsStatus => role.status(),
  stop: (): Promise<void> => role.stop(),
} satisfies Handlers);

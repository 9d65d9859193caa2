/**
 * The metrics role in a thread of its own, so that a collection of many series delays no acknowledgement. Started by
 * `metrics-feed.ts` with {@link MetricsThreadData}; it then answers its calls.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { nodeFileSystem } from '../fs/node-file-system.ts';
import { type TextFormat, TextPage } from '../generator/open-metrics.ts';
import type { GeneratorSettings } from '../generator/settings.ts';
import { FileCheckpoints } from '../roles/metrics/checkpoint.ts';
import { type AppliedBatch, MetricsRole, type MetricsStatus } from '../roles/metrics/metrics-role.ts';
import type { Config } from './config/schema.ts';
import { valueFor } from './limits.ts';
import { createLog } from './log.ts';
import { metricsRoleOptions } from './metrics-role-options.ts';
import type { ByTenant } from './overrides/tenant-overrides.ts';
import { type Handlers, serve } from './thread-rpc.ts';

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
const { path: folder } = config.metrics_generator.storage;
const isKept = folder !== '';
const role = new MetricsRole(
  metricsRoleOptions(
    { config, settingsOf: (tenant) => valueFor(settings, tenant), log: createLog(config.server, 'metrics') },
    {
      checkpoints: isKept ? new FileCheckpoints(nodeFileSystem, folder) : undefined,
      folder: isKept ? folder : undefined,
    },
  ),
);
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
  text: ({ tenant, format }: MetricsText): string => {
    const page = new TextPage(format);
    role.writeText(tenant, page);
    return page.text();
  },
  status: (): MetricsStatus => role.status(),
  stop: (): Promise<void> => role.stop(),
} satisfies Handlers);

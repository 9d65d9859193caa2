/** What the configuration says to a metrics role, wherever it runs. */
import os from 'node:os';
import { SINGLE_TENANT } from '../api/tenant.ts';
import { systemClock } from '../base/clock.ts';
import { systemRng } from '../base/random.ts';
import { nodeFileSystem } from '../fs/node-file-system.ts';
import type { GeneratorSettings } from '../generator/settings.ts';
import type { MetricsRoleOptions } from '../roles/metrics/metrics-role.ts';
import type { Config } from './config/schema.ts';
import { addedLabels } from './generator-settings.ts';
import { remoteWriteEndpoints } from './remote-write-endpoints.ts';
import { version } from './version.ts';

export interface MetricsRoleParts {
  readonly config: Config;
  readonly settingsOf: (tenant: string) => GeneratorSettings;
  readonly log: MetricsRoleOptions['log'];
  /** Value of the label that tells series of different counters apart. */
  readonly instance?: string;
}

export function metricsRoleOptions(
  { config, settingsOf, log, instance = os.hostname() }: MetricsRoleParts,
  { checkpoints, folder }: Pick<MetricsRoleOptions, 'checkpoints' | 'folder'>,
): MetricsRoleOptions {
  const { storage } = config.metrics_generator;
  return {
    clock: systemClock,
    rng: systemRng,
    fs: nodeFileSystem,
    checkpoints,
    folder,
    endpoints: remoteWriteEndpoints(storage.remote_write),
    userAgent: `rubato/${version}`,
    addedLabels: (tenant) => addedLabels(config.metrics_generator, tenant, instance),
    headers: (tenant) => ({
      ...(storage.remote_write_add_org_id_header && tenant !== SINGLE_TENANT && { 'x-scope-orgid': tenant }),
      ...settingsOf(tenant).remoteWriteHeaders,
    }),
    settingsOf,
    log,
  };
}

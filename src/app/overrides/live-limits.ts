/** Limits of tenants with everything that keeps them up to date: the runtime file, the overrides API, pages, metrics. */
import { Counter, Gauge, Registry } from 'prom-client';
import { stringify } from 'yaml';
import type { OverridesStatus, UserOverridesApi } from '../../api/ports.ts';
import type { Clock } from '../../base/clock.ts';
import type { ObjectStore } from '../../objectstore/object-store.ts';
import { difference } from '../config/config-text.ts';
import type { OverridesBlock } from '../config/overrides-schema.ts';
import type { Config } from '../config/schema.ts';
import { withoutSecrets } from '../config/secrets.ts';
import { RuntimeFile } from './runtime-file.ts';
import { TenantOverrides } from './tenant-overrides.ts';
import { UserLimitsStore } from './user-limits-store.ts';
import { UserOverrides } from './user-overrides.ts';

export interface LiveLimitsOptions {
  readonly config: Config['overrides'];
  readonly store: ObjectStore;
  readonly clock: Clock;
  /** What is done to the runtime file's text before it is parsed: `-config.expand-env`. */
  readonly expand: (text: string) => string;
  readonly log: { error(fields: object, message: string): void; info(fields: object, message: string): void };
}

export class LiveLimits {
  readonly overrides: TenantOverrides;
  readonly #file: RuntimeFile | undefined;
  readonly #user: UserOverrides | undefined;
  readonly #registry = new Registry();

  constructor({ config, store, clock, expand, log }: LiveLimitsOptions) {
    const overrides = new TenantOverrides(config.defaults);
    this.overrides = overrides;
    if (config.per_tenant_override_config !== '') {
      this.#file = new RuntimeFile({
        path: config.per_tenant_override_config,
        periodMs: config.per_tenant_override_period,
        legacy: config.enable_legacy_overrides,
        expand,
        clock,
        onLoad: (runtime) => overrides.setRuntime(runtime),
        log,
      });
    }
    const { enabled, poll_interval, api } = config.user_configurable_overrides;
    if (enabled) {
      this.#user = new UserOverrides({
        store: new UserLimitsStore(store),
        overrides,
        pollIntervalMs: poll_interval,
        checkConflicts: api.check_for_conflicting_runtime_overrides,
        clock,
        log,
      });
    }
    registerMetrics(this.#registry, overrides, this.#file, this.#user);
  }

  get userApi(): UserOverridesApi | undefined {
    return this.#user;
  }

  /** Loads for the first time. @throws RubatoError config: the file has a mistake; or the store does not answer */
  async load(): Promise<void> {
    await this.#file?.load();
    await this.#user?.load();
  }

  /** Keeps them up to date until {@link stop}. */
  run(): void {
    void this.#file?.watch();
    void this.#user?.watch();
  }

  stop(): void {
    this.#file?.stop();
    this.#user?.stop();
  }

  readonly status: OverridesStatus = {
    tenants: () => this.overrides.tenants,
    tenant: (name) => {
      const runtime = this.overrides.runtime.get(name);
      const user = this.overrides.userOf(name);
      return runtime === undefined && user === undefined
        ? undefined
        : {
            runtime: withoutSecrets(runtime),
            user: withoutSecrets(user),
            inForce: withoutSecrets(this.overrides.of(name)),
          };
    },
  };

  /** For /status/runtime_config: defaults and the file's entries; and of those only what differs from the defaults. */
  runtimeConfig(): { current: string; diff: string } {
    const { defaults, runtime } = this.overrides;
    const different: [string, unknown][] = [];
    for (const [tenant, block] of runtime) {
      const diff = difference(block, defaults);
      if (diff !== undefined) different.push([tenant, diff]);
    }
    return {
      current: stringify(withoutSecrets({ defaults, overrides: Object.fromEntries(runtime) })),
      diff: different.length === 0 ? '' : stringify(withoutSecrets({ overrides: Object.fromEntries(different) })),
    };
  }

  metricsText(): Promise<string> {
    return this.#registry.metrics();
  }
}

/** Limits as Tempo names them in `tempo_limits_defaults` and `tempo_limits_overrides`. */
const shownLimits: Readonly<Record<string, (block: OverridesBlock) => number | undefined>> = {
  max_local_traces_per_user: (block) => block.ingestion?.max_traces_per_user,
  max_global_traces_per_user: (block) => block.ingestion?.max_global_traces_per_user,
  ingestion_rate_limit_bytes: (block) => block.ingestion?.rate_limit_bytes,
  ingestion_burst_size_bytes: (block) => block.ingestion?.burst_size_bytes,
  max_bytes_per_trace: (block) => block.global?.max_bytes_per_trace,
  max_bytes_per_tag_values_query: (block) => block.read?.max_bytes_per_tag_values_query,
  max_blocks_per_tag_values_query: (block) => block.read?.max_blocks_per_tag_values_query,
  block_retention: (block) => (block.compaction?.block_retention ?? 0) / 1000,
  metrics_generator_max_active_series: (block) => block.metrics_generator?.max_active_series,
};

function registerMetrics(
  registry: Registry,
  overrides: TenantOverrides,
  file: RuntimeFile | undefined,
  user: UserOverrides | undefined,
): void {
  const registers = [registry];
  const defaults = new Gauge({
    name: 'tempo_limits_defaults',
    help: 'Limits of tenants without limits of their own.',
    labelNames: ['limit_name'],
    registers,
  });
  for (const [limit, read] of Object.entries(shownLimits))
    defaults.set({ limit_name: limit }, read(overrides.defaults) ?? 0);
  const own: Gauge = new Gauge({
    name: 'tempo_limits_overrides',
    help: 'Limits of tenants that have limits of their own.',
    labelNames: ['limit_name', 'user'],
    registers,
    collect: () => {
      own.reset();
      for (const { name } of overrides.tenants) {
        const block = overrides.of(name);
        for (const [limit, read] of Object.entries(shownLimits))
          own.set({ limit_name: limit, user: name }, read(block) ?? 0);
      }
    },
  });
  if (file !== undefined) {
    const successful: Gauge = new Gauge({
      name: 'tempo_runtime_config_last_reload_successful',
      help: '1 when the file of limits per tenant was read without a mistake the last time.',
      registers,
      collect: () => successful.set(file.lastReloadSuccessful ? 1 : 0),
    });
    const hash: Gauge = new Gauge({
      name: 'tempo_runtime_config_hash',
      help: 'Hash of the file of limits per tenant that is in force.',
      labelNames: ['sha256'],
      registers,
      collect: () => {
        hash.reset();
        hash.set({ sha256: file.hash }, 1);
      },
    });
  }
  if (user !== undefined) {
    const failed: Counter = new Counter({
      name: 'tempo_overrides_user_configurable_overrides_reload_failed_total',
      help: 'How often limits that tenants set could not be read.',
      registers,
      collect: () => {
        failed.reset();
        failed.inc(user.reloadFailures);
      },
    });
  }
}

/**
 * Limits that tenants set themselves while the process runs: what the overrides API does, and what other processes did,
 * looked for every `pollIntervalMs`.
 */
import type { UserOverridesApi, VersionedLimits } from '../../api/ports.ts';
import type { Clock } from '../../base/clock.ts';
import { ErrorKind, invalid } from '../../base/errors.ts';
import { isKind, notFound } from '../../objectstore/object-store.ts';
import type { OverridesBlock } from '../config/overrides-schema.ts';
import type { TenantOverrides } from './tenant-overrides.ts';
import { commonFields, mergePatch, parseUserLimits, type UserLimits, userFieldsOf } from './user-limits.ts';
import type { UserLimitsStore } from './user-limits-store.ts';

export interface UserOverridesOptions {
  readonly store: UserLimitsStore;
  readonly overrides: TenantOverrides;
  readonly pollIntervalMs: number;
  /** Refuses fields that the tenant's entry of the runtime file has too. */
  readonly checkConflicts: boolean;
  readonly clock: Clock;
  readonly log: { error(fields: object, message: string): void };
}

const patchTriesMax = 8;

export class UserOverrides implements UserOverridesApi {
  readonly #options: UserOverridesOptions;
  readonly #known = new Map<string, { readonly version: number; readonly block: OverridesBlock | undefined }>();
  readonly #stop = new AbortController();
  #failures = 0;

  constructor(options: UserOverridesOptions) {
    this.#options = options;
  }

  /** Polls that failed, wholly or for a tenant. */
  get reloadFailures(): number {
    return this.#failures;
  }

  /** Takes over what is new in the store. @throws when the store does not answer */
  async load(): Promise<void> {
    const { store, log } = this.#options;
    let changed = false;
    for (const [tenant, version] of await store.versions(this.#stop.signal)) {
      if ((this.#known.get(tenant)?.version ?? 0) >= version) continue;
      try {
        const stored = await store.read(tenant);
        const block = stored.limits && parseUserLimits(stored.limits);
        this.#known.set(tenant, { version: stored.version, block });
        changed = true;
      } catch (error) {
        this.#failures++;
        log.error({ tenant, reason: (error as Error).message }, 'limits that a tenant set stay as they were');
      }
    }
    if (changed) this.#publish();
  }

  /** Loads again and again until {@link stop}. Runs in the background. */
  async watch(): Promise<void> {
    const { clock, pollIntervalMs, log } = this.#options;
    for (;;) {
      await clock.sleep(pollIntervalMs, this.#stop.signal).catch(() => undefined);
      if (this.#stop.signal.aborted) return;
      await this.load().catch((error: Error) => {
        this.#failures++;
        log.error({ reason: error.message }, 'limits that tenants set were not looked for');
      });
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  async get(tenant: string, scope: 'api' | 'merged'): Promise<VersionedLimits> {
    const { version, limits } = await this.#options.store.read(tenant);
    if (scope === 'merged')
      return { version: String(version), limits: textDurations(userFieldsOf(this.#options.overrides.of(tenant))) };
    if (limits === undefined) throw notFound(`of tenant ${tenant}`);
    return { version: String(version), limits };
  }

  async set(
    tenant: string,
    body: unknown,
    expected: string,
    options: { readonly skipConflictCheck: boolean },
  ): Promise<string> {
    const limits = this.#checked(tenant, mergePatch({}, body), options);
    return this.#write(tenant, limits, await this.#expectedVersion(tenant, expected));
  }

  async patch(
    tenant: string,
    patch: unknown,
    options: { readonly skipConflictCheck: boolean },
  ): Promise<VersionedLimits> {
    for (let tries = 1; ; tries++) {
      const stored = await this.#options.store.read(tenant);
      const limits = this.#checked(tenant, mergePatch(stored.limits ?? {}, patch), options);
      try {
        return { version: await this.#write(tenant, limits, stored.version), limits };
      } catch (error) {
        if (tries === patchTriesMax || !isKind(error, ErrorKind.conflict)) throw error;
      }
    }
  }

  async delete(tenant: string, expected: string): Promise<void> {
    const stored = await this.#options.store.read(tenant);
    if (stored.limits === undefined) throw notFound(`of tenant ${tenant}`);
    await this.#write(tenant, undefined, await this.#expectedVersion(tenant, expected));
  }

  /** `0` means that there are none yet, also when there were some that were deleted. */
  async #expectedVersion(tenant: string, expected: string): Promise<number> {
    if (!/^\d{1,10}$/.test(expected)) return -1;
    if (expected !== '0') return Number(expected);
    const stored = await this.#options.store.read(tenant);
    return stored.limits === undefined ? stored.version : 0;
  }

  async #write(tenant: string, limits: UserLimits | undefined, expected: number): Promise<string> {
    const version = await this.#options.store.write(tenant, limits, expected);
    this.#known.set(tenant, { version, block: limits && parseUserLimits(limits) });
    this.#publish();
    return String(version);
  }

  #checked(
    tenant: string,
    limits: unknown,
    { skipConflictCheck }: { readonly skipConflictCheck: boolean },
  ): UserLimits {
    const block = parseUserLimits(limits);
    const runtime = this.#options.overrides.runtime.get(tenant);
    if (this.#options.checkConflicts && !skipConflictCheck && runtime !== undefined) {
      const fields = commonFields(block, runtime);
      if (fields.length > 0)
        throw invalid(
          'conflicting_overrides',
          `the operator has set these fields for the tenant: ${fields.join(', ')}`,
        );
    }
    return limits as UserLimits;
  }

  #publish(): void {
    const blocks = [...this.#known].flatMap(([tenant, { block }]) =>
      block === undefined ? [] : [[tenant, block] as const],
    );
    this.#options.overrides.setUser(new Map(blocks));
  }
}

const durationFields: ReadonlySet<string> = new Set([
  'collection_interval',
  'ingestion_time_range_slack',
  'native_histogram_min_reset_duration',
]);

/** Durations as the API takes them. */
function textDurations(block: OverridesBlock): UserLimits {
  const generator = Object.entries(block.metrics_generator ?? {}).map(([key, value]) =>
    durationFields.has(key) ? [key, `${(value as number) / 1000}s`] : [key, value],
  );
  return {
    ...block,
    ...(block.metrics_generator && { metrics_generator: Object.fromEntries(generator) as Record<string, unknown> }),
  };
}

/**
 * The backend role: looks at every tenant's manifest once in a while, removes what is too old, makes few blocks of many,
 * and deletes what is not needed any more. It needs the object store and nothing else; any number of them may work on one
 * bucket, since each step is one commit that fits the newest manifest or is dropped.
 *
 * One thing is done at a time, so that memory is that of one job.
 */
import type { Clock } from '../../base/clock.ts';
import { ErrorKind } from '../../base/errors.ts';
import type { Rng } from '../../base/random.ts';
import type { BlockMeta, ManifestState, ManifestStore } from '../../block/manifest.ts';
import { packIndexes } from '../../block/pack-indexes.ts';
import { isKind, type ObjectStore } from '../../objectstore/object-store.ts';
import type { BackendLog, BackendObserver } from './backend-observer.ts';
import { BlockRewriter } from './block-rewriter.ts';
import { type CompactionOptions, planCompaction } from './compaction-plan.ts';
import { Compactor } from './compactor.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { type RedactionRequest, type RedactionResult, redact } from './redact.ts';
import { planRetention, type RetentionOptions } from './retention-plan.ts';

export interface TenantSettings {
  /** Neither compaction nor retention. */
  readonly isDisabled: boolean;
  readonly retention: RetentionOptions;
  readonly compaction: CompactionOptions;
}

export interface BackendOptions {
  readonly store: ObjectStore;
  readonly manifest: ManifestStore;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly settingsOf: (tenant: string) => TenantSettings;
  /** Pause between two rounds, ms; half to one and a half of it, so that processes do not meet again and again. */
  readonly maintenanceIntervalMs: number;
  /** A round starts no more compactions of a tenant after this time, ms. */
  readonly tenantMsMax: number;
  /** Files of removed blocks are kept so long, ms: longer than a query takes and a reader is behind. */
  readonly removedGraceMs: number;
  /** Files that no manifest names are kept so long after they were made, ms. */
  readonly orphanGraceMs: number;
  /** Decoded columns of the inputs of a compaction, bytes. */
  readonly cacheBytesMax: number;
  /** Awaited between row groups: gives way to more important work. */
  readonly pace: (signal?: AbortSignal) => Promise<void>;
  /** This version of a tenant's manifest exists. Called whenever a newer one is seen or made. */
  readonly onManifest: (tenant: string, version: number) => void;
  readonly observer: BackendObserver;
  readonly log: BackendLog;
}

/** How often listings look for what has no owner any more. */
const cleanIntervalMs = 15 * 60_000;
/** A writer that has had no segment for so long is dead, or will begin anew. */
const writerGraceMs = 60 * 60_000;
/** How often a running compaction looks whether its inputs are still there. */
const checkIntervalMs = 15_000;
/** Blocks of a compaction that failed for other reasons than the store's are left alone for so long. */
const avoidMs = 60 * 60_000;

export class Backend {
  readonly #options: BackendOptions;
  readonly #rewriter: BlockRewriter;
  readonly #compactor: Compactor;
  readonly #garbage: GarbageCollector;
  readonly #tenants = new Map<string, ManifestState>();
  readonly #cleanedMs = new Map<string, number>();
  /** Until when, Unix ms. */
  readonly #avoided = new Map<string, number>();
  readonly #abort = new AbortController();
  /** Ends when everything that was begun has ended; never rejects. */
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: BackendOptions) {
    const { store, manifest, clock, rng, cacheBytesMax, pace, removedGraceMs, orphanGraceMs } = options;
    this.#options = options;
    this.#rewriter = new BlockRewriter({ store, clock, rng, cacheBytesMax });
    this.#compactor = new Compactor({ manifest, rewriter: this.#rewriter, clock, pace, checkIntervalMs });
    const graces = { removedGraceMs, orphanGraceMs, writerGraceMs, versionGraceMs: writerGraceMs };
    this.#garbage = new GarbageCollector({ store, manifest, clock, ...graces });
  }

  /** Works until `stop`. */
  async run(): Promise<void> {
    const { clock, rng, maintenanceIntervalMs, log } = this.#options;
    const { signal } = this.#abort;
    while (!signal.aborted) {
      await this.maintain().catch((error: unknown) => {
        if (!signal.aborted) log.error({ reason: reasonOf(error) }, 'tenants could not be listed');
      });
      await clock.sleep(maintenanceIntervalMs * (0.5 + rng.float()), signal).catch(() => undefined);
    }
  }

  /** One round over all tenants. A tenant that fails does not stop the others. */
  maintain(): Promise<void> {
    return this.#alone(async (signal) => {
      const tenants = await this.#options.manifest.listTenants(signal);
      for (const tenant of this.#tenants.keys()) if (!tenants.includes(tenant)) this.#tenants.delete(tenant);
      for (const tenant of tenants) {
        try {
          await this.#maintainTenant(tenant, signal);
        } catch (error) {
          if (signal.aborted) return;
          this.#options.observer.failed('maintenance');
          this.#options.log.error(
            { tenant, reason: reasonOf(error) },
            'maintenance of a tenant failed; will try again',
          );
        }
      }
    });
  }

  /** See `redact.ts`. Waits for what is running. */
  redact(request: RedactionRequest): Promise<RedactionResult> {
    const { manifest, pace, log } = this.#options;
    return this.#alone(async (signal) => {
      const result = await redact(request, { manifest, rewriter: this.#rewriter, pace }, signal);
      this.#options.onManifest(request.tenant, result.manifestVersion);
      log.info({ tenant: request.tenant, asked: request.traceIds.length, ...result }, 'traces redacted');
      return result;
    });
  }

  /** Gives up what runs, at any point of it, and resolves when it has ended. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  #alone<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const done = this.#running.then(() => work(this.#abort.signal));
    this.#running = done.catch(() => undefined);
    return done;
  }

  async #maintainTenant(tenant: string, signal: AbortSignal): Promise<void> {
    const { manifest, settingsOf, clock } = this.#options;
    const settings = settingsOf(tenant);
    this.#see(await manifest.load(tenant, this.#tenants.get(tenant), signal));
    if (!settings.isDisabled) {
      await this.#retain(tenant, settings, signal);
      await this.#compact(tenant, settings, signal);
    }
    this.#see(await packIndexes(this.#options, this.#stateOf(tenant), signal));
    await this.#collect(tenant, signal);
    if (clock.nowMs() - (this.#cleanedMs.get(tenant) ?? 0) < cleanIntervalMs) return;
    const { state, ...cleaned } = await this.#garbage.clean(this.#stateOf(tenant), signal);
    this.#see(state);
    this.#cleanedMs.set(tenant, clock.nowMs());
    if (cleaned.orphans + cleaned.writers + cleaned.versions > 0)
      this.#options.log.info({ tenant, ...cleaned }, 'left-overs deleted');
  }

  async #retain(tenant: string, { retention }: TenantSettings, signal: AbortSignal): Promise<void> {
    const { manifest, clock, observer, log } = this.#options;
    const startedMs = clock.nowMs();
    const old = planRetention(this.#stateOf(tenant), retention, startedMs);
    if (old.length === 0) return;
    const state = await manifest.commit(
      tenant,
      (now) => ({
        remove: planRetention(now, retention, clock.nowMs()).map(({ id }) => ({ id, reason: 'retention' })),
      }),
      { known: this.#stateOf(tenant), signal },
    );
    this.#see(state);
    observer.retained(old.length, clock.nowMs() - startedMs);
    log.info({ tenant, blocks: old.length }, 'blocks removed: their time is over');
  }

  async #compact(tenant: string, { compaction }: TenantSettings, signal: AbortSignal): Promise<void> {
    const { clock, rng, tenantMsMax, observer } = this.#options;
    const startedMs = clock.nowMs();
    for (;;) {
      const jobs = planCompaction(this.#stateOf(tenant), compaction, clock.nowMs(), (block) => this.#isAvoided(block));
      observer.outstanding(
        tenant,
        jobs.reduce((sum, { inputs }) => sum + inputs.length, 0),
      );
      if (jobs.length === 0 || clock.nowMs() - startedMs > tenantMsMax) return;
      // Not always the first: another process has the same plan.
      const { inputs } = jobs[Math.floor(rng.float() * jobs.length)]!;
      if (!(await this.#compactOnce(tenant, inputs, signal))) return;
    }
  }

  /** False when it failed; to be dropped is no failure. */
  async #compactOnce(tenant: string, inputs: readonly BlockMeta[], signal: AbortSignal): Promise<boolean> {
    const { clock, observer, log } = this.#options;
    const startedMs = clock.nowMs();
    try {
      const { block, state } = await this.#compactor.run(this.#stateOf(tenant), inputs, signal);
      this.#see(state);
      const ms = clock.nowMs() - startedMs;
      if (block === undefined) {
        log.info({ tenant, inputs: inputs.length, ms }, 'a compaction was dropped: its blocks have changed meanwhile');
        return true;
      }
      observer.compacted(inputs, block);
      const { level, spanCount, sizeBytes } = block;
      log.info({ tenant, inputs: inputs.length, level, spans: spanCount, bytes: sizeBytes, ms }, 'blocks compacted');
      return true;
    } catch (error) {
      if (signal.aborted) throw error;
      observer.failed('compaction');
      const mayPass = isKind(error, ErrorKind.unavailable) || isKind(error, ErrorKind.exhausted);
      if (!mayPass) this.#avoid(inputs);
      log.error(
        { tenant, inputs: inputs.map(({ id }) => id), mayPass, reason: reasonOf(error) },
        'a compaction failed',
      );
      return false;
    }
  }

  async #collect(tenant: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const { state, blocks } = await this.#garbage.collectRemoved(this.#stateOf(tenant), signal);
      if (blocks === 0) return;
      this.#see(state);
      this.#options.observer.deleted(blocks);
      this.#options.log.info({ tenant, blocks }, 'files of removed blocks deleted');
    }
  }

  #avoid(blocks: readonly BlockMeta[]): void {
    const nowMs = this.#options.clock.nowMs();
    for (const [id, untilMs] of this.#avoided) if (untilMs < nowMs) this.#avoided.delete(id);
    for (const { id } of blocks) this.#avoided.set(id, nowMs + avoidMs);
  }

  #isAvoided({ id }: BlockMeta): boolean {
    const untilMs = this.#avoided.get(id);
    return untilMs !== undefined && this.#options.clock.nowMs() < untilMs;
  }

  #stateOf(tenant: string): ManifestState {
    return this.#tenants.get(tenant)!;
  }

  #see(state: ManifestState): void {
    const known = this.#tenants.get(state.tenant);
    this.#tenants.set(state.tenant, state);
    if (known?.version !== state.version) this.#options.onManifest(state.tenant, state.version);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

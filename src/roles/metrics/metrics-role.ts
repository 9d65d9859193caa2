/**
 * The metrics role: rows of span tables in, samples out to remote write and to scrapers. One generator a tenant.
 *
 *   apply ─► generators ─► collection, every interval:
 *                            1  samples of all series become requests, in files of the send queues
 *                            2  checkpoint: counters, positions, "collection n is finished"
 *                            3  the requests may be sent
 *
 * Rows are durable before they come here, and come again after a crash unless the checkpoint says that they have been
 * counted (`position`). So every span counts once, and a counter goes on where it was: a restart looks like a gap of
 * samples and not like a reset. Segments must be kept until a checkpoint has counted them: {@link MetricsRole.checkpoint}.
 */
import type { Clock } from '../../base/clock.ts';
import { ErrorKind } from '../../base/errors.ts';
import type { Rng } from '../../base/random.ts';
import type { FileSystem } from '../../fs/file-system.ts';
import { Generator, type GeneratorCounters, type GeneratorState } from '../../generator/generator.ts';
import type { Label } from '../../generator/labels.ts';
import type { TextPage } from '../../generator/open-metrics.ts';
import { type GeneratorSettings, isActive } from '../../generator/settings.ts';
import type { SampleSink } from '../../generator/sink.ts';
import type { SpanTableData } from '../../model/span-table.ts';
import { isKind } from '../../objectstore/object-store.ts';
import { type Checkpoint, type CheckpointStore, emptyCheckpoint, type Position } from './checkpoint.ts';
import { RemoteWrite, type RemoteWriteStatus } from './remote-write.ts';
import type { Endpoint } from './remote-write-client.ts';

/** Rows of one table that have become durable. */
export interface AppliedRows {
  readonly tenant: string;
  /** Names the table, among all that are ever applied. */
  readonly table: string;
  readonly data: SpanTableData;
  /** Pairs of first row and the row behind the last. */
  readonly ranges: readonly (readonly [from: number, to: number])[];
}

export interface AppliedBatch {
  readonly rows: readonly AppliedRows[];
  /** When they came in, Unix ms. */
  readonly receivedMs: number;
  /** What has been counted with this batch, by writer. */
  readonly positions: Readonly<Record<string, Position>>;
}

export interface MetricsRoleOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly fs: FileSystem;
  /** Undefined: counters begin anew with every start. */
  readonly checkpoints: CheckpointStore | undefined;
  /** For send queues; undefined: nothing is sent. */
  readonly folder: string | undefined;
  readonly endpoints: readonly Endpoint[];
  readonly userAgent: string;
  /** On every series of the tenant. */
  readonly addedLabels: (tenant: string) => readonly Label[];
  /** Headers of the tenant's requests. */
  readonly headers: (tenant: string) => Readonly<Record<string, string>>;
  readonly settingsOf: (tenant: string) => GeneratorSettings;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

export interface TenantStatus {
  readonly tenant: string;
  readonly counters: GeneratorCounters;
  readonly processors: readonly string[];
}

export interface MetricsStatus {
  readonly tenants: readonly TenantStatus[];
  readonly collections: number;
  readonly failedCollections: number;
  readonly failedUpdates: number;
  readonly skippedRows: number;
  readonly remoteWrite: RemoteWriteStatus;
}

interface TenantGenerator {
  generator: Generator;
  /** The settings it was made with, as text. */
  made: string;
  settings: GeneratorSettings;
  collectedMs: number;
}

/** How often it is looked whose collection is due. */
const tickMs = 1000;

const nowhere: SampleSink = { family() {}, sample() {}, native() {} };

export class MetricsRole {
  readonly #options: MetricsRoleOptions;
  readonly #remoteWrite: RemoteWrite | undefined;
  readonly #tenants = new Map<string, TenantGenerator>();
  /** Of tenants that have not been seen since the start. */
  #restored = new Map<string, GeneratorState>();
  #keptMs = 0;
  #collectedMs: Readonly<Record<string, number>> = {};
  #positions = new Map<string, Position>();
  #collection = 0;
  #failedCollections = 0;
  #failedUpdates = 0;
  #skippedRows = 0;
  /** Collections and checkpoints, one at a time. */
  #work: Promise<void> = Promise.resolve();
  readonly #abort = new AbortController();

  constructor(options: MetricsRoleOptions) {
    this.#options = options;
    const { folder } = options;
    if (folder !== undefined) this.#remoteWrite = new RemoteWrite({ ...options, folder });
  }

  /** Goes on from the last checkpoint. @throws when it may be there but cannot be read now */
  async open(): Promise<void> {
    const { checkpoints, log } = this.#options;
    let checkpoint: Checkpoint = emptyCheckpoint;
    try {
      checkpoint = (await checkpoints?.read()) ?? emptyCheckpoint;
    } catch (error) {
      if (!isKind(error, ErrorKind.corrupt)) throw error;
      log.error({ reason: String(error) }, 'the state of the metrics generator is damaged; it begins anew');
    }
    this.#collection = checkpoint.collection;
    this.#collectedMs = checkpoint.collectedMs ?? {};
    this.#positions = new Map(Object.entries(checkpoint.positions));
    this.#restored = new Map(Object.entries(checkpoint.tenants));
    await this.#remoteWrite?.open(checkpoint.collection);
  }

  /** Up to where the segments of each writer have been counted. */
  get positions(): Readonly<Record<string, Position>> {
    return Object.fromEntries(this.#positions);
  }

  /** When the last checkpoint was written, Unix ms. */
  get keptMs(): number {
    return this.#keptMs;
  }

  positionOf(writer: string): Position | undefined {
    return this.#positions.get(writer);
  }

  /** Forgets writers whose segments are gone. */
  keepPositions(writers: readonly string[]): void {
    const kept = new Set(writers);
    for (const writer of this.#positions.keys()) if (!kept.has(writer)) this.#positions.delete(writer);
  }

  /** Collects regularly until {@link stop}. */
  async run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#abort;
    for (const tenant of this.#restored.keys()) this.#generatorOf(tenant);
    while (!signal.aborted) {
      await clock.sleep(tickMs, signal).catch(() => undefined);
      if (!signal.aborted) await this.#collectDue();
    }
  }

  apply({ rows, receivedMs, positions }: AppliedBatch): void {
    for (const { tenant, table, data, ranges } of rows) {
      const generator = this.#generatorOf(tenant)?.generator;
      for (const [from, to] of ranges) {
        if (generator === undefined) this.#skippedRows += to - from;
        else generator.apply(table, data, from, to, receivedMs);
      }
    }
    for (const [writer, position] of Object.entries(positions)) this.#positions.set(writer, position);
  }

  /** Settings of tenants have changed. */
  configure(): void {
    for (const tenant of [...this.#tenants.keys()]) this.#generatorOf(tenant);
  }

  /** Everything applied before is durable when this resolves, so that its segments may go. */
  checkpoint(): Promise<void> {
    return this.#enqueue(() => this.#writeCheckpoint());
  }

  /** Sends what has been counted so far, without waiting for the interval. */
  collectNow(): Promise<void> {
    return this.#enqueue(() => this.#collect([...this.#tenants.keys()]));
  }

  /** All series of a tenant for a scraper; nothing of one without a generator. */
  writeText(tenant: string, page: TextPage): void {
    const known = this.#generatorOf(tenant);
    if (known === undefined) return;
    const { addedLabels, clock } = this.#options;
    const sink = page.source({ addedLabels: addedLabels(tenant), traceIdLabel: known.settings.traceIdLabel });
    known.generator.collect(sink, { nowMs: clock.nowMs(), exemplarsSinceMs: 0, zeroMs: undefined });
  }

  status(): MetricsStatus {
    return {
      tenants: [...this.#tenants].map(([tenant, { generator, settings }]) => ({
        tenant,
        counters: generator.counters(),
        processors: processorNames(settings),
      })),
      collections: this.#collection,
      failedCollections: this.#failedCollections,
      failedUpdates: this.#failedUpdates,
      skippedRows: this.#skippedRows,
      remoteWrite: this.#remoteWrite?.status() ?? [],
    };
  }

  /**
   * Collects for the last time; what the receiver does not take now is sent after the next start.
   * @param drainMs how long the receiver has to take it
   */
  async stop(drainMs = 0): Promise<void> {
    this.#abort.abort();
    await this.collectNow().catch(() => undefined);
    await this.#remoteWrite?.drain(drainMs);
    await this.#remoteWrite?.stop();
  }

  /** Ends at once: somebody else counts on. */
  async abandon(): Promise<void> {
    this.#abort.abort();
    await this.#work;
    await this.#remoteWrite?.stop();
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => undefined);
    return done;
  }

  async #collectDue(): Promise<void> {
    const nowMs = this.#options.clock.nowMs();
    const due = [...this.#tenants].filter(
      ([, { collectedMs, settings }]) => nowMs - collectedMs >= settings.collectionIntervalMs,
    );
    if (due.length === 0) return;
    await this.#enqueue(() => this.#collect(due.map(([tenant]) => tenant))).catch(() => undefined);
  }

  async #collect(tenants: readonly string[]): Promise<void> {
    const collection = this.#collection + 1;
    try {
      for (const tenant of tenants) await this.#collectTenant(tenant, collection);
      this.#collection = collection;
      await this.#writeCheckpoint();
      await this.#remoteWrite?.release();
    } catch (error) {
      this.#failedCollections++;
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#options.log.error(
        { collection, reason },
        'metrics could not be collected; they are with the next collection',
      );
      await this.#remoteWrite?.discard().catch(() => undefined);
      throw error;
    }
  }

  async #collectTenant(tenant: string, collection: number): Promise<void> {
    const known = this.#tenants.get(tenant);
    if (known === undefined) return;
    const { generator, settings, collectedMs } = known;
    // Later than the last one: samples of a series must be in order even when the clock is set back.
    const nowMs = Math.max(this.#options.clock.nowMs(), collectedMs + 1);
    known.collectedMs = nowMs;
    // Not before the last collection, nor before this generator was made: an older sample of the series may be there.
    const zeroMs = Math.min(Math.max(nowMs - settings.collectionIntervalMs, collectedMs), nowMs - 1);
    const options = { nowMs, exemplarsSinceMs: collectedMs, zeroMs };
    if (this.#remoteWrite === undefined || settings.collectionDisabled) generator.collect(nowhere, options);
    else await this.#remoteWrite.write(tenant, collection, generator, options, settings.traceIdLabel);
  }

  async #writeCheckpoint(): Promise<void> {
    const { checkpoints } = this.#options;
    if (checkpoints === undefined) return;
    const tenants = new Map<string, GeneratorState>(this.#restored);
    const collectedMs: Record<string, number> = { ...this.#collectedMs };
    for (const [tenant, known] of this.#tenants) {
      tenants.set(tenant, known.generator.state());
      collectedMs[tenant] = known.collectedMs;
    }
    await checkpoints.write({
      collection: this.#collection,
      positions: this.positions,
      tenants: Object.fromEntries(tenants),
      collectedMs,
    });
    this.#keptMs = this.#options.clock.nowMs();
  }

  /** As the tenant's settings are now; undefined when it wants no metrics, or its settings cannot be used. */
  #generatorOf(tenant: string): TenantGenerator | undefined {
    const settings = this.#options.settingsOf(tenant);
    const known = this.#tenants.get(tenant);
    if (known?.settings === settings) return known;
    const made = JSON.stringify(settings);
    if (known?.made === made) {
      known.settings = settings;
      return known;
    }
    if (!isActive(settings)) {
      this.#tenants.delete(tenant);
      this.#restored.delete(tenant);
      return undefined;
    }
    try {
      const state = known?.generator.state() ?? this.#restored.get(tenant);
      const generator = new Generator(settings, state);
      const nowMs = this.#options.clock.nowMs();
      const collectedMs = known?.collectedMs ?? Math.max(nowMs, this.#collectedMs[tenant] ?? 0);
      const fresh = { generator, made, settings, collectedMs };
      this.#tenants.set(tenant, fresh);
      this.#restored.delete(tenant);
      return fresh;
    } catch (error) {
      this.#failedUpdates++;
      this.#options.log.error({ tenant, reason: String(error) }, 'settings of the metrics generator cannot be used');
      if (known !== undefined) {
        known.made = made;
        known.settings = settings;
      }
      return known;
    }
  }
}

function processorNames({ spanMetrics, serviceGraphs, hostInfo }: GeneratorSettings): string[] {
  const names: string[] = [];
  if (spanMetrics !== undefined) names.push('span-metrics');
  if (serviceGraphs !== undefined) names.push('service-graphs');
  if (hostInfo !== undefined) names.push('host-info');
  return names;
}

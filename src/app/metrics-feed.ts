/**
 * The write thread's end of the metrics thread. Durable rows are gathered for a moment and handed over as references to
 * their tables; one batch is under way at a time, so that what a slow collection holds up is a longer list of row numbers.
 * The thread is started when a tenant first wants metrics, and again when it died: what it had not kept by then is missing
 * from the metrics, and said so.
 */
import { Worker } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import type { TextFormat } from '../generator/open-metrics.ts';
import { type GeneratorSettings, isActive } from '../generator/settings.ts';
import type { SpanTable } from '../model/span-table.ts';
import type { Position } from '../roles/metrics/checkpoint.ts';
import type { AppliedBatch, AppliedRows, MetricsStatus } from '../roles/metrics/metrics-role.ts';
import type { IngestObserver, StoredRequest } from '../roles/write/ingest-observer.ts';
import type { ReplayedRows, ReplayMetrics } from '../roles/write/replay.ts';
import type { Config } from './config/schema.ts';
import { valueFor } from './limits.ts';
import type { MetricsText, MetricsThreadData } from './metrics-thread.ts';
import type { ByTenant } from './overrides/tenant-overrides.ts';
import { ThreadClient } from './thread-rpc.ts';

export interface MetricsFeedOptions {
  readonly config: Config;
  readonly settings: ByTenant<GeneratorSettings>;
  readonly writerId: string;
  readonly clock: Clock;
  readonly log: { error(fields: object, message: string): void };
}

interface PendingRows {
  readonly tenant: string;
  readonly table: SpanTable;
  readonly ranges: [from: number, to: number][];
}

/** Rows are handed over so often. */
const flushMs = 100;
/** Series are in typed arrays; what is on the heap are labels, and requests while they are made. */
const resourceLimits = { maxYoungGenerationSizeMb: 16 };

export class MetricsFeed implements IngestObserver, ReplayMetrics {
  readonly #options: MetricsFeedOptions;
  #settings: ByTenant<GeneratorSettings>;
  #writerId: string;
  #thread: { worker: Worker; client: ThreadClient } | undefined;
  /** By table. */
  #pending = new Map<string, PendingRows>();
  /** The segment that the newest row which came here belongs to, and what of it has been handed over. */
  #seq = 0;
  #handedSeq = 0;
  #handing: Promise<void> | undefined;
  #lostSpans = 0;
  #counted: Readonly<Record<string, Position>> = {};
  #replayed: AppliedRows[] = [];
  readonly #ticker: NodeJS.Timeout;

  constructor(options: MetricsFeedOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#writerId = options.writerId;
    this.#ticker = setInterval(() => void this.#flush(), flushMs);
  }

  /** Whether any tenant wants metrics. */
  get isActive(): boolean {
    return isActive(this.#settings.others) || [...this.#settings.tenants.values()].some(isActive);
  }

  /** Spans that are missing because the thread died. */
  get lostSpans(): number {
    return this.#lostSpans;
  }

  /** Learns what an earlier run has counted. */
  async start(): Promise<void> {
    if (this.isActive) this.#counted = await this.#running().call('positions');
  }

  stored({ tenant, tableId, table, from, to, seq, noGenerateMetrics }: StoredRequest): void {
    this.#seq = Math.max(this.#seq, seq);
    if (noGenerateMetrics || !isActive(valueFor(this.#settings, tenant))) return;
    let pending = this.#pending.get(tableId);
    if (pending === undefined) this.#pending.set(tableId, (pending = { tenant, table, ranges: [] }));
    const last = pending.ranges.at(-1);
    if (last?.[1] === from) last[1] = to;
    else pending.ranges.push([from, to]);
  }

  refused(): void {
    // Not stored, so not counted.
  }

  isCounted(writer: string, seq: number): boolean {
    const position = this.#counted[writer];
    return position !== undefined && (seq <= position.through || position.beyond.includes(seq));
  }

  replayed({ tenant, tableId, table, from, to }: ReplayedRows): void {
    if (!isActive(valueFor(this.#settings, tenant))) return;
    this.#replayed.push({ tenant, table: tableId, data: table.share(), ranges: [[from, to]] });
  }

  async segmentReplayed(writer: string, seq: number, receivedMs: number): Promise<void> {
    const rows = this.#replayed;
    this.#replayed = [];
    await this.#hand({ rows, receivedMs, positions: { [writer]: { through: seq, beyond: [] } } });
  }

  /** The replay is over; `writers` still have segments. */
  async replayEnded(writers: readonly string[]): Promise<void> {
    await this.#thread?.client.call('keepPositions', [...writers, this.#writerId]).catch(() => undefined);
  }

  /** What comes from now on is of another writer's segments, which are numbered anew. */
  setWriter(id: string): void {
    this.#writerId = id;
    this.#seq = 0;
    this.#handedSeq = 0;
  }

  /** Everything that came here before is kept when this resolves, so that its segments may go. */
  async checkpoint(): Promise<void> {
    if (this.#thread === undefined && this.#pending.size === 0) return;
    await this.#flush();
    await this.#thread?.client.call('checkpoint').catch((error: unknown) => {
      this.#options.log.error({ reason: String(error) }, 'what was counted cannot be kept for a restart');
    });
  }

  configure(settings: ByTenant<GeneratorSettings>): void {
    this.#settings = settings;
    this.#thread?.client.call('configure', settings).catch(() => undefined);
  }

  /** All series of a tenant. */
  async text(tenant: string, format: TextFormat): Promise<string> {
    await this.#flush();
    return this.#running().call('text', { tenant, format } satisfies MetricsText);
  }

  /** Undefined while nobody wants metrics. */
  async status(): Promise<MetricsStatus | undefined> {
    return this.#thread?.client.call<MetricsStatus>('status').catch(() => undefined);
  }

  async stop(): Promise<void> {
    clearInterval(this.#ticker);
    await this.#flush();
    const thread = this.#thread;
    if (thread === undefined) return;
    await thread.client.call('stop').catch(() => undefined);
    await thread.worker.terminate();
  }

  /** Resolves when all rows that came before have been counted. */
  async #flush(): Promise<void> {
    while (this.#handing !== undefined) await this.#handing;
    if (this.#pending.size === 0 && (this.#thread === undefined || this.#seq === this.#handedSeq)) return;
    const pending = this.#pending;
    this.#pending = new Map();
    const seq = this.#seq;
    // Whole segments: a request's turn comes in the same turn of the event loop as those of its segment.
    const rows = [...pending].map(([table, { tenant, table: of, ranges }]) => ({
      tenant,
      table,
      data: of.share(),
      ranges,
    }));
    this.#handedSeq = seq;
    const positions = { [this.#writerId]: { through: seq, beyond: [] } };
    this.#handing = this.#hand({ rows, receivedMs: this.#options.clock.nowMs(), positions });
    await this.#handing;
    this.#handing = undefined;
  }

  async #hand(batch: AppliedBatch): Promise<void> {
    try {
      await this.#running().call('apply', batch);
    } catch (error) {
      let spans = 0;
      for (const { ranges } of batch.rows) for (const [from, to] of ranges) spans += to - from;
      this.#lostSpans += spans;
      this.#options.log.error({ spans, reason: String(error) }, 'spans are missing from the generated metrics');
    }
  }

  #running(): ThreadClient {
    this.#thread ??= this.#start();
    return this.#thread.client;
  }

  #start(): { worker: Worker; client: ThreadClient } {
    const workerData: MetricsThreadData = { config: this.#options.config, settings: this.#settings };
    const worker = new Worker(new URL('./metrics-thread.ts', import.meta.url), { workerData, resourceLimits });
    const client = new ThreadClient(worker);
    const gone = (reason: string): void => {
      this.#thread = undefined;
      client.fail(reason);
    };
    worker.on('error', (error) => gone(`the metrics thread failed: ${error.stack ?? error.message}`));
    worker.on('exit', (code) => gone(`the metrics thread ended with code ${code}`));
    return { worker, client };
  }
}

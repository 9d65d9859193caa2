/**
 * The write role: requests in, durable segments, live tables, blocks.
 *
 *   push ─► scan into the tenant's open table ─► segment (group commit) ─► durable ─► rows visible, request answered
 *                        │ large or old enough, at a segment's end
 *                        ▼
 *                   frozen ─► block builder (own thread) ─► manifest commit "covers segments ≤ n" ─► table and
 *                                                                                                 segments dropped
 *
 * Rows are scanned before they are durable, because a request must be refused whole before anything of it is stored;
 * they are invisible until then. One builder works through frozen tables in order, so that a manifest never covers a
 * segment before an earlier one. When it falls behind, pushes wait, and beyond `waitingBytesMax` they are refused.
 */

import type { Clock } from '../../base/clock.ts';
import { ErrorKind, ExhaustedError, RubatoError } from '../../base/errors.ts';
import { blockIdUnixMs } from '../../block/block-id.ts';
import type { BlockMeta, ManifestState, ManifestStore } from '../../block/manifest.ts';
import type { SpanTable, SpanTableData, TableMark } from '../../model/span-table.ts';
import { EntryEncoding, EntryFlag } from '../../wal/segment-codec.ts';
import type { Append, SegmentWriter } from '../../wal/segment-writer.ts';
import type { Ingest, PushOptions } from './ingest.ts';
import type { IngestObserver, StoredRequest } from './ingest-observer.ts';
import { LiveTable, type LiveTableView } from './live-table.ts';
import { type IngestLimits, RateLimiter } from './rate-limit.ts';

/** Builds one table's block, puts its files, and returns its meta. Runs one at a time. */
export interface BlockBuilder {
  build(tenant: string, data: SpanTableData): Promise<BlockMeta>;
}

export interface TenantLimits extends IngestLimits {
  /** Longest attribute key or string value kept, bytes; 0 = unlimited. */
  readonly attributeBytesMax: number;
  /**
   * Traces in the tenant's open table; a request that would bring more is refused, and finds room at latest
   * {@link traceLiveMs} after the table was opened. 0 = unlimited, the default.
   */
  readonly liveTracesMax?: number;
  /** Answers are held back so long. Default 0. */
  readonly answerDelayMs?: number;
}

export interface WriterOptions {
  readonly writerId: string;
  readonly clock: Clock;
  readonly manifest: ManifestStore;
  readonly builder: BlockBuilder;
  readonly limitsOf: (tenant: string) => TenantLimits;
  /** Awaited before a block is committed: whether this writer's segments are still its own. @throws when they are not */
  readonly confirm?: () => Promise<void>;
  /** Removes the segment objects of a writer that every tenant has in blocks. */
  readonly deleteSegments: (writer: string, seqs: readonly number[]) => Promise<void>;
  /** A table is frozen when it has this many spans … */
  readonly blockSpansMax: number;
  /** … or is this old. */
  readonly blockAgeMsMax: number;
  /** Spans in frozen tables, waiting for the builder, beyond which pushes wait too. Bounds memory. */
  readonly frozenSpansMax: number;
  /** Bodies that may wait for room; beyond it pushes are refused. */
  readonly waitingBytesMax: number;
  /** Counts on in these, which outlive a writer. Default: from zero. */
  readonly counters?: WriterCounters;
  /** Is told of every request before it is answered. */
  readonly observer?: IngestObserver;
  /** Something a reader could see has changed. */
  readonly onChange: () => void;
  readonly log: WriterLog;
}

export interface WriterLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What a reader needs for one tenant: read this first, then a manifest of at least this version. */
export interface LiveView {
  /** Whose tables they are; undefined when they are of several. */
  readonly writer?: string;
  readonly manifestVersion: number;
  readonly tables: readonly LiveTableView[];
}

export interface WriterCounters {
  receivedSpans: number;
  blocksBuilt: number;
  buildFailures: number;
}

interface TenantState {
  open: LiveTable | undefined;
  /** The table that was frozen last: how large the next one will be. */
  before: SpanTable | undefined;
  /** In the order they must be built. */
  frozen: LiveTable[];
  /** The newest that is known here; readers must have seen at least its version. */
  manifest: ManifestState | undefined;
  /** By writer: the last segment that this process knows to be in blocks. */
  readonly covered: Map<string, number>;
}

/** A table that is full of traces is cut when it is this old: as long as Tempo takes a trace without new spans for live. */
const traceLiveMs = 5_000;

/** A block is committed at most so long after it was made or its writer confirmed; see `garbage-collector.ts`. */
const blockMsMax = 60 * 60_000;
const confirmedMsMax = 10 * 60_000;

/** Attribute keys a request may bring that were not seen lately; SDKs stop at 128 attributes a span. */
const newKeysMax = 10_000;
/** Pause before a failed build or commit is tried again; doubles up to the bound. */
const retryBuildMs = { first: 500, max: 30_000 };

export class Writer implements Ingest {
  readonly counters: WriterCounters;
  readonly #options: WriterOptions;
  #segments: SegmentWriter | undefined;
  readonly #rateLimiter = new RateLimiter();
  readonly #tenants = new Map<string, TenantState>();
  /** Which tenants still need a segment: `writer/seq` by writer, then by seq. */
  readonly #segmentTenants = new Map<string, Map<number, Set<string>>>();
  /** Tenants whose open table ends with the segment that is being gathered. */
  readonly #due = new Set<TenantState>();
  /** Its open table holds rows that are not part of a segment yet, so it cannot end with one. */
  #unassigned: TenantState | undefined;
  #buildQueue: LiveTable[] = [];
  #building = false;
  #tableNumber = 0;
  #waitingBytes = 0;
  #roomWaiters: (() => void)[] = [];
  #idleWaiters: (() => void)[] = [];
  readonly #abort = new AbortController();

  constructor(options: WriterOptions) {
    this.#options = options;
    this.counters = options.counters ?? { receivedSpans: 0, blocksBuilt: 0, buildFailures: 0 };
  }

  /** The segment writer reports back to this object (`onCut`, `onDurable`, `onFailed`), so it is made after it. */
  attach(segments: SegmentWriter): void {
    this.#segments = segments;
  }

  async push(tenant: string, body: Uint8Array, options: PushOptions): Promise<void> {
    if (body.length === 0) return;
    const limits = this.#options.limitsOf(tenant);
    const { receiver } = options;
    try {
      const stored = await this.#take(tenant, body, options, limits);
      if (stored === undefined) return;
      this.#options.observer?.stored(stored);
    } catch (error) {
      this.#options.observer?.refused({ tenant, receiver, body, error });
      throw error;
    }
    const { answerDelayMs = 0 } = limits;
    if (answerDelayMs > 0) await this.#options.clock.sleep(answerDelayMs, this.#abort.signal).catch(() => undefined);
  }

  /** Resolves when the spans are durable; undefined when there are none. */
  async #take(
    tenant: string,
    body: Uint8Array,
    options: PushOptions,
    limits: TenantLimits,
  ): Promise<StoredRequest | undefined> {
    this.#rateLimiter.take({ tenant, bytes: body.length, limits, nowMs: this.#options.clock.nowMs() });
    await this.#waitForRoom(body.length);
    const segments = this.#segments;
    if (segments === undefined || this.#abort.signal.aborted) {
      throw new RubatoError(ErrorKind.unavailable, 'stopping', 'the writer is not running');
    }
    const live = this.#openTable(tenant);
    const before = live.table.mark();
    const result = live.scanner.scan(body, { maxAttributeBytes: limits.attributeBytesMax, newKeysMax });
    if (result.spans === 0) return undefined;
    if ((limits.liveTracesMax ?? 0) > 0) this.#admitTraces(tenant, live, before, limits);
    const appended = this.#append(tenant, live, body, options, before);
    await appended.durable;
    this.counters.receivedSpans += result.spans;
    const { truncatedAttributes } = result;
    const from = before.spanCount;
    return {
      tenant,
      receiver: options.receiver,
      body,
      table: live.table,
      tableId: live.id,
      from,
      to: from + result.spans,
      truncatedAttributes,
      seq: appended.seq,
      noGenerateMetrics: options.noGenerateMetrics === true,
    };
  }

  /** Forgets the request's rows when it brings too many traces. @throws ExhaustedError */
  #admitTraces(tenant: string, live: LiveTable, before: TableMark, limits: TenantLimits): void {
    const tracesMax = limits.liveTracesMax!;
    if (live.admitTraces(before.spanCount, tracesMax)) return;
    live.table.rollback(before);
    // Or else there would be no room before the table is old.
    if (this.#options.clock.nowMs() - live.openedUnixMs >= traceLiveMs) this.#due.add(this.#stateOf(tenant));
    throw new ExhaustedError(
      'live_traces_exceeded',
      `LIVE_TRACES_EXCEEDED: max live traces exceeded for tenant ${tenant}: limit ${tracesMax}`,
      limits.retryAfterMs,
    );
  }

  /** Puts a scanned request into a segment, or forgets its rows. */
  #append(tenant: string, live: LiveTable, body: Uint8Array, options: PushOptions, before: TableMark): Append {
    const segments = this.#segments!;
    const state = this.#stateOf(tenant);
    const flags = options.noGenerateMetrics ? EntryFlag.noGenerateMetrics : 0;
    let appended: Append;
    this.#unassigned = state;
    try {
      appended = segments.append({ tenant, encoding: EntryEncoding.otlpProtobuf, flags, body });
    } catch (error) {
      live.table.rollback(before);
      throw error;
    } finally {
      this.#unassigned = undefined;
    }
    live.appended(appended.seq);
    this.#needSegment(this.#options.writerId, appended.seq, tenant);
    if (live.table.spanCount >= this.#options.blockSpansMax) this.#due.add(state);
    if (live.table.spanCount >= this.#options.blockSpansMax * 1.5) {
      // Every cut so far fell between a scan and its append: end the segment here, where the table may end with it.
      void segments.flush();
      this.onCut(segments.lastSeq);
    }
    return appended;
  }

  /** References to everything of the tenant that is not in blocks yet. */
  live(tenant: string): LiveView {
    const state = this.#tenants.get(tenant);
    const { writerId: writer } = this.#options;
    if (state === undefined) return { writer, manifestVersion: 0, tables: [] };
    const tables = state.frozen.concat(state.open ?? []).filter((table) => table.publishedSpans > 0);
    return { writer, manifestVersion: state.manifest?.version ?? 0, tables: tables.map((table) => table.view()) };
  }

  get tenants(): readonly string[] {
    return [...this.#tenants.keys()];
  }

  get liveSpans(): number {
    let spans = 0;
    for (const state of this.#tenants.values()) {
      for (const table of state.frozen) spans += table.publishedSpans;
      spans += state.open?.publishedSpans ?? 0;
    }
    return spans;
  }

  // ── hooks of the segment writer ────────────────────────────────────────────────────────────────────────────────

  /** Segment `seq` takes no more entries: tables that are due end here. */
  onCut(seq: number): void {
    for (const state of this.#due) {
      if (state === this.#unassigned) continue;
      this.#due.delete(state);
      if (state.open !== undefined && state.open.table.spanCount > 0) this.#freeze(state, seq);
    }
  }

  onDurable(seq: number): void {
    let changed = false;
    for (const tenant of this.#segmentTenants.get(this.#options.writerId)?.get(seq) ?? []) {
      const state = this.#stateOf(tenant);
      for (const table of state.frozen) {
        if (table.writer !== this.#options.writerId || table.settled) continue;
        changed = table.publish(seq) || changed;
        if (table.settled) this.#enqueue(table);
      }
      if (state.open !== undefined) changed = state.open.publish(seq) || changed;
    }
    if (changed) this.#options.onChange();
  }

  /** Segment `seq` and all later ones so far were not stored; their requests are refused. */
  onFailed(seq: number, error: unknown): void {
    this.#options.log.error({ seq, error: String(error) }, 'a segment could not be stored; its requests are refused');
    for (const state of this.#tenants.values()) {
      for (const table of state.frozen) {
        if (table.writer !== this.#options.writerId || table.settled) continue;
        table.dropPending();
        this.#enqueue(table);
      }
      state.open?.dropPending();
    }
  }

  // ── tables that come from elsewhere ────────────────────────────────────────────────────────────────────────────

  /** Takes over rows read back from durable segments of `writer` up to `lastSeq`. They are visible at once. */
  async adopt(options: { tenant: string; table: LiveTable; lastSeq: number; seqs: readonly number[] }): Promise<void> {
    const { tenant, table, lastSeq, seqs } = options;
    for (const seq of seqs) this.#needSegment(table.writer, seq, tenant);
    table.publishAll();
    table.freeze(lastSeq);
    this.#stateOf(tenant).frozen.push(table);
    this.#options.onChange();
    this.#enqueue(table);
    await this.#waitForRoom(0);
  }

  /** A manifest that was read before there was anything to write. */
  knowManifest(tenant: string, manifest: ManifestState): void {
    const state = this.#stateOf(tenant);
    if (state.manifest !== undefined) return;
    state.manifest = manifest;
    for (const [writer, seq] of manifest.covered) state.covered.set(writer, seq);
  }

  newTable(tenant: string, writer: string, before?: SpanTable): LiveTable {
    return new LiveTable({
      id: `${this.#options.writerId}-${this.#tableNumber++}`,
      tenant,
      writer,
      nowUnixMs: this.#options.clock.nowMs(),
      spans: 2048,
      before,
    });
  }

  // ── life ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Freezes tables that are old, at the next cut or, when nothing comes in, at the last one. Call it every second. */
  tick(): void {
    const now = this.#options.clock.nowMs();
    for (const state of this.#tenants.values()) {
      if (state.open !== undefined && now - state.open.openedUnixMs >= this.#options.blockAgeMsMax)
        this.#due.add(state);
    }
    // With nothing pending, the last segment holds the last of every table's rows.
    if (this.#segments?.pendingBytes === 0) this.onCut(this.#segments.lastSeq);
  }

  /**
   * Freezes everything and resolves when it is in blocks; with the last segment that no tenant needs any more. For
   * redaction, tests and a graceful end.
   * @throws kind `unavailable` when the writer stops or loses its id before
   */
  async flush(): Promise<number> {
    const stored = this.#segments?.flush();
    for (const state of this.#tenants.values()) this.#due.add(state);
    const lastSeq = this.#segments?.lastSeq ?? 0;
    this.onCut(lastSeq);
    await stored;
    if (this.#buildQueue.length > 0 || this.#building)
      await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
    if (this.#abort.signal.aborted)
      throw new RubatoError(ErrorKind.unavailable, 'stopping', 'the writer ended before everything was in blocks');
    return lastSeq;
  }

  /** Refuses new requests, waits for the running ones to be durable. Live rows stay in segments for the next start. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#wake();
    await this.#segments?.flush();
  }

  /**
   * The writer's id is lost: forgets all tables, of which everything acknowledged is in segments that others take care of,
   * and commits no more blocks.
   */
  abandon(): void {
    this.#abort.abort();
    this.#tenants.clear();
    this.#segmentTenants.clear();
    this.#due.clear();
    this.#buildQueue = [];
    this.#wake();
    this.#options.onChange();
  }

  // ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #stateOf(tenant: string): TenantState {
    let state = this.#tenants.get(tenant);
    if (state === undefined)
      this.#tenants.set(
        tenant,
        (state = { open: undefined, before: undefined, frozen: [], manifest: undefined, covered: new Map() }),
      );
    return state;
  }

  #openTable(tenant: string): LiveTable {
    const state = this.#stateOf(tenant);
    state.open ??= this.newTable(tenant, this.#options.writerId, state.before);
    state.before = undefined;
    return state.open;
  }

  #freeze(state: TenantState, seq: number): void {
    const table = state.open!;
    table.freeze(seq);
    state.open = undefined;
    state.before = table.table;
    state.frozen.push(table);
    if (table.settled) this.#enqueue(table);
  }

  #needSegment(writer: string, seq: number, tenant: string): void {
    let segments = this.#segmentTenants.get(writer);
    if (segments === undefined) this.#segmentTenants.set(writer, (segments = new Map()));
    const tenants = segments.get(seq);
    if (tenants === undefined) segments.set(seq, new Set([tenant]));
    else tenants.add(tenant);
  }

  get #frozenSpans(): number {
    let spans = 0;
    for (const table of this.#buildQueue) spans += table.publishedSpans;
    return spans;
  }

  async #waitForRoom(bytes: number): Promise<void> {
    if (this.#frozenSpans <= this.#options.frozenSpansMax) return;
    if (bytes > 0 && this.#waitingBytes + bytes > this.#options.waitingBytesMax) {
      throw new ExhaustedError('writer_busy', 'the writer is behind with building blocks; try again later', 1000);
    }
    this.#waitingBytes += bytes;
    try {
      while (this.#frozenSpans > this.#options.frozenSpansMax && !this.#abort.signal.aborted) {
        await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
      }
    } finally {
      this.#waitingBytes -= bytes;
    }
  }

  #wake(): void {
    const waiters = this.#roomWaiters;
    this.#roomWaiters = [];
    for (const wake of waiters) wake();
  }

  #enqueue(table: LiveTable): void {
    this.#buildQueue.push(table);
    if (!this.#building) void this.#build();
  }

  /** Works through the queue; a table stays visible and its segments stay stored until its block is committed. */
  async #build(): Promise<void> {
    this.#building = true;
    let pauseMs = retryBuildMs.first;
    while (this.#buildQueue.length > 0 && !this.#abort.signal.aborted) {
      const table = this.#buildQueue[0]!;
      try {
        await this.#store(table);
        this.#buildQueue.shift();
        pauseMs = retryBuildMs.first;
        this.#wake();
      } catch (error) {
        // The writer stops, or its id is lost: what is not in a block is in segments.
        if (this.#abort.signal.aborted) break;
        this.counters.buildFailures++;
        const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#options.log.error(
          { tenant: table.tenant, table: table.id, reason, pauseMs },
          'a block was not built; will try again',
        );
        await this.#options.clock.sleep(pauseMs, this.#abort.signal).catch(() => undefined);
        pauseMs = Math.min(pauseMs * 2, retryBuildMs.max);
      }
    }
    this.#building = false;
    const idle = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const resolve of idle) resolve();
  }

  async #store(table: LiveTable): Promise<void> {
    const { tenant, writer } = table;
    const seq = table.lastSeq!;
    const state = this.#stateOf(tenant);
    const started = this.#options.clock.nowMs();
    const { data } = table.view();
    // Kept for a second try of the commit alone, while its files are surely there.
    if (table.block !== undefined && !isFresh(table.block, started)) table.block = undefined;
    if (data.spanCount > 0) table.block ??= await this.#options.builder.build(tenant, data);
    const block = table.block;
    const before = state.covered.get(writer) ?? 0;
    await this.#options.confirm?.();
    const confirmedMs = this.#options.clock.nowMs();
    state.manifest = await this.#options.manifest.commit(
      tenant,
      (now) => {
        const covered = now.covered.get(writer) ?? 0;
        // A first try whose answer got lost may have taken effect.
        if (covered >= seq) return undefined;
        if (covered !== before) throw adoptedInPart(writer, covered);
        if (Math.abs(this.#options.clock.nowMs() - confirmedMs) > confirmedMsMax) throw confirmedTooLongAgo();
        return { add: block ? [block] : [], cover: { writer, seq } };
      },
      { known: state.manifest },
    );
    state.covered.set(writer, seq);
    state.frozen.splice(state.frozen.indexOf(table), 1);
    this.counters.blocksBuilt += block === undefined ? 0 : 1;
    this.#options.onChange();
    this.#options.log.info(
      { tenant, spans: data.spanCount, bytes: block?.sizeBytes ?? 0, ms: this.#options.clock.nowMs() - started },
      'block built',
    );
    await this.#dropSegments({ tenant, writer, seq });
  }

  /** Segments that no tenant needs any more go; failure is harmless, the next start does it again. */
  async #dropSegments(options: { tenant: string; writer: string; seq: number }): Promise<void> {
    const segments = this.#segmentTenants.get(options.writer);
    if (segments === undefined) return;
    const done: number[] = [];
    for (const [seq, tenants] of segments) {
      if (seq > options.seq) continue;
      tenants.delete(options.tenant);
      if (tenants.size === 0) done.push(seq);
    }
    for (const seq of done) segments.delete(seq);
    try {
      await this.#options.deleteSegments(options.writer, done);
    } catch (error) {
      this.#options.log.warn({ writer: options.writer, error: String(error) }, 'covered segments were not deleted');
    }
  }
}

/** Ids that do not tell their time are of tests. */
function isFresh({ id }: BlockMeta, nowMs: number): boolean {
  return Math.abs(nowMs - (blockIdUnixMs(id) ?? nowMs)) <= blockMsMax;
}

/** Somebody else has begun to build blocks of the same segments: this writer must leave them alone. */
function adoptedInPart(writer: string, covered: number): RubatoError {
  const message = `segments of writer ${writer} up to ${covered} are in blocks that this process did not build`;
  return new RubatoError(ErrorKind.conflict, 'writer_adopted', message);
}

function confirmedTooLongAgo(): RubatoError {
  return new RubatoError(ErrorKind.unavailable, 'paused', 'this process was paused before it could commit a block');
}

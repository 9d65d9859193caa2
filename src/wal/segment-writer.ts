/**
 * Group commit. Requests gather in the open segment; a cut segment is compressed and put; when it is durable all its
 * requests are answered at once.
 *
 *   append ──► open ──cut──► waiting ──► in flight (≤ inFlightMax) ──► durable, reported in the order of seq
 *
 * A segment is cut when it is full, or when `lingerMs` have passed since the previous cut, whichever is first. So an idle
 * writer answers a single request without waiting at all, nobody waits longer than the linger, and a writer costs at most
 * one put per linger (and one per `segmentBytesMax`). While as many segments as allowed are in flight the open one goes
 * on gathering.
 *
 * Failure: when a put fails, its segment and all that were cut after it are refused, so that an acknowledged request
 * implies that everything before it was acknowledged or refused. The open segment goes on under its own seq. A refused
 * segment may exist all the same (the answer got lost), hence no seq is used twice, and the object is deleted as far as
 * the store allows; one that survives holds requests whose senders were told to retry, which readers see as duplicates of
 * spans and drop.
 */
import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { ErrorKind, RubatoError } from '../base/errors.ts';
import { type ObjectStore, unavailable } from '../objectstore/object-store.ts';
import { encodeSegment, entryBytes, type SegmentEntry, segmentBodyBytesMax } from './segment-codec.ts';
import { firstSeq, segmentKey, segmentWindow } from './segment-keys.ts';

export interface SegmentWriterOptions {
  readonly store: ObjectStore;
  /** `newWriterId()`: never used by a writer before. */
  readonly writer: string;
  readonly clock: Clock;
  /**
   * Longest time a request waits for company. Longer: fewer, larger objects, and slower answers under load. 10 where a put
   * costs half a millisecond (a disk), 500 where it costs money (a bucket).
   */
  readonly lingerMs: number;
  /** Cut when the uncompressed segment reaches this. One larger request makes a segment of its own. */
  readonly segmentBytesMax: number;
  /** Segments that are being compressed or put at the same time. */
  readonly inFlightMax: number;
  /** Uncompressed bytes not yet durable; beyond it appends are refused. Bounds memory when the store is slow. */
  readonly pendingBytesMax: number;
  /**
   * Awaited when a segment's object is there and before it counts as durable: whether this writer may still acknowledge
   * anything. When it rejects, the put counts as failed.
   */
  readonly confirm?: () => Promise<void>;
  /**
   * Hooks run synchronously and must not throw. Each cut segment gets exactly one of durable and failed, in the order of
   * seq, before the promises of its appends settle.
   */
  readonly onCut?: (seq: number) => void;
  readonly onDurable?: (seq: number, object: readonly Uint8Array[]) => void;
  readonly onFailed?: (seq: number, error: RubatoError) => void;
}

export interface Append {
  /** The segment that the entry is part of. */
  readonly seq: number;
  /** Resolves when that segment is durable. @throws the put's error; the outcome is open then */
  readonly durable: Promise<void>;
}

interface PendingSegment {
  readonly seq: number;
  entries: SegmentEntry[];
  /** What was stored, until it is reported. */
  object: readonly Uint8Array[];
  bytes: number;
  readonly done: PromiseWithResolvers<void>;
  readonly abort: AbortController;
  state: 'open' | 'waiting' | 'inFlight' | 'stored' | 'failed';
  error: RubatoError | undefined;
}

export class SegmentWriter {
  readonly #options: SegmentWriterOptions;
  #nextSeq = firstSeq;
  #open: PendingSegment | undefined;
  /** Cut and not yet reported, in the order of seq. */
  readonly #cut: PendingSegment[] = [];
  #inFlight = 0;
  #pendingBytes = 0;
  #lastCutMs = Number.NEGATIVE_INFINITY;
  #linger: AbortController | undefined;
  /** The linger is over, but too many segments are in flight. */
  #overdue = false;
  #closed = false;
  /** Puts and removals under way. */
  readonly #work = new Set<Promise<void>>();

  constructor(options: SegmentWriterOptions) {
    assert(options.inFlightMax >= 1, 'at least one segment may be in flight');
    assert(options.pendingBytesMax <= segmentBodyBytesMax, 'what is accepted fits into one segment');
    this.#options = options;
  }

  get writer(): string {
    return this.#options.writer;
  }

  /** Uncompressed bytes that were appended and are neither durable nor refused. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** The highest seq so far that an entry was given; 0 before the first. */
  get lastSeq(): number {
    return this.#nextSeq - 1;
  }

  /**
   * Adds an entry to the open segment. Its body must not change until `durable` settles. May cut synchronously.
   * @throws kind `exhausted` beyond pendingBytesMax; kind `unavailable` after close
   */
  append(entry: SegmentEntry): Append {
    if (this.#closed) throw unavailable('writer_closed', 'this writer is shutting down');
    const bytes = entryBytes(entry);
    if (this.#pendingBytes + bytes > this.#options.pendingBytesMax)
      throw new RubatoError(ErrorKind.exhausted, 'wal_full', 'too much data waits to be stored; retry later');
    if (this.#open !== undefined && this.#open.bytes + bytes > this.#options.segmentBytesMax) this.#cutOpen();
    const segment = (this.#open ??= this.#newSegment());
    segment.entries.push(entry);
    segment.bytes += bytes;
    this.#pendingBytes += bytes;
    if (segment.bytes >= this.#options.segmentBytesMax) this.#cutOpen();
    else if (segment.entries.length === 1) this.#startLinger();
    return { seq: segment.seq, durable: segment.done.promise };
  }

  /** Cuts what is open without waiting for the linger; resolves when all that was appended so far is durable or refused. */
  async flush(): Promise<void> {
    if (this.#open !== undefined) this.#cutOpen();
    await Promise.allSettled(this.#cut.map((segment) => segment.done.promise));
  }

  /** Refuses further appends, flushes, and waits until leftovers of refused segments have been dealt with. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  /**
   * The writer's id is lost: refuses everything that is not reported yet, and all later appends, and puts nothing more.
   * Objects that are there already are left to whoever has the id now.
   */
  abandon(error: RubatoError): void {
    this.#closed = true;
    this.#linger?.abort();
    this.#linger = undefined;
    const pending = this.#cut.splice(0);
    if (this.#open !== undefined) pending.push(this.#open);
    this.#open = undefined;
    this.#overdue = false;
    for (const segment of pending) {
      this.#pendingBytes -= segment.bytes;
      this.#options.onFailed?.(segment.seq, error);
      segment.done.reject(error);
      segment.abort.abort();
    }
  }

  #newSegment(): PendingSegment {
    const done = Promise.withResolvers<void>();
    // Failures are reported through onFailed too: a caller that has gone away must not bring the process down.
    done.promise.catch(() => {});
    return {
      seq: this.#nextSeq++,
      entries: [],
      object: [],
      bytes: 0,
      done,
      abort: new AbortController(),
      state: 'open',
      error: undefined,
    };
  }

  #startLinger(): void {
    const { clock, lingerMs } = this.#options;
    // Clamped, since the wall clock may step.
    const waitMs = Math.min(lingerMs, this.#lastCutMs + lingerMs - clock.nowMs());
    const linger = new AbortController();
    this.#linger = linger;
    if (waitMs <= 0) {
      // Not at once: whatever arrived in the same turn of the event loop comes along.
      setImmediate(() => this.#lingerOver(linger));
      return;
    }
    clock.sleep(waitMs, linger.signal).then(
      () => this.#lingerOver(linger),
      () => {
        // Cut for another reason.
      },
    );
  }

  #lingerOver(linger: AbortController): void {
    if (this.#linger !== linger) return;
    if (this.#inFlight < this.#options.inFlightMax) this.#cutOpen();
    else this.#overdue = true;
  }

  #cutOpen(): void {
    const segment = this.#open;
    assert(segment !== undefined, 'there is an open segment to cut');
    this.#linger?.abort();
    this.#linger = undefined;
    this.#overdue = false;
    this.#open = undefined;
    this.#lastCutMs = this.#options.clock.nowMs();
    segment.state = 'waiting';
    this.#cut.push(segment);
    this.#options.onCut?.(segment.seq);
    this.#startWaiting();
  }

  #startWaiting(): void {
    for (const segment of this.#cut) {
      if (this.#inFlight >= this.#options.inFlightMax) return;
      if (segment.state !== 'waiting') continue;
      if (segment.seq - this.#cut[0]!.seq >= segmentWindow) return;
      segment.state = 'inFlight';
      this.#inFlight++;
      this.#track(this.#store(segment));
    }
  }

  /** Rejects only if a hook throws: the put's outcome goes into the segment. */
  async #store(segment: PendingSegment): Promise<void> {
    const { store, writer, clock } = this.#options;
    try {
      const identity = { writer, seq: segment.seq, createdUnixMs: clock.nowMs() };
      const parts = await encodeSegment(identity, segment.entries, segment.bytes);
      await store.put(segmentKey(writer, segment.seq), parts, { signal: segment.abort.signal });
      await this.#options.confirm?.();
      segment.object = parts;
      segment.state = 'stored';
    } catch (error) {
      segment.state = 'failed';
      segment.error = error instanceof RubatoError ? error : unavailable('wal_failed', 'storing failed', error);
    }
    // The bodies may be large and are needed no more, even if earlier segments are still on their way.
    segment.entries = [];
    this.#inFlight--;
    if (!this.#cut.includes(segment)) this.#remove(segment);
    this.#report();
    this.#startWaiting();
    if (this.#overdue && this.#inFlight < this.#options.inFlightMax) this.#cutOpen();
  }

  #report(): void {
    while (this.#cut[0]?.state === 'stored') {
      const segment = this.#cut.shift()!;
      this.#pendingBytes -= segment.bytes;
      this.#options.onDurable?.(segment.seq, segment.object);
      segment.done.resolve();
    }
    const first = this.#cut[0];
    if (first?.state !== 'failed') return;
    const error = first.error!;
    for (const segment of this.#cut.splice(0)) {
      this.#pendingBytes -= segment.bytes;
      this.#options.onFailed?.(segment.seq, error);
      segment.done.reject(error);
      // One that is still in flight is removed when its put has come back.
      if (segment.state === 'inFlight') segment.abort.abort();
      else if (segment.state !== 'waiting') this.#remove(segment);
    }
  }

  /** Best effort: a refused segment that survives is harmless. */
  #remove(segment: PendingSegment): void {
    this.#track(this.#options.store.delete(segmentKey(this.#options.writer, segment.seq)).catch(() => {}));
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
  }
}

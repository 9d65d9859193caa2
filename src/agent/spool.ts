/**
 * Requests on disk between the sender's answer and the server's, when the server is not quick enough (outbox.ts): a sender
 * is answered when its spans are durable here, and they stay here until the server has taken them. The log of the write role does the work (group commit, checksums,
 * whole-or-nothing objects); each start of the agent is a writer of its own, named by its time, so that what an earlier
 * start left behind is delivered first.
 *
 *   append ──► segment ──► durable ──► (read, delivered) ──► removed
 *
 * When `bytesMax` is used up senders are told to come back: the oldest are kept, and nothing is ever dropped to make room.
 */
import type { Clock } from '../base/clock.ts';
import { ErrorKind, ExhaustedError } from '../base/errors.ts';
import { type Rng, randomHex } from '../base/random.ts';
import { isKind, type ObjectStore } from '../objectstore/object-store.ts';
import { decodeSegment, EntryEncoding, EntryFlag, type SegmentEntry } from '../wal/segment-codec.ts';
import { segmentKey, seqOfKey, writerPrefix } from '../wal/segment-keys.ts';
import { listWriters, type SkippedSegment } from '../wal/segment-reader.ts';
import { SegmentWriter } from '../wal/segment-writer.ts';

export interface SpoolOptions {
  readonly store: ObjectStore;
  readonly bytesMax: number;
  readonly clock: Clock;
  readonly rng: Rng;
  /** A segment that cannot be read: its spans are lost to a broken disk. */
  readonly onDamaged: (skipped: SkippedSegment) => void;
}

export interface SpooledRequest {
  readonly tenant: string;
  readonly noGenerateMetrics: boolean;
  readonly body: Uint8Array;
}

/** What is to be delivered, then removed, together. */
export interface SpooledBatch {
  readonly requests: readonly SpooledRequest[];
  remove(): Promise<void>;
}

interface StoredSegment {
  readonly writer: string;
  readonly seq: number;
  readonly bytes: number;
}

/** A disk makes a segment durable in about a millisecond; under load this gathers some requests. */
const lingerMs = 20;
const segmentBytesMax = 2 << 20;
const pendingBytesMax = 32 << 20;
const retryAfterMs = 5_000;
/** One segment must always fit, or nothing would ever be taken. */
export const spoolBytesMin = pendingBytesMax;

export class Spool {
  readonly #options: SpoolOptions;
  readonly #writer: SegmentWriter;
  /** Durable and not removed, in the order of delivery. */
  #waiting: StoredSegment[] = [];
  #waitingBytes = 0;
  #arrival = Promise.withResolvers<void>();

  private constructor(options: SpoolOptions, leftovers: StoredSegment[]) {
    this.#options = options;
    this.#waiting = leftovers;
    this.#waitingBytes = leftovers.reduce((sum, { bytes }) => sum + bytes, 0);
    const { store, clock, rng } = options;
    this.#writer = new SegmentWriter({
      store,
      clock,
      writer: `${String(clock.nowMs()).padStart(15, '0')}-${randomHex(rng, 4)}`,
      lingerMs,
      segmentBytesMax,
      inFlightMax: 2,
      pendingBytesMax,
      onDurable: (seq, object) => this.#stored(seq, object),
    });
  }

  static async open(options: SpoolOptions): Promise<Spool> {
    const { store } = options;
    const leftovers: StoredSegment[] = [];
    for (const writer of (await listWriters(store)).sort()) {
      for await (const { key, size } of store.list(writerPrefix(writer))) {
        const seq = seqOfKey(writer, key);
        if (seq !== undefined) leftovers.push({ writer, seq, bytes: size });
      }
    }
    return new Spool(options, leftovers);
  }

  /** On disk, and on the way there. */
  get bytes(): number {
    return this.#waitingBytes + this.#writer.pendingBytes;
  }

  get segments(): number {
    return this.#waiting.length;
  }

  /** Resolves when the request is durable. @throws ExhaustedError when the spool is full; unavailable: the disk failed */
  async append({ tenant, noGenerateMetrics, body }: SpooledRequest): Promise<void> {
    if (this.bytes + body.length > this.#options.bytesMax) {
      const message = `the spool is full (${this.bytes} of ${this.#options.bytesMax} bytes); try again later`;
      throw new ExhaustedError('spool_full', message, retryAfterMs);
    }
    const entry: SegmentEntry = {
      tenant,
      encoding: EntryEncoding.otlpProtobuf,
      flags: noGenerateMetrics ? EntryFlag.noGenerateMetrics : 0,
      body,
    };
    await this.#writer.append(entry).durable;
  }

  /** The oldest requests, about `bytesMax` of them and at least one segment; undefined when there are none. */
  async next(bytesMax: number): Promise<SpooledBatch | undefined> {
    const taken: StoredSegment[] = [];
    const requests: SpooledRequest[] = [];
    let bytes = 0;
    for (const segment of this.#waiting) {
      if (bytes >= bytesMax) break;
      for (const entry of await this.#read(segment)) {
        requests.push({
          tenant: entry.tenant,
          noGenerateMetrics: (entry.flags & EntryFlag.noGenerateMetrics) !== 0,
          body: entry.body,
        });
        bytes += entry.body.length;
      }
      taken.push(segment);
    }
    return taken.length === 0 ? undefined : { requests, remove: () => this.#remove(taken) };
  }

  /** Resolves when there is something, or the signal fires. */
  async arrival(signal: AbortSignal): Promise<void> {
    if (this.#waiting.length > 0 || signal.aborted) return;
    const aborted = Promise.withResolvers<void>();
    const onAbort = (): void => aborted.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    await Promise.race([this.#arrival.promise, aborted.promise]);
    signal.removeEventListener('abort', onAbort);
  }

  /** Takes nothing more; resolves when what was taken is durable. */
  close(): Promise<void> {
    return this.#writer.close();
  }

  #stored(seq: number, object: readonly Uint8Array[]): void {
    const bytes = object.reduce((sum, { length }) => sum + length, 0);
    this.#waiting.push({ writer: this.#writer.writer, seq, bytes });
    this.#waitingBytes += bytes;
    this.#arrival.resolve();
    this.#arrival = Promise.withResolvers<void>();
  }

  async #read({ writer, seq }: StoredSegment): Promise<readonly SegmentEntry[]> {
    const key = segmentKey(writer, seq);
    try {
      return (await decodeSegment(key, await this.#options.store.get(key))).entries;
    } catch (error) {
      if (!isKind(error, ErrorKind.corrupt) && !isKind(error, ErrorKind.notFound)) throw error;
      this.#options.onDamaged({ key, reason: (error as Error).message });
      return [];
    }
  }

  async #remove(segments: readonly StoredSegment[]): Promise<void> {
    for (const { writer, seq } of segments) await this.#options.store.delete(segmentKey(writer, seq));
    this.#waiting = this.#waiting.slice(segments.length);
    this.#waitingBytes -= segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }
}

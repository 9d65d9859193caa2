/**
 * Which writers there are: those with a member object, and those with segments. A new writer takes no spans before its
 * member object has been there for the interval, and a directory is asked for a listing that is no older than that: so
 * whoever asks knows every writer that had acknowledged anything when it asked.
 *
 * In the background it is listed less and less often while nothing changes and nobody asks: who asks after a pause waits for
 * one listing.
 *
 * A member object is removed when its writer has no segments any more. Segments without a member object come from a
 * process that ran alone over the store before; they are looked for at the start and once in a while.
 */
import type { Clock } from '../../base/clock.ts';
import { ErrorKind } from '../../base/errors.ts';
import { isKind, type ObjectStore } from '../../objectstore/object-store.ts';
import { listWriters } from '../../wal/segment-reader.ts';
import { decodeMember, type Member, memberKey, writerOfKey, writersPrefix } from './member-keys.ts';

export interface WriterDirectoryOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  /** The oldest listing that `writers` answers from, ms. */
  readonly intervalMs: number;
}

/** By id. Undefined: how to reach it is not known. */
export type Writers = ReadonlyMap<string, Member | undefined>;

/** How often segments without a member object are looked for. */
const orphansIntervalMs = 3 * 60_000;
/** Times the interval: the longest pause between listings in the background. */
const restMax = 8;
/** On top of the interval, for timers that are late. */
export const announceMarginMs = 250;

export class WriterDirectory {
  readonly #options: WriterDirectoryOptions;
  #writers: Writers = new Map();
  #withSegments: readonly string[] = [];
  #segmentsListedMs = Number.NEGATIVE_INFINITY;
  /** When the listing that `writers` come from began. */
  #listedMs = Number.NEGATIVE_INFINITY;
  /** Pause between listings in the background, times the interval. */
  #rest = 0.5;
  #refreshing: { readonly sinceMs: number; readonly done: Promise<void> } | undefined;

  constructor(options: WriterDirectoryOptions) {
    this.#options = options;
  }

  /** As of a listing that began at most the interval ago. @throws what the store throws */
  async writers(): Promise<Writers> {
    this.#rest = 0.5;
    if (!this.#isYoung(this.#listedMs, 1)) await this.refresh();
    return this.#writers;
  }

  /** As of the newest listing, however old that is. */
  get known(): Writers {
    return this.#writers;
  }

  /** Lists anew when that is due. Called now and then, it keeps `writers` from having to wait when that is asked often. */
  async keepFresh(): Promise<void> {
    if (this.#isYoung(this.#listedMs, this.#rest)) return;
    const before = [...this.#writers.keys()].join();
    await this.refresh();
    const isAtRest = [...this.#writers.keys()].join() === before;
    this.#rest = isAtRest ? Math.min(this.#rest * 2, restMax) : 0.5;
  }

  async refresh(): Promise<void> {
    const running = this.#refreshing;
    if (running !== undefined && this.#isYoung(running.sinceMs, 1)) return running.done;
    const sinceMs = this.#options.clock.nowMs();
    const done = this.#list(sinceMs).finally(() => {
      if (this.#refreshing?.done === done) this.#refreshing = undefined;
    });
    this.#refreshing = { sinceMs, done };
    return done;
  }

  #isYoung(sinceMs: number, share: number): boolean {
    const ageMs = this.#options.clock.nowMs() - sinceMs;
    return ageMs >= 0 && ageMs <= this.#options.intervalMs * share;
  }

  async #list(sinceMs: number): Promise<void> {
    const { store } = this.#options;
    const found = new Map<string, Member | undefined>();
    const reads: Promise<void>[] = [];
    for await (const { key } of store.list(writersPrefix)) {
      const writer = writerOfKey(writersPrefix, key);
      if (writer === undefined) continue;
      const known = this.#writers.get(writer);
      found.set(writer, known);
      // How to reach it never changes.
      if (known === undefined) reads.push(this.#read(writer).then((member) => void found.set(writer, member)));
    }
    await Promise.all(reads);
    if (sinceMs - this.#segmentsListedMs >= orphansIntervalMs || sinceMs < this.#segmentsListedMs) {
      this.#withSegments = await listWriters(store);
      this.#segmentsListedMs = sinceMs;
    }
    for (const writer of this.#withSegments) if (!found.has(writer)) found.set(writer, undefined);
    if (sinceMs < this.#listedMs) return;
    this.#writers = found;
    this.#listedMs = sinceMs;
  }

  async #read(writer: string): Promise<Member | undefined> {
    try {
      return decodeMember(await this.#options.store.get(memberKey(writer)));
    } catch (error) {
      if (isKind(error, ErrorKind.notFound)) return undefined;
      throw error;
    }
  }
}

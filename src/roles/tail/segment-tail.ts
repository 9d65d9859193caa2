/**
 * Follows the segments of all writers: each is handed over once, from a position that the caller keeps if it wants to go on
 * there after a restart. For live data of readers, and for whoever computes something from every span.
 *
 *   catchUp()   everything that was acknowledged before the call has been handed over, or it throws
 *   run()       follows along in the background, so that catching up is short
 *
 * A segment is deleted when every tenant has it in blocks, some time after it was written: who is farther behind than that
 * does not get it.
 */
import type { Clock } from '../../base/clock.ts';
import type { ObjectStore } from '../../objectstore/object-store.ts';
import type { Segment } from '../../wal/segment-codec.ts';
import type { Member } from '../members/member-keys.ts';
import type { WriterDirectory } from '../members/writer-directory.ts';
import type { RecentAnswer } from './recent-segments.ts';
import { type TailPosition, tailStart, WriterTail } from './writer-tail.ts';

export interface SegmentTailOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly directory: WriterDirectory;
  /** Asks a writer: `RecentClient`. */
  readonly ask: (writer: string, member: Member, after: number) => Promise<RecentAnswer>;
  /** Gets each segment once, one at a time, and must not throw. Those of one writer come nearly in order: `WriterTail`. */
  readonly onSegment: (segment: Segment) => void;
  /** A writer is gone: every tenant has all of its segments in blocks. */
  readonly onGone?: (writer: string) => void;
  /** Where to begin with a writer that is met for the first time. Default: at its first segment that is stored. */
  readonly from?: (writer: string) => TailPosition;
  /** A writer whose segments come from elsewhere. */
  readonly isSkipped?: (writer: string, member: Member | undefined) => boolean;
  /** Pause of the background between two looks, ms. */
  readonly followMs: number;
  readonly log: { warn(fields: object, message: string): void };
}

export class SegmentTail {
  readonly #options: SegmentTailOptions;
  readonly #tails = new Map<string, WriterTail>();
  readonly #abort = new AbortController();

  constructor(options: SegmentTailOptions) {
    this.#options = options;
  }

  /**
   * `except`: a writer whose rows the caller has from elsewhere.
   * @throws kind `unavailable`, or what the store throws, when it is not sure that everything has been handed over
   */
  async catchUp(except?: string): Promise<void> {
    await this.#options.directory.writers();
    await this.#catchUp(except);
  }

  async #catchUp(except: string | undefined): Promise<void> {
    // Never older than what another call has used: a writer that is missing here is gone.
    const writers = this.#options.directory.known;
    const work: Promise<void>[] = [];
    for (const [writer, member] of writers) {
      if (writer === except || this.#options.isSkipped?.(writer, member) === true) continue;
      let tail = this.#tails.get(writer);
      if (tail === undefined) this.#tails.set(writer, (tail = this.#follow(writer)));
      work.push(tail.catchUp(member));
    }
    for (const writer of this.#tails.keys()) {
      if (writers.has(writer)) continue;
      this.#tails.delete(writer);
      this.#options.onGone?.(writer);
    }
    const results = await Promise.allSettled(work);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /** Follows along until `stop`. `except`: as of `catchUp`, at any moment. */
  async run(except: () => string | undefined = () => undefined): Promise<void> {
    const { clock, directory, followMs, log } = this.#options;
    const { signal } = this.#abort;
    let failing = false;
    while (!signal.aborted) {
      try {
        await directory.keepFresh();
        await this.#catchUp(except());
        failing = false;
      } catch (error) {
        if (!failing) log.warn({ reason: String(error) }, 'live data of writers cannot be followed; will try again');
        failing = true;
      }
      await clock.sleep(followMs, signal).catch(() => undefined);
    }
  }

  stop(): void {
    this.#abort.abort();
  }

  /** By writer: where it would go on. */
  get positions(): ReadonlyMap<string, TailPosition> {
    return new Map([...this.#tails].map(([writer, tail]) => [writer, tail.position]));
  }

  #follow(writer: string): WriterTail {
    const { store, clock, ask, onSegment, from = () => tailStart, log } = this.#options;
    return new WriterTail({
      writer,
      store,
      clock,
      from: from(writer),
      ask,
      onSegment,
      onSkipped: ({ key, reason }) => log.warn({ key, reason }, 'a damaged segment is not in any answer'),
      onUnreachable: (id, error) =>
        log.warn(
          { writer: id, reason: String(error) },
          'a writer does not answer; its segments are read from the store',
        ),
    });
  }
}

/**
 * Follows one writer: hands over each of its segments once, from the writer's memory, or from the store when the writer
 * does not answer or what is missing is too old.
 *
 * Through the writer segments arrive in order. In the store they may not: several puts are under way at a time, so that
 * segment 8 can be there before segment 7. Nothing is acknowledged out of order, but 8 has been handed over then, and 7 may
 * come and count. So the position has two parts:
 *
 *   through   every segment up to here that ever counts was handed over
 *   beyond    single ones above it that were handed over, too; within `segmentWindow` of the highest
 */
import type { Clock } from '../../base/clock.ts';
import type { ObjectStore } from '../../objectstore/object-store.ts';
import { decodeSegment, type Segment } from '../../wal/segment-codec.ts';
import { segmentWindow, seqOfKey } from '../../wal/segment-keys.ts';
import { readSegments, type SkippedSegment } from '../../wal/segment-reader.ts';
import type { Member } from '../members/member-keys.ts';
import type { RecentAnswer } from './recent-segments.ts';

/** Plain data, for those who keep it. */
export interface TailPosition {
  readonly through: number;
  readonly beyond: readonly number[];
}

export const tailStart: TailPosition = { through: 0, beyond: [] };

export interface WriterTailOptions {
  readonly writer: string;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly from: TailPosition;
  readonly ask: (writer: string, member: Member, after: number) => Promise<RecentAnswer>;
  /** Gets each segment once; must not throw. */
  readonly onSegment: (segment: Segment) => void;
  /** Hears of each segment that cannot be read, once. */
  readonly onSkipped: (skipped: SkippedSegment) => void;
  readonly onUnreachable: (writer: string, error: unknown) => void;
}

/** A writer that did not answer is not asked again for so long: each time costs a query the time-out. */
const suspectMs = 5_000;

export class WriterTail {
  readonly #options: WriterTailOptions;
  #through: number;
  readonly #beyond: Set<number>;
  #suspectUntilMs = 0;
  #running: Promise<void> | undefined;
  /** The turn after the running one, when somebody waits for it. */
  #next: Promise<void> | undefined;

  constructor(options: WriterTailOptions) {
    this.#options = options;
    this.#through = options.from.through;
    this.#beyond = new Set(options.from.beyond);
  }

  get position(): TailPosition {
    return { through: this.#through, beyond: [...this.#beyond] };
  }

  /**
   * Resolves when every segment that was acknowledged before the call has been handed over. Callers that come while one
   * is at work share the next turn. @throws what the store throws: then nothing is known to be complete
   */
  catchUp(member: Member | undefined): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    const running = this.#running;
    if (running === undefined) return this.#begin(member);
    const turn = (): Promise<void> => {
      this.#next = undefined;
      return this.#begin(member);
    };
    this.#next = running.then(turn, turn);
    return this.#next;
  }

  #begin(member: Member | undefined): Promise<void> {
    const done = this.#catchUp(member).finally(() => {
      if (this.#running === done) this.#running = undefined;
    });
    this.#running = done;
    return done;
  }

  async #catchUp(member: Member | undefined): Promise<void> {
    const { clock, writer, onUnreachable } = this.#options;
    const nowMs = clock.nowMs();
    if (member !== undefined && (nowMs >= this.#suspectUntilMs || this.#suspectUntilMs - nowMs > suspectMs)) {
      try {
        return await this.#fromWriter(member);
      } catch (error) {
        this.#suspectUntilMs = clock.nowMs() + suspectMs;
        onUnreachable(writer, error);
      }
    }
    await this.#fromStore();
  }

  /** @throws when the writer does not answer */
  async #fromWriter(member: Member): Promise<void> {
    const { ask, writer } = this.#options;
    let goal: number | undefined;
    do {
      const answer = await ask(writer, member, this.#through);
      goal ??= answer.durable;
      // Too old for the writer's memory.
      if (this.#through < answer.floor) await this.#fromStore();
      const segments = await Promise.all(answer.objects.map((object) => decodeSegment(`answer of ${writer}`, object)));
      for (const segment of segments) this.#hand(segment);
      this.#settle(answer.head);
    } while (this.#through < goal);
  }

  async #fromStore(): Promise<void> {
    const { store, writer, onSkipped } = this.#options;
    const isNew = (seq: number): boolean => seq > this.#through && !this.#beyond.has(seq);
    const skip = (skipped: SkippedSegment): void => {
      const seq = seqOfKey(writer, skipped.key);
      if (seq === undefined || !isNew(seq)) return;
      this.#beyond.add(seq);
      onSkipped(skipped);
    };
    for await (const segment of readSegments(store, writer, this.#through, skip, undefined, isNew)) this.#hand(segment);
    this.#settle(Math.max(0, ...this.#beyond) - segmentWindow);
  }

  #hand(segment: Segment): void {
    const { seq } = segment.header;
    if (seq <= this.#through || this.#beyond.has(seq)) return;
    this.#beyond.add(seq);
    this.#options.onSegment(segment);
  }

  #settle(through: number): void {
    if (through <= this.#through) return;
    this.#through = through;
    for (const seq of this.#beyond) if (seq <= through) this.#beyond.delete(seq);
  }
}

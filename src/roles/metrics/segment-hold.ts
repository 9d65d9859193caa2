/**
 * Keeps segments that are in blocks from being deleted before metrics processes have counted them. Whoever deletes
 * segments asks here; what is held is asked for again later.
 */
import type { Clock } from '../../base/clock.ts';
import type { ObjectStore } from '../../objectstore/object-store.ts';
import { newestHead, type ShardHead, shardCount } from './shard-heads.ts';

export interface SegmentHoldOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  /** A shard that has stood still for so long holds nothing any more: there may be no metrics process left. */
  readonly holdMsMax: number;
}

/** Heads that were read so lately are not read again. */
const youngMs = 2_000;

export class SegmentHold {
  readonly #options: SegmentHoldOptions;
  #heads: readonly ShardHead[] = [];
  #readMs = Number.NEGATIVE_INFINITY;

  constructor(options: SegmentHoldOptions) {
    this.#options = options;
  }

  /** Those of a writer's segments that may go. */
  async free(writer: string, seqs: readonly number[]): Promise<number[]> {
    const { clock, holdMsMax } = this.#options;
    const nowMs = clock.nowMs();
    const positions = (await this.#read())
      .filter(({ writtenUnixMs }) => nowMs - writtenUnixMs < holdMsMax)
      .map((head) => head.positions[writer] ?? { through: 0, beyond: [] });
    return seqs.filter((seq) => positions.every(({ through, beyond }) => seq <= through || beyond.includes(seq)));
  }

  async #read(): Promise<readonly ShardHead[]> {
    const nowMs = this.#options.clock.nowMs();
    if (Math.abs(nowMs - this.#readMs) < youngMs) return this.#heads;
    const heads: ShardHead[] = [];
    for (let shard = 0; shard < shardCount; shard++) {
      const head = await newestHead(this.#options.store, shard, this.#heads[shard]);
      if (head !== undefined) heads[shard] = head;
    }
    this.#heads = heads;
    this.#readMs = nowMs;
    return heads;
  }
}

/**
 * A shard in the hands of the process that counts it: its checkpoints, each a step in the chain of heads. A process that
 * was taken for dead finds the next version taken, and its checkpoint fails; so what it counted since the last one counts
 * nowhere, and its successor counts those spans. No clock is part of this.
 *
 * The next version may have been taken and deleted again while a process slept. Then there is a higher one: who made a
 * head looks for that before it believes in it.
 */
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import type { Clock } from '../../base/clock.ts';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import { type Rng, randomHex } from '../../base/random.ts';
import { isKind, type ObjectStore } from '../../objectstore/object-store.ts';
import {
  type Checkpoint,
  type CheckpointStore,
  decodeCheckpoint,
  emptyCheckpoint,
  encodeCheckpoint,
} from './checkpoint.ts';
import {
  encodeHead,
  getHead,
  headKey,
  listHeads,
  type ShardHead,
  shardPrefix,
  stateKey,
  statePrefix,
} from './shard-heads.ts';

export interface ShardRecordOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly shard: number;
  /** The process that will count. */
  readonly owner: string;
}

const compress = promisify(zlib.zstdCompress);
const decompress = promisify(zlib.zstdDecompress);

export class ShardRecord implements CheckpointStore {
  readonly #options: ShardRecordOptions;
  readonly #run: string;
  #head: ShardHead;
  #isLost = false;

  /**
   * Takes a shard over from where `newest` left it.
   * @throws kind `conflict` when somebody else was faster
   */
  static async claim(options: ShardRecordOptions, newest: ShardHead | undefined): Promise<ShardRecord> {
    const nothing = { version: 0, owner: '', run: '', state: '', positions: {}, writtenUnixMs: 0 };
    const record = new ShardRecord(options, newest ?? nothing);
    await record.#advance({ owner: options.owner });
    await record.#sweep();
    return record;
  }

  private constructor(options: ShardRecordOptions, head: ShardHead) {
    this.#options = options;
    this.#head = head;
    this.#run = randomHex(options.rng, 8);
  }

  /** Somebody else counts the shard. */
  get isLost(): boolean {
    return this.#isLost;
  }

  async read(): Promise<Checkpoint> {
    const { state } = this.#head;
    if (state === '') return emptyCheckpoint;
    return decodeCheckpoint(await decompress(await this.#options.store.get(state)));
  }

  /** @throws kind `conflict` when the shard is somebody else's */
  async write(checkpoint: Checkpoint): Promise<void> {
    const { store, shard, rng, owner } = this.#options;
    if (this.#isLost) throw this.#lost();
    const before = this.#head.state;
    const state = stateKey(shard, this.#head.version + 1, randomHex(rng, 8));
    await store.put(state, await compress(encodeCheckpoint(checkpoint)));
    await this.#advance({ owner, state, positions: checkpoint.positions });
    if (before !== '') await store.delete(before);
  }

  /** Anybody may take it. */
  async release(): Promise<void> {
    if (!this.#isLost) await this.#advance({ owner: '' });
  }

  async #advance(change: Partial<ShardHead>): Promise<void> {
    const { store, clock, shard } = this.#options;
    for (;;) {
      const before = this.#head.version;
      const version = before + 1;
      const head = { ...this.#head, ...change, version, run: this.#run, writtenUnixMs: clock.nowMs() };
      try {
        await store.put(headKey(shard, version), encodeHead(head), { ifAbsent: true });
      } catch (error) {
        if (!isKind(error, ErrorKind.conflict)) throw error;
        const there = await this.#headAt(version);
        if (there?.run !== this.#run) throw this.#lost();
        this.#head = there;
        continue;
      }
      for await (const _ of store.list(shardPrefix(shard), { startAfter: headKey(shard, version), limit: 1 }))
        throw this.#lost();
      this.#head = head;
      if (before > 0) await store.delete(headKey(shard, before));
      return;
    }
  }

  async #headAt(version: number): Promise<ShardHead | undefined> {
    const { store, shard } = this.#options;
    try {
      return await getHead(store, headKey(shard, version));
    } catch (error) {
      if (isKind(error, ErrorKind.notFound)) return undefined;
      throw error;
    }
  }

  /** Removes what runs before this one could not. */
  async #sweep(): Promise<void> {
    const { store, shard } = this.#options;
    const newest = headKey(shard, this.#head.version);
    for (const key of await listHeads(store, shard)) if (key < newest) await store.delete(key);
    for await (const { key } of store.list(statePrefix(shard))) if (key !== this.#head.state) await store.delete(key);
  }

  #lost(): RubatoError {
    this.#isLost = true;
    const { shard } = this.#options;
    return new RubatoError(ErrorKind.conflict, 'shard_lost', `another process counts shard ${shard} of the metrics`);
  }
}

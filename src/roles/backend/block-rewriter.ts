/**
 * Makes one block of several in the store, or of one with traces left out. Streams from the inputs row group by row group;
 * in memory are one row group, the columns that its inputs need, and the finished bytes of the new block, since objects
 * are put as a whole.
 */
import { throwIfAborted } from '../../base/abort.ts';
import type { Clock } from '../../base/clock.ts';
import type { Rng } from '../../base/random.ts';
import { blockIdUnixMs, newBlockId } from '../../block/block-id.ts';
import { ColumnCache } from '../../block/column-cache.ts';
import { compact } from '../../block/compact.ts';
import type { BlockMeta } from '../../block/manifest.ts';
import { blockFileKey } from '../../block/manifest-keys.ts';
import { openBlock } from '../../block/read-block.ts';
import type { StoredFragment } from '../../block/stored-fragment.ts';
import type { TraceIdSet } from '../../block/trace-id-set.ts';
import type { ObjectStore } from '../../objectstore/object-store.ts';

/**
 * A block whose files are older is not committed: a process that was asleep must not name files that are being collected as
 * orphans meanwhile. Far below the orphans' grace period.
 */
const commitMsMax = 60 * 60_000;

export interface BlockRewriterOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly rng: Rng;
  /** Decoded columns of the inputs that are kept for the next row group, bytes. */
  readonly cacheBytesMax: number;
}

export interface Rewrite {
  readonly tenant: string;
  readonly inputs: readonly BlockMeta[];
  readonly level: number;
  readonly without?: TraceIdSet;
  /** Called after each row group and before the files are put; whatever it throws ends the work. */
  readonly onProgress?: () => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

export class BlockRewriter {
  readonly #options: BlockRewriterOptions;

  constructor(options: BlockRewriterOptions) {
    this.#options = options;
  }

  /** The new block; its files are durable. After an error there may be files without a block, which are orphans. */
  async rewrite(rewrite: Rewrite): Promise<BlockMeta> {
    const { store, clock, rng } = this.#options;
    const { tenant, inputs, level, without, signal } = rewrite;
    const fragments = await this.open(tenant, inputs, signal);
    const files = new Map<string, Uint8Array[]>();
    const summary = await compact(
      fragments,
      {
        write: async (chunks) => {
          for (const { file, bytes } of chunks) {
            const parts = files.get(file);
            if (parts === undefined) files.set(file, [bytes]);
            else parts.push(bytes);
          }
          await rewrite.onProgress?.();
        },
        ...(without !== undefined && { without }),
        ...(signal !== undefined && { signal }),
      },
      { requests: 0, bytes: 0, pages: 0 },
    );
    throwIfAborted(signal);
    const id = newBlockId(clock.nowMs(), rng);
    for (const [file, parts] of files) {
      await store.put(blockFileKey(tenant, id, file), parts, { signal });
      // What is durable need not stay in memory.
      files.delete(file);
    }
    // So that windows and retention treat the block as they would its inputs.
    const createdUnixMs = Math.max(...inputs.map((input) => input.createdUnixMs));
    return { id, ...summary, level, createdUnixMs };
  }

  /** Whether a block that was just made may still be committed. */
  isFresh(block: BlockMeta): boolean {
    const madeMs = blockIdUnixMs(block.id);
    return madeMs !== undefined && Math.abs(this.#options.clock.nowMs() - madeMs) <= commitMsMax;
  }

  /** The row groups of blocks. */
  async open(tenant: string, blocks: readonly BlockMeta[], signal?: AbortSignal): Promise<StoredFragment[]> {
    const { store, cacheBytesMax } = this.#options;
    const cache = new ColumnCache(cacheBytesMax);
    const cost = { requests: 0, bytes: 0, pages: 0 };
    const fragments: StoredFragment[] = [];
    for (const { id, files } of blocks) {
      const readRange = (file: string, offset: number, length: number): Promise<Uint8Array> =>
        store.getRange(blockFileKey(tenant, id, file), offset, length, signal);
      fragments.push(...(await openBlock({ blockId: id, sizes: files, readRange, cache }, cost, signal)));
    }
    return fragments;
  }
}

/**
 * Runs a compaction: one new block, then one commit that swaps it for its inputs. Anybody else may have been faster with
 * any of the inputs, a compaction elsewhere, retention or a redaction; then the work is lost and nothing else: the new
 * block's files are orphans, which are collected like all others, since a commit that was tried may still take effect.
 */
import type { Clock } from '../../base/clock.ts';
import type { BlockMeta, ManifestState, ManifestStore } from '../../block/manifest.ts';
import type { BlockRewriter } from './block-rewriter.ts';

export interface CompactorOptions {
  readonly manifest: ManifestStore;
  readonly rewriter: BlockRewriter;
  readonly clock: Clock;
  /** Awaited after each row group: gives way to more important work. */
  readonly pace: (signal?: AbortSignal) => Promise<void>;
  /** How often a running job looks whether its inputs are still there. */
  readonly checkIntervalMs: number;
}

export interface CompactionResult {
  /** Undefined: somebody else was faster. */
  readonly block: BlockMeta | undefined;
  /** The newest state seen. */
  readonly state: ManifestState;
}

class InputsGone extends Error {}

export class Compactor {
  readonly #options: CompactorOptions;

  constructor(options: CompactorOptions) {
    this.#options = options;
  }

  async run(state: ManifestState, inputs: readonly BlockMeta[], signal?: AbortSignal): Promise<CompactionResult> {
    const { manifest, rewriter, clock, pace, checkIntervalMs } = this.#options;
    const { tenant } = state;
    let newest = state;
    let checkedMs = clock.nowMs();
    const onProgress = async (): Promise<void> => {
      await pace(signal);
      if (Math.abs(clock.nowMs() - checkedMs) < checkIntervalMs) return;
      newest = await manifest.load(tenant, newest, signal);
      checkedMs = clock.nowMs();
      if (!hasAll(newest, inputs)) throw new InputsGone();
    };
    try {
      const level = 1 + Math.max(...inputs.map((input) => input.level));
      const block = await rewriter.rewrite({ tenant, inputs, level, onProgress, signal });
      newest = await manifest.commit(
        tenant,
        (now) =>
          hasAll(now, inputs) && rewriter.isFresh(block)
            ? { add: [block], remove: inputs.map(({ id }) => ({ id, reason: 'compacted' })) }
            : undefined,
        { known: newest, signal },
      );
      return { block: newest.blocks.has(block.id) ? block : undefined, state: newest };
    } catch (error) {
      if (error instanceof InputsGone) return { block: undefined, state: newest };
      // An input that was collected while it was read.
      const seen = await manifest.load(tenant, newest, signal);
      if (!hasAll(seen, inputs)) return { block: undefined, state: seen };
      throw error;
    }
  }
}

function hasAll(state: ManifestState, blocks: readonly BlockMeta[]): boolean {
  return blocks.every(({ id }) => state.blocks.has(id));
}

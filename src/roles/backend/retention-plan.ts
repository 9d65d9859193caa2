/** Which blocks are too old, or too many. A pure function of the manifest's state. */
import type { BlockMeta, ManifestState } from '../../block/manifest.ts';
import { clockSlackMs, endMs } from './compaction-plan.ts';

export interface RetentionOptions {
  /** Blocks whose spans ended longer ago are removed, ms. 0: never. */
  readonly retentionMs: number;
  /** All blocks together may have so many bytes; the oldest beyond are removed. 0: no bound. */
  readonly retentionBytes: number;
}

/** Blocks to remove, the oldest first. */
export function planRetention(state: ManifestState, options: RetentionOptions, nowMs: number): BlockMeta[] {
  const { retentionMs, retentionBytes } = options;
  const oldestFirst = [...state.blocks.values()].sort((a, b) => keptSinceMs(a) - keptSinceMs(b));
  let excessBytes = 0;
  if (retentionBytes > 0) excessBytes = oldestFirst.reduce((sum, { sizeBytes }) => sum + sizeBytes, -retentionBytes);
  const removed: BlockMeta[] = [];
  for (const block of oldestFirst) {
    const isOld = retentionMs > 0 && keptSinceMs(block) < nowMs - retentionMs;
    if (!isOld && excessBytes <= 0) break;
    removed.push(block);
    excessBytes -= block.sizeBytes;
  }
  return removed;
}

/** A block's end, but not much before it was written: old spans that are imported now are kept as long as new ones. */
function keptSinceMs(block: BlockMeta): number {
  return Math.max(endMs(block), block.createdUnixMs - clockSlackMs);
}

/** What the backend role tells about its work: to metrics, and to the log. */
import type { BlockMeta } from '../../block/manifest.ts';

export interface BackendObserver {
  compacted(inputs: readonly BlockMeta[], output: BlockMeta): void;
  /** Blocks that would be compacted now. */
  outstanding(tenant: string, blocks: number): void;
  /** Blocks whose time is over were removed from the manifest; `ms`: how long it took. */
  retained(blocks: number, ms: number): void;
  /** Files of so many removed blocks were deleted. */
  deleted(blocks: number): void;
  failed(what: 'compaction' | 'maintenance'): void;
}

export interface BackendLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Opens blocks for reading. One read, of the index; everything else is read when a query wants it. */

import { corrupt } from '../base/errors.ts';
import type { ReadCost } from '../traceql/storage.ts';
import { BlockFragment } from './block-fragment.ts';
import { BlockSource } from './block-source.ts';
import type { ColumnCache } from './column-cache.ts';
import { openIndex } from './index-file.ts';
import { INDEX_FILE } from './layout.ts';
import type { ReadRange } from './page-loader.ts';
import { RowGroup } from './row-group.ts';
import type { StoredFragment } from './stored-fragment.ts';

/** A request to a bucket takes as long as so many bytes; so all pages of a trace in one table are usually one read. */
const TRACE_GAP_BYTES_MAX = 2 << 20;

export interface OpenBlockOptions {
  readonly blockId: string;
  /** Size in bytes of each file. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Exactly `length` bytes of a file of the block. May be called many times at once. */
  readonly readRange: ReadRange;
  /** Bounds memory over all blocks. */
  readonly cache: ColumnCache;
  /** The `index` file, when it is at hand. It is kept. */
  readonly index?: Uint8Array;
  /**
   * Bytes between two pages of a trace that are rather read than paid for with another request. Less when requests cost
   * little, as on a disk. Default: {@link TRACE_GAP_BYTES_MAX}.
   */
  readonly traceGapBytesMax?: number;
}

/** A block's row groups, each a fragment of its own. @throws RubatoError corrupt, or whatever reading throws */
export async function openBlock(
  options: OpenBlockOptions,
  cost: ReadCost,
  signal?: AbortSignal,
): Promise<readonly StoredFragment[]> {
  const { blockId, sizes, readRange, cache, traceGapBytesMax = TRACE_GAP_BYTES_MAX } = options;
  const where = `block ${blockId}, ${INDEX_FILE}`;
  let bytes = options.index;
  if (bytes === undefined) {
    const size = sizes[INDEX_FILE];
    if (size === undefined) throw corrupt(where, 'missing');
    bytes = await readRange(INDEX_FILE, 0, size, signal);
    cost.requests++;
    cost.bytes += size;
  }
  const index = openIndex(bytes, where);
  const source = new BlockSource({ blockId, index, sizes, readRange, cache, traceGapBytesMax });
  const first = { spans: 0, events: 0, links: 0, resources: 0 };
  return source.rowGroups.map(({ rows }, number) => {
    const group = new RowGroup(source, number, { ...first });
    first.spans += rows.spans;
    first.events += rows.events;
    first.links += rows.links;
    first.resources += rows.resources;
    return new BlockFragment(group);
  });
}

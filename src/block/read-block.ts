/** Opens blocks for reading. One read, of the index; everything else is read when a query wants it. */

import { corrupt } from '../base/errors.ts';
import type { ReadCost } from '../traceql/storage.ts';
import { BlockFragment } from './block-fragment.ts';
import { BlockSource } from './block-source.ts';
import type { ColumnCache } from './column-cache.ts';
import { decodeIndex } from './index-file.ts';
import { INDEX_FILE } from './layout.ts';
import type { ReadRange } from './page-loader.ts';
import { RowGroup } from './row-group.ts';
import type { StoredFragment } from './stored-fragment.ts';

export interface OpenBlockOptions {
  readonly blockId: string;
  /** Size in bytes of each file. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Exactly `length` bytes of a file of the block. May be called many times at once. */
  readonly readRange: ReadRange;
  /** Bounds memory over all blocks. */
  readonly cache: ColumnCache;
  /** The `index` file, when it is at hand. */
  readonly index?: Uint8Array;
}

/** A block's row groups, each a fragment of its own. @throws RubatoError corrupt, or whatever reading throws */
export async function openBlock(
  options: OpenBlockOptions,
  cost: ReadCost,
  signal?: AbortSignal,
): Promise<readonly StoredFragment[]> {
  const { blockId, sizes, readRange, cache } = options;
  const where = `block ${blockId}, ${INDEX_FILE}`;
  let bytes = options.index;
  if (bytes === undefined) {
    const size = sizes[INDEX_FILE];
    if (size === undefined) throw corrupt(where, 'missing');
    bytes = await readRange(INDEX_FILE, 0, size, signal);
    cost.requests++;
    cost.bytes += size;
  }
  const source = new BlockSource({ blockId, index: decodeIndex(bytes, where), sizes, readRange, cache });
  const first = { spans: 0, events: 0, links: 0, resources: 0 };
  return source.description.rowGroups.map(({ rows }, number) => {
    const group = new RowGroup(source, number, { ...first });
    first.spans += rows.spans;
    first.events += rows.events;
    first.links += rows.links;
    first.resources += rows.resources;
    return new BlockFragment(group);
  });
}

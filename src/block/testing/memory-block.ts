/** A built block in memory, opened the way a stored one is. */

import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from '../../base/abort.ts';
import type { ReadCost } from '../../traceql/storage.ts';
import type { BuiltBlock } from '../build.ts';
import { ColumnCache } from '../column-cache.ts';
import { openBlock } from '../read-block.ts';
import type { StoredFragment } from '../stored-fragment.ts';

export interface MemoryBlock {
  readonly files: Map<string, Buffer>;
  /** Ranges read so far: `file:offset+length`. */
  readonly reads: string[];
  open(cache?: ColumnCache, cost?: ReadCost): Promise<readonly StoredFragment[]>;
}

export function memoryBlock(built: BuiltBlock, blockId = 'block'): MemoryBlock {
  const files = new Map<string, Buffer>();
  for (const [file, parts] of built.parts) files.set(file, Buffer.concat(parts));
  const reads: string[] = [];
  return {
    files,
    reads,
    open: (cache = new ColumnCache(1 << 30), cost = { requests: 0, bytes: 0, pages: 0 }) =>
      openBlock(
        {
          blockId,
          sizes: built.files,
          cache,
          readRange: async (file, offset, length, signal) => {
            reads.push(`${file}:${offset}+${length}`);
            await setImmediate();
            throwIfAborted(signal);
            // A copy: decoders must not keep the bytes.
            return Uint8Array.from(files.get(file)!.subarray(offset, offset + length));
          },
        },
        cost,
      ),
  };
}

/** The read role over one store: blocks opened through it, live tables from the write role. */
import type { TraceLookup, TracePart } from '../api/ports.ts';
import { ColumnCache } from '../block/column-cache.ts';
import type { ManifestStore } from '../block/manifest.ts';
import { blockFileKey } from '../block/manifest-keys.ts';
import { openBlock } from '../block/read-block.ts';
import type { ObjectStore } from '../objectstore/object-store.ts';
import { type LiveSource, Reader } from '../roles/read/reader.ts';
import type { Config } from './config/schema.ts';

export function createReader(parts: {
  config: Config;
  store: ObjectStore;
  live: LiveSource;
  manifest: ManifestStore;
}): { reader: Reader; traces: TraceLookup } {
  const { config, store, live, manifest } = parts;
  const cache = new ColumnCache(config.querier.column_cache_bytes);
  const reader = new Reader({
    live,
    manifest,
    openBlock: (tenant, { id, files }, cost) => {
      const readRange = (file: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> =>
        store.getRange(blockFileKey(tenant, id, file), offset, length, signal);
      return openBlock({ blockId: id, sizes: files, readRange, cache }, cost);
    },
    assemble: async (fragments) => ({
      fragments,
      blockCount: fragments.length,
      version: fragments.map((f) => f.id).join(),
    }),
  });
  const traces: TraceLookup = {
    async trace(request, cost, signal) {
      const snapshot = await reader.snapshot(
        { tenant: request.tenant, startUnixNano: 0n, endUnixNano: 0n, traceId: request.traceId },
        cost,
        signal,
      );
      const found: TracePart[] = [];
      for (const fragment of snapshot.fragments) {
        await fragment.loadTraces(cost, signal);
        for (let t = 0; t < fragment.traceCount; t++) {
          if (Buffer.compare(fragment.traceIds.subarray(t * 16, t * 16 + 16), request.traceId) === 0)
            found.push({ fragment, trace: t });
        }
      }
      return found;
    },
  };
  return { reader, traces };
}

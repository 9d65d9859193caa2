/** The read role over one store: blocks opened through it, live tables from the write role. */
import type { TraceLookup, TracePart } from '../api/ports.ts';
import type { ManifestStore } from '../block/manifest.ts';
import type { ObjectStore } from '../objectstore/object-store.ts';
import { type LiveSource, Reader } from '../roles/read/reader.ts';
import type { Config } from './config/schema.ts';

export function createReader(parts: {
  config: Config;
  store: ObjectStore;
  live: LiveSource;
  manifest: ManifestStore;
}): { reader: Reader; traces: TraceLookup } {
  const reader = new Reader({
    live: parts.live,
    manifest: parts.manifest,
    openBlock: async () => [],
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

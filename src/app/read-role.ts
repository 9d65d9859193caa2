/** The read role over one store: blocks opened through it, live tables from the write role. */

import { systemClock } from '../base/clock.ts';
import { ColumnCache } from '../block/column-cache.ts';
import { readPack } from '../block/index-pack.ts';
import type { ManifestStore } from '../block/manifest.ts';
import { blockFileKey } from '../block/manifest-keys.ts';
import { openBlock } from '../block/read-block.ts';
import type { DiskCache } from '../objectstore/disk-cache.ts';
import type { ObjectStore } from '../objectstore/object-store.ts';
import { type LiveSource, Reader } from '../roles/read/reader.ts';
import { backendSettings } from './backend-settings.ts';
import type { Config } from './config/schema.ts';
import type { TailRole } from './tail-role.ts';

/**
 * What a request costs more than reading so many bytes on, between pages of a trace: from a disk, and from a bucket. The
 * widest gap of a full row group is its span ids, 1 MiB, so that a trace is one request to a table.
 */
const traceGapBytesMax = { disk: 32 << 10, bucket: 1 << 20 };

export function createReader(parts: {
  config: Config;
  store: ObjectStore;
  live: LiveSource;
  manifest: Pick<ManifestStore, 'load'>;
  disk?: DiskCache | undefined;
}): Reader {
  const { config, store, live, manifest, disk } = parts;
  const cache = new ColumnCache(config.querier.column_cache_bytes);
  const gapBytesMax = traceGapBytesMax[config.storage.trace.backend === 'local' ? 'disk' : 'bucket'];
  const reader = new Reader({
    live,
    manifest,
    openBlock: (tenant, { id, files }, cost, index) => {
      const readRange = (file: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> => {
        const key = blockFileKey(tenant, id, file);
        const size = files[file];
        if (disk === undefined || size === undefined) return store.getRange(key, offset, length, signal);
        const fetch = (from: number, bytes: number): Promise<Uint8Array> => store.getRange(key, from, bytes, signal);
        return disk.read({ key, size, fetch }, offset, length);
      };
      const options = { blockId: id, sizes: files, readRange, cache, traceGapBytesMax: gapBytesMax };
      return openBlock(index === undefined ? options : { ...options, index }, cost);
    },
    readPack: (tenant, pack, cost) => readPack(store, tenant, pack, cost),
  });
  return reader;
}

/** How often tenants that nobody asks about are looked at: rows that have got into blocks are let go then. */
const refreshMsMax = 15_000;

/**
 * Keeps the manifests of tenants with live rows, or that were asked about, up to date: several times in the time for which
 * files of compacted blocks are kept.
 */
export async function keepReaderFresh(parts: {
  config: Config;
  reader: Reader;
  tail: TailRole;
  signal: AbortSignal;
  log: { warn(fields: object, message: string): void };
}): Promise<void> {
  const { config, reader, tail, signal, log } = parts;
  const intervalMs = Math.min(refreshMsMax, backendSettings(config).removedGraceMs / 4);
  while (!signal.aborted) {
    await systemClock.sleep(intervalMs, signal).catch(() => undefined);
    try {
      const tenants = new Set([...(await tail.tenants()), ...reader.tenants]);
      for (const tenant of tenants) if (!signal.aborted) await reader.refresh(tenant);
    } catch (error) {
      if (!signal.aborted) log.warn({ reason: String(error) }, 'manifests could not be read; will try again');
    }
  }
}

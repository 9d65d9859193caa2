/** The read role's cache on a local disk, and what it reports. There is one in a process. */
import path from 'node:path';
import { Counter, Gauge, type Registry } from 'prom-client';
import { systemClock } from '../base/clock.ts';
import type { ManifestState, ManifestStore } from '../block/manifest.ts';
import { blockOfPrefix } from '../block/manifest-keys.ts';
import { DiskCache, zeroDiskCacheCounters } from '../objectstore/disk-cache.ts';
import { backendSettings } from './backend-settings.ts';
import type { Config } from './config/schema.ts';
import type { TraceStorage } from './config/storage-schema.ts';

const counters = zeroDiskCacheCounters();

/** Undefined when none is configured, or the data is on a disk itself. */
export function openDiskCache({ backend, disk_cache: keys }: TraceStorage): DiskCache | undefined {
  if (backend === 'local' || keys.path === '') return undefined;
  const folder = path.resolve(keys.path);
  return new DiskCache({ folder, bytesMax: keys.max_bytes, nowMs: systemClock.nowMs, counters });
}

/** Blocks that a manifest no longer names are looked for so often. */
const sweepMsMax = 60_000;

/**
 * Removes, until the signal fires, what is kept of blocks that are compacted, redacted or too old: nobody asks for them, and
 * what was to be deleted must not live on here. Also of tenants that this process was never asked about.
 */
export async function keepDiskCacheClean(parts: {
  config: Config;
  disk: DiskCache;
  manifest: Pick<ManifestStore, 'load'>;
  signal: AbortSignal;
  log: { warn(fields: object, message: string): void };
}): Promise<void> {
  const { config, disk, manifest, signal, log } = parts;
  const intervalMs = Math.min(sweepMsMax, backendSettings(config).removedGraceMs / 4);
  const states = new Map<string, ManifestState>();
  while (!signal.aborted) {
    try {
      await sweep(disk, manifest, states, signal);
    } catch (error) {
      if (!signal.aborted) log.warn({ reason: String(error) }, 'old parts of blocks are still on the local disk');
    }
    await systemClock.sleep(intervalMs, signal).catch(() => undefined);
  }
}

async function sweep(
  disk: DiskCache,
  manifest: Pick<ManifestStore, 'load'>,
  states: Map<string, ManifestState>,
  signal: AbortSignal,
): Promise<void> {
  const blocks = new Map<string, { id: string; prefix: string }[]>();
  for (const prefix of await disk.prefixes()) {
    const block = blockOfPrefix(prefix);
    if (block === undefined) continue;
    const list = blocks.get(block.tenant);
    if (list === undefined) blocks.set(block.tenant, [{ id: block.id, prefix }]);
    else list.push({ id: block.id, prefix });
  }
  for (const tenant of states.keys()) if (!blocks.has(tenant)) states.delete(tenant);
  for (const [tenant, kept] of blocks) {
    const state = await manifest.load(tenant, states.get(tenant), signal);
    states.set(tenant, state);
    for (const { id, prefix } of kept) if (!state.blocks.has(id)) await disk.remove(prefix);
  }
}

export function registerDiskCacheMetrics(registry: Registry): void {
  const counter = (name: string, help: string, read: () => number): void => {
    const metric: Counter = new Counter({
      name,
      help,
      registers: [registry],
      collect: () => {
        metric.reset();
        metric.inc(read());
      },
    });
  };
  counter('rubato_disk_cache_hits_total', 'Chunks of blocks that were in the cache.', () => counters.hits);
  counter('rubato_disk_cache_misses_total', 'Chunks of blocks that were not in the cache.', () => counters.misses);
  counter('rubato_disk_cache_hit_bytes_total', 'Bytes read from the cache.', () => counters.hitBytes);
  counter('rubato_disk_cache_miss_bytes_total', 'Bytes read from the store.', () => counters.missBytes);
  counter('rubato_disk_cache_evictions_total', 'Chunks removed to make room.', () => counters.evictions);
  counter('rubato_disk_cache_damaged_total', 'Chunks removed because they were damaged.', () => counters.damaged);
  counter('rubato_disk_cache_not_kept_total', 'Chunks not written: slow, full or no disk.', () => counters.notKept);
  const bytes: Gauge = new Gauge({
    name: 'rubato_disk_cache_bytes',
    help: 'Bytes in the cache that this process knows of.',
    registers: [registry],
    collect: () => bytes.set(counters.storedBytes),
  });
}

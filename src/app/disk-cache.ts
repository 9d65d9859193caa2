/** The read role's cache on a local disk, and what it reports. There is one in a process. */
import path from 'node:path';
import { Counter, Gauge, type Registry } from 'prom-client';
import { systemClock } from '../base/clock.ts';
import { DiskCache, zeroDiskCacheCounters } from '../objectstore/disk-cache.ts';
import type { TraceStorage } from './config/storage-schema.ts';

const counters = zeroDiskCacheCounters();

/** Undefined when none is configured, or the data is on a disk itself. */
export function openDiskCache({ backend, disk_cache: keys }: TraceStorage): DiskCache | undefined {
  if (backend === 'local' || keys.path === '') return undefined;
  const folder = path.resolve(keys.path);
  return new DiskCache({ folder, bytesMax: keys.max_bytes, nowMs: systemClock.nowMs, counters });
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

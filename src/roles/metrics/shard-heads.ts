/**
 * Where shards of the metrics generator stand, in the store. A shard is a fixed part of all traces; whoever counts it owns
 * the chain of its heads. A head is made by creating the key behind the newest one, so that of two that try one succeeds:
 *
 *   metrics/shards/<shard>/<version, 12 digits>   JSON: who counts, what has been counted, where the counters are
 *   metrics/state/<shard>/<version>-<random>      a checkpoint's tenants, zstd
 *
 * The highest version holds. It is never deleted, those below are.
 */
import { ErrorKind } from '../../base/errors.ts';
import { isKind, type ObjectStore } from '../../objectstore/object-store.ts';
import type { Position } from './checkpoint.ts';

/**
 * Parts of all traces, and so the most processes that share the work. Fixed: with another number, what has been counted
 * would belong to no part. Each is a series of its own in the receiver, so that there are few.
 */
export const shardCount = 4;

export interface ShardHead {
  readonly version: number;
  /** Id of the process that counts; empty: nobody does. */
  readonly owner: string;
  /** One run of an owner: by this it knows a head that it made in an attempt that seemed to fail. */
  readonly run: string;
  /** Key of the newest checkpoint; empty when there is none yet. */
  readonly state: string;
  /** What that checkpoint has counted, by writer. */
  readonly positions: Readonly<Record<string, Position>>;
  readonly writtenUnixMs: number;
}

const headsPrefix = 'metrics/shards/';

const versionText = (version: number): string => String(version).padStart(12, '0');
export const shardPrefix = (shard: number): string => `${headsPrefix}${shard}/`;
export const headKey = (shard: number, version: number): string => shardPrefix(shard) + versionText(version);
export const statePrefix = (shard: number): string => `metrics/state/${shard}/`;
export const stateKey = (shard: number, version: number, random: string): string =>
  `${statePrefix(shard)}${versionText(version)}-${random}`;

export function encodeHead(head: ShardHead): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(head));
}

export async function getHead(store: ObjectStore, key: string): Promise<ShardHead> {
  return JSON.parse(new TextDecoder().decode(await store.get(key))) as ShardHead;
}

/** Keys of a shard's heads, the newest last. */
export async function listHeads(store: ObjectStore, shard: number): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(shardPrefix(shard))) keys.push(key);
  return keys;
}

/** Undefined when nobody has ever counted the shard. @param known a head that is not read again if it is the newest */
export async function newestHead(store: ObjectStore, shard: number, known?: ShardHead): Promise<ShardHead | undefined> {
  for (;;) {
    const key = (await listHeads(store, shard)).at(-1);
    if (key === undefined) return undefined;
    if (known !== undefined && key === headKey(shard, known.version)) return known;
    try {
      return await getHead(store, key);
    } catch (error) {
      // Its successor came in between.
      if (!isKind(error, ErrorKind.notFound)) throw error;
    }
  }
}

/**
 * Deletes what nobody needs any more. Every rule here must hold against a process that sleeps, a clock that is off by
 * minutes, and a commit that takes effect late; therefore each waits a grace period, and what was decided on a listing is
 * checked against a manifest that was loaded after it.
 *
 *   files of removed blocks   after `removedGraceMs`, for queries that began before the removal
 *   orphans                   files of blocks and packs that no manifest names: the work of compactions that lost, or of a process that
 *                             died before its commit; `orphanGraceMs` after the time in the block's id. Who commits a block
 *                             must do it long before that. Names that are not ids of ours are left alone.
 *   dead writers in `covered` no segments, and the same seq at two looks `writerGraceMs` apart
 *   manifest versions         `ManifestStore.removeOldVersions`
 *
 * Nothing outside `tenants/` is touched: segments belong to writers, and what was set aside under `damaged/` to people.
 */
import type { Clock } from '../../base/clock.ts';
import { blockIdUnixMs } from '../../block/block-id.ts';
import { isNamed, type ManifestState, type ManifestStore } from '../../block/manifest.ts';
import { blockFileKey, blocksPrefix } from '../../block/manifest-keys.ts';
import type { ObjectStore } from '../../objectstore/object-store.ts';
import { listWriters } from '../../wal/segment-reader.ts';

export interface GarbageOptions {
  readonly store: ObjectStore;
  readonly manifest: ManifestStore;
  readonly clock: Clock;
  readonly removedGraceMs: number;
  readonly orphanGraceMs: number;
  readonly writerGraceMs: number;
  readonly versionGraceMs: number;
}

export interface Cleaned {
  readonly state: ManifestState;
  readonly orphans: number;
  readonly writers: number;
  readonly versions: number;
}

/** Blocks of one commit: a version of the manifest must not grow without bound. */
const blocksAtOnce = 1000;

export class GarbageCollector {
  readonly #options: GarbageOptions;
  /** `tenant/writer`: a writer without segments, as it was first seen. */
  readonly #idleWriters = new Map<string, { seq: number; sinceMs: number }>();

  constructor(options: GarbageOptions) {
    this.#options = options;
  }

  /** Deletes files of blocks that were removed long enough ago, then lets the manifest forget the blocks. */
  async collectRemoved(state: ManifestState, signal?: AbortSignal): Promise<{ state: ManifestState; blocks: number }> {
    const { store, manifest, clock, removedGraceMs } = this.#options;
    const { tenant } = state;
    const due = [...state.removed.values()]
      .filter(({ removedUnixMs }) => clock.nowMs() - removedUnixMs >= removedGraceMs)
      .slice(0, blocksAtOnce);
    if (due.length === 0) return { state, blocks: 0 };
    for (const { id, files } of due)
      await Promise.all(files.map((file) => store.delete(blockFileKey(tenant, id, file), signal)));
    const collected = due.map(({ id }) => id);
    const next = await manifest.commit(
      tenant,
      (now) => ({ collected: collected.filter((id) => now.removed.has(id)) }),
      { known: state, signal },
    );
    return { state: next, blocks: due.length };
  }

  /** Everything else. Costs a few listings: once in a while is enough. */
  async clean(known: ManifestState, signal?: AbortSignal): Promise<Cleaned> {
    const { manifest, versionGraceMs } = this.#options;
    const orphans = await this.#collectOrphans(known, signal);
    const forgotten = await this.#forgetWriters(known, signal);
    const versions = await manifest.removeOldVersions(known.tenant, versionGraceMs, signal);
    return { state: forgotten.state, orphans, writers: forgotten.writers, versions };
  }

  async #collectOrphans(known: ManifestState, signal: AbortSignal | undefined): Promise<number> {
    const { store, manifest, clock, orphanGraceMs } = this.#options;
    const prefix = blocksPrefix(known.tenant);
    const old: string[] = [];
    for await (const { key } of store.list(prefix, { delimiter: '/' }, signal)) {
      const id = key.slice(prefix.length, -1);
      const madeMs = key.endsWith('/') ? blockIdUnixMs(id) : undefined;
      if (madeMs !== undefined && clock.nowMs() - madeMs >= orphanGraceMs && !isNamed(known, id)) old.push(id);
    }
    if (old.length === 0) return 0;
    const state = await manifest.load(known.tenant, known, signal);
    let count = 0;
    for (const id of old) {
      if (isNamed(state, id)) continue;
      for await (const { key } of store.list(`${prefix}${id}/`, {}, signal)) await store.delete(key, signal);
      count++;
    }
    return count;
  }

  async #forgetWriters(
    known: ManifestState,
    signal: AbortSignal | undefined,
  ): Promise<{ state: ManifestState; writers: number }> {
    const { store, manifest, clock, writerGraceMs } = this.#options;
    const { tenant } = known;
    const withSegments = new Set(await listWriters(store, signal));
    const nowMs = clock.nowMs();
    const due = new Map<string, number>();
    for (const [writer, seq] of known.covered) {
      const key = `${tenant}/${writer}`;
      const idle = this.#idleWriters.get(key);
      if (withSegments.has(writer)) this.#idleWriters.delete(key);
      else if (idle?.seq !== seq) this.#idleWriters.set(key, { seq, sinceMs: nowMs });
      else if (nowMs - idle.sinceMs >= writerGraceMs) due.set(writer, seq);
    }
    if (due.size === 0) return { state: known, writers: 0 };
    const state = await manifest.commit(
      tenant,
      (now) => ({ forgetWriters: [...due].filter(([writer, seq]) => now.covered.get(writer) === seq).map(([w]) => w) }),
      { known, signal },
    );
    for (const writer of due.keys()) this.#idleWriters.delete(`${tenant}/${writer}`);
    return { state, writers: due.size };
  }
}

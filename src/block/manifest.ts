/**
 * A tenant's list of blocks as a chain of small immutable objects, each made with put-if-absent. Reasoning and bytes:
 * docs/format/manifest.md.
 *
 *   … 15 ─► [16] ─► 17 ─► 18 ─► … ─► 31 ─► [32] ─► 33        [n] checkpoint: the whole state, otherwise: what changed
 *                                           └──────┘ is read
 *
 * Load: one listing, the newest checkpoint, the deltas behind it: at most 16 gets. Poll from a known state: one get, of
 * the next version, which normally does not exist.
 *
 * Versions before a checkpoint are removed after a grace period. A state that was last seen to be the newest longer ago
 * than `trustMs` (a process that slept) is not polled from, since its successor may have been removed: "there is no next
 * version" would be wrong. For the same reason a commit whose put came too long after its check is looked up in the list.
 */
import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { corrupt, ErrorKind, RubatoError } from '../base/errors.ts';
import { type Rng, randomHex } from '../base/random.ts';
import { isKind, type ObjectStore } from '../objectstore/object-store.ts';
import {
  decodeVersion,
  decodeVersionHeader,
  encodeVersion,
  isState,
  type ManifestVersion,
  manifestHeaderBytes,
} from './manifest-codec.ts';
import { manifestKey, manifestPrefix, tenantOfName, tenantsPrefix, versionOfKey } from './manifest-keys.ts';
import { emptyState, isEmptyChange, type ManifestChange, type ManifestState, StateBuilder } from './manifest-state.ts';

export type { BlockMeta, ManifestChange, ManifestState, PackMeta, RemovedBlock } from './manifest-state.ts';
export { isNamed } from './manifest-state.ts';

/** Every version that is a multiple is a checkpoint. Binds format version 1. */
export const checkpointEvery = 16;
/** How long a state may be polled from after it was last seen to be the newest. */
export const trustMs = 10 * 60_000;
/** Versions are kept at least so long after a newer checkpoint: longer than trust, by more than clocks differ. */
export const versionGraceMsMin = 60 * 60_000;

/** Further behind than this, a new load is cheaper than following versions one by one. */
const followMax = 2 * checkpointEvery;
const loadTriesMax = 5;
const readTriesMax = 3;
const commitTriesMax = 64;
const commitFirstWaitMs = 20;
const commitWaitMsMax = 1000;

export interface CommitOptions {
  /** A state to start from instead of loading one. */
  readonly known?: ManifestState | undefined;
  readonly signal?: AbortSignal | undefined;
}

export class ManifestStore {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #rng: Rng;
  /** When a state was last seen to be the newest. Not part of the state: an unchanged poll returns the same object. */
  readonly #newestAtMs = new WeakMap<ManifestState, number>();

  constructor(store: ObjectStore, clock: Clock, rng: Rng) {
    this.#store = store;
    this.#clock = clock;
    this.#rng = rng;
  }

  /**
   * The state as of some moment during the call, so at least as new as every commit that had finished before it. With a
   * state known from before only newer versions are read, and the very same object comes back when there are none.
   * @throws kind `corrupt` when a version is missing or damaged
   */
  async load(tenant: string, known?: ManifestState, signal?: AbortSignal): Promise<ManifestState> {
    if (known !== undefined) {
      assert(known.tenant === tenant, 'a known state is of the tenant that is loaded');
      const state = await this.#follow(known, signal);
      if (state !== undefined) return state;
    }
    return this.#loadAll(tenant, signal);
  }

  /**
   * Commits what `change` makes of the newest state, as one version. It is called again with a newer state whenever
   * somebody else was faster, and may return undefined to leave things as they are; it must not have effects of its own.
   * Returns the state that it was last asked about, or the one that its change led to.
   *
   * After any error the outcome is open: the change may be in the manifest, or get there a moment later. So never delete
   * the files of a block whose commit was tried; if it did not succeed they are orphans, and collected as such.
   * @throws kind `conflict` when others were faster every time; kind `unavailable` when the store fails
   */
  async commit(
    tenant: string,
    change: (state: ManifestState) => ManifestChange | undefined,
    options: CommitOptions = {},
  ): Promise<ManifestState> {
    const { signal } = options;
    const commitId = randomHex(this.#rng, 16);
    let state = await this.load(tenant, options.known, signal);
    let failure: unknown;
    /** A put that may have worked, though it was answered by an error. */
    let open: { readonly version: number; readonly seenAtMs: number } | undefined;
    for (let tries = 1; tries <= commitTriesMax; tries++) {
      try {
        if (tries > 1) state = await this.load(tenant, state, signal);
        if (open !== undefined && state.version >= open.version) {
          if (await this.#isCommitted(tenant, open.version, commitId, open.seenAtMs, signal)) return state;
          open = undefined;
        }
      } catch (error) {
        if (!mayPass(error)) throw error;
        failure = error;
        await this.#waitAfter(tries, signal);
        continue;
      }
      const wanted = change(state);
      if (wanted === undefined || isEmptyChange(wanted)) return state;
      const seenAtMs = this.#newestAtMs.get(state)!;
      const committedUnixMs = this.#clock.nowMs();
      const builder = new StateBuilder(state);
      builder.apply(wanted, committedUnixMs);
      const next = builder.state();
      try {
        await this.#putVersion(next, wanted, commitId, committedUnixMs, signal);
        if (await this.#isInChain(tenant, next.version, seenAtMs, signal)) return this.#newest(next, seenAtMs);
      } catch (error) {
        if (!mayPass(error) && !isKind(error, ErrorKind.conflict)) throw error;
        // Also a conflict may be with ourselves: a store that retries on its own cannot always tell.
        open = { version: next.version, seenAtMs };
        failure = error;
      }
      await this.#waitAfter(tries, signal);
    }
    if (mayPass(failure)) throw failure;
    const message = `${commitTriesMax} tries to commit to tenant ${tenant} came second`;
    throw new RubatoError(ErrorKind.conflict, 'manifest_contended', message, failure);
  }

  /** All tenants that have objects, in the order of their names. */
  async listTenants(signal?: AbortSignal): Promise<string[]> {
    const tenants: string[] = [];
    for await (const { key } of this.#store.list(tenantsPrefix, { delimiter: '/' }, signal)) {
      const tenant = key.endsWith('/') ? tenantOfName(key.slice(tenantsPrefix.length, -1)) : undefined;
      if (tenant !== undefined) tenants.push(tenant);
    }
    return tenants;
  }

  /**
   * Removes versions that no load needs: those before the newest checkpoint that is older than `graceMs` (taken as at
   * least `versionGraceMsMin`). Returns how many.
   */
  async removeOldVersions(tenant: string, graceMs: number, signal?: AbortSignal): Promise<number> {
    const bornBeforeMs = this.#clock.nowMs() - Math.max(graceMs, versionGraceMsMin);
    const versions = await this.#listVersions(tenant, 0, signal);
    for (const checkpoint of versions.filter((version) => version % checkpointEvery === 0).reverse()) {
      const key = manifestKey(tenant, checkpoint);
      const header = decodeVersionHeader(key, await this.#store.getRange(key, 0, manifestHeaderBytes, signal));
      if (header.committedUnixMs > bornBeforeMs) continue;
      const old = versions.filter((version) => version < checkpoint);
      for (const version of old) await this.#store.delete(manifestKey(tenant, version), signal);
      return old.length;
    }
    return 0;
  }

  /** Reads the versions behind a state; undefined when that may not lead to the newest, or is too long a way. */
  async #follow(known: ManifestState, signal: AbortSignal | undefined): Promise<ManifestState | undefined> {
    let builder: StateBuilder | undefined;
    let version = known.version;
    for (let steps = 0; steps < followMax; steps++) {
      const askedAtMs = this.#clock.nowMs();
      const seenAtMs = this.#newestAtMs.get(known);
      if (seenAtMs === undefined || askedAtMs - seenAtMs > trustMs || askedAtMs < seenAtMs) return undefined;
      const next = await this.#readIfPresent(known.tenant, version + 1, signal);
      if (next === undefined) return this.#newest(builder?.state() ?? known, askedAtMs);
      builder ??= new StateBuilder(known);
      if (isState(next.content)) builder = new StateBuilder(next.content);
      else applyStored(builder, known.tenant, next, next.content);
      version = next.version;
    }
    return undefined;
  }

  async #loadAll(tenant: string, signal: AbortSignal | undefined): Promise<ManifestState> {
    for (let tries = 1; ; tries++) {
      const askedAtMs = this.#clock.nowMs();
      const versions = await this.#listVersions(tenant, 0, signal);
      const newest = versions.at(-1) ?? 0;
      const checkpoint = newest - (newest % checkpointEvery);
      const wanted: number[] = [];
      for (let version = Math.max(1, checkpoint); version <= newest; version++) wanted.push(version);
      const read = await Promise.all(wanted.map((version) => this.#readIfPresent(tenant, version, signal)));
      const missing = wanted.find((_, i) => read[i] === undefined);
      if (missing === undefined) return this.#newest(this.#replay(tenant, read as ManifestVersion[]), askedAtMs);
      // The listing is old when newer versions made these superfluous meanwhile.
      if (tries === loadTriesMax) throw corrupt(manifestKey(tenant, missing), 'a version of the manifest is missing');
    }
  }

  #replay(tenant: string, versions: readonly ManifestVersion[]): ManifestState {
    let builder = new StateBuilder(emptyState(tenant));
    for (const version of versions) {
      if (isState(version.content)) builder = new StateBuilder(version.content);
      else applyStored(builder, tenant, version, version.content);
    }
    return builder.state();
  }

  async #putVersion(
    next: ManifestState,
    change: ManifestChange,
    commitId: string,
    committedUnixMs: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { tenant, version } = next;
    const isCheckpoint = version % checkpointEvery === 0;
    const content = isCheckpoint ? next : change;
    const parts = await encodeVersion(tenant, { version, committedUnixMs, isCheckpoint, commitId, content });
    await this.#store.put(manifestKey(tenant, version), parts, { ifAbsent: true, signal });
  }

  /** Whether a put whose outcome was open has worked after all. */
  async #isCommitted(
    tenant: string,
    version: number,
    commitId: string,
    seenAtMs: number,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const stored = await this.#readIfPresent(tenant, version, signal);
    return stored?.commitId === commitId && (await this.#isInChain(tenant, version, seenAtMs, signal));
  }

  /**
   * Whether a version that was put continues the chain. It does if its predecessor was seen to be the newest shortly
   * before. After a long pause the chain may have gone on and lost its beginning, and the put went into the gap. Versions
   * are removed in ascending order: while the predecessor is there, nothing behind it has been removed. A version that
   * went into the gap disturbs nobody and is removed with the next old ones.
   */
  async #isInChain(
    tenant: string,
    version: number,
    seenAtMs: number,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const passedMs = this.#clock.nowMs() - seenAtMs;
    if (passedMs >= 0 && passedMs <= trustMs) return true;
    const listed = await this.#listVersions(tenant, Math.max(0, version - 2), signal);
    return version === 1 ? listed.length === 1 || listed[1] === 2 : listed[0] === version - 1;
  }

  async #waitAfter(tries: number, signal: AbortSignal | undefined): Promise<void> {
    const boundMs = Math.min(commitWaitMsMax, commitFirstWaitMs * 2 ** Math.min(tries - 1, 10));
    await this.#clock.sleep(this.#rng.float() * boundMs, signal);
  }

  async #listVersions(tenant: string, after: number, signal: AbortSignal | undefined): Promise<number[]> {
    const versions: number[] = [];
    const startAfter = manifestKey(tenant, after);
    for await (const { key } of this.#store.list(manifestPrefix(tenant), { startAfter }, signal)) {
      const version = versionOfKey(tenant, key);
      if (version !== undefined) versions.push(version);
    }
    return versions;
  }

  async #readIfPresent(
    tenant: string,
    version: number,
    signal: AbortSignal | undefined,
  ): Promise<ManifestVersion | undefined> {
    const key = manifestKey(tenant, version);
    for (let tries = 1; ; tries++) {
      try {
        return await decodeVersion(key, tenant, version, await this.#store.get(key, signal));
      } catch (error) {
        if (isKind(error, ErrorKind.notFound)) return undefined;
        // The damage may have happened on the way: look again before giving up.
        if (!isKind(error, ErrorKind.corrupt) || tries === readTriesMax) throw error;
      }
    }
  }

  #newest(state: ManifestState, atMs: number): ManifestState {
    this.#newestAtMs.set(state, atMs);
    return state;
  }
}

function applyStored(builder: StateBuilder, tenant: string, version: ManifestVersion, change: ManifestChange): void {
  const key = manifestKey(tenant, version.version);
  if (builder.version !== version.version - 1) throw corrupt(key, `does not follow version ${builder.version}`);
  try {
    builder.apply(change, version.committedUnixMs);
  } catch (error) {
    throw corrupt(key, 'does not fit the version before it', error);
  }
}

function mayPass(error: unknown): boolean {
  return isKind(error, ErrorKind.unavailable) || isKind(error, ErrorKind.exhausted);
}

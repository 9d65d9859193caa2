/** A bucket for tests of the backend role: blocks put in as a writer does, and everything in it read back as a query does. */
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from '../../../base/abort.ts';
import type { Clock } from '../../../base/clock.ts';
import { SeededRng } from '../../../base/random.ts';
import { newBlockId } from '../../../block/block-id.ts';
import { buildBlockOf } from '../../../block/build.ts';
import { ColumnCache } from '../../../block/column-cache.ts';
import { type BlockMeta, type ManifestState, ManifestStore } from '../../../block/manifest.ts';
import { blockFileKey } from '../../../block/manifest-keys.ts';
import { openBlock } from '../../../block/read-block.ts';
import { assembleSnapshot, SnapshotCache } from '../../../block/snapshot.ts';
import type { StoredFragment } from '../../../block/stored-fragment.ts';
import { type PlainSpan, readFragment, tableOf } from '../../../block/testing/plain-spans.ts';
import { MemoryObjectStore } from '../../../objectstore/memory.ts';
import type { ObjectStore } from '../../../objectstore/object-store.ts';
import { Backend, type BackendOptions, type TenantSettings } from '../backend.ts';
import type { CompactionOptions } from '../compaction-plan.ts';

export const tenant = 't';
export const hourMs = 3_600_000;

/** Sleeping takes no time but lets time pass. */
export class JumpingClock implements Clock {
  #nowMs = 1_700_000_000_000;

  nowMs(): number {
    return this.#nowMs;
  }

  nowUnixNano(): bigint {
    return BigInt(Math.trunc(this.#nowMs)) * 1_000_000n;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    this.#nowMs += ms;
    await setImmediate();
    throwIfAborted(signal);
  }

  pass(ms: number): void {
    this.#nowMs += ms;
  }
}

/** Small, so that a test has many of everything. */
export const smallCompaction: CompactionOptions = {
  windowMs: hourMs,
  settleMs: 0,
  inputsMin: 2,
  openInputsMin: 4,
  inputsMax: 6,
  spansMax: 400,
  tracesMax: 400,
  bytesMax: 1 << 30,
  overlapSpansMax: 1e9,
};

export const settings = (changed: Partial<TenantSettings> = {}): TenantSettings => ({
  isDisabled: false,
  retention: { retentionMs: 0, retentionBytes: 0 },
  compaction: smallCompaction,
  ...changed,
});

export class Bucket {
  readonly store = new MemoryObjectStore();
  readonly clock = new JumpingClock();
  readonly manifest: ManifestStore;
  readonly #rng: SeededRng;

  constructor(seed = 1) {
    this.#rng = new SeededRng(seed);
    this.manifest = new ManifestStore(this.store, this.clock, this.#rng);
  }

  /** A backend over this bucket, or over what stands before it. */
  backend(options: Partial<BackendOptions> & { seed?: number } = {}): Backend {
    const { store = this.store, seed = 7 } = options;
    const rng = new SeededRng(seed);
    return new Backend({
      manifest: new ManifestStore(store, this.clock, rng),
      clock: this.clock,
      rng,
      settingsOf: () => settings(),
      maintenanceIntervalMs: 60_000,
      tenantMsMax: hourMs,
      removedGraceMs: hourMs,
      orphanGraceMs: 24 * hourMs,
      cacheBytesMax: 1 << 20,
      pace: async () => undefined,
      onManifest: () => undefined,
      observer: {
        compacted: () => undefined,
        outstanding: () => undefined,
        retained: () => undefined,
        deleted: () => undefined,
        failed: () => undefined,
      },
      log: { info: () => undefined, error: () => undefined },
      ...options,
      store,
    });
  }

  async putBlock(spans: readonly PlainSpan[]): Promise<BlockMeta> {
    const id = newBlockId(this.clock.nowMs(), this.#rng);
    const { parts, ...summary } = buildBlockOf(tableOf(spans));
    for (const [file, bytes] of parts) await this.store.put(blockFileKey(tenant, id, file), bytes);
    const block: BlockMeta = { id, ...summary, level: 0, createdUnixMs: this.clock.nowMs() };
    await this.manifest.commit(tenant, () => ({ add: [block] }));
    return block;
  }

  state(): Promise<ManifestState> {
    return this.manifest.load(tenant);
  }

  open(state: ManifestState, cache?: ColumnCache): Promise<StoredFragment[]> {
    return openBlocks(this.store, state, cache);
  }

  /** Ids of all spans that a query over everything sees, sorted; one that it sees twice is there twice. */
  async spanIds(): Promise<string[]> {
    return spanIdsIn(this.store, await this.state());
  }

  async keys(prefix = ''): Promise<string[]> {
    return keysOf(this.store, prefix);
  }

  /** Every file belongs to a block that the manifest names, and every block it names has its files. */
  async assertNoOrphans(): Promise<void> {
    const state = await this.state();
    const expected = [...state.blocks.values(), ...[...state.removed.values()].map(({ id, files }) => ({ id, files }))];
    const files = expected.flatMap(({ id, files: names }) =>
      (Array.isArray(names) ? (names as string[]) : Object.keys(names)).map((file) => blockFileKey(tenant, id, file)),
    );
    assert.deepEqual(await this.keys('tenants/t/blocks/'), files.sort());
  }
}

async function openBlocks(
  store: ObjectStore,
  state: ManifestState,
  cache = new ColumnCache(1 << 24),
): Promise<StoredFragment[]> {
  const cost = { requests: 0, bytes: 0, pages: 0 };
  const opened = [...state.blocks.values()].map(({ id, files }) => {
    const readRange = (file: string, offset: number, length: number): Promise<Uint8Array> =>
      store.getRange(blockFileKey(state.tenant, id, file), offset, length);
    return openBlock({ blockId: id, sizes: files, readRange, cache }, cost);
  });
  return (await Promise.all(opened)).flat();
}

/** Ids of all spans in blocks as a query sees them, sorted; one that it sees twice is there twice. */
export async function spanIdsIn(store: ObjectStore, state: ManifestState): Promise<string[]> {
  const cost = { requests: 0, bytes: 0, pages: 0 };
  const snapshot = await assembleSnapshot(await openBlocks(store, state), new SnapshotCache(), cost);
  const ids: string[] = [];
  for (const fragment of snapshot.fragments)
    for (const { spans } of await readFragment(fragment)) for (const { spanId } of spans) ids.push(spanId);
  return ids.sort();
}

export async function keysOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

let spanNumber = 1;

/** Spans of one trace each, or of the trace given, that ended shortly before the clock's time. */
export function someSpans(count: number, nowMs: number, traceId?: string): PlainSpan[] {
  return Array.from({ length: count }, () => {
    const id = (spanNumber++).toString(16).padStart(16, '0');
    const start = BigInt(Math.trunc(nowMs)) * 1_000_000n - 5_000_000_000n + BigInt(spanNumber) * 1000n;
    return {
      traceId: traceId ?? id.padStart(32, 'a'),
      spanId: id,
      parentId: '0'.repeat(16),
      start,
      end: start + 1_000_000n,
      name: `span ${spanNumber % 10}`,
      kind: 1,
      status: 0,
      attrs: { 'span/string/route': Buffer.from(`/${spanNumber % 7}`).toString('hex') },
      resource: { 'resource/string/service.name': Buffer.from('shop').toString('hex') },
      events: [],
      links: [],
    };
  });
}

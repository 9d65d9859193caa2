/**
 * The read role's view of storage: for every query a snapshot in which each span stands exactly once.
 *
 * Live tables are read first, the manifest second, and it must be at least the version that the writer named: a block
 * that replaced a live table in between is then seen instead of the table, never beside it and never neither. Tables that
 * mirror another process's segments may be covered in part: `../tail/mirror.ts`.
 *
 * Every block of the manifest is opened, whatever a query's time range: pieces of a trace may lie anywhere. That costs its
 * index, mostly out of a pack of hundreds, and later memory for the trace index (6 bytes a trace) and some kilobytes.
 * Blocks and live fragments are kept between queries; what they have read lives in the column cache.
 */
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import { liveFragment } from '../../block/live-fragment.ts';
import type { BlockMeta, ManifestState, ManifestStore, PackMeta } from '../../block/manifest.ts';
import { assembleSnapshot, type FoundTrace, findTrace, SnapshotCache } from '../../block/snapshot.ts';
import type { StoredFragment } from '../../block/stored-fragment.ts';
import type { ReadCost, Snapshot, SnapshotRequest, TraceStorage } from '../../traceql/storage.ts';
import { coveredRows } from '../tail/mirror.ts';
import type { LiveTableView } from '../write/live-table.ts';
import type { LiveView } from '../write/writer.ts';

/** A writer's live data, as new as every acknowledgement before the call. */
export interface LiveSource {
  live(tenant: string): Promise<LiveView>;
  /** The reader holds this manifest now, and answers from none that is older. */
  see?(manifest: ManifestState): void;
}

export interface ReaderOptions {
  readonly live: LiveSource;
  readonly manifest: Pick<ManifestStore, 'load'>;
  /** Opens a block: its fragments, nothing read but its index, unless that is given. */
  readonly openBlock: (
    tenant: string,
    meta: BlockMeta,
    cost: ReadCost,
    index?: Uint8Array,
  ) => Promise<readonly StoredFragment[]>;
  /** Reads a pack: the indexes in it by block. Unset: the index of every block is read by itself. */
  readonly readPack?: (tenant: string, pack: PackMeta, cost: ReadCost) => Promise<ReadonlyMap<string, Uint8Array>>;
}

export interface TraceRequest {
  readonly tenant: string;
  /** 16 bytes. */
  readonly traceId: Uint8Array;
}

/** Loading a manifest that a writer has just committed takes one try; more mean that something is wrong. */
const manifestTriesMax = 5;

interface TenantView {
  manifest: ManifestState | undefined;
  readonly blocks: Map<string, Promise<readonly StoredFragment[]>>;
  /** Fragments of all blocks of a manifest, once they are open. */
  opened: { readonly manifest: ManifestState; readonly fragments: readonly StoredFragment[] } | undefined;
  /** By table id; `key` changes when the table's visible rows do. */
  readonly live: Map<string, { key: string; fragment: StoredFragment }>;
}

export class Reader implements TraceStorage {
  readonly #options: ReaderOptions;
  readonly #tenants = new Map<string, TenantView>();
  /** By the request's tenants: several that are queried together are put together. */
  readonly #snapshots = new Map<string, SnapshotCache>();

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** `tenant` is one id, or several joined by `|`. */
  async snapshot(request: SnapshotRequest, cost: ReadCost, signal?: AbortSignal): Promise<Snapshot> {
    const tenants = request.tenant.split('|');
    const parts = await Promise.all(tenants.map((tenant) => this.#fragments(tenant, cost, signal)));
    const { traceId } = request;
    return assembleSnapshot(parts.flat(), this.#cacheOf(request.tenant), cost, {
      range: request,
      ...(traceId !== undefined && { traceId }),
      ...(signal !== undefined && { signal }),
    });
  }

  /** The traces with this id (16 bytes), whole: one, or one for each of several tenants put together. */
  async trace(request: TraceRequest, cost: ReadCost, signal: AbortSignal): Promise<readonly FoundTrace[]> {
    const tenants = request.tenant.split('|');
    const parts = await Promise.all(tenants.map((tenant) => this.#fragments(tenant, cost, signal)));
    const found = await findTrace(parts.flat(), request.traceId, cost, signal);
    return found === undefined ? [] : [found];
  }

  /**
   * Loads what is new of a tenant's manifest, and opens its blocks: so that a later query has less to wait for, and blocks
   * that were compacted away are not held for longer than their files exist.
   */
  async refresh(tenant: string): Promise<void> {
    const cost = { requests: 0, bytes: 0, pages: 0 };
    const view = this.#viewOf(tenant);
    await this.#blocks(tenant, view, await this.#manifestSince(tenant, view, 0, undefined), cost);
  }

  get tenants(): readonly string[] {
    return [...this.#tenants.keys()];
  }

  /** Blocks that the newest known manifest lists, over all tenants seen so far. */
  get blockCount(): number {
    let count = 0;
    for (const view of this.#tenants.values()) count += view.manifest?.blocks.size ?? 0;
    return count;
  }

  /** Of the files of these blocks. */
  get blockBytes(): number {
    let bytes = 0;
    for (const view of this.#tenants.values())
      for (const block of view.manifest?.blocks.values() ?? []) bytes += block.sizeBytes;
    return bytes;
  }

  #cacheOf(tenants: string): SnapshotCache {
    let cache = this.#snapshots.get(tenants);
    if (cache === undefined) this.#snapshots.set(tenants, (cache = new SnapshotCache()));
    return cache;
  }

  async #fragments(tenant: string, cost: ReadCost, signal: AbortSignal | undefined): Promise<StoredFragment[]> {
    const view = this.#viewOf(tenant);
    const live = await this.#options.live.live(tenant);
    const manifest = await this.#manifestSince(tenant, view, live.manifestVersion, signal);
    const blocks = await this.#blocks(tenant, view, manifest, cost);
    return [...blocks, ...this.#liveFragments(view, live.tables, manifest)];
  }

  #viewOf(tenant: string): TenantView {
    let view = this.#tenants.get(tenant);
    if (view === undefined) {
      view = { manifest: undefined, blocks: new Map(), opened: undefined, live: new Map() };
      this.#tenants.set(tenant, view);
    }
    return view;
  }

  async #blocks(
    tenant: string,
    view: TenantView,
    manifest: ManifestState,
    cost: ReadCost,
  ): Promise<readonly StoredFragment[]> {
    if (view.opened?.manifest === manifest) return view.opened.fragments;
    const packs = new Map<string, Promise<ReadonlyMap<string, Uint8Array>>>();
    const packOf = ({ packId }: BlockMeta) => {
      const pack = packId === undefined ? undefined : manifest.packs.get(packId);
      if (pack === undefined || this.#options.readPack === undefined) return undefined;
      let read = packs.get(pack.id);
      if (read === undefined) {
        // A pack that has just been replaced may be gone. Blocks still have their own indexes.
        read = this.#options.readPack(tenant, pack, cost).catch(() => new Map());
        packs.set(pack.id, read);
      }
      return read;
    };
    const opened = [...manifest.blocks.values()].map((block) => this.#open(tenant, view, block, cost, packOf));
    const fragments = (await Promise.all(opened)).flat();
    if ((view.opened?.manifest.version ?? 0) <= manifest.version) view.opened = { manifest, fragments };
    return fragments;
  }

  async #manifestSince(
    tenant: string,
    view: TenantView,
    version: number,
    signal: AbortSignal | undefined,
  ): Promise<ManifestState> {
    for (let tries = 0; tries < manifestTriesMax; tries++) {
      const known = view.manifest;
      // A version of 0 says that the writer never looked: whatever is stored counts then.
      if (known !== undefined && known.version >= version && (version > 0 || tries > 0)) return known;
      const loaded = await this.#options.manifest.load(tenant, known, signal);
      if (view.manifest === undefined || loaded.version >= view.manifest.version) {
        view.manifest = loaded;
        this.#options.live.see?.(loaded);
        for (const id of view.blocks.keys()) if (!loaded.blocks.has(id)) view.blocks.delete(id);
      }
    }
    throw new RubatoError(
      ErrorKind.unavailable,
      'manifest_behind',
      `manifest ${version} of ${tenant} is not readable yet`,
    );
  }

  #open(
    tenant: string,
    view: TenantView,
    block: BlockMeta,
    cost: ReadCost,
    packOf: (block: BlockMeta) => Promise<ReadonlyMap<string, Uint8Array>> | undefined,
  ): Promise<readonly StoredFragment[]> {
    let opened = view.blocks.get(block.id);
    if (opened === undefined) {
      const open = async () => {
        const index = (await packOf(block))?.get(block.id);
        return this.#options.openBlock(tenant, block, cost, index);
      };
      opened = open();
      view.blocks.set(block.id, opened);
      opened.catch(() => view.blocks.delete(block.id));
    }
    return opened;
  }

  #liveFragments(view: TenantView, tables: readonly LiveTableView[], manifest: ManifestState): StoredFragment[] {
    const fragments: StoredFragment[] = [];
    const seen = new Set<string>();
    for (const table of tables) {
      const covered = manifest.covered.get(table.writer) ?? 0;
      if (table.lastSeq !== undefined && covered >= table.lastSeq) continue;
      const first = table.segments === undefined ? 0 : coveredRows(table.segments, covered);
      if (first > 0 && first === table.data.spanCount) continue;
      seen.add(table.id);
      const key = `${table.id}:${first}:${table.data.spanCount}`;
      let known = view.live.get(table.id);
      if (known?.key !== key) {
        known = { key, fragment: liveFragment(key, table.data, undefined, first) };
        view.live.set(table.id, known);
      }
      fragments.push(known.fragment);
    }
    for (const id of view.live.keys()) if (!seen.has(id)) view.live.delete(id);
    return fragments;
  }
}

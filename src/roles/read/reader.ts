/**
 * The read role's view of storage: for every query a snapshot in which each span stands exactly once.
 *
 * A writer's live tables are read first, the manifest second, and it must be at least the version that the writer named:
 * a block that replaced a live table in between is then seen instead of the table, never beside it and never neither.
 * Blocks and live fragments are kept between queries; what they have read lives in the column cache.
 */
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import { liveFragment } from '../../block/live-fragment.ts';
import type { BlockMeta, ManifestState, ManifestStore } from '../../block/manifest.ts';
import { assembleSnapshot, type FoundTrace, findTrace, SnapshotCache } from '../../block/snapshot.ts';
import type { StoredFragment } from '../../block/stored-fragment.ts';
import type { ReadCost, Snapshot, SnapshotRequest, TraceStorage } from '../../traceql/storage.ts';
import type { LiveTableView } from '../write/live-table.ts';
import type { LiveView } from '../write/writer.ts';

/** A writer's live data, as new as every acknowledgement before the call. */
export interface LiveSource {
  live(tenant: string): Promise<LiveView>;
}

export interface ReaderOptions {
  readonly live: LiveSource;
  readonly manifest: Pick<ManifestStore, 'load'>;
  /** Opens a block: its fragments, nothing read but its index. */
  readonly openBlock: (tenant: string, meta: BlockMeta, cost: ReadCost) => Promise<readonly StoredFragment[]>;
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
    const parts = await Promise.all(tenants.map((tenant) => this.#fragments(tenant, request, cost, signal)));
    const { traceId } = request;
    return assembleSnapshot(parts.flat(), this.#cacheOf(request.tenant), cost, {
      ...(traceId !== undefined && { traceId }),
      ...(signal !== undefined && { signal }),
    });
  }

  /** The traces with this id (16 bytes), whole: one, or one for each of several tenants put together. */
  async trace(request: TraceRequest, cost: ReadCost, signal: AbortSignal): Promise<readonly FoundTrace[]> {
    const everywhere = { tenant: request.tenant, startUnixNano: 0n, endUnixNano: 0n };
    const tenants = request.tenant.split('|');
    const parts = await Promise.all(tenants.map((tenant) => this.#fragments(tenant, everywhere, cost, signal)));
    const found = await findTrace(parts.flat(), request.traceId, cost, signal);
    return found === undefined ? [] : [found];
  }

  /** Blocks that the newest known manifest lists, over all tenants seen so far. */
  get blockCount(): number {
    let count = 0;
    for (const view of this.#tenants.values()) count += view.manifest?.blocks.size ?? 0;
    return count;
  }

  #cacheOf(tenants: string): SnapshotCache {
    let cache = this.#snapshots.get(tenants);
    if (cache === undefined) this.#snapshots.set(tenants, (cache = new SnapshotCache()));
    return cache;
  }

  async #fragments(
    tenant: string,
    request: SnapshotRequest,
    cost: ReadCost,
    signal: AbortSignal | undefined,
  ): Promise<StoredFragment[]> {
    let view = this.#tenants.get(tenant);
    if (view === undefined) {
      view = { manifest: undefined, blocks: new Map(), live: new Map() };
      this.#tenants.set(tenant, view);
    }
    const live = await this.#options.live.live(tenant);
    const manifest = await this.#manifestSince(tenant, view, live.manifestVersion, signal);
    const inRange = [...manifest.blocks.values()].filter((block) => overlaps(block, request));
    const blocks = await Promise.all(inRange.map((block) => this.#open(tenant, view, block, cost)));
    return [...blocks.flat(), ...this.#liveFragments(view, live.tables, manifest)];
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
        for (const id of view.blocks.keys()) if (!loaded.blocks.has(id)) view.blocks.delete(id);
      }
    }
    throw new RubatoError(
      ErrorKind.unavailable,
      'manifest_behind',
      `manifest ${version} of ${tenant} is not readable yet`,
    );
  }

  #open(tenant: string, view: TenantView, block: BlockMeta, cost: ReadCost): Promise<readonly StoredFragment[]> {
    let opened = view.blocks.get(block.id);
    if (opened === undefined) {
      opened = this.#options.openBlock(tenant, block, cost);
      view.blocks.set(block.id, opened);
      opened.catch(() => view.blocks.delete(block.id));
    }
    return opened;
  }

  #liveFragments(view: TenantView, tables: readonly LiveTableView[], manifest: ManifestState): StoredFragment[] {
    const fragments: StoredFragment[] = [];
    const seen = new Set<string>();
    for (const table of tables) {
      if (table.lastSeq !== undefined && (manifest.covered.get(table.writer) ?? 0) >= table.lastSeq) continue;
      seen.add(table.id);
      const key = `${table.id}:${table.data.spanCount}`;
      let known = view.live.get(table.id);
      if (known?.key !== key) {
        known = { key, fragment: liveFragment(key, table.data) };
        view.live.set(table.id, known);
      }
      fragments.push(known.fragment);
    }
    for (const id of view.live.keys()) if (!seen.has(id)) view.live.delete(id);
    return fragments;
  }
}

function overlaps(block: BlockMeta, request: SnapshotRequest): boolean {
  if (request.startUnixNano === 0n && request.endUnixNano === 0n) return true;
  return block.minStartUnixNano <= request.endUnixNano && block.maxEndUnixNano >= request.startUnixNano;
}

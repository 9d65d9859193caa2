/** What a manifest says, and how a change turns one state into the next. Plain data; storing it is `manifest.ts`. */
import { ErrorKind, RubatoError } from '../base/errors.ts';

export interface BlockMeta {
  /** Never used again, also not after the block is gone. */
  readonly id: string;
  /** Lowest span start and highest span end. */
  readonly minStartUnixNano: bigint;
  readonly maxEndUnixNano: bigint;
  readonly spanCount: number;
  readonly traceCount: number;
  /** Sum of the files' sizes. */
  readonly sizeBytes: number;
  /** 0 as built from segments; a compacted block is one above the highest that went into it. */
  readonly level: number;
  /** Size in bytes by file name. */
  readonly files: Readonly<Record<string, number>>;
  readonly createdUnixMs: number;
  readonly rowGroups: number;
  /** The pack that has a copy of its index; see `index-pack.ts`. */
  readonly packId?: string;
}

/** An object with the indexes of many blocks: file {@link PACK_FILE} of a block of its own that has nothing else. */
export interface PackMeta {
  readonly id: string;
  readonly sizeBytes: number;
}

export const PACK_FILE = 'pack';

/** A block or pack that readers see no longer; its files are kept until readers of older versions are done. */
export interface RemovedBlock {
  readonly id: string;
  /** Why, for people: `compacted`, `retention`, … */
  readonly reason: string;
  readonly removedUnixMs: number;
  /** What there is to delete. */
  readonly files: readonly string[];
}

export interface ManifestState {
  readonly tenant: string;
  /** 0: nothing was ever committed. */
  readonly version: number;
  readonly blocks: ReadonlyMap<string, BlockMeta>;
  /** By writer: every entry of this tenant in the writer's segments up to this seq is in a block (or was, until removed). */
  readonly covered: ReadonlyMap<string, number>;
  readonly removed: ReadonlyMap<string, RemovedBlock>;
  /** Every one holds the index of some block. */
  readonly packs: ReadonlyMap<string, PackMeta>;
}

/** All of it happens in one version, or nothing does. */
export interface ManifestChange {
  /** Blocks whose files are durable. */
  readonly add?: readonly BlockMeta[];
  readonly remove?: readonly { readonly id: string; readonly reason: string }[];
  /**
   * A pack whose object is durable, and the blocks whose indexes it holds; those that are gone meanwhile do not matter.
   * Packs that no block is in any longer are removed by themselves.
   */
  readonly addPack?: PackMeta & { readonly blockIds: readonly string[] };
  /**
   * The added blocks hold all entries of this writer behind what was covered and up to `seq`. Must go forward: a committer
   * that finds its segments covered already has lost a race and must not add its block.
   */
  readonly cover?: { readonly writer: string; readonly seq: number };
  /** Removed blocks whose files have been deleted. */
  readonly collected?: readonly string[];
  /** Writers that are dead and have no segments left. */
  readonly forgetWriters?: readonly string[];
}

export function emptyState(tenant: string): ManifestState {
  return { tenant, version: 0, blocks: new Map(), covered: new Map(), removed: new Map(), packs: new Map() };
}

export function isEmptyChange(change: ManifestChange): boolean {
  const { add = [], remove = [], addPack, cover, collected = [], forgetWriters = [] } = change;
  const listed = add.length + remove.length + collected.length + forgetWriters.length;
  return listed === 0 && addPack === undefined && cover === undefined;
}

/** Whether files of this block or pack may be needed. */
export function isNamed({ blocks, removed, packs }: ManifestState, id: string): boolean {
  return blocks.has(id) || removed.has(id) || packs.has(id);
}

/** A state that changes are applied to one after another; `state()` hands it over, after which the builder is done with. */
export class StateBuilder {
  readonly #tenant: string;
  #version: number;
  readonly #blocks: Map<string, BlockMeta>;
  readonly #covered: Map<string, number>;
  readonly #removed: Map<string, RemovedBlock>;
  readonly #packs: Map<string, PackMeta>;

  constructor(from: ManifestState) {
    this.#tenant = from.tenant;
    this.#version = from.version;
    this.#blocks = new Map(from.blocks);
    this.#covered = new Map(from.covered);
    this.#removed = new Map(from.removed);
    this.#packs = new Map(from.packs);
  }

  get version(): number {
    return this.#version;
  }

  /**
   * The next version. `nowMs` is the commit's time.
   * @throws kind `conflict` when the change does not fit the state: then whoever asks has decided on another one
   */
  apply(change: ManifestChange, nowMs: number): void {
    // Additions first: a block may not take the id of one that the same change removes.
    for (const block of change.add ?? []) {
      if (this.#blocks.has(block.id) || this.#removed.has(block.id)) throw unfit(`block ${block.id} is there already`);
      this.#blocks.set(block.id, block);
    }
    for (const { id, reason } of change.remove ?? []) {
      const block = this.#blocks.get(id);
      if (block === undefined) throw unfit(`block ${id} to remove is not there`);
      this.#blocks.delete(id);
      this.#removed.set(id, { id, reason, removedUnixMs: nowMs, files: Object.keys(block.files) });
    }
    if (change.addPack !== undefined) this.#addPack(change.addPack);
    if (change.remove !== undefined || change.addPack !== undefined) this.#removeEmptyPacks(nowMs);
    if (change.cover !== undefined) {
      const { writer, seq } = change.cover;
      const before = this.#covered.get(writer) ?? 0;
      if (seq <= before)
        throw unfit(`segments of writer ${writer} are covered up to ${before}, not to be up to ${seq}`);
      this.#covered.set(writer, seq);
    }
    for (const id of change.collected ?? []) this.#removed.delete(id);
    for (const writer of change.forgetWriters ?? []) this.#covered.delete(writer);
    this.#version++;
  }

  #addPack({ id, sizeBytes, blockIds }: PackMeta & { readonly blockIds: readonly string[] }): void {
    if (this.#packs.has(id) || this.#removed.has(id)) throw unfit(`pack ${id} is there already`);
    this.#packs.set(id, { id, sizeBytes });
    for (const blockId of blockIds) {
      const block = this.#blocks.get(blockId);
      if (block !== undefined) this.#blocks.set(blockId, { ...block, packId: id });
    }
  }

  #removeEmptyPacks(nowMs: number): void {
    const used = new Set<string | undefined>();
    for (const { packId } of this.#blocks.values()) used.add(packId);
    for (const id of this.#packs.keys()) {
      if (used.has(id)) continue;
      this.#packs.delete(id);
      this.#removed.set(id, { id, reason: 'no block left in it', removedUnixMs: nowMs, files: [PACK_FILE] });
    }
  }

  state(): ManifestState {
    return {
      tenant: this.#tenant,
      version: this.#version,
      blocks: this.#blocks,
      covered: this.#covered,
      removed: this.#removed,
      packs: this.#packs,
    };
  }
}

function unfit(what: string): RubatoError {
  return new RubatoError(ErrorKind.conflict, 'manifest_change_unfit', what);
}

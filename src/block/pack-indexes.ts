/**
 * Puts the indexes of blocks that have been added lately into a pack. Packs that are not much larger are taken in again,
 * so that there are few: one for each {@link PACK_BLOCKS_MAX} blocks, and a handful of smaller ones that double in size. An
 * index is copied some seven times in its life.
 *
 * Only the backend runs it, but nothing breaks when several do: a pack is an object with a new name, and the manifest names
 * the one that was committed last. What a failure leaves behind is collected like files of a block.
 */
import type { Clock } from '../base/clock.ts';
import { corrupt } from '../base/errors.ts';
import type { Rng } from '../base/random.ts';
import type { ObjectStore } from '../objectstore/object-store.ts';
import { newBlockId } from './block-id.ts';
import { encodePack, readPack } from './index-pack.ts';
import { INDEX_FILE } from './layout.ts';
import type { ManifestStore } from './manifest.ts';
import { blockFileKey } from './manifest-keys.ts';
import { type BlockMeta, type ManifestState, PACK_FILE } from './manifest-state.ts';

export interface PackOptions {
  readonly store: ObjectStore;
  readonly manifest: ManifestStore;
  readonly clock: Clock;
  readonly rng: Rng;
  /** Blocks outside of packs that a reader may have to ask for one by one; from so many on they are packed. Default 16. */
  readonly unpackedMin?: number;
}

/** One read of a reader, and memory of whoever packs. */
const PACK_BYTES_MAX = 16 << 20;
const PACK_BLOCKS_MAX = 2048;
/** A pack with fewer blocks that still exist, and at most twice as many as come new to it, is written anew with them. */
const FULL_BLOCKS = 1024;
const UNPACKED_MIN = 16;
const READS_AT_ONCE = 8;

/**
 * Packs what is due for a tenant and returns the manifest's state after it; the same state when nothing is. One pack a
 * call: call again while the version changes.
 */
export async function packIndexes(
  options: PackOptions,
  known: ManifestState,
  signal?: AbortSignal,
): Promise<ManifestState> {
  const { store, manifest, clock, rng } = options;
  const { tenant } = known;
  const chosen = chooseBlocks(known, options.unpackedMin ?? UNPACKED_MIN);
  if (chosen.length === 0) return known;
  const pack = encodePack(await readIndexes(store, tenant, chosen, known, signal));
  const id = newBlockId(clock.nowMs(), rng);
  await store.put(blockFileKey(tenant, id, PACK_FILE), pack, { ifAbsent: true, signal });
  const blockIds = chosen.map((block) => block.id);
  return manifest.commit(
    tenant,
    // A first try whose answer got lost may have taken effect; blocks may all be gone.
    (now) =>
      now.packs.has(id) || now.removed.has(id) || !blockIds.some((block) => now.blocks.has(block))
        ? undefined
        : { addPack: { id, sizeBytes: pack.length, blockIds } },
    { known, signal },
  );
}

/** Oldest first. Empty when it is not worth a pack yet. */
function chooseBlocks({ blocks, packs }: ManifestState, unpackedMin: number): BlockMeta[] {
  const unpacked: BlockMeta[] = [];
  const byPack = new Map<string, BlockMeta[]>();
  for (const block of blocks.values()) {
    const { packId } = block;
    if (packId === undefined || !packs.has(packId)) unpacked.push(block);
    else if (byPack.get(packId)?.push(block) === undefined) byPack.set(packId, [block]);
  }
  if (unpacked.length < unpackedMin) return [];
  const small = [...byPack.values()].filter((list) => list.length < FULL_BLOCKS).sort((a, b) => a.length - b.length);
  const wanted = unpacked;
  for (const list of small) {
    if (list.length > 2 * wanted.length) break;
    wanted.push(...list);
  }
  const chosen: BlockMeta[] = [];
  let bytes = 0;
  for (const block of wanted) {
    bytes += block.files[INDEX_FILE] ?? 0;
    if (chosen.length === PACK_BLOCKS_MAX || (bytes > PACK_BYTES_MAX && chosen.length > 0)) break;
    chosen.push(block);
  }
  return chosen.sort((a, b) => (a.minStartUnixNano < b.minStartUnixNano ? -1 : 1));
}

async function readIndexes(
  store: ObjectStore,
  tenant: string,
  blocks: readonly BlockMeta[],
  { packs }: ManifestState,
  signal: AbortSignal | undefined,
): Promise<Map<string, Uint8Array>> {
  const known = new Map<string, ReadonlyMap<string, Uint8Array>>();
  for (const { packId } of blocks) {
    if (packId === undefined || known.has(packId) || !packs.has(packId)) continue;
    known.set(packId, await readPack(store, tenant, packs.get(packId)!, { requests: 0, bytes: 0, pages: 0 }, signal));
  }
  const indexes = new Map<string, Uint8Array>();
  for (let from = 0; from < blocks.length; from += READS_AT_ONCE) {
    const read = blocks.slice(from, from + READS_AT_ONCE).map(async ({ id, packId, files }) => {
      const packed = packId === undefined ? undefined : known.get(packId)?.get(id);
      const key = blockFileKey(tenant, id, INDEX_FILE);
      const index = packed ?? (await store.get(key, signal));
      if (index.length !== files[INDEX_FILE]) throw corrupt(key, `${index.length} bytes, not ${files[INDEX_FILE]}`);
      return [id, index] as const;
    });
    for (const [id, index] of await Promise.all(read)) indexes.set(id, index);
  }
  return indexes;
}

/**
 * A pack holds copies of the indexes of many blocks in one object, so that a reader who starts with hundreds of blocks
 * asks for a few packs and not for hundreds of indexes. Packs are written in the background (`pack-indexes.ts`) and named by
 * the manifest; the index of a block that is in none is read by itself.
 *
 *   "RBP1" | u32 crc32 of the head | u32 length of the head | head: JSON, filled up with spaces | indexes, as they are
 *
 * Numbers are little endian. The head is {"version": 1, "blocks": [[id, bytes of its index], …]}. The first index follows
 * it; each starts at the next multiple of 8. Indexes have checksums of their own.
 */

import { crc32 } from 'node:zlib';
import { corrupt } from '../base/errors.ts';
import { checkFormat } from '../base/format-version.ts';
import type { ObjectStore } from '../objectstore/object-store.ts';
import type { ReadCost } from '../traceql/storage.ts';
import { upTo8 } from './index-file.ts';
import { blockFileKey } from './manifest-keys.ts';
import { PACK_FILE, type PackMeta } from './manifest-state.ts';

const MAGIC = 0x31504252;
const PREFIX_BYTES = 12;

interface PackHead {
  readonly version: 1;
  readonly blocks: readonly (readonly [id: string, bytes: number])[];
}

/** `indexes`: the index file of each block, by its id. */
export function encodePack(indexes: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const head: PackHead = { version: 1, blocks: [...indexes].map(([id, { length }]) => [id, length]) };
  const text = Buffer.from(JSON.stringify(head), 'utf8');
  const headEnd = upTo8(PREFIX_BYTES + text.length);
  let size = headEnd;
  for (const { length } of indexes.values()) size = upTo8(size) + length;
  const out = Buffer.alloc(size);
  out.fill(' ', PREFIX_BYTES, headEnd);
  out.set(text, PREFIX_BYTES);
  out.writeUInt32LE(MAGIC, 0);
  out.writeUInt32LE(crc32(out.subarray(PREFIX_BYTES, headEnd)), 4);
  out.writeUInt32LE(headEnd - PREFIX_BYTES, 8);
  let at = headEnd;
  for (const index of indexes.values()) {
    out.set(index, upTo8(at));
    at = upTo8(at) + index.length;
  }
  return out;
}

/** The indexes in a pack, by block, as views of it. `where` names the object. @throws RubatoError corrupt */
export function decodePack(bytes: Uint8Array, where: string): ReadonlyMap<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < PREFIX_BYTES || view.getUint32(0, true) !== MAGIC)
    throw corrupt(`${where}, byte 0`, 'not a pack of indexes');
  const headEnd = PREFIX_BYTES + view.getUint32(8, true);
  const head = bytes.subarray(PREFIX_BYTES, headEnd);
  if (crc32(head) !== view.getUint32(4, true))
    throw corrupt(`${where}, byte ${PREFIX_BYTES}`, 'checksum does not match');
  const { version, blocks } = JSON.parse(Buffer.from(head).toString('utf8')) as PackHead;
  checkFormat(where, 'pack of block indexes', version, 1);
  const indexes = new Map<string, Uint8Array>();
  let at = headEnd;
  for (const [id, length] of blocks) {
    indexes.set(id, bytes.subarray(upTo8(at), upTo8(at) + length));
    at = upTo8(at) + length;
  }
  if (at !== bytes.length) throw corrupt(where, `${bytes.length} bytes instead of ${at}`);
  return indexes;
}

/** Reads a pack that the manifest names. @throws RubatoError corrupt, or whatever the store throws */
export async function readPack(
  store: ObjectStore,
  tenant: string,
  { id, sizeBytes }: PackMeta,
  cost: ReadCost,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const key = blockFileKey(tenant, id, PACK_FILE);
  const bytes = await store.getRange(key, 0, sizeBytes, signal);
  cost.requests++;
  cost.bytes += bytes.length;
  return decodePack(bytes, key);
}

/**
 * The `index` file of a block: all that is needed to plan reads from its tables, in one object of a few kilobytes.
 *
 *   "RBI1" | u32 crc32 of all that follows | zstd frame of:
 *     u32 length of the JSON | JSON ({@link BlockDescription}) | for each table: the tail of its file | u32 checksum of each page
 *
 * All numbers are little endian. A tail is the end of a Parquet file: page indexes and footer. Checksums are CRC-32 (as in
 * gzip) of whole pages, header included, in the order of the file; the dictionary page of a column comes before its data
 * pages. Parquet's own page checksum leaves out the page header.
 */
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { corrupt, RubatoError } from '../base/errors.ts';
import type { BlockLayout, BlockTable } from './layout.ts';
import { blockTables } from './layout.ts';

const MAGIC = 0x31494252;
/** What a damaged length can make us allocate at most. A block of 100 row groups and 4,000 columns stays below. */
const INDEX_BYTES_MAX = 256 << 20;
const LEVEL = 9;

export interface RowGroupDescription {
  readonly baseUnixNano: string;
  /** ns since the base. */
  readonly minStart: number;
  readonly maxEnd: number;
  /** Rows of each table. A table's file has no row group for 0 rows. */
  readonly rows: Readonly<Record<BlockTable, number>>;
  /** For each key of each overflow column, by the column's name: rows that have a value. */
  readonly overflowCounts: Readonly<Record<string, readonly number[]>>;
}

export interface BlockDescription {
  readonly version: 1;
  readonly rowGroups: readonly RowGroupDescription[];
  readonly layout: BlockLayout;
}

export interface TableIndex {
  readonly tail: Uint8Array;
  readonly pageChecksums: Uint32Array;
}

export interface BlockIndex {
  readonly description: BlockDescription;
  readonly tables: Readonly<Record<BlockTable, TableIndex>>;
}

interface StoredDescription extends BlockDescription {
  /** Bytes of the tail and number of checksums, in the order of `blockTables`. */
  readonly parts: readonly { readonly tailBytes: number; readonly pages: number }[];
}

export function encodeIndex({ description, tables }: BlockIndex): Uint8Array {
  const stored: StoredDescription = {
    ...description,
    parts: blockTables.map((table) => ({
      tailBytes: tables[table].tail.length,
      pages: tables[table].pageChecksums.length,
    })),
  };
  const json = Buffer.from(JSON.stringify(stored), 'utf8');
  const jsonLength = Buffer.alloc(4);
  jsonLength.writeUInt32LE(json.length);
  const plain: Uint8Array[] = [jsonLength, json];
  for (const table of blockTables) plain.push(tables[table].tail);
  for (const table of blockTables) plain.push(littleEndian(tables[table].pageChecksums));
  const frame = zstdCompressSync(Buffer.concat(plain), { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } });
  const out = Buffer.alloc(8 + frame.length);
  out.writeUInt32LE(MAGIC, 0);
  out.writeUInt32LE(crc32(frame), 4);
  out.set(frame, 8);
  return out;
}

/** @throws RubatoError corrupt; `where` names the object. */
export function decodeIndex(bytes: Uint8Array, where: string): BlockIndex {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8 || view.getUint32(0, true) !== MAGIC) throw corrupt(`${where}, byte 0`, 'not a block index');
  const frame = bytes.subarray(8);
  if (crc32(frame) !== view.getUint32(4, true)) throw corrupt(`${where}, byte 8`, 'checksum does not match');
  try {
    return parse(zstdDecompressSync(frame, { maxOutputLength: INDEX_BYTES_MAX }), where);
  } catch (cause) {
    if (cause instanceof RubatoError) throw cause;
    throw corrupt(where, 'cannot be parsed', cause);
  }
}

function parse(plain: Buffer, where: string): BlockIndex {
  const jsonEnd = 4 + plain.readUInt32LE(0);
  const stored = JSON.parse(plain.toString('utf8', 4, jsonEnd)) as StoredDescription;
  if (stored.version !== 1) throw corrupt(where, `version ${String(stored.version)} is not known`);
  const expected = stored.parts.reduce((sum, part) => sum + part.tailBytes + part.pages * 4, jsonEnd);
  if (expected !== plain.length) throw corrupt(where, `${plain.length} bytes instead of ${expected}`);
  const tables: Partial<Record<BlockTable, TableIndex>> = {};
  let tailAt = jsonEnd;
  let checksumsAt = stored.parts.reduce((at, part) => at + part.tailBytes, jsonEnd);
  blockTables.forEach((table, i) => {
    const { tailBytes, pages } = stored.parts[i]!;
    const checksums = new Uint32Array(pages);
    for (let p = 0; p < pages; p++) checksums[p] = plain.readUInt32LE(checksumsAt + p * 4);
    tables[table] = { tail: plain.subarray(tailAt, tailAt + tailBytes), pageChecksums: checksums };
    tailAt += tailBytes;
    checksumsAt += pages * 4;
  });
  return { description: stored, tables: tables as Record<BlockTable, TableIndex> };
}

function littleEndian(words: Uint32Array): Buffer {
  const out = Buffer.alloc(words.length * 4);
  for (let i = 0; i < words.length; i++) out.writeUInt32LE(words[i]!, i * 4);
  return out;
}

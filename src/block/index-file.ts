/**
 * The `index` file of a block: all that is needed to plan reads from its tables, in one object of some kilobytes.
 *
 *   "RBI1" | u32 crc32 of all that follows | u32 length of the head | head: JSON ({@link IndexHead}), filled up with spaces
 *   for each row group: u32 hash of each trace, ascending | u16 or u32 row of each | up to 4 bytes of 0
 *   zstd frame of: u32 length of the JSON | JSON ({@link BlockDetails}) | tail of each table | u32 checksum of each page
 *   pages of the tables that are small
 *
 * All numbers are little endian; what is read as numbers stands at multiples of 8. A tail is the end of a Parquet file: page
 * indexes and footer. Checksums are CRC-32 (as in gzip) of whole pages, header included, in the order of the file; the
 * dictionary page of a column comes before its data pages. Parquet's own page checksum leaves out the page header.
 *
 * The head tells what a query needs of every block: times, row counts, where a trace may be. The details are only unpacked
 * for blocks that are read. Pages of small tables stand here a second time, so that they cost no request.
 */

import { constants, crc32, zstdCompressSync } from 'node:zlib';
import { corrupt, RubatoError } from '../base/errors.ts';
import { checkFormat } from '../base/format-version.ts';
import { decompressFrame } from '../parquet/zstd.ts';
import { type BlockLayout, type BlockTable, blockTables, tableFile } from './layout.ts';
import { TraceIndex } from './trace-index.ts';

const MAGIC = 0x31494252;
/** What a damaged length can make us allocate at most. A block of 100 row groups and 4,000 columns stays below. */
const DETAILS_BYTES_MAX = 256 << 20;
const LEVEL = 9;
const PREFIX_BYTES = 12;

export interface RowGroupDescription {
  readonly baseUnixNano: string;
  /** ns since the base. */
  readonly minStart: number;
  readonly maxEnd: number;
  /** Rows of each table. A table's file has no row group for 0 rows. */
  readonly rows: Readonly<Record<BlockTable, number>>;
}

interface IndexHead {
  readonly version: 1;
  readonly rowGroups: readonly RowGroupDescription[];
  /** As stored, and unpacked. */
  readonly detailsBytes: number;
  readonly detailsPlainBytes: number;
  /** Bytes of the pages of each table that has its pages here. */
  readonly inline: Readonly<Partial<Record<BlockTable, number>>>;
}

export interface TableIndex {
  readonly tail: Uint8Array;
  readonly pageChecksums: Uint32Array;
}

export interface BlockDetails {
  readonly layout: BlockLayout;
  /** By row group, for each key of each overflow column, by the column's name: rows that have a value. */
  readonly overflowCounts: readonly Readonly<Record<string, readonly number[]>>[];
  readonly tables: Readonly<Record<BlockTable, TableIndex>>;
  /** Of all this in memory. */
  readonly byteLength: number;
}

export interface BlockIndex {
  readonly rowGroups: readonly RowGroupDescription[];
  /** By row group. */
  readonly traces: readonly TraceIndex[];
  readonly details: Omit<BlockDetails, 'byteLength'>;
  /** All pages of small tables. */
  readonly inline: ReadonlyMap<BlockTable, Uint8Array>;
}

/** An index whose details are still packed. Holds on to the bytes that it was made from. */
export interface OpenIndex {
  readonly rowGroups: readonly RowGroupDescription[];
  readonly traces: readonly TraceIndex[];
  /** By file name. */
  readonly inline: ReadonlyMap<string, Uint8Array>;
  /** @throws RubatoError corrupt */
  details(): BlockDetails;
}

interface StoredDetails {
  readonly layout: BlockLayout;
  readonly overflowCounts: BlockDetails['overflowCounts'];
  /** Bytes of the tail and number of checksums, in the order of `blockTables`. */
  readonly parts: readonly { readonly tailBytes: number; readonly pages: number }[];
}

/** The next multiple of 8. */
export const upTo8 = (length: number): number => (length + 7) & ~7;

export function encodeIndex({ rowGroups, traces, details, inline }: BlockIndex): Uint8Array {
  const plain = encodeDetails(details);
  const frame = zstdCompressSync(plain, { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } });
  const sizes = Object.fromEntries([...inline].map(([table, pages]) => [table, pages.length]));
  const head: IndexHead = {
    version: 1,
    rowGroups,
    detailsBytes: frame.length,
    detailsPlainBytes: plain.length,
    inline: sizes,
  };
  const text = Buffer.from(JSON.stringify(head), 'utf8');
  const headBytes = upTo8(PREFIX_BYTES + text.length) - PREFIX_BYTES;
  const parts = [...traces.flatMap(encodeTraceIndex), frame, ...inline.values()];
  const out = Buffer.alloc(PREFIX_BYTES + headBytes + parts.reduce((sum, part) => sum + part.length, 0), ' ');
  out.writeUInt32LE(MAGIC, 0);
  out.writeUInt32LE(headBytes, 8);
  out.set(text, PREFIX_BYTES);
  let at = PREFIX_BYTES + headBytes;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  out.writeUInt32LE(crc32(out.subarray(8)), 4);
  return out;
}

function encodeTraceIndex({ hashes, rows }: TraceIndex): Uint8Array[] {
  const padding = new Uint8Array(upTo8(hashes.byteLength + rows.byteLength) - hashes.byteLength - rows.byteLength);
  return [bytesOf(hashes), bytesOf(rows), padding];
}

function encodeDetails({ layout, overflowCounts, tables }: BlockIndex['details']): Buffer {
  const stored: StoredDetails = {
    layout,
    overflowCounts,
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
  for (const table of blockTables) plain.push(bytesOf(tables[table].pageChecksums));
  return Buffer.concat(plain);
}

/** `where` names the object. @throws RubatoError corrupt */
export function openIndex(stored: Uint8Array, where: string): OpenIndex {
  const bytes = stored.byteOffset % 8 === 0 ? stored : Uint8Array.from(stored);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < PREFIX_BYTES || view.getUint32(0, true) !== MAGIC)
    throw corrupt(`${where}, byte 0`, 'not a block index');
  if (crc32(bytes.subarray(8)) !== view.getUint32(4, true))
    throw corrupt(`${where}, byte 8`, 'checksum does not match');
  let at = PREFIX_BYTES + view.getUint32(8, true);
  const head = headOf(bytes.subarray(PREFIX_BYTES, at), where);
  const traces = head.rowGroups.map(({ rows }) => {
    const index = TraceIndex.over(bytes, at, rows.traces);
    at += upTo8(index.hashes.byteLength + index.rows.byteLength);
    return index;
  });
  const frame = bytes.subarray(at, at + head.detailsBytes);
  at += head.detailsBytes;
  const inline = new Map<string, Uint8Array>();
  for (const table of blockTables) {
    const size = head.inline[table];
    if (size === undefined) continue;
    inline.set(tableFile(table), bytes.subarray(at, at + size));
    at += size;
  }
  if (at !== bytes.length) throw corrupt(where, `${bytes.length} bytes instead of ${at}`);
  return {
    rowGroups: head.rowGroups,
    traces,
    inline,
    details: () => decodeDetails(frame, head.detailsPlainBytes, where),
  };
}

function headOf(json: Uint8Array, where: string): IndexHead {
  let head: IndexHead;
  try {
    head = JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString('utf8')) as IndexHead;
  } catch (cause) {
    throw corrupt(`${where}, byte ${PREFIX_BYTES}`, 'cannot be parsed', cause);
  }
  checkFormat(where, 'block index', head.version, 1);
  return head;
}

function decodeDetails(frame: Uint8Array, plainBytes: number, where: string): BlockDetails {
  const plain = plainBytes > DETAILS_BYTES_MAX ? undefined : decompressFrame(frame, plainBytes);
  if (plain === undefined) throw corrupt(where, `details cannot be unpacked to ${plainBytes} bytes`);
  try {
    return parseDetails(Buffer.from(plain), where);
  } catch (cause) {
    if (cause instanceof RubatoError) throw cause;
    throw corrupt(where, 'details cannot be parsed', cause);
  }
}

function parseDetails(plain: Buffer, where: string): BlockDetails {
  const jsonEnd = 4 + plain.readUInt32LE(0);
  const { layout, overflowCounts, parts } = JSON.parse(plain.toString('utf8', 4, jsonEnd)) as StoredDetails;
  const expected = parts.reduce((sum, part) => sum + part.tailBytes + part.pages * 4, jsonEnd);
  if (expected !== plain.length) throw corrupt(where, `details of ${plain.length} bytes instead of ${expected}`);
  const tables: Partial<Record<BlockTable, TableIndex>> = {};
  let tailAt = jsonEnd;
  let checksumsAt = parts.reduce((at, part) => at + part.tailBytes, jsonEnd);
  blockTables.forEach((table, i) => {
    const { tailBytes, pages } = parts[i]!;
    const checksums = new Uint32Array(pages);
    for (let p = 0; p < pages; p++) checksums[p] = plain.readUInt32LE(checksumsAt + p * 4);
    tables[table] = { tail: plain.subarray(tailAt, tailAt + tailBytes), pageChecksums: checksums };
    tailAt += tailBytes;
    checksumsAt += pages * 4;
  });
  return { layout, overflowCounts, tables: tables as Record<BlockTable, TableIndex>, byteLength: plain.length };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint32Array | Uint16Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

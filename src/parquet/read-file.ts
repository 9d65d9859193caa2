/**
 * Plans the reading of a Parquet file: parseFile turns the end of a file into plain data that says in which byte
 * ranges the pages lie; the decoders (decode-page.ts) then work on single pages, wherever the caller got them from.
 */
import { corrupt } from '../base/errors.ts';
import { PhysicalNumber } from './metadata.ts';
import { Codec, Encoding, readPageHeader } from './page.ts';
import { type ChunkMetadata, FOOTER, type Footer, footerLength, readFooter, TRAILER_BYTES } from './read-footer.ts';
import type { ColumnSchema } from './schema.ts';
import { ThriftReader, ThriftType } from './thrift.ts';

export {
  decodeCodes,
  decodeDictionary,
  decodeFixed,
  decodeInt32,
  decodeInt64,
  decodeInt64ToDoubles,
} from './decode-page.ts';

export interface PageLocation {
  /** Of the page's header in the file. */
  offset: number;
  /** Bytes, header included. */
  size: number;
  /** In the row group. */
  firstRow: number;
  rows: number;
  /** Nulls, where known. A page with as many nulls as rows need not be read. */
  nulls?: number;
  /** Bounds of the page's values, where known; see {@link ColumnChunk.min}. */
  min?: Uint8Array;
  max?: Uint8Array;
}

export interface ColumnChunk {
  schema: ColumnSchema;
  /** Of the data pages. Of a boolean column always 'dictionary', which is BOOLEAN_DICTIONARY and not stored. */
  encoding: 'dictionary' | 'plain' | 'delta' | 'byteStreamSplit';
  /** All pages of the chunk, dictionary included. */
  offset: number;
  size: number;
  dictionaryOffset?: number;
  /** Bytes, header included. */
  dictionarySize?: number;
  /** In the order of rows. Empty also when the file has no offset index: see locatePages. */
  pages: PageLocation[];
  /** Rows, nulls included. */
  values: number;
  nulls: number;
  /**
   * No value is below min or above max, in the order of the type. Numbers are little endian as in PlainValues; strings
   * may be cut, so that no value need equal them.
   */
  min?: Uint8Array;
  max?: Uint8Array;
}

export interface RowGroup {
  rows: number;
  /** In the order of the schema. */
  columns: ColumnChunk[];
}

export interface ParquetFile {
  schema: ColumnSchema[];
  rowGroups: RowGroup[];
  metadata: Record<string, string>;
  rows: number;
}

/**
 * How long a tail parseFile needs, as far as the given one tells: when the answer is not longer than the tail, it is
 * enough; else fetch that much and ask again (twice at most when starting from 8 bytes).
 * @throws RubatoError corrupt
 */
export function tailBytesNeeded(tail: Uint8Array, fileSize: number): number {
  if (fileSize < TRAILER_BYTES) throw corrupt(FOOTER, `${fileSize} bytes are no file`);
  const footerBytes = tail.length < TRAILER_BYTES ? TRAILER_BYTES : footerLength(tail, fileSize) + TRAILER_BYTES;
  if (footerBytes > tail.length) return footerBytes;
  let start = fileSize - footerBytes;
  for (const group of readFooter(tail, fileSize).rowGroups) {
    for (const chunk of group.chunks) {
      if (chunk.offsetIndexSize > 0) start = Math.min(start, chunk.offsetIndexOffset);
      if (chunk.columnIndexSize > 0) start = Math.min(start, chunk.columnIndexOffset);
    }
  }
  return fileSize - start;
}

/**
 * Reads the footer and the page indexes. `tail` is the end of a file of `fileSize` bytes, from the page indexes on
 * (ParquetWriter.tailBytes, tailBytesNeeded). Bounds in the result are views of it.
 * @throws RubatoError corrupt, also for files with features we do not read (nested columns, other codecs).
 */
export function parseFile(tail: Uint8Array, fileSize: number): ParquetFile {
  const footer = readFooter(tail, fileSize);
  checkIndexSizes(footer, tail);
  const rowGroups = footer.rowGroups.map(({ rows, chunks }) => {
    if (chunks.length !== footer.schema.length)
      throw corrupt(FOOTER, `a row group has ${chunks.length} columns, not ${footer.schema.length}`);
    return { rows, columns: chunks.map((chunk, i) => placeChunk(chunk, footer.schema[i]!, rows, tail, fileSize)) };
  });
  return { schema: footer.schema, rowGroups, metadata: footer.metadata, rows: footer.rows };
}

/** Indexes do not overlap. Else a small file could name one index a thousand times and fill the memory with its pages. */
function checkIndexSizes(footer: Footer, tail: Uint8Array): void {
  let size = 0;
  for (const group of footer.rowGroups) {
    for (const chunk of group.chunks) size += Math.max(0, chunk.offsetIndexSize) + Math.max(0, chunk.columnIndexSize);
  }
  if (size > tail.length) throw corrupt(FOOTER, `${size} bytes of page indexes in a tail of ${tail.length}`);
}

/**
 * The pages of a chunk of a file without offset index, found by their headers. `bytes` is the whole chunk.
 * @throws RubatoError corrupt
 */
export function locatePages(bytes: Uint8Array, chunk: ColumnChunk): PageLocation[] {
  const where = `column ${chunk.schema.name}`;
  const pages: PageLocation[] = [];
  let firstRow = 0;
  let at = 0;
  while (at < bytes.length) {
    const header = readPageHeader(bytes, at, where);
    const size = header.headerBytes + header.storedBytes;
    if (size > bytes.length - at) throw corrupt(`${where}, byte ${at}`, 'a page runs past its column chunk');
    if (header.kind === 'data' || header.kind === 'dataV2') {
      pages.push({ offset: chunk.offset + at, size, firstRow, rows: header.values });
      firstRow += header.values;
    }
    at += size;
  }
  if (firstRow !== chunk.values) throw corrupt(where, `pages hold ${firstRow} rows, not ${chunk.values}`);
  return pages;
}

function encodingOf(chunk: ChunkMetadata, schema: ColumnSchema): ColumnChunk['encoding'] {
  if (schema.physical === 'boolean' || chunk.dictionaryOffset > 0) return 'dictionary';
  if (chunk.encodings.includes(Encoding.deltaBinaryPacked)) return 'delta';
  if (chunk.encodings.includes(Encoding.byteStreamSplit)) return 'byteStreamSplit';
  return 'plain';
}

function placeChunk(
  chunk: ChunkMetadata,
  schema: ColumnSchema,
  rows: number,
  tail: Uint8Array,
  fileSize: number,
): ColumnChunk {
  const where = `${FOOTER}, column ${schema.name}`;
  if (chunk.path.length !== 1 || chunk.path[0] !== schema.name || chunk.type !== PhysicalNumber[schema.physical])
    throw corrupt(where, 'the column chunk is not in the order of the schema');
  if (chunk.codec !== Codec.zstd && chunk.codec !== Codec.uncompressed)
    throw corrupt(where, `codec ${chunk.codec} is not supported`);
  if (chunk.values !== rows || chunk.nulls > rows)
    throw corrupt(where, `${chunk.values} values and ${chunk.nulls} nulls in ${rows} rows`);
  const hasDictionary = chunk.dictionaryOffset > 0 && schema.physical !== 'boolean';
  const offset = hasDictionary ? chunk.dictionaryOffset : chunk.dataOffset;
  const end = offset + chunk.size;
  if (end > fileSize || chunk.dataOffset < offset || chunk.dataOffset > end)
    throw corrupt(where, `pages at ${offset} .. ${end} in a file of ${fileSize} bytes`);

  const placed: ColumnChunk = {
    schema,
    encoding: encodingOf(chunk, schema),
    offset,
    size: chunk.size,
    pages: [],
    values: rows,
    nulls: chunk.nulls,
  };
  if (hasDictionary) {
    placed.dictionaryOffset = offset;
    placed.dictionarySize = chunk.dataOffset - offset;
  }
  if (chunk.min !== undefined && chunk.max !== undefined) {
    placed.min = chunk.min;
    placed.max = chunk.max;
  }
  if (chunk.offsetIndexSize > 0) readOffsetIndex(indexReader(chunk, 'offsetIndex', where, tail, fileSize), placed, end);
  if (chunk.columnIndexSize > 0) readColumnIndex(indexReader(chunk, 'columnIndex', where, tail, fileSize), placed);
  else if (placed.pages.length === 1) {
    const page = placed.pages[0]!;
    page.nulls = placed.nulls;
    if (placed.min !== undefined && placed.max !== undefined) {
      page.min = placed.min;
      page.max = placed.max;
    }
  }
  return placed;
}

function indexReader(
  chunk: ChunkMetadata,
  which: 'offsetIndex' | 'columnIndex',
  where: string,
  tail: Uint8Array,
  fileSize: number,
): ThriftReader {
  const tailStart = fileSize - tail.length;
  const at = chunk[`${which}Offset`] - tailStart;
  const end = at + chunk[`${which}Size`];
  if (at < 0) throw corrupt(where, `the tail starts at byte ${tailStart}, behind the page index at ${at + tailStart}`);
  if (end > tail.length) throw corrupt(where, 'the page index runs past the end of the file');
  return new ThriftReader(tail.subarray(0, end), at, where, tailStart);
}

function readOffsetIndex(reader: ThriftReader, chunk: ColumnChunk, chunkEnd: number): void {
  const { pages } = chunk;
  const outer = reader.begin();
  for (let id = reader.next(); id !== 0; id = reader.next()) {
    if (id !== 1) {
      reader.skip();
      continue;
    }
    for (let left = reader.list(ThriftType.struct); left > 0; left--) {
      const page: PageLocation = { offset: 0, size: 0, firstRow: 0, rows: 0 };
      const before = reader.begin();
      for (let field = reader.next(); field !== 0; field = reader.next()) {
        if (field === 1) page.offset = reader.size();
        else if (field === 2) page.size = reader.i32();
        else if (field === 3) page.firstRow = reader.size();
        else reader.skip();
      }
      reader.end(before);
      if (page.offset < chunk.offset || page.size <= 0 || page.offset + page.size > chunkEnd)
        reader.fail('a page lies outside its column chunk');
      pages.push(page);
    }
  }
  reader.end(outer);
  let end = chunk.values;
  for (let i = pages.length - 1; i >= 0; i--) {
    const page = pages[i]!;
    page.rows = end - page.firstRow;
    if (page.rows < 0) reader.fail('pages are not in the order of their rows');
    end = page.firstRow;
  }
  if (end !== 0) reader.fail('the first page does not start with the first row');
}

function readColumnIndex(reader: ThriftReader, chunk: ColumnChunk): void {
  const { pages } = chunk;
  const nullPages: boolean[] = [];
  const mins: Uint8Array[] = [];
  const maxes: Uint8Array[] = [];
  const nulls: number[] = [];
  const outer = reader.begin();
  for (let id = reader.next(); id !== 0; id = reader.next()) {
    if (id === 1) {
      for (let left = reader.list(ThriftType.true); left > 0; left--) nullPages.push(reader.boolElement());
    } else if (id === 2) {
      for (let left = reader.list(ThriftType.binary); left > 0; left--) mins.push(reader.binaryElement());
    } else if (id === 3) {
      for (let left = reader.list(ThriftType.binary); left > 0; left--) maxes.push(reader.binaryElement());
    } else if (id === 5) {
      for (let left = reader.list(ThriftType.i64); left > 0; left--) nulls.push(reader.sizeElement());
    } else reader.skip();
  }
  reader.end(outer);
  for (const list of [nullPages, mins, maxes]) {
    if (list.length !== pages.length) reader.fail(`the index has ${list.length} pages, not ${pages.length}`);
  }
  for (let i = 0; i < pages.length; i++) {
    const page = pages[i]!;
    const count = nullPages[i] ? page.rows : nulls[i];
    if (count !== undefined) page.nulls = count;
    if (nullPages[i]) continue;
    page.min = mins[i]!;
    page.max = maxes[i]!;
  }
}

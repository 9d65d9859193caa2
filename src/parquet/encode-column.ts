/**
 * Encodes one column of one row group: cuts it into pages, picks the encoding, counts nulls and finds bounds.
 *
 * Pages start at multiples of `pageRows`, but for pages of very long values. A page of a sparse column covers several of
 * them, until it holds an eighth of `pageRows` values; a column without values in the row group is one page. So a rare
 * attribute costs a handful of bytes, not a page header, a zstd frame and an index entry every few thousand rows.
 */
import { assert } from '../base/assert.ts';
import { bitWidth } from './bit-pack.ts';
import { ByteSink } from './byte-sink.ts';
import { encodeByteStreamSplit } from './byte-stream-split.ts';
import { encodeDelta } from './delta.ts';
import { compressBodies, dataPageHeader, dictionaryPageHeader, Encoding, PAGE_BODY_BYTES_MAX } from './page.ts';
import { encodePlain, encodePlainSelected, plainSize } from './plain.ts';
import { encodeHybrid, encodeRun } from './rle.ts';
import { type CodeArray, type ColumnSchema, type PlainValues, valueWidth } from './schema.ts';
import { type Bounds, Extremes } from './statistics.ts';

export type ColumnValues =
  /**
   * codes: 0 is null, else 1 + index into the dictionary, whose values are distinct. Stored as a dictionary, or as
   * plain values when that is no larger (nearly all values distinct).
   */
  | { readonly kind: 'codes'; readonly codes: CodeArray; readonly dictionary: PlainValues }
  /** words: low and high word of each value. */
  | {
      readonly kind: 'int64';
      readonly words: Uint32Array;
      readonly encoding: 'delta' | 'byteStreamSplit' | 'plain';
    }
  | {
      readonly kind: 'int32';
      readonly values: Int32Array;
      readonly encoding: 'delta' | 'byteStreamSplit' | 'plain';
    }
  /** Values of the column's width, one after the other. */
  | { readonly kind: 'fixed'; readonly bytes: Uint8Array };

export interface PageOptions {
  readonly pageRows: number;
  /** zstd level. */
  readonly level: number;
}

export interface EncodedPage {
  readonly firstRow: number;
  readonly rows: number;
  readonly nulls: number;
  /** undefined when all values are null or NaN. */
  readonly bounds: Bounds | undefined;
  readonly header: Uint8Array;
  readonly body: Uint8Array;
}

export interface EncodedColumn {
  readonly schema: ColumnSchema;
  /** parquet.thrift number of the data pages' encoding. */
  readonly encoding: number;
  /** parquet.thrift number. */
  readonly codec: number;
  readonly dictionary: { readonly header: Uint8Array; readonly body: Uint8Array } | undefined;
  readonly pages: readonly EncodedPage[];
  readonly values: number;
  readonly nulls: number;
  readonly distinct: number | undefined;
  readonly bounds: Bounds | undefined;
  /** Headers and bodies as they would be without compression. */
  readonly uncompressedBytes: number;
}

/**
 * Plain values of a page, unless a single one is larger. Bounds what a reader holds for one page; only such a page does
 * not end at a multiple of pageRows.
 */
const PLAIN_PAGE_BYTES_MAX = 16 << 20;

/** Scratch memory of a writer, which is used by one column at a time. */
export class EncodeScratch {
  readonly sink = new ByteSink(1 << 16);
  /** Indices of the values that are there. */
  indices = new Uint32Array(0);
  /** 1 where a value is, else 0. */
  present = new Uint32Array(0);
  /** Per dictionary value: the page (1, 2, …) that had it last. */
  seen = new Uint32Array(0);

  prepare(rows: number, dictionarySize: number): void {
    if (this.indices.length < rows + 8) {
      this.indices = new Uint32Array(rows + 8);
      this.present = new Uint32Array(rows + 8);
    }
    if (this.seen.length < dictionarySize) this.seen = new Uint32Array(dictionarySize);
    else this.seen.fill(0, 0, dictionarySize);
  }
}

/** Encodes `rows` values of a column. */
export function encodeColumn(
  schema: ColumnSchema,
  values: ColumnValues,
  rows: number,
  options: PageOptions,
  scratch: EncodeScratch,
): EncodedColumn {
  if (values.kind === 'codes') {
    assert(values.codes.length >= rows, `column ${schema.name} has a code for every row`);
    return encodeCodes(schema, values.codes, values.dictionary, rows, options, scratch);
  }
  assert(!schema.optional, `column ${schema.name} is given as ${values.kind} and therefore required`);
  const words = wordsOf(values);
  const wordsPerValue = values.kind === 'int64' ? 2 : 1;
  const expected = values.kind === 'fixed' ? rows * valueWidth(schema) : rows * wordsPerValue;
  assert(words.length >= expected, `column ${schema.name} has a value for every row`);
  if (values.kind === 'fixed') {
    assert(schema.physical === 'fixed', `column ${schema.name} is of fixed width`);
    return encodeFixed(schema, values.bytes, rows, options);
  }
  assert(schema.physical === values.kind, `column ${schema.name} is ${values.kind}`);
  return encodeIntegers(schema, words as Uint32Array, wordsPerValue, values.encoding, rows, options, scratch);
}

function wordsOf(values: Exclude<ColumnValues, { kind: 'codes' }>): Uint32Array | Uint8Array {
  switch (values.kind) {
    case 'int64':
      return values.words;
    case 'int32': {
      const { buffer, byteOffset, length } = values.values;
      return new Uint32Array(buffer, byteOffset, length);
    }
    case 'fixed':
      return values.bytes;
  }
}

/** Collects the pages of a column, to be compressed when all are there. */
class PageList {
  readonly #pages: Omit<EncodedPage, 'header' | 'body'>[] = [];
  readonly #bodies: Uint8Array[] = [];

  get length(): number {
    return this.#pages.length;
  }

  /** Takes over the body. */
  add(page: Omit<EncodedPage, 'header' | 'body'>, body: Uint8Array): void {
    this.#pages.push(page);
    this.#bodies.push(body);
  }

  finish(
    encoding: number,
    level: number,
    dictionary?: { readonly count: number; readonly body: Uint8Array },
  ): Pick<EncodedColumn, 'codec' | 'dictionary' | 'pages' | 'uncompressedBytes'> {
    const bodies = dictionary === undefined ? this.#bodies : [...this.#bodies, dictionary.body];
    const { codec, stored } = compressBodies(bodies, level);
    let uncompressedBytes = 0;
    const pages = this.#pages.map((page, i): EncodedPage => {
      const body = stored[i]!;
      const header = dataPageHeader(page.rows, encoding, this.#bodies[i]!.length, body);
      uncompressedBytes += header.length + this.#bodies[i]!.length;
      return { ...page, header, body };
    });
    if (dictionary === undefined) return { codec, dictionary: undefined, pages, uncompressedBytes };
    const body = stored[pages.length]!;
    const header = dictionaryPageHeader(dictionary.count, dictionary.body.length, body);
    uncompressedBytes += header.length + dictionary.body.length;
    return { codec, dictionary: { header, body }, pages, uncompressedBytes };
  }
}

function encodeCodes(
  schema: ColumnSchema,
  codes: CodeArray,
  dictionary: PlainValues,
  rows: number,
  options: PageOptions,
  scratch: EncodeScratch,
): EncodedColumn {
  scratch.prepare(rows, dictionary.count);
  const { sink, indices, present } = scratch;
  const width = valueWidth(schema);
  const isBoolean = schema.physical === 'boolean';
  const asDictionary = !isBoolean && dictionaryPays(codes, rows, dictionary, width);
  let ends = pageEnds(codes, rows, options.pageRows);
  if (schema.physical === 'byteArray' && !asDictionary) ends = splitPages(ends, codes, dictionary.offsets);
  const encoding = isBoolean ? Encoding.rle : asDictionary ? Encoding.rleDictionary : Encoding.plain;
  const indexWidth = indexWidthOf(dictionary.count);

  const list = new PageList();
  const pageExtremes = new Extremes(dictionary, schema);
  const extremes = new Extremes(dictionary, schema);
  let distinct = 0;
  let nulls = 0;
  let firstRow = 0;
  for (const end of ends) {
    const pageRows = end - firstRow;
    const count = gatherIndices(codes, firstRow, end, indices, present);
    assert(count === pageRows || schema.optional, `column ${schema.name} is required and has no nulls`);

    pageExtremes.reset();
    distinct += findExtremes(indices, count, list.length + 1, scratch.seen, dictionary.count, pageExtremes);
    if (pageExtremes.min >= 0) {
      extremes.add(pageExtremes.min);
      extremes.add(pageExtremes.max);
    }

    sink.clear();
    if (schema.optional) encodeLevels(present, pageRows, count, sink);
    if (asDictionary) {
      sink.byte(indexWidth);
      encodeHybrid(indices, count, indexWidth, sink);
    } else if (isBoolean) {
      for (let i = 0; i < count; i++) indices[i] = dictionary.bytes[indices[i]!]!;
      const sizeAt = sink.length;
      sink.uint32(0);
      encodeHybrid(indices, count, 1, sink);
      sink.setUint32(sizeAt, sink.length - sizeAt - 4);
    } else {
      encodePlainSelected(dictionary, width, indices, count, sink);
    }
    list.add({ firstRow, rows: pageRows, nulls: pageRows - count, bounds: pageExtremes.bounds() }, sink.copy());
    nulls += pageRows - count;
    firstRow = end;
  }

  let dictionaryBody: Uint8Array | undefined;
  if (asDictionary) {
    sink.clear();
    encodePlain(dictionary, width, sink);
    dictionaryBody = sink.copy();
  }
  return {
    ...list.finish(encoding, options.level, dictionaryBody && { count: dictionary.count, body: dictionaryBody }),
    schema,
    encoding,
    values: rows,
    nulls,
    distinct,
    bounds: extremes.bounds(),
  };
}

/**
 * Bits of an index. From 5 on they are whole bytes: zstd then sees the indices as symbols and finds repeated sequences
 * of them, which bits across bytes hide; blocks of traces become 1 % smaller for it, and unpacking is a copy.
 */
function indexWidthOf(dictionarySize: number): number {
  const bits = bitWidth(Math.max(0, dictionarySize - 1));
  return bits < 5 ? bits : (bits + 7) & ~7;
}

/** Rows at which pages end. */
function pageEnds(codes: CodeArray, rows: number, pageRows: number): number[] {
  const ends: number[] = [];
  const valuesMinimum = Math.max(1, pageRows >>> 3);
  let values = 0;
  for (let start = 0; start < rows; start += pageRows) {
    const end = Math.min(rows, start + pageRows);
    for (let row = start; row < end && values < valuesMinimum; row++) if (codes[row] !== 0) values++;
    if (values >= valuesMinimum || end === rows) {
      ends.push(end);
      values = 0;
    }
  }
  return ends;
}

/** Splits pages of plain values that would be too large. */
function splitPages(ends: readonly number[], codes: CodeArray, offsets: Uint32Array): number[] {
  const split: number[] = [];
  let row = 0;
  for (const end of ends) {
    let bytes = 0;
    for (const start = row; row < end; row++) {
      const code = codes[row]!;
      if (code === 0) continue;
      const size = 4 + offsets[code]! - offsets[code - 1]!;
      if (bytes + size > PLAIN_PAGE_BYTES_MAX && row > start) {
        split.push(row);
        bytes = 0;
      }
      bytes += size;
    }
    split.push(end);
  }
  return split;
}

/** Whether indices and a dictionary take fewer bytes than the values in the order of their rows. */
function dictionaryPays(codes: CodeArray, rows: number, dictionary: PlainValues, width: number): boolean {
  const { count, offsets } = dictionary;
  let cost = plainSize(dictionary, width);
  if (cost > PAGE_BODY_BYTES_MAX) return false;
  if (count === 0) return true;
  const indexBytes = bitWidth(count - 1) / 8;
  let plainBytes = 0;
  for (let row = 0; row < rows; row++) {
    const code = codes[row]!;
    if (code === 0) continue;
    cost += indexBytes;
    plainBytes += width > 0 ? width : 4 + offsets[code]! - offsets[code - 1]!;
    // A dictionary that has paid for itself and the indices of all rows to come.
    if (plainBytes > cost + (rows - row) * indexBytes) return true;
  }
  return plainBytes > cost;
}

/**
 * Fills indices with the indices of the values in codes[start .. end) and `present` with a 1 or 0 a row. Returns the
 * number of values.
 */
function gatherIndices(
  codes: CodeArray,
  start: number,
  end: number,
  indices: Uint32Array,
  present: Uint32Array,
): number {
  let count = 0;
  for (let row = start, p = 0; row < end; row++, p++) {
    const code = codes[row]!;
    // Without a branch, which sparse columns would mispredict: a null's index is overwritten by the next value.
    indices[count] = code - 1;
    const there = code === 0 ? 0 : 1;
    present[p] = there;
    count += there;
  }
  return count;
}

/** Adds each index to the extremes the first time the page has it. Returns how many no page had before. */
function findExtremes(
  indices: Uint32Array,
  count: number,
  page: number,
  seen: Uint32Array,
  dictionarySize: number,
  extremes: Extremes,
): number {
  let fresh = 0;
  for (let i = 0; i < count; i++) {
    const index = indices[i]!;
    const last = seen[index]!;
    if (last === page) continue;
    assert(index < dictionarySize, 'codes lie within the dictionary');
    if (last === 0) fresh++;
    seen[index] = page;
    extremes.add(index);
  }
  return fresh;
}

/** Definition levels of a page, `count` of whose rows have a value: their size in four bytes, then runs. */
function encodeLevels(present: Uint32Array, rows: number, count: number, sink: ByteSink): void {
  const sizeAt = sink.length;
  sink.uint32(0);
  if (count === rows || count === 0) encodeRun(count === 0 ? 0 : 1, rows, 1, sink);
  else encodeHybrid(present, rows, 1, sink);
  sink.setUint32(sizeAt, sink.length - sizeAt - 4);
}

function encodeIntegers(
  schema: ColumnSchema,
  words: Uint32Array,
  wordsPerValue: 1 | 2,
  encoding: 'delta' | 'byteStreamSplit' | 'plain',
  rows: number,
  options: PageOptions,
  scratch: EncodeScratch,
): EncodedColumn {
  const { sink } = scratch;
  const number =
    encoding === 'delta'
      ? Encoding.deltaBinaryPacked
      : encoding === 'byteStreamSplit'
        ? Encoding.byteStreamSplit
        : Encoding.plain;
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.length * 4);
  return encodeRequired(schema, number, bytes, rows, options, (start, count) => {
    const at = start * wordsPerValue;
    sink.clear();
    if (encoding === 'delta') encodeDelta(words, at, count, wordsPerValue, sink);
    else if (encoding === 'byteStreamSplit') encodeByteStreamSplit(words, at, count, wordsPerValue, sink);
    // A word in memory is little endian on every machine Node runs on that we support (x64, arm64).
    else return bytes.subarray(at * 4, (at + count * wordsPerValue) * 4);
    return sink.copy();
  });
}

function encodeFixed(schema: ColumnSchema, bytes: Uint8Array, rows: number, options: PageOptions): EncodedColumn {
  const width = valueWidth(schema);
  return encodeRequired(schema, Encoding.plain, bytes, rows, options, (start, count) =>
    bytes.subarray(start * width, (start + count) * width),
  );
}

/** Pages of a column without nulls whose values lie in `bytes`, each page's body made by `encode`. */
function encodeRequired(
  schema: ColumnSchema,
  encoding: number,
  bytes: Uint8Array,
  rows: number,
  options: PageOptions,
  encode: (start: number, count: number) => Uint8Array,
): EncodedColumn {
  const list = new PageList();
  const values: PlainValues = { count: rows, bytes, offsets: new Uint32Array(0) };
  const extremes = new Extremes(values, schema);
  for (let start = 0; start < rows; start += options.pageRows) {
    const count = Math.min(options.pageRows, rows - start);
    const pageExtremes = new Extremes(values, schema);
    pageExtremes.addRange(start, start + count);
    extremes.add(pageExtremes.min);
    extremes.add(pageExtremes.max);
    list.add({ firstRow: start, rows: count, nulls: 0, bounds: pageExtremes.bounds() }, encode(start, count));
  }
  return {
    ...list.finish(encoding, options.level),
    schema,
    encoding,
    values: rows,
    nulls: 0,
    distinct: undefined,
    bounds: extremes.bounds(),
  };
}

/**
 * Decodes single pages into typed arrays. A page is its header and body, as they lie in the file; checksum and bounds
 * are checked, so that any bytes give values or a RubatoError of kind corrupt, whose offsets count from the page.
 */
import { corrupt } from '../base/errors.ts';
import { decodeByteStreamSplit } from './byte-stream-split.ts';
import { decodeDelta, decodeDeltaToDoubles } from './delta.ts';
import { countPresent, spreadToBytes, spreadToShorts, spreadToWords } from './levels.ts';
import { Encoding, type OpenPage, openPage } from './page.ts';
import { decodePlain } from './plain.ts';
import { decodeHybridToBytes, decodeHybridToWords } from './rle.ts';
import type { CodeArray, ColumnSchema, PlainValues } from './schema.ts';

/** Indices of the page that is being decoded, grown to the longest page. */
let byteScratch = new Uint8Array(1 << 14);
let wordScratch = new Uint32Array(1 << 14);

/** A dictionary page. */
export function decodeDictionary(page: Uint8Array, schema: ColumnSchema): PlainValues {
  const where = `column ${schema.name}, dictionary page`;
  const { header, body } = openPage(page, 'dictionary', where);
  if (header.encoding !== Encoding.plain && header.encoding !== Encoding.plainDictionary)
    throw corrupt(`${where}, byte 0`, `encoding ${header.encoding} is not supported`);
  return decodePlain(body, 0, header.values, schema, where);
}

/**
 * Decodes one data page of a dictionary-coded, plain or boolean column into out[at .. at + rows) as codes.
 *
 * `valuesBefore` is how many values the column has so far: those of its dictionary and of plain pages before. A code
 * of a dictionary page beyond it is damage. A plain page's values are returned; their codes count up from
 * valuesBefore + 1. `out` must hold codes that large.
 */
export function decodeCodes(
  page: Uint8Array,
  schema: ColumnSchema,
  out: CodeArray,
  at: number,
  valuesBefore: number,
): PlainValues | undefined {
  const where = `column ${schema.name}, page`;
  const open = openPage(page, 'data', where);
  const rows = open.header.values;
  if (at + rows > out.length) throw corrupt(`${where}, byte 0`, `${rows} rows where ${out.length - at} are left`);
  const { levels, valuesAt } = findLevels(open, schema, where);
  const present = levels === undefined ? rows : countPresent(levels, rows, where);
  if (valuesBefore + (open.header.encoding === Encoding.plain ? present : 0) > 2 ** (8 * out.BYTES_PER_ELEMENT) - 1)
    throw corrupt(`${where}, byte 0`, `codes do not fit ${out.BYTES_PER_ELEMENT} bytes`);
  const { body } = open;

  let narrow = true;
  let plain: PlainValues | undefined;
  switch (open.header.encoding) {
    case Encoding.rleDictionary:
    case Encoding.plainDictionary: {
      const width = present === 0 ? 0 : body[valuesAt];
      if (width === undefined) throw corrupt(`${where}, body byte ${valuesAt}`, 'no bit width');
      narrow = width <= 8;
      decodeIndices(body, valuesAt + 1, width, present, valuesBefore, where);
      break;
    }
    case Encoding.plain: {
      const values = decodePlain(body, valuesAt, present, schema, where);
      if (schema.physical === 'boolean') {
        reserveBytes(present);
        byteScratch.set(values.bytes);
      } else {
        narrow = false;
        reserveWords(present);
        for (let i = 0; i < present; i++) wordScratch[i] = valuesBefore + i;
        plain = values;
      }
      break;
    }
    case Encoding.rle: {
      if (schema.physical !== 'boolean') throw corrupt(`${where}, byte 0`, 'RLE in a column that is not boolean');
      const end = lengthPrefixed(body, valuesAt, where);
      reserveBytes(present);
      decodeHybridToBytes(body, valuesAt + 4, end, 1, present, byteScratch, where);
      break;
    }
    default:
      throw corrupt(`${where}, byte 0`, `encoding ${open.header.encoding} is not supported for codes`);
  }
  writeCodes(narrow, present, present < rows ? levels : undefined, rows, out, at);
  return plain;
}

/** Decodes a data page of a required int64 column into words out[2 * at ..): low and high word. Returns its rows. */
export function decodeInt64(page: Uint8Array, out: Uint32Array, at: number): number {
  return decodeIntegers(page, out, at, 2);
}

/**
 * As decodeInt64, as doubles into out[at ..), if it is delta-coded and all values are exact as such. Returns its rows, or
 * undefined when it has to be decoded as words.
 */
export function decodeInt64ToDoubles(page: Uint8Array, out: Float64Array, at: number): number | undefined {
  const where = 'int64 page';
  const { header, body } = openPage(page, 'data', where);
  const rows = header.values;
  if (at + rows > out.length) throw corrupt(`${where}, byte 0`, `${rows} rows where ${out.length - at} are left`);
  if (header.encoding !== Encoding.deltaBinaryPacked) return undefined;
  return decodeDeltaToDoubles(body, 0, rows, out, at, where) ? rows : undefined;
}

/** Decodes a data page of a required int32 column into out[at ..). Returns its rows. */
export function decodeInt32(page: Uint8Array, out: Int32Array, at: number): number {
  return decodeIntegers(page, new Uint32Array(out.buffer, out.byteOffset, out.length), at, 1);
}

function decodeIntegers(page: Uint8Array, out: Uint32Array, at: number, wordsPerValue: 1 | 2): number {
  const where = wordsPerValue === 2 ? 'int64 page' : 'int32 page';
  const open = openPage(page, 'data', where);
  const rows = open.header.values;
  const to = at * wordsPerValue;
  if (to + rows * wordsPerValue > out.length)
    throw corrupt(`${where}, byte 0`, `${rows} rows where ${out.length / wordsPerValue - at} are left`);
  unpackIntegers(open, { out, to }, wordsPerValue, rows, where);
  return rows;
}

/** Decodes at least the first `wanted` values of an opened page to out[to ..), which has room for all of them. */
export function unpackIntegers(
  { header, body }: OpenPage,
  { out, to }: { readonly out: Uint32Array; readonly to: number },
  wordsPerValue: 1 | 2,
  wanted: number,
  where: string,
): void {
  const rows = header.values;
  if (header.encoding === Encoding.deltaBinaryPacked) {
    decodeDelta(body, 0, rows, wordsPerValue, out, to, where, wanted);
    return;
  }
  if (body.length !== rows * wordsPerValue * 4)
    throw corrupt(`${where}, byte 0`, `${rows} values do not fill the page`);
  if (header.encoding === Encoding.byteStreamSplit) decodeByteStreamSplit(body, 0, rows, wordsPerValue, out, to);
  else if (header.encoding === Encoding.plain) new Uint8Array(out.buffer, out.byteOffset + to * 4).set(body);
  else throw corrupt(`${where}, byte 0`, `encoding ${header.encoding} is not supported for integers`);
}

/** Decodes a data page of a required fixed column into bytes out[atRow * width ..). Returns its rows. */
export function decodeFixed(page: Uint8Array, width: number, out: Uint8Array, atRow: number): number {
  const where = 'fixed page';
  const { header, body } = openPage(page, 'data', where);
  const rows = header.values;
  if (header.encoding !== Encoding.plain) throw corrupt(`${where}, byte 0`, `encoding ${header.encoding}`);
  if ((atRow + rows) * width > out.length)
    throw corrupt(`${where}, byte 0`, `${rows} rows where ${out.length / width - atRow} are left`);
  if (body.length !== rows * width) throw corrupt(`${where}, byte 0`, `${rows} values do not fill the page`);
  out.set(body, atRow * width);
  return rows;
}

/** Seven more for the last group that is unpacked, one more to be read behind the last. */
function reserveBytes(count: number): void {
  if (byteScratch.length < count + 8) byteScratch = new Uint8Array(count + 8);
}

function reserveWords(count: number): void {
  if (wordScratch.length < count + 8) wordScratch = new Uint32Array(count + 8);
}

/** End of the bytes whose length stands in the four bytes at `at`. */
export function lengthPrefixed(body: Uint8Array, at: number, where: string): number {
  const left = body.length - at - 4;
  const length =
    left < 0 ? 0 : (body[at]! | (body[at + 1]! << 8) | (body[at + 2]! << 16) | (body[at + 3]! << 24)) >>> 0;
  if (left < 0 || length > left) throw corrupt(`${where}, body byte ${at}`, 'runs longer than the page');
  return at + 4 + length;
}

/** The definition levels of an optional column's page and where its values start. */
export function findLevels(
  open: OpenPage,
  schema: ColumnSchema,
  where: string,
): { levels: Uint8Array | undefined; valuesAt: number } {
  if (open.definitionLevels !== undefined)
    return { levels: schema.optional ? open.definitionLevels : undefined, valuesAt: 0 };
  if (!schema.optional) return { levels: undefined, valuesAt: 0 };
  const end = lengthPrefixed(open.body, 0, where);
  return { levels: open.body.subarray(4, end), valuesAt: end };
}

/** Decodes `count` indices into byteScratch when they have 8 bits at most, else into wordScratch. */
function decodeIndices(
  body: Uint8Array,
  at: number,
  width: number,
  count: number,
  dictionarySize: number,
  where: string,
): void {
  if (count === 0) return;
  let largest = 0;
  if (width <= 8) {
    reserveBytes(count);
    decodeHybridToBytes(body, at, body.length, width, count, byteScratch, where);
    if (1 << width > dictionarySize) largest = largestByte(byteScratch, count);
  } else {
    reserveWords(count);
    decodeHybridToWords(body, at, body.length, width, count, wordScratch, where);
    if (2 ** width > dictionarySize) largest = largestWord(wordScratch, count);
  }
  if (largest >= dictionarySize)
    throw corrupt(`${where}, body byte ${at}`, `index ${largest} in a dictionary of ${dictionarySize} values`);
}

function largestByte(values: Uint8Array, count: number): number {
  let largest = 0;
  for (let i = 0; i < count; i++) if (values[i]! > largest) largest = values[i]!;
  return largest;
}

function largestWord(values: Uint32Array, count: number): number {
  let largest = 0;
  for (let i = 0; i < count; i++) if (values[i]! > largest) largest = values[i]!;
  return largest;
}

/** Writes the indices in byteScratch (`narrow`) or wordScratch as codes; with definition levels, nulls between them. */
function writeCodes(
  narrow: boolean,
  count: number,
  levels: Uint8Array | undefined,
  rows: number,
  out: CodeArray,
  at: number,
): void {
  // Byte codes are made from bytes and wider codes from words, so that each loop sees one pair of types.
  if (out instanceof Uint8Array) {
    if (!narrow) {
      reserveBytes(count);
      byteScratch.set(wordScratch.subarray(0, count));
    }
    if (levels === undefined) codesToBytes(byteScratch, count, out, at);
    else spreadToBytes(byteScratch, levels, rows, out, at);
    return;
  }
  if (narrow) {
    reserveWords(count);
    wordScratch.set(byteScratch.subarray(0, count));
  }
  if (out instanceof Uint16Array) {
    if (levels === undefined) codesToShorts(wordScratch, count, out, at);
    else spreadToShorts(wordScratch, levels, rows, out, at);
  } else if (levels === undefined) codesToWords(wordScratch, count, out, at);
  else spreadToWords(wordScratch, levels, rows, out, at);
}

function codesToBytes(indices: Uint8Array, count: number, out: Uint8Array, at: number): void {
  for (let i = 0; i < count; i++) out[at + i] = indices[i]! + 1;
}

function codesToShorts(indices: Uint32Array, count: number, out: Uint16Array, at: number): void {
  for (let i = 0; i < count; i++) out[at + i] = indices[i]! + 1;
}

function codesToWords(indices: Uint32Array, count: number, out: Uint32Array, at: number): void {
  for (let i = 0; i < count; i++) out[at + i] = indices[i]! + 1;
}

/**
 * Decodes single pages into typed arrays. A page is its header and body, as they lie in the file; checksum and bounds
 * are checked, so that any bytes give values or a RubatoError of kind corrupt, whose offsets count from the page.
 */
import { corrupt } from '../base/errors.ts';
import { decodeByteStreamSplit } from './byte-stream-split.ts';
import { decodeDelta } from './delta.ts';
import { Encoding, type OpenPage, openPage } from './page.ts';
import { decodePlain } from './plain.ts';
import { decodeHybridToBytes, decodeHybridToWords, HybridReader } from './rle.ts';
import type { CodeArray, ColumnSchema, PlainValues } from './schema.ts';

/** Indices of the page that is being decoded, grown to the longest page. */
let byteScratch = new Uint8Array(1 << 14);
let wordScratch = new Uint32Array(0);
let levelScratch = new Uint8Array(0);

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
  const present = levels === undefined ? rows : readLevels(levels, rows, where);
  if (valuesBefore + (open.header.encoding === Encoding.plain ? present : 0) > 2 ** (8 * out.BYTES_PER_ELEMENT) - 1)
    throw corrupt(`${where}, byte 0`, `codes do not fit ${out.BYTES_PER_ELEMENT} bytes`);
  const { body } = open;

  switch (open.header.encoding) {
    case Encoding.rleDictionary:
    case Encoding.plainDictionary: {
      const width = present === 0 ? 0 : body[valuesAt];
      if (width === undefined) throw corrupt(`${where}, body byte ${valuesAt}`, 'no bit width');
      decodeIndices(body, valuesAt + 1, width, present, out, at, valuesBefore, where);
      break;
    }
    case Encoding.plain: {
      const values = decodePlain(body, valuesAt, present, schema, where);
      if (schema.physical === 'boolean') {
        byteScratch = grown(byteScratch, present);
        byteScratch.set(values.bytes);
        writeCodes(byteScratch, present, out, at);
        break;
      }
      numberCodes(out, at, present, valuesBefore);
      if (present < rows) spread(out, at, present, rows);
      return values;
    }
    case Encoding.rle: {
      if (schema.physical !== 'boolean') throw corrupt(`${where}, byte 0`, 'RLE in a column that is not boolean');
      const end = lengthPrefixed(body, valuesAt, where);
      byteScratch = grown(byteScratch, present);
      decodeHybridToBytes(body, valuesAt + 4, end, 1, present, byteScratch, where);
      writeCodes(byteScratch, present, out, at);
      break;
    }
    default:
      throw corrupt(`${where}, byte 0`, `encoding ${open.header.encoding} is not supported for codes`);
  }
  if (present < rows) spread(out, at, present, rows);
  return undefined;
}

/** Decodes a data page of a required int64 column into words out[2 * at ..): low and high word. Returns its rows. */
export function decodeInt64(page: Uint8Array, out: Uint32Array, at: number): number {
  return decodeIntegers(page, out, at, 2);
}

/** Decodes a data page of a required int32 column into out[at ..). Returns its rows. */
export function decodeInt32(page: Uint8Array, out: Int32Array, at: number): number {
  return decodeIntegers(page, new Uint32Array(out.buffer, out.byteOffset, out.length), at, 1);
}

function decodeIntegers(page: Uint8Array, out: Uint32Array, at: number, wordsPerValue: 1 | 2): number {
  const where = wordsPerValue === 2 ? 'int64 page' : 'int32 page';
  const { header, body } = openPage(page, 'data', where);
  const rows = header.values;
  const to = at * wordsPerValue;
  if (to + rows * wordsPerValue > out.length)
    throw corrupt(`${where}, byte 0`, `${rows} rows where ${out.length / wordsPerValue - at} are left`);
  if (header.encoding === Encoding.deltaBinaryPacked) {
    decodeDelta(body, 0, rows, wordsPerValue, out, to, where);
    return rows;
  }
  if (body.length !== rows * wordsPerValue * 4)
    throw corrupt(`${where}, byte 0`, `${rows} values do not fill the page`);
  if (header.encoding === Encoding.byteStreamSplit) decodeByteStreamSplit(body, 0, rows, wordsPerValue, out, to);
  else if (header.encoding === Encoding.plain) new Uint8Array(out.buffer, out.byteOffset + to * 4).set(body);
  else throw corrupt(`${where}, byte 0`, `encoding ${header.encoding} is not supported for integers`);
  return rows;
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

function grown(scratch: Uint8Array<ArrayBuffer>, count: number): Uint8Array<ArrayBuffer> {
  return scratch.length >= count + 8 ? scratch : new Uint8Array(count + 8);
}

/** End of the bytes whose length stands in the four bytes at `at`. */
function lengthPrefixed(body: Uint8Array, at: number, where: string): number {
  const left = body.length - at - 4;
  const length =
    left < 0 ? 0 : (body[at]! | (body[at + 1]! << 8) | (body[at + 2]! << 16) | (body[at + 3]! << 24)) >>> 0;
  if (left < 0 || length > left) throw corrupt(`${where}, body byte ${at}`, 'runs longer than the page');
  return at + 4 + length;
}

/** The definition levels of an optional column's page and where its values start. */
function findLevels(
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

/** Decodes definition levels into levelScratch and returns how many rows have a value. */
function readLevels(levels: Uint8Array, rows: number, where: string): number {
  // Most pages are a single run: all there or all null.
  const reader = new HybridReader(levels, 0, levels.length, 1, where);
  if (rows > 0) {
    reader.next(rows);
    if (!reader.literal && reader.count === rows && reader.value === 1) return rows;
  }
  levelScratch = grown(levelScratch, rows);
  decodeHybridToBytes(levels, 0, levels.length, 1, rows, levelScratch, where);
  let present = 0;
  for (let row = 0; row < rows; row++) present += levelScratch[row]!;
  return present;
}

function decodeIndices(
  body: Uint8Array,
  indicesAt: number,
  width: number,
  count: number,
  out: CodeArray,
  at: number,
  dictionarySize: number,
  where: string,
): void {
  if (count === 0) return;
  let largest = 0;
  if (width <= 8) {
    byteScratch = grown(byteScratch, count);
    decodeHybridToBytes(body, indicesAt, body.length, width, count, byteScratch, where);
    largest = largestByte(byteScratch, count);
  } else {
    if (wordScratch.length < count + 8) wordScratch = new Uint32Array(count + 8);
    decodeHybridToWords(body, indicesAt, body.length, width, count, wordScratch, where);
    largest = largestWord(wordScratch, count);
  }
  if (largest >= dictionarySize)
    throw corrupt(`${where}, body byte ${indicesAt}`, `index ${largest} in a dictionary of ${dictionarySize} values`);
  writeCodes(width <= 8 ? byteScratch : wordScratch, count, out, at);
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

// One function for each pair of array types that occurs, so that each loop sees one type.

function writeCodes(indices: Uint8Array | Uint32Array, count: number, out: CodeArray, at: number): void {
  if (indices instanceof Uint8Array) {
    if (out instanceof Uint8Array) bytesToBytes(indices, count, out, at);
    else if (out instanceof Uint16Array) bytesToShorts(indices, count, out, at);
    else bytesToWords(indices, count, out, at);
  } else if (out instanceof Uint8Array) wordsToBytes(indices, count, out, at);
  else if (out instanceof Uint16Array) wordsToShorts(indices, count, out, at);
  else wordsToWords(indices, count, out, at);
}

function bytesToBytes(indices: Uint8Array, count: number, out: Uint8Array, at: number): void {
  for (let i = 0; i < count; i++) out[at + i] = indices[i]! + 1;
}

function bytesToShorts(indices: Uint8Array, count: number, out: Uint16Array, at: number): void {
  for (let i = 0; i < count; i++) out[at + i] = indices[i]! + 1;
}

function bytesToWords(indices: Uint8Array, count: number, out: Uint32Array, at: number): void {
  for (let i = 0; i < count; i++) out[at + i] = indices[i]! + 1;
}

function wordsToBytes(indices: Uint32Array, count: number, out: Uint8Array, at: number): void {
  for (let i = 0; i < count; i++) out[at + i] = indices[i]! + 1;
}

function wordsToShorts(indices: Uint32Array, count: number, out: Uint16Array, at: number): void {
  for (let i = 0; i < count; i++) out[at + i] = indices[i]! + 1;
}

function wordsToWords(indices: Uint32Array, count: number, out: Uint32Array, at: number): void {
  for (let i = 0; i < count; i++) out[at + i] = indices[i]! + 1;
}

function numberCodes(out: CodeArray, at: number, count: number, before: number): void {
  for (let i = 0; i < count; i++) out[at + i] = before + 1 + i;
}

/** Moves the `count` codes at out[at ..) to the rows that have a value, by levelScratch; other rows become 0. */
function spread(out: CodeArray, at: number, count: number, rows: number): void {
  if (out instanceof Uint8Array) spreadBytes(out, at, count, rows, levelScratch);
  else if (out instanceof Uint16Array) spreadShorts(out, at, count, rows, levelScratch);
  else spreadWords(out, at, count, rows, levelScratch);
}

// From the end, in place: a code never moves towards the start. `next` stops at the first code, which a null before
// it reads for nothing.

function spreadBytes(out: Uint8Array, at: number, count: number, rows: number, levels: Uint8Array): void {
  let next = at + count - 1;
  for (let row = rows - 1; row >= 0; row--) {
    const there = levels[row]!;
    out[at + row] = there === 1 && next >= at ? out[next]! : 0;
    next -= there;
  }
}

function spreadShorts(out: Uint16Array, at: number, count: number, rows: number, levels: Uint8Array): void {
  let next = at + count - 1;
  for (let row = rows - 1; row >= 0; row--) {
    const there = levels[row]!;
    out[at + row] = there === 1 && next >= at ? out[next]! : 0;
    next -= there;
  }
}

function spreadWords(out: Uint32Array, at: number, count: number, rows: number, levels: Uint8Array): void {
  let next = at + count - 1;
  for (let row = rows - 1; row >= 0; row--) {
    const there = levels[row]!;
    out[at + row] = there === 1 && next >= at ? out[next]! : 0;
    next -= there;
  }
}

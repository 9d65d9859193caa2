/**
 * Decodes some neighbouring rows of a page: for reading single traces, whose few rows lie in pages of thousands. What lies
 * before them is passed over as far as the encoding allows (runs and bit-packed groups at once, deltas one by one), what
 * lies behind is not looked at. Checks are those of decode-page.ts, for the part that is decoded.
 */
import { corrupt } from '../base/errors.ts';
import { findLevels, lengthPrefixed, unpackIntegers } from './decode-page.ts';
import { decodeDeltaToDoubles } from './delta.ts';
import { countRange, spreadRange } from './levels.ts';
import { Encoding, type OpenPage, openPage } from './page.ts';
import { decodePlainRange } from './plain.ts';
import { decodeHybridRange } from './rle.ts';
import type { ColumnSchema, PlainValues } from './schema.ts';

/** Rows of a page, [first, end). */
export interface PageRows {
  readonly first: number;
  readonly end: number;
  /** Rows of the whole page, by the index. */
  readonly of: number;
}

/** Indices of the values of the rows, or the integers before and in them. */
let scratch = new Uint32Array(1 << 15);

function reserve(words: number): void {
  if (scratch.length < words) scratch = new Uint32Array(words * 2);
}

function checkRows({ header }: OpenPage, { of }: PageRows, where: string): void {
  if (header.values !== of) throw corrupt(`${where}, byte 0`, `${header.values} rows instead of ${of}`);
}

/**
 * As decodeCodes: codes of the rows to out[at ..). Of a plain page only the rows' own values are returned, whose codes
 * count up from valuesBefore + 1.
 */
export function decodeCodesOfRows(
  page: Uint8Array,
  schema: ColumnSchema,
  rows: PageRows,
  { out, at }: { readonly out: Uint32Array; readonly at: number },
  valuesBefore: number,
): PlainValues | undefined {
  const where = `column ${schema.name}, page`;
  const open = openPage(page, 'data', where);
  checkRows(open, rows, where);
  const { levels, valuesAt } = findLevels(open, schema, where);
  const { first, end } = rows;
  const range = levels === undefined ? { skip: first, count: end - first } : countRange(levels, rows, where);
  const { count } = range;
  reserve(count + 16);
  const plain = indicesOf(open, schema, valuesAt, range, valuesBefore, where);
  if (levels === undefined) for (let i = 0; i < count; i++) out[at + i] = scratch[i]! + 1;
  else spreadRange(scratch, levels, rows, out, at);
  return plain;
}

/** Fills the scratch array with indices. */
function indicesOf(
  { header, body }: OpenPage,
  schema: ColumnSchema,
  valuesAt: number,
  range: { readonly skip: number; readonly count: number },
  valuesBefore: number,
  where: string,
): PlainValues | undefined {
  const { skip, count } = range;
  if (count === 0) return undefined;
  switch (header.encoding) {
    case Encoding.rleDictionary:
    case Encoding.plainDictionary: {
      const width = body[valuesAt];
      if (width === undefined) throw corrupt(`${where}, body byte ${valuesAt}`, 'no bit width');
      decodeHybridRange(body, valuesAt + 1, body.length, width, range, scratch, where);
      for (let i = 0; i < count; i++) {
        if (scratch[i]! >= valuesBefore)
          throw corrupt(`${where}, body byte ${valuesAt}`, `index ${scratch[i]} in a dictionary of ${valuesBefore}`);
      }
      return undefined;
    }
    case Encoding.plain: {
      if (schema.physical === 'boolean') {
        if (valuesAt + ((skip + count + 7) >>> 3) > body.length)
          throw corrupt(`${where}, body byte ${valuesAt}`, 'values end too early');
        for (let i = 0; i < count; i++) scratch[i] = (body[valuesAt + ((skip + i) >>> 3)]! >>> ((skip + i) & 7)) & 1;
        return undefined;
      }
      for (let i = 0; i < count; i++) scratch[i] = valuesBefore + i;
      return decodePlainRange(body, valuesAt, range, schema, where);
    }
    case Encoding.rle: {
      if (schema.physical !== 'boolean') throw corrupt(`${where}, byte 0`, 'RLE in a column that is not boolean');
      decodeHybridRange(body, valuesAt + 4, lengthPrefixed(body, valuesAt, where), 1, range, scratch, where);
      return undefined;
    }
    default:
      throw corrupt(`${where}, byte 0`, `encoding ${header.encoding} is not supported for codes`);
  }
}

/** The rows of a required integer column, one word (int32) or two (int64) each, to out[at * wordsPerValue ..). */
export function decodeIntegersOfRows(
  page: Uint8Array,
  wordsPerValue: 1 | 2,
  rows: PageRows,
  { out, at }: { readonly out: Uint32Array; readonly at: number },
): void {
  const where = wordsPerValue === 2 ? 'int64 page' : 'int32 page';
  const open = openPage(page, 'data', where);
  checkRows(open, rows, where);
  reserve(open.header.values * wordsPerValue);
  unpackIntegers(open, { out: scratch, to: 0 }, wordsPerValue, rows.end, where);
  const from = rows.first * wordsPerValue;
  const words = (rows.end - rows.first) * wordsPerValue;
  for (let i = 0; i < words; i++) out[at * wordsPerValue + i] = scratch[from + i]!;
}

let doubles = new Float64Array(1 << 14);

/** As decodeInt64ToDoubles, of some rows. False when they have to be decoded as words. */
export function decodeDoublesOfRows(
  page: Uint8Array,
  rows: PageRows,
  { out, at }: { readonly out: Float64Array; readonly at: number },
): boolean {
  const where = 'int64 page';
  const open = openPage(page, 'data', where);
  checkRows(open, rows, where);
  const { header, body } = open;
  if (header.encoding !== Encoding.deltaBinaryPacked) return false;
  if (doubles.length < rows.end) doubles = new Float64Array(rows.end * 2);
  if (!decodeDeltaToDoubles(body, 0, header.values, doubles, 0, where, rows.end)) return false;
  for (let row = rows.first; row < rows.end; row++) out[at + row - rows.first] = doubles[row]!;
  return true;
}

/** The rows of a required fixed column to out[at * width ..). */
export function decodeFixedOfRows(
  page: Uint8Array,
  width: number,
  rows: PageRows,
  { out, at }: { readonly out: Uint8Array; readonly at: number },
): void {
  const where = 'fixed page';
  const open = openPage(page, 'data', where);
  checkRows(open, rows, where);
  const { header, body } = open;
  if (header.encoding !== Encoding.plain) throw corrupt(`${where}, byte 0`, `encoding ${header.encoding}`);
  if (body.length !== header.values * width)
    throw corrupt(`${where}, byte 0`, `${header.values} values do not fill the page`);
  out.set(body.subarray(rows.first * width, rows.end * width), at * width);
}

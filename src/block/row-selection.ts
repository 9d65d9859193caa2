/**
 * Some rows of a table, numbered as if they were a table of their own:
 *
 *   rows of the row group    … 40 41 42 … 90 91 …      ranges [40, 43) and [90, 92)
 *   local rows                  0  1  2    3  4
 *
 * The selected rows of one page follow one another locally. So a page is decoded from its first selected row to its last
 * into scratch memory, once, and the selected ones are copied.
 */
import { assert } from '../base/assert.ts';
import type { PageRows } from '../parquet/decode-rows.ts';
import type { PageLocation } from '../parquet/read-file.ts';

/** Decodes rows of a page to out[at * width ..), where `width` is what a row takes of the array. */
export type DecodeRows<A, R> = (rows: PageRows, target: { readonly out: A; readonly at: number }) => R;

/** Memory for at least so many elements. */
type Scratch<A> = (length: number) => A;

let words = new Uint32Array(1 << 12);
export const wordScratch: Scratch<Uint32Array> = (length) => {
  if (words.length < length) words = new Uint32Array(length * 2);
  return words;
};

let bytes = new Uint8Array(1 << 12);
export const byteScratch: Scratch<Uint8Array> = (length) => {
  if (bytes.length < length) bytes = new Uint8Array(length * 2);
  return bytes;
};

let doubles = new Float64Array(1 << 10);
export const doubleScratch: Scratch<Float64Array> = (length) => {
  if (doubles.length < length) doubles = new Float64Array(length * 2);
  return doubles;
};

export class RowSelection {
  /** [first, end) pairs, ascending, none empty. */
  readonly ranges: readonly number[];
  readonly count: number;
  /** Local row of each range's first row. */
  readonly #locals: readonly number[];

  constructor(ranges: readonly number[]) {
    const locals: number[] = [];
    let count = 0;
    for (let i = 0; i < ranges.length; i += 2) {
      assert(ranges[i]! < ranges[i + 1]! && (i === 0 || ranges[i]! >= ranges[i - 1]!), 'ranges of rows ascend');
      locals.push(count);
      count += ranges[i + 1]! - ranges[i]!;
    }
    this.ranges = ranges;
    this.count = count;
    this.#locals = locals;
  }

  /** -1 for a row that is not selected. */
  localOf(row: number): number {
    const i = this.#rangeEndingBehind(row);
    const from = this.ranges[i * 2];
    return from === undefined || row < from ? -1 : this.#locals[i]! + row - from;
  }

  /** The selected rows of a page as local rows: the first, and the end. */
  localRows({ firstRow, rows }: PageLocation): readonly [number, number] {
    return [this.#countBefore(firstRow), this.#countBefore(firstRow + rows)];
  }

  /** Decodes the selected rows of a page, one at least, to out[(local - base) * width ..). */
  decode<A extends Uint8Array | Uint32Array | Float64Array, R>(
    page: PageLocation,
    target: { readonly out: A; readonly width: number; readonly scratch: Scratch<A>; readonly base?: number },
    decode: DecodeRows<A, R>,
  ): R {
    const { out, width, scratch, base = 0 } = target;
    const { ranges } = this;
    const pageEnd = page.firstRow + page.rows;
    const firstRange = this.#rangeEndingBehind(page.firstRow);
    const first = Math.max(page.firstRow, ranges[firstRange * 2]!);
    let endRange = firstRange;
    while (endRange * 2 < ranges.length && ranges[endRange * 2]! < pageEnd) endRange++;
    const end = Math.min(pageEnd, ranges[endRange * 2 - 1]!);
    const rows = { first: first - page.firstRow, end: end - page.firstRow, of: page.rows };
    const at = this.#locals[firstRange]! + first - ranges[firstRange * 2]! - base;
    if (endRange === firstRange + 1) return decode(rows, { out, at });
    const hull = scratch((end - first) * width);
    const result = decode(rows, { out: hull, at: 0 });
    let to = at * width;
    for (let i = firstRange; i < endRange; i++) {
      const from = (Math.max(ranges[i * 2]!, first) - first) * width;
      const stop = (Math.min(ranges[i * 2 + 1]!, end) - first) * width;
      for (let k = from; k < stop; k++) out[to++] = hull[k]!;
    }
    return result;
  }

  #countBefore(row: number): number {
    const i = this.#rangeEndingBehind(row);
    const from = this.ranges[i * 2];
    return from === undefined ? this.count : this.#locals[i]! + Math.max(0, row - from);
  }

  /** Index of the first range that ends behind a row. */
  #rangeEndingBehind(row: number): number {
    let low = 0;
    let high = this.#locals.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.ranges[middle * 2 + 1]! <= row) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * Smallest and largest values, in the order Parquet gives to each type (ColumnOrder TypeDefinedOrder), and how long
 * strings are cut to bounds that still hold.
 */
import { type ColumnSchema, type PlainValues, valueWidth } from './schema.ts';

/** Of a byteArray bound; a longer value is cut. Parquet's own writers use 64 too. */
export const BOUND_BYTES_MAX = 64;

/** Integers are little endian. Bytes compare unsigned, a prefix first. */
export type Order = 'bytes' | 'signed' | 'unsigned' | 'double';

export function orderOf(schema: ColumnSchema): Order {
  switch (schema.physical) {
    case 'int32':
    case 'int64':
      return schema.logical === 'uint32' || schema.logical === 'uint64' ? 'unsigned' : 'signed';
    case 'double':
      return 'double';
    default:
      return 'bytes';
  }
}

const doubleBytes = new Uint8Array(8);
const doubleValue = new Float64Array(doubleBytes.buffer);

function readDouble(bytes: Uint8Array, at: number): number {
  for (let i = 0; i < 8; i++) doubleBytes[i] = bytes[at + i]!;
  return doubleValue[0]!;
}

/** Below, equal or above 0 as a is before, equal to or after b. Both are not NaN. */
export function compareValues(
  order: Order,
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  if (order === 'bytes') {
    const shorter = Math.min(aEnd - aStart, bEnd - bStart);
    for (let i = 0; i < shorter; i++) {
      const difference = a[aStart + i]! - b[bStart + i]!;
      if (difference !== 0) return difference;
    }
    return aEnd - aStart - (bEnd - bStart);
  }
  if (order === 'double') {
    const x = readDouble(a, aStart);
    const y = readDouble(b, bStart);
    return x < y ? -1 : x > y ? 1 : 0;
  }
  const width = aEnd - aStart;
  const flip = order === 'signed' ? 0x80 : 0;
  const top = (a[aEnd - 1]! ^ flip) - (b[bEnd - 1]! ^ flip);
  if (top !== 0) return top;
  for (let i = width - 2; i >= 0; i--) {
    const difference = a[aStart + i]! - b[bStart + i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Compares whole arrays. */
export const compareBounds = (order: Order, a: Uint8Array, b: Uint8Array): number =>
  compareValues(order, a, 0, a.length, b, 0, b.length);

/** Finds the smallest and largest of the values whose indices it is given. */
export class Extremes {
  readonly #values: PlainValues;
  readonly #order: Order;
  readonly #width: number;
  /** Index of the smallest and largest value; -1 while there is none. */
  min = -1;
  max = -1;

  constructor(values: PlainValues, schema: ColumnSchema) {
    this.#values = values;
    this.#order = orderOf(schema);
    this.#width = valueWidth(schema);
  }

  reset(): void {
    this.min = -1;
    this.max = -1;
  }

  /** NaN has no place in the order and is left out. */
  add(index: number): void {
    if (this.min < 0) {
      if (this.#order === 'double' && Number.isNaN(readDouble(this.#values.bytes, index * 8))) return;
      this.min = index;
      this.max = index;
      return;
    }
    // A NaN is neither below nor above anything here.
    if (this.#compare(index, this.min) < 0) this.min = index;
    else if (this.#compare(index, this.max) > 0) this.max = index;
  }

  /** Adds the indices of [start, end). Integers must lie at a multiple of four in their buffer. */
  addRange(start: number, end: number): void {
    const { bytes } = this.#values;
    const isInteger = this.#order === 'signed' || this.#order === 'unsigned';
    if (start === end) return;
    if (isInteger) {
      const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
      // Turns the order of unsigned numbers into that of signed ones.
      const flip = this.#order === 'unsigned' ? 0x80000000 : 0;
      const [min, max] =
        this.#width === 8 ? extremePairs(words, start, end, flip) : extremeWords(words, start, end, flip);
      this.add(min);
      this.add(max);
    } else for (let index = start; index < end; index++) this.add(index);
  }

  #compare(a: number, b: number): number {
    const { bytes, offsets } = this.#values;
    const width = this.#width;
    return width > 0
      ? compareValues(this.#order, bytes, a * width, a * width + width, bytes, b * width, b * width + width)
      : compareValues(this.#order, bytes, offsets[a]!, offsets[a + 1]!, bytes, offsets[b]!, offsets[b + 1]!);
  }

  /** Copies of what was found, cut where they are long. */
  bounds(): Bounds | undefined {
    if (this.min < 0) return undefined;
    return makeBounds(this.#order, this.#width, this.#slice(this.min), this.#slice(this.max));
  }

  #slice(index: number): Uint8Array {
    const { bytes, offsets } = this.#values;
    const width = this.#width;
    // Not the method: a Buffer's slice is a view.
    return Uint8Array.prototype.slice.call(
      bytes,
      width > 0 ? index * width : offsets[index]!,
      width > 0 ? (index + 1) * width : offsets[index + 1]!,
    );
  }
}

/** Indices of the smallest and largest of the 32-bit numbers [start, end). */
function extremeWords(words: Uint32Array, start: number, end: number, flip: number): [number, number] {
  let min = start;
  let max = start;
  let least = (words[start]! ^ flip) | 0;
  let most = least;
  for (let i = start; i < end; i++) {
    const value = (words[i]! ^ flip) | 0;
    if (value < least) {
      least = value;
      min = i;
    } else if (value > most) {
      most = value;
      max = i;
    }
  }
  return [min, max];
}

/** As {@link extremeWords}, for pairs of words, low word first. */
function extremePairs(words: Uint32Array, start: number, end: number, flip: number): [number, number] {
  let min = start;
  let max = start;
  let leastHigh = (words[2 * start + 1]! ^ flip) | 0;
  let leastLow = words[2 * start]!;
  let mostHigh = leastHigh;
  let mostLow = leastLow;
  for (let i = start; i < end; i++) {
    const high = (words[2 * i + 1]! ^ flip) | 0;
    const low = words[2 * i]!;
    if (high < leastHigh || (high === leastHigh && low < leastLow)) {
      leastHigh = high;
      leastLow = low;
      min = i;
    } else if (high > mostHigh || (high === mostHigh && low > mostLow)) {
      mostHigh = high;
      mostLow = low;
      max = i;
    }
  }
  return [min, max];
}

export interface Bounds {
  readonly min: Uint8Array;
  readonly max: Uint8Array;
  /** Whether a value equals the bound; else it was cut. */
  readonly minExact: boolean;
  readonly maxExact: boolean;
}

/** Takes over both arrays. `width` is 0 for byteArray. */
export function makeBounds(order: Order, width: number, min: Uint8Array, max: Uint8Array): Bounds {
  if (order === 'double') {
    // -0 equals 0: a reader that tells them apart must find both within the bounds.
    if (readDouble(min, 0) === 0) min[7] = 0x80;
    if (readDouble(max, 0) === 0) max[7] = 0;
  }
  if (width > 0) return { min, max, minExact: true, maxExact: true };
  const lower = lowerBound(min);
  const upper = upperBound(max);
  return { min: lower, max: upper, minExact: lower === min, maxExact: upper === max };
}

const isContinuation = (byte: number): boolean => (byte & 0xc0) === 0x80;

/** Where to cut so that at most `limit` bytes stay and no UTF-8 character is split. */
function cutAt(value: Uint8Array, limit: number): number {
  let cut = limit;
  while (cut > limit - 4 && isContinuation(value[cut]!)) cut--;
  // Not UTF-8: any cut is as good.
  return isContinuation(value[cut]!) ? limit : cut;
}

function lowerBound(value: Uint8Array): Uint8Array {
  return value.length <= BOUND_BYTES_MAX ? value : value.slice(0, cutAt(value, BOUND_BYTES_MAX));
}

/**
 * The beginning of a long value with its last byte raised by one, which is above every value that begins so. Only a
 * byte whose successor keeps UTF-8 valid is raised (ASCII, or the last of a character); others are dropped. A value
 * made of nothing else stays whole.
 */
function upperBound(value: Uint8Array): Uint8Array {
  if (value.length <= BOUND_BYTES_MAX) return value;
  for (let end = cutAt(value, BOUND_BYTES_MAX); end > 0; ) {
    const last = value[end - 1]!;
    if (last < 0x7f || (last >= 0x80 && last < 0xbf)) {
      const bound = value.slice(0, end);
      bound[end - 1] = last + 1;
      return bound;
    }
    // Drop the character.
    end--;
    while (end > 0 && isContinuation(value[end]!)) end--;
  }
  return value;
}

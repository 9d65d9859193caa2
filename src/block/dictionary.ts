/** Distinct values of a column as one run of bytes, decoded when first asked for. */
import { lowerBound } from '../base/lower-bound.ts';
import type { PlainValues } from '../parquet/schema.ts';
import type { CodeArray, Dictionary, ValueType } from '../traceql/storage.ts';

/** Bytes of every value of a type; 0 for types whose values differ in length. */
export const valueWidth = (type: ValueType): number =>
  type === 'int' || type === 'double' ? 8 : type === 'bool' ? 1 : 0;

export const noValues: PlainValues = { count: 0, bytes: new Uint8Array(0), offsets: new Uint32Array(1) };

export class PlainDictionary implements Dictionary {
  readonly type: ValueType;
  readonly size: number;
  readonly #values: PlainValues;
  readonly #onDecode: ((bytes: number) => void) | undefined;
  #strings: readonly string[] | undefined;
  #ints: BigInt64Array | undefined;
  #numbers: Float64Array | undefined;

  /** `onDecode` hears how much memory decoding took. */
  constructor(type: ValueType, values: PlainValues, onDecode?: (bytes: number) => void) {
    this.type = type;
    this.size = values.count;
    this.#values = values;
    this.#onDecode = onDecode;
  }

  get byteLength(): number {
    return this.#values.bytes.byteLength + this.#values.offsets.byteLength;
  }

  get values(): PlainValues {
    return this.#values;
  }

  strings(): readonly string[] {
    if (this.#strings === undefined) {
      this.#strings = decodeStrings(this.#values);
      this.#onDecode?.(this.#values.bytes.byteLength + this.size * 24);
    }
    return this.#strings;
  }

  ints(): BigInt64Array {
    if (this.#ints === undefined) {
      const copy = this.#values.bytes.slice(0, this.size * 8);
      this.#ints = new BigInt64Array(copy.buffer, 0, this.size);
      this.#onDecode?.(copy.byteLength);
    }
    return this.#ints;
  }

  numbers(): Float64Array {
    if (this.#numbers === undefined) {
      const { bytes } = this.#values;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const numbers = new Float64Array(this.size);
      if (this.type === 'int')
        for (let i = 0; i < numbers.length; i++) numbers[i] = Number(view.getBigInt64(i * 8, true));
      else for (let i = 0; i < numbers.length; i++) numbers[i] = view.getFloat64(i * 8, true);
      this.#numbers = numbers;
      this.#onDecode?.(numbers.byteLength);
    }
    return this.#numbers;
  }

  bools(): Uint8Array {
    return this.#values.bytes.subarray(0, this.size);
  }

  bytes(index: number): Uint8Array {
    const { bytes, offsets } = this.#values;
    const width = valueWidth(this.type);
    return width > 0
      ? bytes.subarray(index * width, index * width + width)
      : bytes.subarray(offsets[index]!, offsets[index + 1]!);
  }

  indicesOf(text: string): readonly number[] {
    const { count, bytes, offsets } = this.#values;
    const found: number[] = [];
    if (text === '') {
      for (let i = 0; i < count; i++) if (offsets[i] === offsets[i + 1]) found.push(i);
      return found;
    }
    // Found at the speed of memory; elsewhere than at the beginning of a value it is a part of one or of several.
    const all = Buffer.from(bytes.buffer, bytes.byteOffset, offsets[count]!);
    const wanted = Buffer.from(text);
    for (let at = all.indexOf(wanted, offsets[0]); at >= 0; ) {
      const index = lowerBound(offsets, count + 1, at + 1) - 1;
      const next = offsets[index + 1]!;
      if (offsets[index] === at && next === at + wanted.length) found.push(index);
      at = all.indexOf(wanted, next);
    }
    return found;
  }
}

/**
 * Most dictionaries are pure ASCII: then one byte is one character, and slicing one big string is much faster than
 * decoding each value.
 */
function decodeStrings({ count, bytes, offsets }: PlainValues): string[] {
  const from = offsets[0]!;
  const all = Buffer.from(bytes.buffer, bytes.byteOffset + from, offsets[count]! - from);
  const strings = new Array<string>(count);
  const text = all.toString('utf8');
  if (text.length === all.length) {
    for (let i = 0; i < count; i++) strings[i] = text.slice(offsets[i]! - from, offsets[i + 1]! - from);
  } else {
    for (let i = 0; i < count; i++) strings[i] = all.toString('utf8', offsets[i]! - from, offsets[i + 1]! - from);
  }
  return strings;
}

/** Codes as narrow as a dictionary of `size` values allows; all 0. */
export function codeArray(rows: number, size: number): CodeArray {
  if (size < 0xff) return new Uint8Array(rows);
  return size < 0xffff ? new Uint16Array(rows) : new Uint32Array(rows);
}

/** Values one behind the other. */
export function joinValues(values: readonly Uint8Array[]): PlainValues {
  const offsets = new Uint32Array(values.length + 1);
  values.forEach((value, i) => {
    offsets[i + 1] = offsets[i]! + value.length;
  });
  const bytes = new Uint8Array(offsets[values.length]!);
  values.forEach((value, i) => {
    bytes.set(value, offsets[i]!);
  });
  return { count: values.length, bytes, offsets };
}

/** Most row distances and tree sizes are small; only larger ones go through a map. */
const SMALL_INT_MAX = 4096;

/** Whole numbers from -1 up as codes of int32 values. */
export function codedInts(values: Int32Array | Uint32Array): { codes: CodeArray; dictionary: PlainValues } {
  const small = new Uint32Array(SMALL_INT_MAX + 1);
  const large = new Map<number, number>();
  const wide = new Uint32Array(values.length);
  const distinct: number[] = [];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    let code = value < SMALL_INT_MAX ? small[value + 1]! : (large.get(value) ?? 0);
    if (code === 0) {
      code = distinct.push(value);
      if (value < SMALL_INT_MAX) small[value + 1] = code;
      else large.set(value, code);
    }
    wide[i] = code;
  }
  const codes = codeArray(values.length, distinct.length);
  codes.set(wide);
  const bytes = new Uint8Array(Int32Array.from(distinct).buffer);
  return { codes, dictionary: { count: distinct.length, bytes, offsets: new Uint32Array(0) } };
}

/** Values of several lists one after the other. `width`: bytes of each, 0 when they differ. */
export function concatValues(lists: readonly PlainValues[], width: number): PlainValues {
  const sizeOf = ({ count, offsets }: PlainValues) => (width > 0 ? count * width : offsets[count]!);
  const count = lists.reduce((sum, list) => sum + list.count, 0);
  const bytes = new Uint8Array(lists.reduce((sum, list) => sum + sizeOf(list), 0));
  const offsets = new Uint32Array(width > 0 ? 0 : count + 1);
  let at = 0;
  let values = 0;
  for (const list of lists) {
    bytes.set(list.bytes.subarray(0, sizeOf(list)), at);
    if (width === 0) for (let i = 1; i <= list.count; i++) offsets[values + i] = at + list.offsets[i]!;
    at += sizeOf(list);
    values += list.count;
  }
  return { count, bytes, offsets };
}

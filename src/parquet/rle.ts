/**
 * The RLE / bit-packing hybrid of Parquet, for dictionary indices, definition levels and booleans.
 * https://parquet.apache.org/docs/file-format/data-pages/encodings/ ("Run Length Encoding / Bit-Packing Hybrid")
 *
 *   run        = varint(count << 1), the value in ceil(width / 8) bytes
 *   literals   = varint(groups << 1 | 1), groups * 8 values bit-packed in groups * width bytes
 *
 * Only the last literal run may hold values past the count; their bits are 0.
 */
import { corrupt } from '../base/errors.ts';
import { pack, unpackToBytes, unpackToWords } from './bit-pack.ts';
import type { ByteSink } from './byte-sink.ts';

/** Runs shorter than this stay literals: below it a run of its own, and the literal header after it, cost more. */
const minimumRun = (width: number): number => (width === 1 ? 32 : width === 2 ? 16 : 8);

/**
 * Appends values[0 .. count) of `width` bits each (0 .. 32). values needs room for 7 more, which are overwritten.
 *
 * Looks at groups of eight, as literals are counted: a run is seen when it fills a group. Shorter ones are not worth
 * a branch at every value.
 */
export function encodeHybrid(values: Uint32Array, count: number, width: number, sink: ByteSink): void {
  if (count === 0) return;
  if (width === 0) {
    encodeRun(0, count, 0, sink);
    return;
  }
  const runMinimum = minimumRun(width);
  values.fill(0, count, count + 7);
  let literals = 0;
  let at = 0;
  while (at + 8 <= count) {
    const value = values[at]!;
    const differs =
      (values[at + 1]! ^ value) |
      (values[at + 2]! ^ value) |
      (values[at + 3]! ^ value) |
      (values[at + 4]! ^ value) |
      (values[at + 5]! ^ value) |
      (values[at + 6]! ^ value) |
      (values[at + 7]! ^ value);
    if (differs !== 0) {
      at += 8;
      continue;
    }
    let end = at + 8;
    while (end < count && values[end] === value) end++;
    if (end - at >= runMinimum) {
      encodeLiterals(values, literals, at, width, sink);
      encodeRun(value, end - at, width, sink);
      at = end;
      literals = end;
    } else at += (end - at) & ~7;
  }
  encodeLiterals(values, literals, count, width, sink);
}

/** Appends one value `count` times. */
export function encodeRun(value: number, count: number, width: number, sink: ByteSink): void {
  sink.varint(count * 2);
  for (let bits = 0; bits < width; bits += 8) sink.byte(value >>> bits);
}

function encodeLiterals(values: Uint32Array, from: number, to: number, width: number, sink: ByteSink): void {
  if (from === to) return;
  const groups = (to - from + 7) >>> 3;
  sink.varint(groups * 2 + 1);
  pack(values, from, groups, width, sink);
}

/** Steps through the runs of a hybrid stream without ever reading past `end`. */
export class HybridReader {
  readonly bytes: Uint8Array;
  readonly #end: number;
  readonly #width: number;
  readonly #where: string;
  /** Position behind the current run's header; of the packed bytes for literals. */
  at: number;
  /** Of the current run: values in it, never more than were left. */
  count = 0;
  /** Of the current run: true for literals, whose {@link groups} are at `packedAt`. */
  literal = false;
  packedAt = 0;
  groups = 0;
  /** The value of a run that is not literal. */
  value = 0;

  constructor(bytes: Uint8Array, at: number, end: number, width: number, where: string) {
    this.bytes = bytes;
    this.at = at;
    this.#end = end;
    this.#width = width;
    this.#where = where;
    if (width > 32) this.#fail(`${width} bits a value`);
  }

  #fail(what: string): never {
    throw corrupt(`${this.#where}, body byte ${this.at}`, what);
  }

  /** Moves to the next run, of which at most `left` values (more than 0) are wanted. */
  next(left: number): void {
    const bytes = this.bytes;
    const end = this.#end;
    let header = 0;
    let shift = 0;
    let byte = 0x80;
    while (byte >= 0x80) {
      if (this.at >= end) this.#fail('runs end too early');
      if (shift > 28) this.#fail('run header too long');
      byte = bytes[this.at++]!;
      header |= (byte & 0x7f) << shift;
      shift += 7;
    }
    const length = header >>> 1;
    if (length === 0) this.#fail('empty run');
    this.literal = (header & 1) === 1;
    if (this.literal) {
      const wanted = Math.min(length, (left + 7) >>> 3);
      if (wanted * this.#width > end - this.at) this.#fail('packed values end too early');
      this.groups = wanted;
      this.packedAt = this.at;
      this.at = Math.min(end, this.at + length * this.#width);
      this.count = Math.min(left, wanted * 8);
    } else {
      let value = 0;
      for (let bits = 0; bits < this.#width; bits += 8) {
        if (this.at >= end) this.#fail('runs end too early');
        value |= bytes[this.at++]! << bits;
      }
      value >>>= 0;
      if (this.#width < 32 && value >= 2 ** this.#width) this.#fail('a run repeats a value wider than its bits');
      this.value = value;
      this.count = Math.min(left, length);
    }
  }
}

/** Decodes `count` values of width 0 .. 8 from bytes[at .. end) into out, which has room for 7 more. */
export function decodeHybridToBytes(
  bytes: Uint8Array,
  at: number,
  end: number,
  width: number,
  count: number,
  out: Uint8Array,
  where: string,
): void {
  if (width === 0) {
    out.fill(0, 0, count);
    return;
  }
  const reader = new HybridReader(bytes, at, end, width, where);
  for (let done = 0; done < count; done += reader.count) {
    reader.next(count - done);
    if (reader.literal) unpackToBytes(bytes, reader.packedAt, reader.groups, width, out, done);
    else out.fill(reader.value, done, done + reader.count);
  }
}

/** As {@link decodeHybridToBytes}, for any width up to 32. */
export function decodeHybridToWords(
  bytes: Uint8Array,
  at: number,
  end: number,
  width: number,
  count: number,
  out: Uint32Array,
  where: string,
): void {
  if (width === 0) {
    out.fill(0, 0, count);
    return;
  }
  const reader = new HybridReader(bytes, at, end, width, where);
  for (let done = 0; done < count; done += reader.count) {
    reader.next(count - done);
    if (reader.literal) unpackToWords(bytes, reader.packedAt, reader.groups, width, out, done);
    else out.fill(reader.value, done, done + reader.count);
  }
}

/**
 * Decodes the `count` values behind the first `skip`, which are passed over run by run. `out` has room for 15 more than
 * `count`.
 */
export function decodeHybridRange(
  bytes: Uint8Array,
  at: number,
  end: number,
  width: number,
  { skip, count }: { readonly skip: number; readonly count: number },
  out: Uint32Array,
  where: string,
): void {
  if (width === 0) {
    out.fill(0, 0, count);
    return;
  }
  const reader = new HybridReader(bytes, at, end, width, where);
  const total = skip + count;
  let done = 0;
  for (let passed = 0; passed < total; passed += reader.count) {
    reader.next(total - passed);
    const from = Math.max(0, skip - passed);
    if (from >= reader.count) continue;
    const values = reader.count - from;
    if (reader.literal) {
      const groups = from >>> 3;
      const before = from & 7;
      unpackToWords(bytes, reader.packedAt + groups * width, reader.groups - groups, width, out, done);
      if (before > 0) out.copyWithin(done, done + before, done + before + values);
    } else out.fill(reader.value, done, done + values);
    done += values;
  }
}

/**
 * PLAIN: a byteArray value is its length in four bytes and its bytes; other types follow each other, little endian;
 * booleans take a bit each.
 */
import { corrupt } from '../base/errors.ts';
import { unpackToBytes } from './bit-pack.ts';
import type { ByteSink } from './byte-sink.ts';
import { type ColumnSchema, type PlainValues, valueWidth } from './schema.ts';

const NO_OFFSETS = new Uint32Array(0);

/** Copies this short are faster in a loop than as a call into the engine. */
const SHORT_COPY_BYTES = 24;

function copyBytes(from: Uint8Array, at: number, length: number, to: Uint8Array, toAt: number): void {
  if (length <= SHORT_COPY_BYTES) {
    for (let i = 0; i < length; i++) to[toAt + i] = from[at + i]!;
  } else {
    to.set(from.subarray(at, at + length), toAt);
  }
}

/** Bytes that values[indices[0 .. count)] take in PLAIN; all values in order without indices. Not for booleans. */
export function plainSize(values: PlainValues, width: number, indices?: Uint32Array, count = 0): number {
  if (indices === undefined) {
    return width > 0
      ? values.count * width
      : values.count * 4 + (values.offsets[values.count] ?? 0) - (values.offsets[0] ?? 0);
  }
  if (width > 0) return count * width;
  const offsets = values.offsets;
  let size = count * 4;
  for (let i = 0; i < count; i++) size += offsets[indices[i]! + 1]! - offsets[indices[i]!]!;
  return size;
}

/** Appends all values, as a dictionary page holds them. Not for booleans. */
export function encodePlain(values: PlainValues, width: number, sink: ByteSink): void {
  if (width > 0) {
    sink.append(values.bytes.subarray(0, values.count * width));
    return;
  }
  sink.reserve(plainSize(values, 0));
  for (let i = 0; i < values.count; i++) encodeByteArray(values, i, sink);
}

/** Appends values[indices[i]] for i in 0 .. count. Not for booleans. */
export function encodePlainSelected(
  values: PlainValues,
  width: number,
  indices: Uint32Array,
  count: number,
  sink: ByteSink,
): void {
  sink.reserve(plainSize(values, width, indices, count));
  if (width === 0) {
    for (let i = 0; i < count; i++) encodeByteArray(values, indices[i]!, sink);
    return;
  }
  for (let i = 0; i < count; i++) {
    copyBytes(values.bytes, indices[i]! * width, width, sink.bytes, sink.length);
    sink.length += width;
  }
}

/** The sink has room. */
function encodeByteArray(values: PlainValues, index: number, sink: ByteSink): void {
  const start = values.offsets[index]!;
  const length = values.offsets[index + 1]! - start;
  sink.setUint32(sink.length, length);
  copyBytes(values.bytes, start, length, sink.bytes, sink.length + 4);
  sink.length += 4 + length;
}

/** Decodes `count` values that fill bytes[at ..) to its end, into memory of their own. */
export function decodePlain(
  bytes: Uint8Array,
  at: number,
  count: number,
  schema: ColumnSchema,
  where: string,
): PlainValues {
  if (schema.physical === 'byteArray') return decodeByteArrays(bytes, at, count, where);
  if (schema.physical === 'boolean') return decodeBooleans(bytes, at, count, where);
  const size = count * valueWidth(schema);
  if (bytes.length - at !== size) throw corrupt(`${where}, body byte ${at}`, `${count} values do not fill the page`);
  return { count, bytes: bytes.slice(at), offsets: NO_OFFSETS };
}

/** The `count` values behind the first `skip`, in memory of their own. Not for booleans. */
export function decodePlainRange(
  bytes: Uint8Array,
  start: number,
  { skip, count }: { readonly skip: number; readonly count: number },
  schema: ColumnSchema,
  where: string,
): PlainValues {
  if (schema.physical !== 'byteArray') {
    const width = valueWidth(schema);
    const at = start + skip * width;
    if (at + count * width > bytes.length) throw corrupt(`${where}, body byte ${at}`, 'values end too early');
    return { count, bytes: bytes.slice(at, at + count * width), offsets: NO_OFFSETS };
  }
  const from = passByteArrays(bytes, start, skip, where);
  return decodeByteArrays(bytes.subarray(0, passByteArrays(bytes, from, count, where)), from, count, where);
}

/** Where the values behind the next `count` begin. */
function passByteArrays(bytes: Uint8Array, start: number, count: number, where: string): number {
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + 4 > bytes.length) throw corrupt(`${where}, body byte ${at}`, 'values end too early');
    at += 4 + ((bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0);
  }
  if (at > bytes.length) throw corrupt(`${where}, body byte ${at}`, 'a value runs past the end');
  return at;
}

function decodeByteArrays(bytes: Uint8Array, start: number, count: number, where: string): PlainValues {
  const end = bytes.length;
  // Checked before anything is allocated: every value takes four bytes at least.
  if (count * 4 > end - start) throw corrupt(`${where}, body byte ${start}`, `no room for ${count} values`);
  const offsets = new Uint32Array(count + 1);
  const out = new Uint8Array(end - start - count * 4);
  let at = start;
  let filled = 0;
  for (let i = 0; i < count; i++) {
    if (at + 4 > end) throw corrupt(`${where}, body byte ${at}`, 'values end too early');
    const length = (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
    at += 4;
    if (length > end - at || length > out.length - filled)
      throw corrupt(`${where}, body byte ${at}`, 'a value runs past the end');
    copyBytes(bytes, at, length, out, filled);
    at += length;
    filled += length;
    offsets[i + 1] = filled;
  }
  if (at !== end) throw corrupt(`${where}, body byte ${at}`, 'bytes left over behind the last value');
  return { count, bytes: out, offsets };
}

function decodeBooleans(bytes: Uint8Array, at: number, count: number, where: string): PlainValues {
  const groups = Math.ceil(count / 8);
  if (bytes.length - at < groups) throw corrupt(`${where}, body byte ${at}`, 'values end too early');
  const out = new Uint8Array(groups * 8);
  unpackToBytes(bytes, at, groups, 1, out, 0);
  return { count, bytes: out.subarray(0, count), offsets: NO_OFFSETS };
}

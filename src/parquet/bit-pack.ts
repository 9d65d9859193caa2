/**
 * Bit packing as Parquet does it: value i of width w takes bits i*w .. (i+1)*w of the stream, least significant bit
 * first; eight values take w bytes. The kernels work on such groups of eight, so that every group starts at a byte.
 * Callers give outputs room for the last group in full.
 */
import type { ByteSink } from './byte-sink.ts';

/** Bits needed for numbers up to `max` (below 2^32); 0 for max 0. */
export const bitWidth = (max: number): number => 32 - Math.clz32(max);

/**
 * Appends values[from .. from + groups * 8), each `width` bits (0 .. 32). Values must fit.
 */
export function pack(values: Uint32Array, from: number, groups: number, width: number, sink: ByteSink): void {
  sink.reserve(groups * width + 4);
  const bytes = sink.bytes;
  let at = sink.length;
  const end = from + groups * 8;
  if (width === 8) {
    for (let i = from; i < end; i++) bytes[at++] = values[i]!;
  } else if (width === 16) {
    for (let i = from; i < end; i++) {
      const value = values[i]!;
      bytes[at] = value;
      bytes[at + 1] = value >>> 8;
      at += 2;
    }
  } else if (width === 1) {
    for (let i = from; i < end; i += 8) {
      bytes[at++] =
        values[i]! |
        (values[i + 1]! << 1) |
        (values[i + 2]! << 2) |
        (values[i + 3]! << 3) |
        (values[i + 4]! << 4) |
        (values[i + 5]! << 5) |
        (values[i + 6]! << 6) |
        (values[i + 7]! << 7);
    }
  } else {
    let word = 0;
    let bits = 0;
    for (let i = from; i < end; i++) {
      const value = values[i]!;
      word |= value << bits;
      bits += width;
      if (bits >= 32) {
        bytes[at] = word;
        bytes[at + 1] = word >>> 8;
        bytes[at + 2] = word >>> 16;
        bytes[at + 3] = word >>> 24;
        at += 4;
        bits -= 32;
        word = bits === 0 ? 0 : value >>> (width - bits);
      }
    }
    for (; bits > 0; bits -= 8) {
      bytes[at++] = word;
      word >>>= 8;
    }
  }
  sink.length += groups * width;
}

/**
 * Unpacks groups of eight values of width 1 .. 8 into out[to ..). The caller has checked that bytes holds
 * groups * width bytes from `at` and that out has room for groups * 8 values.
 */
export function unpackToBytes(
  bytes: Uint8Array,
  at: number,
  groups: number,
  width: number,
  out: Uint8Array,
  to: number,
): void {
  switch (width) {
    case 1:
      unpack1(bytes, at, groups, out, to);
      return;
    case 2:
      unpack2(bytes, at, groups, out, to);
      return;
    case 3:
      unpack3(bytes, at, groups, out, to);
      return;
    case 4:
      unpack4(bytes, at, groups, out, to);
      return;
    case 5:
      unpack5(bytes, at, groups, out, to);
      return;
    case 6:
      unpack6(bytes, at, groups, out, to);
      return;
    case 7:
      unpack7(bytes, at, groups, out, to);
      return;
    default:
      out.set(bytes.subarray(at, at + groups * 8), to);
  }
}

function unpack1(bytes: Uint8Array, start: number, groups: number, out: Uint8Array, to: number): void {
  let o = to;
  for (let at = start, end = start + groups; at < end; at++, o += 8) {
    const a = bytes[at]!;
    out[o] = a & 1;
    out[o + 1] = (a >>> 1) & 1;
    out[o + 2] = (a >>> 2) & 1;
    out[o + 3] = (a >>> 3) & 1;
    out[o + 4] = (a >>> 4) & 1;
    out[o + 5] = (a >>> 5) & 1;
    out[o + 6] = (a >>> 6) & 1;
    out[o + 7] = a >>> 7;
  }
}

function unpack2(bytes: Uint8Array, start: number, groups: number, out: Uint8Array, to: number): void {
  let o = to;
  for (let at = start, end = start + groups * 2; at < end; at += 2, o += 8) {
    const a = bytes[at]!;
    const b = bytes[at + 1]!;
    out[o] = a & 3;
    out[o + 1] = (a >>> 2) & 3;
    out[o + 2] = (a >>> 4) & 3;
    out[o + 3] = a >>> 6;
    out[o + 4] = b & 3;
    out[o + 5] = (b >>> 2) & 3;
    out[o + 6] = (b >>> 4) & 3;
    out[o + 7] = b >>> 6;
  }
}

function unpack3(bytes: Uint8Array, start: number, groups: number, out: Uint8Array, to: number): void {
  let o = to;
  for (let at = start, end = start + groups * 3; at < end; at += 3, o += 8) {
    const a = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    out[o] = a & 7;
    out[o + 1] = (a >>> 3) & 7;
    out[o + 2] = (a >>> 6) & 7;
    out[o + 3] = (a >>> 9) & 7;
    out[o + 4] = (a >>> 12) & 7;
    out[o + 5] = (a >>> 15) & 7;
    out[o + 6] = (a >>> 18) & 7;
    out[o + 7] = a >>> 21;
  }
}

function unpack4(bytes: Uint8Array, start: number, groups: number, out: Uint8Array, to: number): void {
  let o = to;
  for (let at = start, end = start + groups * 4; at < end; at++, o += 2) {
    const a = bytes[at]!;
    out[o] = a & 15;
    out[o + 1] = a >>> 4;
  }
}

function unpack5(bytes: Uint8Array, start: number, groups: number, out: Uint8Array, to: number): void {
  let o = to;
  for (let at = start, end = start + groups * 5; at < end; at += 5, o += 8) {
    const a = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    const b = (a >>> 20) | (bytes[at + 3]! << 4) | (bytes[at + 4]! << 12);
    out[o] = a & 31;
    out[o + 1] = (a >>> 5) & 31;
    out[o + 2] = (a >>> 10) & 31;
    out[o + 3] = (a >>> 15) & 31;
    out[o + 4] = b & 31;
    out[o + 5] = (b >>> 5) & 31;
    out[o + 6] = (b >>> 10) & 31;
    out[o + 7] = b >>> 15;
  }
}

function unpack6(bytes: Uint8Array, start: number, groups: number, out: Uint8Array, to: number): void {
  let o = to;
  for (let at = start, end = start + groups * 6; at < end; at += 6, o += 8) {
    const a = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    const b = bytes[at + 3]! | (bytes[at + 4]! << 8) | (bytes[at + 5]! << 16);
    out[o] = a & 63;
    out[o + 1] = (a >>> 6) & 63;
    out[o + 2] = (a >>> 12) & 63;
    out[o + 3] = a >>> 18;
    out[o + 4] = b & 63;
    out[o + 5] = (b >>> 6) & 63;
    out[o + 6] = (b >>> 12) & 63;
    out[o + 7] = b >>> 18;
  }
}

function unpack7(bytes: Uint8Array, start: number, groups: number, out: Uint8Array, to: number): void {
  let o = to;
  for (let at = start, end = start + groups * 7; at < end; at += 7, o += 8) {
    const a = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | ((bytes[at + 3]! & 15) << 24);
    const b = (bytes[at + 3]! >>> 4) | (bytes[at + 4]! << 4) | (bytes[at + 5]! << 12) | (bytes[at + 6]! << 20);
    out[o] = a & 127;
    out[o + 1] = (a >>> 7) & 127;
    out[o + 2] = (a >>> 14) & 127;
    out[o + 3] = a >>> 21;
    out[o + 4] = b & 127;
    out[o + 5] = (b >>> 7) & 127;
    out[o + 6] = (b >>> 14) & 127;
    out[o + 7] = b >>> 21;
  }
}

/** As {@link unpackToBytes}, for any width from 1 to 32. */
export function unpackToWords(
  bytes: Uint8Array,
  at: number,
  groups: number,
  width: number,
  out: Uint32Array,
  to: number,
): void {
  const end = to + groups * 8;
  if (width === 16) {
    for (let i = at, o = to; o < end; i += 2, o++) out[o] = bytes[i]! | (bytes[i + 1]! << 8);
    return;
  }
  const mask = width === 32 ? -1 : (1 << width) - 1;
  // The first loop loads four bytes for each value, whether it needs them or not: it ends before the array does.
  const safeBits = (bytes.length - 4 - at) * 8 + 7;
  const safeEnd = Math.min(end, to + Math.max(0, Math.floor(safeBits / width) + 1));
  let i = at;
  let shift = 0;
  let o = to;
  for (; o < safeEnd; o++) {
    let value = (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)) >>> shift;
    if (shift + width > 32) value |= bytes[i + 4]! << (32 - shift);
    out[o] = value & mask;
    shift += width;
    i += shift >>> 3;
    shift &= 7;
  }
  for (; o < end; o++) {
    let value = bytes[i]! >>> shift;
    for (let bits = 8 - shift, k = i + 1; bits < width; bits += 8, k++) value |= bytes[k]! << bits;
    out[o] = value & mask;
    shift += width;
    i += shift >>> 3;
    shift &= 7;
  }
}

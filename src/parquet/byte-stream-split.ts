/**
 * BYTE_STREAM_SPLIT: byte k of every value, then byte k + 1 of every value, and so on, which brings bytes that are
 * alike together for the compressor.
 */
import type { ByteSink } from './byte-sink.ts';

/** Appends words[from .. from + count * wordsPerValue): values of one (int32) or two (int64, low first) words. */
export function encodeByteStreamSplit(
  words: Uint32Array,
  from: number,
  count: number,
  wordsPerValue: number,
  sink: ByteSink,
): void {
  sink.reserve(count * wordsPerValue * 4);
  const bytes = sink.bytes;
  for (let word = 0; word < wordsPerValue; word++) {
    let a = sink.length + word * 4 * count;
    for (let i = 0, w = from + word; i < count; i++, w += wordsPerValue, a++) {
      const value = words[w]!;
      bytes[a] = value;
      bytes[a + count] = value >>> 8;
      bytes[a + 2 * count] = value >>> 16;
      bytes[a + 3 * count] = value >>> 24;
    }
  }
  sink.length += count * wordsPerValue * 4;
}

/** Decodes `count` values from bytes[at ..), which holds them, into out[to ..). */
export function decodeByteStreamSplit(
  bytes: Uint8Array,
  at: number,
  count: number,
  wordsPerValue: number,
  out: Uint32Array,
  to: number,
): void {
  for (let word = 0; word < wordsPerValue; word++) {
    let a = at + word * 4 * count;
    for (let i = 0, w = to + word; i < count; i++, w += wordsPerValue, a++) {
      out[w] = bytes[a]! | (bytes[a + count]! << 8) | (bytes[a + 2 * count]! << 16) | (bytes[a + 3 * count]! << 24);
    }
  }
}

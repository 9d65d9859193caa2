/**
 * DELTA_BINARY_PACKED for int32 and int64: differences to the value before, less the smallest of their block,
 * bit-packed. https://parquet.apache.org/docs/file-format/data-pages/encodings/ ("Delta Encoding")
 *
 *   header = varint block size (128), varint miniblocks a block (4), varint count, zigzag first value
 *   block  = zigzag smallest delta, one width byte a miniblock, miniblocks of 32 deltas (none behind the last value)
 *
 * 64-bit numbers are pairs of words; all arithmetic wraps, so that any two values have a delta.
 */
import { corrupt } from '../base/errors.ts';
import { bitWidth, pack, unpackToWords } from './bit-pack.ts';
import type { ByteSink } from './byte-sink.ts';

const BLOCK_VALUES = 128;
const MINIBLOCKS = 4;
const MINIBLOCK_VALUES = BLOCK_VALUES / MINIBLOCKS;
/** What other writers may use; bounds the buffers of a reader. Writers in the wild stay at 128 to 1024. */
const BLOCK_VALUES_MAX = 65_536;

const deltaLow = new Uint32Array(BLOCK_VALUES);
const deltaHigh = new Int32Array(BLOCK_VALUES);

/**
 * Appends words[from .. from + count * wordsPerValue), where a value is one word (int32) or two (int64, low first);
 * `from` is an index of words.
 */
export function encodeDelta(
  words: Uint32Array,
  from: number,
  count: number,
  wordsPerValue: 1 | 2,
  sink: ByteSink,
): void {
  sink.varint(BLOCK_VALUES);
  sink.varint(MINIBLOCKS);
  sink.varint(count);
  if (count === 0) {
    sink.byte(0);
    return;
  }
  const firstLow = words[from]!;
  zigzagPair(firstLow, wordsPerValue === 2 ? words[from + 1]! | 0 : firstLow >> 31, sink);
  for (let done = 1; done < count; done += BLOCK_VALUES) {
    const size = Math.min(BLOCK_VALUES, count - done);
    const at = from + done * wordsPerValue;
    if (wordsPerValue === 2) deltasOfPairs(words, at, size);
    else deltasOfWords(words, at, size);
    encodeBlock(size, sink);
  }
}

function deltasOfPairs(words: Uint32Array, from: number, size: number): void {
  let low = words[from - 2]!;
  let high = words[from - 1]!;
  for (let i = 0, w = from; i < size; i++, w += 2) {
    const nextLow = words[w]!;
    const nextHigh = words[w + 1]!;
    deltaLow[i] = nextLow - low;
    deltaHigh[i] = nextHigh - high - (nextLow < low ? 1 : 0);
    low = nextLow;
    high = nextHigh;
  }
}

function deltasOfWords(words: Uint32Array, from: number, size: number): void {
  for (let i = 0, w = from; i < size; i++, w++) {
    const delta = (words[w]! - words[w - 1]!) | 0;
    deltaLow[i] = delta;
    deltaHigh[i] = delta >> 31;
  }
}

/** Encodes the first `size` deltas of the scratch arrays. */
function encodeBlock(size: number, sink: ByteSink): void {
  let minLow = deltaLow[0]!;
  let minHigh = deltaHigh[0]!;
  for (let i = 1; i < size; i++) {
    const high = deltaHigh[i]!;
    if (high < minHigh || (high === minHigh && deltaLow[i]! < minLow)) {
      minHigh = high;
      minLow = deltaLow[i]!;
    }
  }
  for (let i = 0; i < size; i++) {
    const low = deltaLow[i]!;
    deltaLow[i] = low - minLow;
    deltaHigh[i] = deltaHigh[i]! - minHigh - (low < minLow ? 1 : 0);
  }
  deltaLow.fill(0, size);
  deltaHigh.fill(0, size);

  zigzagPair(minLow, minHigh, sink);
  const widthsAt = sink.length;
  sink.uint32(0);
  for (let mini = 0; mini * MINIBLOCK_VALUES < size; mini++) {
    const start = mini * MINIBLOCK_VALUES;
    let anyLow = 0;
    let anyHigh = 0;
    for (let i = start; i < start + MINIBLOCK_VALUES; i++) {
      anyLow |= deltaLow[i]!;
      anyHigh |= deltaHigh[i]!;
    }
    const width = anyHigh !== 0 ? 32 + bitWidth(anyHigh) : bitWidth(anyLow);
    sink.bytes[widthsAt + mini] = width;
    if (width > 32) packPairs(start, width, sink);
    else if (width > 0) pack(deltaLow, start, MINIBLOCK_VALUES / 8, width, sink);
  }
}

/** Packs a miniblock of the scratch arrays whose deltas take 33 .. 64 bits. Rare, so simple: byte by byte. */
function packPairs(start: number, width: number, sink: ByteSink): void {
  let word = 0;
  let bits = 0;
  for (let i = start; i < start + MINIBLOCK_VALUES; i++) {
    for (let done = 0; done < width; done += 8) {
      const source = done < 32 ? deltaLow[i]! : deltaHigh[i]!;
      const take = Math.min(8, width - done);
      word |= ((source >>> (done & 31)) & ((1 << take) - 1)) << bits;
      bits += take;
      if (bits >= 8) {
        sink.byte(word);
        word >>>= 8;
        bits -= 8;
      }
    }
  }
}

function zigzagPair(low: number, high: number, sink: ByteSink): void {
  const sign = high >> 31;
  let restLow = ((low << 1) ^ sign) >>> 0;
  let restHigh = (((high << 1) | (low >>> 31)) ^ sign) >>> 0;
  while (restHigh !== 0 || restLow >= 0x80) {
    sink.byte((restLow & 0x7f) | 0x80);
    restLow = ((restLow >>> 7) | (restHigh << 25)) >>> 0;
    restHigh >>>= 7;
  }
  sink.byte(restLow);
}

class DeltaReader {
  readonly bytes: Uint8Array;
  readonly #where: string;
  at: number;
  /** Of the pair read last. */
  low = 0;
  high = 0;

  constructor(bytes: Uint8Array, at: number, where: string) {
    this.bytes = bytes;
    this.at = at;
    this.#where = where;
  }

  fail(what: string): never {
    throw corrupt(`${this.#where}, body byte ${this.at}`, what);
  }

  byte(): number {
    const value = this.bytes[this.at];
    if (value === undefined) this.fail('deltas end too early');
    this.at++;
    return value;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    const byte = this.byte();
    return byte < 8 ? value | (byte << 28) : this.fail('number too large');
  }

  zigzagPair(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.byte();
      const part = byte & 0x7f;
      if (shift < 28) low |= part << shift;
      else if (shift === 28) {
        low |= part << 28;
        high = part >>> 4;
      } else high |= part << (shift - 32);
      if (byte < 0x80) {
        const sign = -(low & 1);
        this.low = (((low >>> 1) | (high << 31)) ^ sign) >>> 0;
        this.high = (high >>> 1) ^ sign;
        return;
      }
    }
    this.fail('number too long');
  }
}

/**
 * Decodes exactly `count` values from bytes[at ..) into out[to ..), where a value is one or two words and `to` an
 * index of words; only the first `wanted` of them when given. The caller has checked that out has the room.
 */
export function decodeDelta(
  bytes: Uint8Array,
  at: number,
  count: number,
  wordsPerValue: 1 | 2,
  out: Uint32Array,
  to: number,
  where: string,
  wanted = count,
): void {
  const reader: DeltaReader = new DeltaReader(bytes, at, where);
  const blockValues = reader.varint();
  const miniblocks = reader.varint();
  if (blockValues === 0 || blockValues > BLOCK_VALUES_MAX || miniblocks === 0) reader.fail('bad delta block size');
  const miniblockValues = blockValues / miniblocks;
  if (miniblockValues % 32 !== 0 || miniblockValues === 0) reader.fail('bad delta miniblock size');
  if (reader.varint() !== count) reader.fail('the page header gives another number of values');
  reader.zigzagPair();
  if (wanted === 0) return;

  let low = reader.low;
  let high = reader.high;
  let o = to;
  out[o] = low;
  if (wordsPerValue === 2) out[o + 1] = high;
  o += wordsPerValue;

  const lows = new Uint32Array(miniblockValues);
  const highs = new Uint32Array(miniblockValues);
  let left = wanted - 1;
  while (left > 0) {
    reader.zigzagPair();
    const minLow = reader.low;
    const minHigh = reader.high;
    const widthsAt = reader.at;
    reader.at += miniblocks;
    for (let mini = 0; mini < miniblocks && left > 0; mini++) {
      const width = bytes[widthsAt + mini];
      if (width === undefined) reader.fail('deltas end too early');
      if (width > 32 * wordsPerValue) reader.fail(`deltas of ${width} bits`);
      const size = (miniblockValues / 8) * width;
      if (size > bytes.length - reader.at) reader.fail('deltas end too early');
      if (width === 0) lows.fill(0);
      else if (width <= 32) unpackToWords(bytes, reader.at, miniblockValues / 8, width, lows, 0);
      else unpackToPairs(bytes, reader.at, width, lows, highs);
      reader.at += size;
      const values = Math.min(left, miniblockValues);
      const wide = width > 32;
      for (let i = 0; i < values; i++) {
        const base = (low + minLow) >>> 0;
        let carry = base < minLow ? 1 : 0;
        low = (base + lows[i]!) >>> 0;
        if (low < base) carry++;
        out[o] = low;
        if (wordsPerValue === 2) {
          high = (high + minHigh + carry + (wide ? highs[i]! : 0)) | 0;
          out[o + 1] = high;
        }
        o += wordsPerValue;
      }
      left -= values;
    }
  }
}

/**
 * Bounds within which {@link decodeDeltaToDoubles} works: 32 steps from such a value, each a smallest delta and so many
 * bits, stay exact.
 */
const EXACT_VALUE_MAX = 2 ** 52;
const EXACT_STEP_BITS = 46;
const EXACT_STEP_MAX = 2 ** EXACT_STEP_BITS;

const stepLows = new Uint32Array(MINIBLOCK_VALUES);
const stepHighs = new Uint32Array(MINIBLOCK_VALUES);

/**
 * As {@link decodeDelta} of int64, as doubles to out[to ..): a third of the time, as there are no carries. False, and
 * nothing decoded that can be used, when a value might not be exact or the blocks are not cut as ours are.
 */
export function decodeDeltaToDoubles(
  bytes: Uint8Array,
  at: number,
  count: number,
  out: Float64Array,
  to: number,
  where: string,
  wanted = count,
): boolean {
  const reader: DeltaReader = new DeltaReader(bytes, at, where);
  if (reader.varint() !== BLOCK_VALUES || reader.varint() !== MINIBLOCKS) return false;
  if (reader.varint() !== count) reader.fail('the page header gives another number of values');
  reader.zigzagPair();
  if (wanted === 0) return true;
  let value = reader.high * 4294967296 + reader.low;
  let o = to;
  out[o++] = value;
  for (let left = wanted - 1; left > 0; ) {
    reader.zigzagPair();
    const min = reader.high * 4294967296 + reader.low;
    const widthsAt = reader.at;
    reader.at += MINIBLOCKS;
    for (let mini = 0; mini < MINIBLOCKS && left > 0; mini++) {
      const width = bytes[widthsAt + mini];
      if (width === undefined) reader.fail('deltas end too early');
      if (width > EXACT_STEP_BITS || Math.abs(min) > EXACT_STEP_MAX || Math.abs(value) > EXACT_VALUE_MAX) return false;
      const size = (MINIBLOCK_VALUES / 8) * width;
      if (size > bytes.length - reader.at) reader.fail('deltas end too early');
      if (width === 0) stepLows.fill(0);
      else if (width <= 32) unpackToWords(bytes, reader.at, MINIBLOCK_VALUES / 8, width, stepLows, 0);
      else unpackToPairs(bytes, reader.at, width, stepLows, stepHighs);
      reader.at += size;
      const values = Math.min(left, MINIBLOCK_VALUES);
      if (width <= 32) for (let i = 0; i < values; i++) out[o++] = value += min + stepLows[i]!;
      else for (let i = 0; i < values; i++) out[o++] = value += min + stepHighs[i]! * 4294967296 + stepLows[i]!;
      left -= values;
    }
  }
  return Math.abs(value) <= EXACT_VALUE_MAX;
}

/** Unpacks a miniblock of deltas of 33 .. 64 bits. */
function unpackToPairs(bytes: Uint8Array, start: number, width: number, lows: Uint32Array, highs: Uint32Array): void {
  let at = start;
  let word = 0;
  let bits = 0;
  for (let i = 0; i < lows.length; i++) {
    let low = 0;
    let high = 0;
    for (let done = 0; done < width; done += 8) {
      const take = Math.min(8, width - done);
      if (bits < take) {
        word |= bytes[at++]! << bits;
        bits += 8;
      }
      const part = word & ((1 << take) - 1);
      word >>>= take;
      bits -= take;
      if (done < 32) low |= part << done;
      else high |= part << (done - 32);
    }
    lows[i] = low;
    highs[i] = high;
  }
}

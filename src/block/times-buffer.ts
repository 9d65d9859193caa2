/**
 * 64-bit times and durations as doubles. Stored are differences, nearly all of which a double holds exactly: those are
 * decoded to doubles at once. Pages with others (clocks at 0, ends before starts of billions of years) go through pairs
 * of words, and the exact number is kept beside.
 */
import { decodeDoublesOfRows, decodeIntegersOfRows } from '../parquet/decode-rows.ts';
import { decodeInt64, decodeInt64ToDoubles, type PageLocation } from '../parquet/read-file.ts';
import { type BufferOwner, type ChunkPlace, ColumnBuffer } from './column-buffer.ts';
import { doubleScratch, wordScratch } from './row-selection.ts';

/** Numbers beyond are not exact as doubles. */
const EXACT_MAX = 2 ** 53;

/** What differences stand for. Both write rows [first, …) of `out`, and to `far` what a double cannot hold. */
export interface TimeMeaning {
  /** Low and high word of each row's difference. */
  fromWords(words: Uint32Array, out: Float64Array, first: number, far: Map<number, bigint>): void;
  /** out[first .. end) holds the differences, less than 2^53. False when the words are needed after all. */
  fromDoubles(out: Float64Array, first: number, end: number, far: Map<number, bigint>): boolean;
}

export class TimesBuffer extends ColumnBuffer {
  readonly values: Float64Array;
  /** Row → exact, modulo 2^64. */
  readonly far = new Map<number, bigint>();
  readonly #meaning: TimeMeaning;

  constructor(place: ChunkPlace, meaning: TimeMeaning, owner?: BufferOwner) {
    super(place, owner);
    this.values = new Float64Array(place.rows);
    this.#meaning = meaning;
  }

  protected override decodePage(page: PageLocation, bytes: Uint8Array): void {
    if (!this.loaded.includes(1)) this.grew(this.values.byteLength);
    const [first, end] = this.place.selection?.localRows(page) ?? [page.firstRow, page.firstRow + page.rows];
    if (this.#decodeDoubles(page, bytes) && this.#meaning.fromDoubles(this.values, first, end, this.far)) return;
    const words = new Uint32Array((end - first) * 2);
    const { selection } = this.place;
    if (selection === undefined) this.expectRows(page, decodeInt64(bytes, words, 0));
    else
      selection.decode(page, { out: words, width: 2, scratch: wordScratch, base: first }, (rows, target) =>
        decodeIntegersOfRows(bytes, 2, rows, target),
      );
    this.#meaning.fromWords(words, this.values, first, this.far);
  }

  #decodeDoubles(page: PageLocation, bytes: Uint8Array): boolean {
    const { selection } = this.place;
    if (selection !== undefined)
      return selection.decode(page, { out: this.values, width: 1, scratch: doubleScratch }, (rows, target) =>
        decodeDoublesOfRows(bytes, rows, target),
      );
    const rows = decodeInt64ToDoubles(bytes, this.values, page.firstRow);
    if (rows !== undefined) this.expectRows(page, rows);
    return rows !== undefined;
  }
}

const bigWords = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

/** Signed differences as they are. */
export const signedTimes: TimeMeaning = {
  fromWords: (words, out, first, far) => {
    for (let i = 0; i < words.length; i += 2) {
      const value = (words[i + 1]! | 0) * 4294967296 + words[i]!;
      const row = first + (i >>> 1);
      out[row] = value;
      if (value >= EXACT_MAX || value <= -EXACT_MAX) far.set(row, bigWords(words[i]!, words[i + 1]!));
    }
  },
  fromDoubles: () => true,
};

/** Durations: what is negative as a signed number counts as 0. */
export const durations: TimeMeaning = {
  fromWords: (words, out, first, far) => {
    for (let i = 0; i < words.length; i += 2) {
      const value = (words[i + 1]! | 0) * 4294967296 + words[i]!;
      const row = first + (i >>> 1);
      out[row] = Math.max(value, 0);
      if (value >= EXACT_MAX || value < 0) far.set(row, bigWords(words[i]!, words[i + 1]!));
    }
  },
  fromDoubles: (out, first, end, far) => {
    for (let row = first; row < end; row++) {
      const value = out[row]!;
      if (value >= 0) continue;
      far.set(row, BigInt.asUintN(64, BigInt(value)));
      out[row] = 0;
    }
    return true;
  },
};

interface TraceStarts {
  /** Length: traces + 1. */
  readonly firstSpan: Uint32Array;
  readonly startWords: Uint32Array;
  /** The same, ns since the base. */
  readonly start: Float64Array;
}

/** Starts of spans, stored since their trace's start, as ns since `base`. */
export function spanStarts(traces: TraceStarts, base: { low: number; high: number }): TimeMeaning {
  const { firstSpan, startWords, start } = traces;
  return {
    fromWords: (words, out, first, far) => {
      let trace = lastNotAbove(firstSpan, first);
      for (let i = 0; i < words.length; i += 2) {
        const row = first + (i >>> 1);
        while (row >= firstSpan[trace + 1]!) trace++;
        const lowSum = words[i]! + startWords[trace * 2]!;
        const high = (words[i + 1]! + startWords[trace * 2 + 1]! + (lowSum > 0xffffffff ? 1 : 0)) >>> 0;
        const low = lowSum >>> 0;
        const value = (high - base.high) * 4294967296 + (low - base.low);
        out[row] = value;
        if (value >= EXACT_MAX || value <= -EXACT_MAX) far.set(row, bigWords(low, high));
      }
    },
    fromDoubles: (out, first, end) => {
      let row = first;
      for (let trace = lastNotAbove(firstSpan, first); row < end; trace++) {
        const stop = Math.min(end, firstSpan[trace + 1]!);
        const from = start[trace]!;
        if (Math.abs(from) >= EXACT_MAX / 2) return false;
        for (; row < stop; row++) {
          const offset = out[row]!;
          // From 2^63 on a difference looks negative.
          if (offset < 0) return false;
          out[row] = from + offset;
        }
      }
      return true;
    },
  };
}

/** Index of the last element not above `value`; elements ascend, the first is not above. */
function lastNotAbove(ascending: Uint32Array, value: number): number {
  let low = 0;
  let high = ascending.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! <= value) low = middle;
    else high = middle;
  }
  return low;
}

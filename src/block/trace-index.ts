/**
 * In which row of a fragment a trace may stand: a hash of each trace id with its row, ordered by hash. It is how traces
 * are found by id and how traces are noticed that several fragments have pieces of, without reading any table. Two ids
 * may share a hash (1 of 4 billion pairs): whoever acts on a hit compares the ids.
 *
 * The hash is part of the format of blocks.
 */

import { assert } from '../base/assert.ts';
import { lowerBound } from '../base/lower-bound.ts';

export type TraceRows = Uint16Array | Uint32Array;

/** Up to so many traces, rows are stored in two bytes. */
const SHORT_ROWS_MAX = 1 << 16;
/** What is sorted is hash and row in one double, which holds 53 bits. */
const ROWS_MAX = 1 << 20;

/** Of the four words, little endian, of a trace id. */
export function traceIdHash(w0: number, w1: number, w2: number, w3: number): number {
  let h = w3 ^ Math.imul(w2, 0x9e3779b1) ^ Math.imul(w1, 0x85ebca6b) ^ w0;
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
  return (h ^ (h >>> 13)) >>> 0;
}

export const hashOfId = (words: Uint32Array): number => traceIdHash(words[0]!, words[1]!, words[2]!, words[3]!);

export class TraceIndex {
  /** Ascending. */
  readonly hashes: Uint32Array;
  /** Row of each hash's trace. */
  readonly rows: TraceRows;

  constructor(hashes: Uint32Array, rows: TraceRows) {
    this.hashes = hashes;
    this.rows = rows;
  }

  /** `ids`: four words a trace. */
  static of(ids: Uint32Array): TraceIndex {
    const count = ids.length >>> 2;
    assert(count <= ROWS_MAX, 'a fragment has at most a million traces');
    const keys = new Float64Array(count);
    for (let row = 0, w = 0; row < count; row++, w += 4)
      keys[row] = traceIdHash(ids[w]!, ids[w + 1]!, ids[w + 2]!, ids[w + 3]!) * ROWS_MAX + row;
    keys.sort();
    const hashes = new Uint32Array(count);
    const rows = count <= SHORT_ROWS_MAX ? new Uint16Array(count) : new Uint32Array(count);
    for (let i = 0; i < count; i++) {
      const key = keys[i]!;
      hashes[i] = Math.floor(key / ROWS_MAX);
      rows[i] = key % ROWS_MAX;
    }
    return new TraceIndex(hashes, rows);
  }

  /** Views of bytes in which the two arrays stand one after the other, from a multiple of 4 on. */
  static over({ buffer, byteOffset }: Uint8Array, at: number, count: number): TraceIndex {
    const hashes = new Uint32Array(buffer, byteOffset + at, count);
    const rowsAt = byteOffset + at + hashes.byteLength;
    const rows =
      count <= SHORT_ROWS_MAX ? new Uint16Array(buffer, rowsAt, count) : new Uint32Array(buffer, rowsAt, count);
    return new TraceIndex(hashes, rows);
  }

  get count(): number {
    return this.hashes.length;
  }

  /** Rows of the traces with a hash, ascending. */
  rowsOf(hash: number): number[] {
    const { hashes, rows } = this;
    const found: number[] = [];
    for (let i = lowerBound(hashes, hashes.length, hash); i < hashes.length && hashes[i] === hash; i++)
      found.push(rows[i]!);
    return found;
  }
}

/**
 * Memory for bytes that live a moment: request bodies, segments before compression. Fresh memory is dear — its first
 * touch costs a page fault per 4 KiB, and what is allocated outside the heap makes the garbage collector run — so buffers
 * are lent, given back and lent again. Sizes are powers of two; whoever lends uses the beginning.
 */
import { assert } from './assert.ts';

const smallestShift = 12;
const largestShift = 24;

export class BufferPool {
  /** By size class. */
  readonly #free: ArrayBuffer[][] = Array.from({ length: largestShift - smallestShift + 1 }, () => []);
  readonly #keptBytesMax: number;
  #keptBytes = 0;

  /** `keptBytesMax` bounds what is kept for the next lender, not what is lent. */
  constructor(keptBytesMax: number) {
    this.#keptBytesMax = keptBytesMax;
  }

  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** A buffer of at least so many bytes, with whatever was in it. Larger ones than the pool keeps are simply new. */
  take(bytes: number): ArrayBuffer {
    const shift = shiftOf(bytes);
    if (shift > largestShift) return new ArrayBuffer(bytes);
    const buffer = this.#free[shift - smallestShift]!.pop();
    if (buffer === undefined) return new ArrayBuffer(2 ** shift);
    this.#keptBytes -= buffer.byteLength;
    return buffer;
  }

  /** The lender is done: nobody may look at the buffer any more. */
  give(buffer: ArrayBuffer): void {
    const bytes = buffer.byteLength;
    const shift = shiftOf(bytes);
    if (shift > largestShift || this.#keptBytes + bytes > this.#keptBytesMax) return;
    assert(bytes === 2 ** shift, 'a buffer that is given back came from a pool');
    this.#free[shift - smallestShift]!.push(buffer);
    this.#keptBytes += bytes;
  }
}

function shiftOf(bytes: number): number {
  return Math.max(smallestShift, 32 - Math.clz32(Math.max(bytes, 1) - 1));
}

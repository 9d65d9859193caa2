import { bigEndian } from './order.ts';
import { traceIdHash } from './trace-index.ts';

/** Numbers distinct trace ids in the order in which they come. A hash table over words: 16 bytes an id and 8 to 16 for slots. */
export class TraceIdSet {
  #words = new Uint32Array(4 << 8);
  /** Slot → number + 1. */
  #slots = new Int32Array(1 << 9);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Number of the id at row `row` of `ids` (4 words each), or -1. */
  find(ids: Uint32Array, row: number): number {
    return this.#slots[this.#slotOf(ids, row)]! - 1;
  }

  /** Number of the id, given when it is new. */
  add(ids: Uint32Array, row: number): number {
    const slot = this.#slotOf(ids, row);
    if (this.#slots[slot]! !== 0) return this.#slots[slot]! - 1;
    const number = this.#size++;
    if (number * 4 >= this.#words.length) {
      const words = new Uint32Array(this.#words.length * 2);
      words.set(this.#words);
      this.#words = words;
    }
    for (let w = 0; w < 4; w++) this.#words[number * 4 + w] = ids[row * 4 + w]!;
    this.#slots[slot] = number + 1;
    if (this.#size * 2 > this.#slots.length) this.#grow();
    return number;
  }

  /** Order of two ids as byte strings. */
  compare(a: number, b: number): number {
    for (let w = 0; w < 4; w++) {
      const x = this.#words[a * 4 + w]!;
      const y = this.#words[b * 4 + w]!;
      if (x !== y) return bigEndian(x) - bigEndian(y);
    }
    return 0;
  }

  /** Adds an id of another set, by its number there. */
  addFrom(other: TraceIdSet, number: number): number {
    return this.add(other.#words, number);
  }

  /** The slot that holds the id, or the empty one where it belongs. */
  #slotOf(ids: Uint32Array, row: number): number {
    const at = row * 4;
    const w0 = ids[at]!;
    const w1 = ids[at + 1]!;
    const w2 = ids[at + 2]!;
    const w3 = ids[at + 3]!;
    const words = this.#words;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = traceIdHash(w0, w1, w2, w3) & mask;
    for (let found = slots[slot]!; found !== 0; found = slots[slot]!) {
      const p = (found - 1) * 4;
      if (words[p + 3] === w3 && words[p + 2] === w2 && words[p + 1] === w1 && words[p] === w0) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    for (let number = 0; number < this.#size; number++) this.#slots[this.#slotOf(this.#words, number)] = number + 1;
  }
}

/** Ids or other bytes as words. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  if (bytes.byteOffset % 4 !== 0) return wordsOf(bytes.slice());
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
}

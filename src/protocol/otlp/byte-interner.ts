/** Numbers for byte strings, from 0 in order of first appearance: one hash and, mostly, one compare a lookup. */
import { hashBytes, sameBytes } from '../../model/span-table.ts';

export class ByteInterner {
  #count = 0;
  /** Pairs of number + 1 (0 = free) and hash. */
  #slots = new Int32Array(256);
  /** Pairs of offset and length. */
  #entries = new Int32Array(128);
  #arena = new Uint8Array(1 << 14);
  #view = new DataView(this.#arena.buffer);
  #arenaLength = 0;

  get count(): number {
    return this.#count;
  }

  /** Number of the bytes, made when new (then it is the count before). The bytes are copied. */
  intern(view: DataView, offset: number, length: number): number {
    const hash = hashBytes(view, offset, length, length);
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = (hash << 1) & mask;
    for (let found = slots[slot]!; found !== 0; found = slots[slot]!) {
      const entry = (found - 1) * 2;
      if (
        slots[slot + 1] === hash &&
        this.#entries[entry + 1] === length &&
        sameBytes(this.#view, this.#entries[entry]!, view, offset, length)
      )
        return found - 1;
      slot = (slot + 2) & mask;
    }
    return this.#add(view, offset, length, slot, hash);
  }

  #add(view: DataView, offset: number, length: number, freeSlot: number, hash: number): number {
    const number = this.#count++;
    if (this.#count * 2 > this.#entries.length) {
      const entries = new Int32Array(this.#entries.length * 2);
      entries.set(this.#entries);
      this.#entries = entries;
    }
    if (this.#arenaLength + length > this.#arena.length) {
      const arena = new Uint8Array((this.#arenaLength + length) * 2);
      arena.set(this.#arena);
      this.#arena = arena;
      this.#view = new DataView(arena.buffer);
    }
    this.#arena.set(new Uint8Array(view.buffer, view.byteOffset + offset, length), this.#arenaLength);
    this.#entries[number * 2] = this.#arenaLength;
    this.#entries[number * 2 + 1] = length;
    this.#arenaLength += length;
    this.#slots[freeSlot] = number + 1;
    this.#slots[freeSlot + 1] = hash;
    if (this.#count * 4 > this.#slots.length) this.#grow();
    return number;
  }

  #grow(): void {
    const old = this.#slots;
    const slots = new Int32Array(old.length * 2);
    const mask = slots.length - 1;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i] === 0) continue;
      let slot = (old[i + 1]! << 1) & mask;
      while (slots[slot] !== 0) slot = (slot + 2) & mask;
      slots[slot] = old[i]!;
      slots[slot + 1] = old[i + 1]!;
    }
    this.#slots = slots;
  }
}

/**
 * Number of every distinct combination of codes that spans of a table have: an open-addressing hash table over runs of
 * words, so that the combination a span belongs to is found without making a string.
 */
export class GroupCache {
  /** The combination that is looked for; the caller fills it. */
  readonly wanted: Uint32Array;
  readonly #width: number;
  #keys: Uint32Array;
  /** Number + 1; 0 = free. */
  #slots = new Int32Array(256);
  #count = 0;

  constructor(width: number) {
    this.#width = width;
    this.wanted = new Uint32Array(width);
    this.#keys = new Uint32Array(64 * width);
  }

  get count(): number {
    return this.#count;
  }

  /** The number of `wanted`; it is new when it equals what {@link count} was before. */
  find(): number {
    const { wanted } = this;
    const width = this.#width;
    const keys = this.#keys;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hashOf(wanted, 0, width) & mask;
    for (let found = slots[slot]!; found !== 0; found = slots[slot]!) {
      const at = (found - 1) * width;
      let same = 0;
      while (same < width && keys[at + same] === wanted[same]) same++;
      if (same === width) return found - 1;
      slot = (slot + 1) & mask;
    }
    return this.#add(slot);
  }

  clear(): void {
    this.#slots.fill(0);
    this.#count = 0;
  }

  #add(slot: number): number {
    const width = this.#width;
    const number = this.#count++;
    if (this.#count * width > this.#keys.length) {
      const larger = new Uint32Array(this.#keys.length * 2);
      larger.set(this.#keys);
      this.#keys = larger;
    }
    this.#keys.set(this.wanted, number * width);
    this.#slots[slot] = number + 1;
    if (this.#count * 2 > this.#slots.length) this.#grow();
    return number;
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let number = 0; number < this.#count; number++) {
      let slot = hashOf(this.#keys, number * this.#width, this.#width) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = number + 1;
    }
    this.#slots = slots;
  }
}

function hashOf(words: Uint32Array, at: number, width: number): number {
  let hash = 0x9e3779b1;
  for (let i = 0; i < width; i++) {
    hash = Math.imul(hash ^ words[at + i]!, 0x85ebca6b);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/**
 * Finds traces that lie in more than one fragment: those whose hash several fragments' trace indexes have. Nothing is read
 * for it. Two traces may share a hash; they are then treated as pieces of one, which costs a copy and changes no answer.
 *
 * What blocks share changes only with the set of blocks and is kept. Live fragments come and go with every query and are
 * compared with each other and with the blocks.
 */
import { lowerBound } from '../base/lower-bound.ts';
import type { StoredFragment } from './stored-fragment.ts';

/** One trace in one fragment. */
export interface TracePlace {
  readonly fragment: StoredFragment;
  readonly trace: number;
}

/** Places in two fragments or more that belong together. */
export type TornTrace = readonly TracePlace[];

/** Sets of blocks whose shared traces are remembered. */
const RECENT_MAX = 8;
/** Hashes that are compared at the same time, about: their table stays in the processor's cache. */
const PART_HASHES = 1 << 15;

export class TornTraces {
  /** By the ids of the blocks; the last used stands last. */
  readonly #recent = new Map<string, ReadonlyMap<number, TornTrace>>();

  /** By hash: what blocks share. The same map for the same blocks. */
  amongBlocks(blocks: readonly StoredFragment[]): ReadonlyMap<number, TornTrace> {
    const key = blocks.map(({ id }) => id).join('\n');
    const torn = this.#recent.get(key) ?? findShared(blocks);
    this.#recent.delete(key);
    this.#recent.set(key, torn);
    if (this.#recent.size > RECENT_MAX) this.#recent.delete(this.#recent.keys().next().value!);
    return torn;
  }
}

/** By hash: traces with a place in a live fragment, with their places in blocks. */
export function tornWithLive(
  live: readonly StoredFragment[],
  blocks: readonly StoredFragment[],
): ReadonlyMap<number, TornTrace> {
  const owners = new Map<number, Set<StoredFragment>>();
  const add = (hash: number, fragment: StoredFragment): void => {
    const known = owners.get(hash);
    if (known === undefined) owners.set(hash, new Set([fragment]));
    else known.add(fragment);
  };
  live.forEach((fragment, i) => {
    for (const other of [...blocks, ...live.slice(i + 1)]) {
      for (const hash of commonHashes(fragment.traceIndex.hashes, other.traceIndex.hashes)) {
        add(hash, other);
        add(hash, fragment);
      }
    }
  });
  return placesByHash(owners);
}

function placesByHash(owners: ReadonlyMap<number, ReadonlySet<StoredFragment>>): Map<number, TornTrace> {
  const torn = new Map<number, TornTrace>();
  for (const [hash, fragments] of owners) {
    const places = [...fragments].flatMap((fragment) =>
      fragment.traceIndex.rowsOf(hash).map((trace): TracePlace => ({ fragment, trace })),
    );
    torn.set(hash, places);
  }
  return torn;
}

/** What two ascending lists have in common; may repeat a hash. */
function commonHashes(a: Uint32Array, b: Uint32Array): number[] {
  const [few, many] = a.length < b.length ? [a, b] : [b, a];
  const common: number[] = [];
  if (few.length * Math.log2(many.length + 1) < many.length) {
    for (let i = 0; i < few.length; i++)
      if (many[lowerBound(many, many.length, few[i]!)] === few[i]) common.push(few[i]!);
    return common;
  }
  let k = 0;
  for (let i = 0; i < few.length; i++) {
    const hash = few[i]!;
    while (k < many.length && many[k]! < hash) k++;
    if (many[k] === hash) common.push(hash);
  }
  return common;
}

/** Goes through the range of hashes in parts. Within a part, a hash table tells which fragment had a hash first. */
function findShared(fragments: readonly StoredFragment[]): ReadonlyMap<number, TornTrace> {
  const lists = fragments.map((fragment) => fragment.traceIndex.hashes);
  const total = lists.reduce((sum, { length }) => sum + length, 0);
  const parts = Math.max(1, Math.ceil(total / PART_HASHES));
  const table = new HashOwners(PART_HASHES * 4);
  const next = new Uint32Array(lists.length);
  const owners = new Map<number, Set<StoredFragment>>();
  for (let part = 1; part <= parts; part++) {
    const end = Math.ceil((part * 2 ** 32) / parts);
    table.clear();
    for (let f = 0; f < lists.length; f++) {
      const hashes = lists[f]!;
      let i = next[f]!;
      for (; i < hashes.length && hashes[i]! < end; i++) {
        const owner = table.add(hashes[i]!, f);
        if (owner === f) continue;
        const known = owners.get(hashes[i]!);
        if (known === undefined) owners.set(hashes[i]!, new Set([fragments[owner]!, fragments[f]!]));
        else known.add(fragments[f]!);
      }
      next[f] = i;
    }
  }
  return placesByHash(owners);
}

/** Hash → the fragment that brought it first. */
class HashOwners {
  #hashes: Uint32Array;
  /** Fragment + 1; 0 is an empty slot. */
  #owners: Int32Array;
  #count = 0;

  constructor(slots: number) {
    this.#hashes = new Uint32Array(slots);
    this.#owners = new Int32Array(slots);
  }

  clear(): void {
    this.#owners.fill(0);
    this.#count = 0;
  }

  add(hash: number, fragment: number): number {
    const slot = this.#slotOf(hash);
    const owner = this.#owners[slot]!;
    if (owner !== 0) return owner - 1;
    this.#hashes[slot] = hash;
    this.#owners[slot] = fragment + 1;
    // Hashes need not be spread evenly when ids are not random.
    if (++this.#count * 2 > this.#owners.length) this.#grow();
    return fragment;
  }

  #slotOf(hash: number): number {
    const mask = this.#owners.length - 1;
    // The upper bits are much the same within a part.
    let slot = Math.imul(hash, 0x9e3779b1) >>> 8;
    for (slot &= mask; this.#owners[slot] !== 0 && this.#hashes[slot] !== hash; ) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const hashes = this.#hashes;
    const owners = this.#owners;
    this.#hashes = new Uint32Array(hashes.length * 2);
    this.#owners = new Int32Array(owners.length * 2);
    for (let i = 0; i < owners.length; i++) {
      if (owners[i] === 0) continue;
      const slot = this.#slotOf(hashes[i]!);
      this.#hashes[slot] = hashes[i]!;
      this.#owners[slot] = owners[i]!;
    }
  }
}

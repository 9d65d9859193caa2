/**
 * Knows in which fragments each trace lies, to find traces that lie in more than one.
 *
 * The traces of a block fragment never change and are numbered once. Live fragments come and go with every query and are
 * only looked up. Blocks that no query has used for a while are forgotten when the numbers grow.
 */
import { throwIfAborted } from '../base/abort.ts';
import type { ReadCost } from '../traceql/storage.ts';
import type { StoredFragment } from './stored-fragment.ts';
import { TraceIdSet, wordsOf } from './trace-id-set.ts';

/** One trace in one fragment. */
export interface TracePlace {
  readonly fragment: StoredFragment;
  readonly trace: number;
}

interface KnownFragment {
  readonly id: string;
  /** Number of each trace. */
  readonly numbers: Uint32Array;
  lastUsed: number;
}

/** Numbered traces that are kept in any case: 32 bytes each, 32 MiB. */
const TRACES_KEPT = 1 << 20;

/** Sets of blocks whose shared traces are remembered. */
const RECENT_MAX = 8;

export interface TornGroups {
  /** Whose places are all in blocks. A group that has a live place, too, stands in both lists. */
  readonly ofBlocks: readonly (readonly TracePlace[])[];
  /** With a place in a live fragment; places of blocks come first. */
  readonly withLive: readonly (readonly TracePlace[])[];
}

export class TornTraces {
  #ids = new TraceIdSet();
  /** By number: fragment and trace that came first. */
  #ownerFragment: KnownFragment[] = [];
  #ownerTrace: number[] = [];
  /** By number, for traces of several fragments: the others. */
  #others = new Map<number, { fragment: KnownFragment; trace: number }[]>();
  #known = new Map<string, KnownFragment>();
  readonly #pending = new Map<string, Promise<void>>();
  /** What blocks share, by their ids; the last used stands last. */
  readonly #recent = new Map<string, readonly (readonly TracePlace[])[]>();
  #numbered = 0;
  #clock = 0;

  /** Groups of places of the same trace, two or more each. Reads the traces tables that it does not know yet. */
  async find(fragments: readonly StoredFragment[], cost: ReadCost, signal?: AbortSignal): Promise<TornGroups> {
    const blocks = fragments.filter((fragment) => !fragment.isLive);
    const live = fragments.filter((fragment) => fragment.isLive);
    await Promise.all(live.map((fragment) => fragment.loadTraces(cost, signal)));
    // Another query may make us forget a block while we wait for the next one.
    while (!blocks.every(({ id }) => this.#known.has(id)))
      await Promise.all(blocks.map((block) => this.#learn(block, cost, signal)));
    this.#use(blocks);
    return { ofBlocks: this.#amongBlocks(blocks), withLive: this.#withLive(live, blocks) };
  }

  #amongBlocks(blocks: readonly StoredFragment[]): readonly (readonly TracePlace[])[] {
    const key = blocks.map(({ id }) => id).join('\n');
    let groups = this.#recent.get(key);
    if (groups === undefined) {
      const present = byId(blocks);
      groups = [...this.#others.keys()].map((number) => this.#places(number, present)).filter((p) => p.length > 1);
    }
    this.#recent.delete(key);
    this.#recent.set(key, groups);
    if (this.#recent.size > RECENT_MAX) this.#recent.delete(this.#recent.keys().next().value!);
    return groups;
  }

  /** Places of blocks come first in a group. */
  #withLive(live: readonly StoredFragment[], blocks: readonly StoredFragment[]): TracePlace[][] {
    const present = byId(blocks);
    const seen = new TraceIdSet();
    const first: TracePlace[] = [];
    const several = new Map<number, TracePlace[]>();
    for (const fragment of live) {
      const ids = wordsOf(fragment.traceIds);
      for (let trace = 0; trace < fragment.traceCount; trace++) {
        const place = { fragment, trace };
        const before = seen.size;
        const number = seen.add(ids, trace);
        if (number < before) {
          const places = several.get(number) ?? [first[number]!];
          places.push(place);
          several.set(number, places);
          continue;
        }
        first.push(place);
        const inBlocks = this.#ids.find(ids, trace);
        const places = inBlocks < 0 ? [] : this.#places(inBlocks, present);
        if (places.length > 0) several.set(number, [...places, place]);
      }
    }
    return [...several.values()];
  }

  #places(number: number, present: ReadonlyMap<string, StoredFragment>): TracePlace[] {
    const places: TracePlace[] = [];
    const owner = present.get(this.#ownerFragment[number]!.id);
    if (owner !== undefined) places.push({ fragment: owner, trace: this.#ownerTrace[number]! });
    for (const other of this.#others.get(number) ?? []) {
      const fragment = present.get(other.fragment.id);
      if (fragment !== undefined) places.push({ fragment, trace: other.trace });
    }
    return places;
  }

  #use(blocks: readonly StoredFragment[]): void {
    this.#clock++;
    let traces = 0;
    for (const block of blocks) {
      this.#known.get(block.id)!.lastUsed = this.#clock;
      traces += block.traceCount;
    }
    const max = Math.max(TRACES_KEPT, traces * 2);
    if (this.#numbered > max) this.#forget(max / 2);
  }

  /** Several queries may want to learn a block at once; one does, and if it fails the others try. */
  async #learn(block: StoredFragment, cost: ReadCost, signal?: AbortSignal): Promise<void> {
    while (!this.#known.has(block.id)) {
      const pending = this.#pending.get(block.id);
      if (pending !== undefined) {
        await Promise.allSettled([pending]);
        throwIfAborted(signal);
        continue;
      }
      const view = block.view();
      const learning = view.loadTraces(cost, signal).then(() => {
        const ids = wordsOf(view.traceIds);
        const numbers = new Uint32Array(view.traceCount);
        const known = { id: block.id, numbers, lastUsed: this.#clock };
        for (let trace = 0; trace < numbers.length; trace++) {
          numbers[trace] = this.#ids.add(ids, trace);
          this.#own(known, trace);
        }
        this.#known.set(block.id, known);
        this.#numbered += numbers.length;
      });
      this.#pending.set(block.id, learning);
      try {
        await learning;
      } finally {
        this.#pending.delete(block.id);
      }
    }
  }

  #own(fragment: KnownFragment, trace: number): void {
    const number = fragment.numbers[trace]!;
    if (number === this.#ownerTrace.length) {
      this.#ownerFragment.push(fragment);
      this.#ownerTrace.push(trace);
      return;
    }
    const others = this.#others.get(number);
    if (others === undefined) this.#others.set(number, [{ fragment, trace }]);
    else others.push({ fragment, trace });
  }

  /** Keeps the fragments used last, at least those of the current query, until they have `traces` traces. */
  #forget(traces: number): void {
    const kept: KnownFragment[] = [];
    let numbered = 0;
    for (const fragment of [...this.#known.values()].sort((a, b) => b.lastUsed - a.lastUsed)) {
      if (fragment.lastUsed < this.#clock && numbered + fragment.numbers.length > traces) break;
      kept.push(fragment);
      numbered += fragment.numbers.length;
    }
    const oldIds = this.#ids;
    this.#ids = new TraceIdSet();
    this.#ownerFragment = [];
    this.#ownerTrace = [];
    this.#others = new Map();
    this.#known = new Map();
    this.#numbered = numbered;
    for (const { id, numbers, lastUsed } of kept) {
      const renumbered = { id, numbers: numbers.map((number) => this.#ids.addFrom(oldIds, number)), lastUsed };
      for (let trace = 0; trace < numbers.length; trace++) this.#own(renumbered, trace);
      this.#known.set(id, renumbered);
    }
  }
}

const byId = (fragments: readonly StoredFragment[]): ReadonlyMap<string, StoredFragment> =>
  new Map(fragments.map((fragment) => [fragment.id, fragment]));

/**
 * Makes of fragments a snapshot in which every trace is whole: traces that lie in several fragments are hidden there, and
 * their pieces are put together in fragments of their own. Most traces lie in one place, so that this is little work; what
 * only blocks share is put together once and kept.
 */
import { hash } from 'node:crypto';
import type { ReadCost, Snapshot } from '../traceql/storage.ts';
import { liveFragment } from './live-fragment.ts';
import { mergeTraces, type Piece } from './merge.ts';
import type { StoredFragment } from './stored-fragment.ts';
import { TornTraces, type TracePlace } from './torn-traces.ts';
import { wordsOf } from './trace-id-set.ts';
import { hashOfId } from './trace-index.ts';

export interface AssembleOptions {
  /** Only this trace is wanted (16 bytes): other traces need not be whole, and fragments without it are left out. */
  readonly traceId?: Uint8Array;
  readonly signal?: AbortSignal;
}

type Groups = readonly (readonly TracePlace[])[];

/** Sets of torn traces of blocks whose merged fragments are kept. */
const MERGED_MAX = 4;

/** What is kept between snapshots of one tenant. */
export class SnapshotCache {
  readonly torn = new TornTraces();
  readonly #merged = new Map<string, Promise<StoredFragment>>();

  /** The places' traces as one fragment. The same places give the same fragment. */
  merged(groups: Groups, cost: ReadCost, signal?: AbortSignal): Promise<StoredFragment> {
    const id = `merged-${digest(groups.flatMap((places) => places.map((p) => `${p.fragment.id}#${p.trace}`)))}`;
    const known = this.#merged.get(id);
    if (known !== undefined) return known;
    const isKept = groups.every((places) => places.every(({ fragment }) => !fragment.isLive));
    // What other queries wait for must not end with the query that came first.
    const merging = mergeTraces(piecesOf(groups.flat()), cost, isKept ? undefined : signal);
    const made = merging.then((table) => liveFragment(id, table.share()));
    if (!isKept) return made;
    this.#merged.set(id, made);
    made.catch(() => this.#merged.delete(id));
    if (this.#merged.size > MERGED_MAX) this.#merged.delete(this.#merged.keys().next().value!);
    return made;
  }
}

/**
 * Fragments must all be of one tenant, or of tenants that are queried together. A piece of a trace that lies in a fragment
 * which is not given cannot be seen: who leaves out fragments by time must leave room for long traces.
 */
export async function assembleSnapshot(
  fragments: readonly StoredFragment[],
  cache: SnapshotCache,
  cost: ReadCost,
  options: AssembleOptions = {},
): Promise<Snapshot> {
  const { traceId, signal } = options;
  const blockCount = new Set(fragments.map(({ sourceId }) => sourceId)).size;
  const version = digest(fragments.map(({ id }) => id));
  if (traceId !== undefined) {
    const found = await placesOf(fragments, traceId, cost, signal);
    return { fragments: await whole(found, cache, cost, signal), blockCount, version };
  }
  const { ofBlocks, withLive } = await cache.torn.find(fragments, cost, signal);
  const liveToo = new Set(withLive.flatMap((places) => places.map(keyOf)));
  const blocksOnly = ofBlocks.filter((places) => !liveToo.has(keyOf(places[0]!)));
  const torn = [blocksOnly, withLive].filter((groups) => groups.length > 0);
  const hidden = hide(torn.flat(2));
  const merged = await Promise.all(torn.map((groups) => cache.merged(groups, cost, signal)));
  return {
    fragments: [...fragments.map((f) => f.view(hidden.get(f.id))), ...merged.map((f) => f.view())],
    blockCount,
    version,
  };
}

export interface FoundTrace {
  readonly fragment: StoredFragment;
  /** Its row in the fragment's traces. */
  readonly trace: number;
}

/** A trace by its id (16 bytes), whole; undefined when no fragment has it. The fragment's traces are loaded. */
export async function findTrace(
  fragments: readonly StoredFragment[],
  traceId: Uint8Array,
  cost: ReadCost,
  signal?: AbortSignal,
): Promise<FoundTrace | undefined> {
  const places = await placesOf(fragments, traceId, cost, signal);
  if (places.length <= 1) return places[0];
  const table = await mergeTraces(piecesOf(places), cost, signal);
  const fragment = liveFragment(`merged-${digest(places.map(keyOf))}`, table.share());
  await fragment.loadTraces(cost, signal);
  return { fragment, trace: 0 };
}

async function whole(
  places: readonly TracePlace[],
  cache: SnapshotCache,
  cost: ReadCost,
  signal?: AbortSignal,
): Promise<StoredFragment[]> {
  if (places.length <= 1) return places.map(({ fragment }) => fragment);
  return [(await cache.merged([places], cost, signal)).view()];
}

/** Where the trace is. Only fragments that may hold it are read. */
async function placesOf(
  fragments: readonly StoredFragment[],
  traceId: Uint8Array,
  cost: ReadCost,
  signal?: AbortSignal,
): Promise<TracePlace[]> {
  const wanted = wordsOf(traceId);
  const hash = hashOfId(wanted);
  const places = await Promise.all(
    fragments.map(async (fragment): Promise<TracePlace[]> => {
      const rows = fragment.traceIndex.rowsOf(hash);
      if (rows.length === 0) return [];
      const picked = await fragment.pick(rows, cost, signal);
      const ids = wordsOf(picked.fragment.traceIds);
      const found = picked.traces.filter((trace) => isId(ids, trace, wanted));
      return found.map((trace) => ({ fragment: picked.fragment, trace }));
    }),
  );
  return places.flat();
}

function isId(ids: Uint32Array, row: number, wanted: Uint32Array): boolean {
  for (let w = 0; w < 4; w++) if (ids[row * 4 + w] !== wanted[w]) return false;
  return true;
}

const keyOf = ({ fragment, trace }: TracePlace): string => `${fragment.id}#${trace}`;

const digest = (parts: readonly string[]): string => hash('sha1', parts.join('\n'));

/** The places by fragment, traces ascending. */
function piecesOf(places: readonly TracePlace[]): Piece[] {
  const byFragment = new Map<string, { fragment: StoredFragment; traces: number[] }>();
  for (const { fragment, trace } of places) {
    const piece = byFragment.get(fragment.id);
    if (piece === undefined) byFragment.set(fragment.id, { fragment, traces: [trace] });
    else piece.traces.push(trace);
  }
  for (const { traces } of byFragment.values()) traces.sort((a, b) => a - b);
  return [...byFragment.values()];
}

/** For each fragment that loses traces: which. */
function hide(places: readonly TracePlace[]): ReadonlyMap<string, Uint8Array> {
  const hidden = new Map<string, Uint8Array>();
  for (const { fragment, trace } of places) {
    let flags = hidden.get(fragment.id);
    if (flags === undefined) hidden.set(fragment.id, (flags = new Uint8Array(fragment.traceCount)));
    flags[trace] = 1;
  }
  return hidden;
}

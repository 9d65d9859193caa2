/**
 * Makes of fragments a snapshot in which every trace is whole: traces that lie in several fragments are hidden there, and
 * their pieces are put together in fragments of their own.
 *
 *   fragments, newest last      A: a1 b1 c1      B: c2 d1 e1      C: e2 b2 f1
 *   torn                        b (A, C), c (A, B), e (B, C)
 *   snapshot                    A: a    B: d    C: f    merged into B: c    merged into C: b e
 *
 * All torn traces whose newest piece lies in one fragment are one merged fragment, which copies nothing before it is read.
 * Which traces are torn is known from the fragments' trace indexes (`torn-traces.ts`), without reading.
 *
 * With a time range, fragments outside of it are left out. A merged fragment is judged by the times of all fragments that
 * its pieces come from: so a trace that overlaps the range is there and whole, wherever its pieces lie.
 */
import { hash } from 'node:crypto';
import type { Fragment, ReadCost, Snapshot } from '../traceql/storage.ts';
import { joinTrace } from './joined-trace.ts';
import { liveFragment } from './live-fragment.ts';
import { mergeTraces } from './merge.ts';
import { MergedCache, type MergedPieces, mergedId, piecesOf } from './merged-cache.ts';
import { MergedFragment } from './merged-fragment.ts';
import type { StoredFragment } from './stored-fragment.ts';
import { type TornTrace, TornTraces, type TracePlace, tornWithLive } from './torn-traces.ts';
import { wordsOf } from './trace-id-set.ts';
import { hashOfId } from './trace-index.ts';

export interface AssembleOptions {
  /** Only this trace is wanted (16 bytes): other traces need not be whole, and fragments without it are left out. */
  readonly traceId?: Uint8Array;
  /** Unix ns; both 0n, or nothing: all time. */
  readonly range?: { readonly startUnixNano: bigint; readonly endUnixNano: bigint };
  readonly signal?: AbortSignal;
}

/** What is kept between snapshots of one tenant. */
export class SnapshotCache {
  readonly torn = new TornTraces();
  readonly merged = new MergedCache();
  /** What has been worked out of what blocks share. */
  readonly plans = new WeakMap<ReadonlyMap<number, TornTrace>, Plan>();
}

/** What becomes of torn traces. */
interface Plan {
  /** By fragment: 1 for each trace that is read elsewhere. */
  readonly hidden: ReadonlyMap<string, Uint8Array>;
  readonly merged: readonly MergedPieces[];
}

/**
 * Fragments must be all that the tenant has, or the tenants that are queried together: a piece of a trace that lies in a
 * fragment which is not given cannot be seen.
 */
export async function assembleSnapshot(
  fragments: readonly StoredFragment[],
  cache: SnapshotCache,
  cost: ReadCost,
  options: AssembleOptions = {},
): Promise<Snapshot> {
  const { traceId, signal, range } = options;
  if (traceId !== undefined) {
    const found = await findTrace(fragments, traceId, cost, signal);
    return snapshotOf(found === undefined ? [] : [found.fragment], fragments);
  }
  const inRange = timeFilter(range);
  const { hidden, merged } = planOf(fragments, cache);
  const shown = fragments.filter(inRange);
  const whole = merged.filter(inRange).map((pieces) => new MergedFragment(cache.merged.traces(pieces)));
  return snapshotOf([...shown.map((f) => f.view(hidden.get(f.id))), ...whole], shown);
}

function snapshotOf(fragments: readonly Fragment[], sources: readonly StoredFragment[]): Snapshot {
  return {
    fragments,
    blockCount: new Set(sources.map(({ sourceId }) => sourceId)).size,
    version: hash('sha1', fragments.map(({ id }) => id).join('\n')),
  };
}

type Timed = Pick<StoredFragment, 'baseUnixNano' | 'minStart' | 'maxEnd'>;

function timeFilter(range: AssembleOptions['range']): (timed: Timed) => boolean {
  if (range === undefined || (range.startUnixNano === 0n && range.endUnixNano === 0n)) return () => true;
  return ({ baseUnixNano, minStart, maxEnd }) =>
    minStart <= Number(range.endUnixNano - baseUnixNano) && maxEnd >= Number(range.startUnixNano - baseUnixNano);
}

function planOf(fragments: readonly StoredFragment[], cache: SnapshotCache): Plan {
  const blocks = fragments.filter((fragment) => !fragment.isLive);
  const live = fragments.filter((fragment) => fragment.isLive);
  const ofBlocks = cache.torn.amongBlocks(blocks);
  let plan = cache.plans.get(ofBlocks);
  if (plan === undefined) {
    plan = { hidden: hide([...ofBlocks.values()], new Map()), merged: groupByNewest([...ofBlocks.values()]) };
    cache.plans.set(ofBlocks, plan);
  }
  const withLive = tornWithLive(live, blocks);
  if (withLive.size === 0) return plan;
  // A trace that blocks share and a live fragment has, too, is put together once, with all its pieces.
  const all = [...new Map([...ofBlocks, ...withLive]).values()];
  return { hidden: hide([...withLive.values()], plan.hidden), merged: groupByNewest(all) };
}

/** For each fragment that loses traces: which. Arrays that do not change are those of `before`. */
function hide(torn: readonly TornTrace[], before: Plan['hidden']): Plan['hidden'] {
  const hidden = new Map(before);
  for (const { fragment, trace } of torn.flat()) {
    const known = hidden.get(fragment.id);
    if (known?.[trace] === 1) continue;
    const flags =
      known === undefined || known === before.get(fragment.id) ? new Uint8Array(fragment.traceCount) : known;
    if (known !== undefined && known !== flags) flags.set(known);
    flags[trace] = 1;
    hidden.set(fragment.id, flags);
  }
  return hidden;
}

function groupByNewest(torn: readonly TornTrace[]): MergedPieces[] {
  const groups = new Map<string, TracePlace[]>();
  for (const places of torn) {
    let newest = places[0]!.fragment;
    for (const { fragment } of places) if (endsLater(fragment, newest)) newest = fragment;
    const group = groups.get(newest.id);
    if (group === undefined) groups.set(newest.id, [...places]);
    else group.push(...places);
  }
  return [...groups.values()].map((places) => ({ id: mergedId(places), places, ...boundsOf(places) }));
}

function endsLater(a: StoredFragment, b: StoredFragment): boolean {
  const later = a.maxEnd + Number(a.baseUnixNano - b.baseUnixNano) - b.maxEnd;
  return later > 0 || (later === 0 && a.id > b.id);
}

/** Times between which all traces of the places' fragments lie. */
function boundsOf(places: readonly TracePlace[]): Timed {
  const fragments = [...new Set(places.map(({ fragment }) => fragment))];
  const { baseUnixNano } = fragments[0]!;
  const since = (fragment: StoredFragment, at: number) => at + Number(fragment.baseUnixNano - baseUnixNano);
  return {
    baseUnixNano,
    minStart: Math.min(...fragments.map((fragment) => since(fragment, fragment.minStart))),
    maxEnd: Math.max(...fragments.map((fragment) => since(fragment, fragment.maxEnd))),
  };
}

export interface FoundTrace {
  readonly fragment: Fragment;
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
  const joined = await joinTrace(places, cost, signal);
  if (joined !== undefined) return { fragment: joined, trace: 0 };
  const table = await mergeTraces(piecesOf(places), cost, signal);
  const fragment = liveFragment(mergedId(places), table.share());
  await fragment.loadTraces(cost, signal);
  return { fragment, trace: 0 };
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

/**
 * Search: which traces match, and what they look like.
 *
 *   snapshot ─► chunks, newest first ─► load what conditions need ─► span sets ─► best traces ─► load what answers need
 *
 * Sorted by start, the search stops when no chunk can have a newer trace than the worst that is kept. Loads grow while a
 * search goes on: the first chunk alone, so that a hit at once costs little, then twice as many each time.
 */
import { throwIfAborted } from '../../base/abort.ts';
import type { QueryBudget, SearchRequest, SearchResult, TraceResult } from '../../traceql/result.ts';
import type { Fragment, LoadRequest, ReadCost, Snapshot, TraceStorage } from '../../traceql/storage.ts';
import { traceRange } from '../expression/range.ts';
import { resultOf } from '../expression/value.ts';
import type { Spansets } from '../spansets/spansets.ts';
import { loadedBytes, MemoryBudget, queryCost, Stopwatch, totalBytes } from '../work.ts';
import { type Chunk, ChunkQueue, type OpenFragment } from './chunks.ts';
import { type Matcher, planSearch, type SearchPlan } from './matcher.ts';
import { Materializer } from './materialize.ts';
import { type FoundSet, type FoundTrace, TopTraces } from './top-traces.ts';

export interface SearchContext {
  readonly storage: TraceStorage;
  readonly budget: QueryBudget;
  /** Called between chunks of work; undefined unless other work has waited too long. */
  pause(): Promise<void> | undefined;
  /** For the pace of partial answers. */
  nowMs(): number;
}

/** Least time between two partial answers. */
const partialIntervalMs = 500;
/** Chunks that are loaded at the same time, at most. */
const windowMax = 64;
/** Memory of a trace that is kept, about, beside its sets; of a set; of a set's attribute; of a span in it. */
const foundBytes = 200;
const setBytes = 120;
const attributeBytes = 100;
const rowBytes = 8;
/** OTLP's status code for an error. */
const statusError = 2;
const nothing: LoadRequest = { fixed: [], columns: [] };

export async function runSearch(
  context: SearchContext,
  request: SearchRequest,
  signal: AbortSignal,
  onPartial?: (partial: SearchResult) => void,
): Promise<SearchResult> {
  throwIfAborted(signal);
  const search = await openSearch(context, request, signal);
  return search.run(onPartial);
}

/** Apart from running it, so that nobody holds the snapshot: what a fragment has read goes when its last holder does. */
async function openSearch(context: SearchContext, request: SearchRequest, signal: AbortSignal): Promise<Search> {
  const watch = new Stopwatch();
  const plan = planSearch(request);
  const read: ReadCost = { requests: 0, bytes: 0, pages: 0 };
  const snapshot = await context.storage.snapshot({ tenant: request.tenant, ...request.range }, read, signal);
  watch.lap('plan');
  return new Search(plan, request, snapshot, { context, read, signal, watch });
}

interface Tools {
  readonly context: SearchContext;
  readonly read: ReadCost;
  readonly signal: AbortSignal;
  readonly watch: Stopwatch;
}

class Search {
  readonly #plan: SearchPlan;
  readonly #request: SearchRequest;
  readonly #tools: Tools;
  readonly #budget: MemoryBudget;
  readonly #queue: ChunkQueue;
  readonly #top: TopTraces;
  readonly #materializer: Materializer;
  readonly #matchers = new Map<Fragment, Matcher>();
  /** Bytes loaded for the chunks of a fragment that is not finished. */
  readonly #loaded = new Map<Fragment, number>();
  readonly #totals = { traces: 0, spans: 0 };
  readonly #progress = { inspectedTraces: 0, inspectedSpans: 0, totalJobs: 0, completedJobs: 0 };
  readonly #blocks: { readonly totalBlocks: number; readonly totalBlockBytes: number };

  constructor(plan: SearchPlan, request: SearchRequest, snapshot: Snapshot, tools: Tools) {
    this.#plan = plan;
    this.#request = request;
    this.#tools = tools;
    this.#budget = new MemoryBudget(tools.context.budget.memoryBytesMax);
    this.#queue = new ChunkQueue(snapshot.fragments, request.range, tools.read, tools.signal);
    this.#top = new TopTraces(request.limit);
    this.#materializer = new Materializer({
      plan,
      cost: tools.read,
      signal: tools.signal,
      budget: this.#budget,
      pause: tools.context.pause,
    });
    this.#progress.totalJobs = snapshot.fragments.length;
    this.#blocks = { totalBlocks: snapshot.blockCount, totalBlockBytes: totalBytes(snapshot) };
  }

  async run(onPartial: ((partial: SearchResult) => void) | undefined): Promise<SearchResult> {
    const { context, watch, signal } = this.#tools;
    let emittedMs = context.nowMs();
    let window = 1;
    while (!this.#isDone()) {
      const chunks = await this.#queue.take(window);
      watch.lap('plan');
      if (chunks.length === 0) break;
      await this.#load(chunks);
      watch.lap('read');
      for (const chunk of chunks) {
        const wait = context.pause();
        if (wait !== undefined) await wait;
        throwIfAborted(signal);
        if (!this.#cannotImprove(chunk.newestUnixNano)) this.#evaluate(chunk);
        this.#finish(chunk.fragment);
      }
      watch.lap('evaluate');
      window = Math.min(window * 2, windowMax);
      if (onPartial !== undefined && context.nowMs() - emittedMs >= partialIntervalMs) {
        onPartial(await this.#result());
        emittedMs = context.nowMs();
      }
    }
    this.#progress.completedJobs = this.#progress.totalJobs;
    return this.#result();
  }

  #isDone(): boolean {
    const newest = this.#queue.newestMaxUnixNano;
    return newest === undefined || this.#cannotImprove(newest);
  }

  /** True when traces that start no later cannot be among the best. */
  #cannotImprove(newestUnixNano: bigint): boolean {
    const { sort, totals } = this.#request;
    const { worst } = this.#top;
    return sort === 'start' && !totals && worst !== undefined && worst.startUnixNano > newestUnixNano;
  }

  #matcher(fragment: Fragment): Matcher {
    let matcher = this.#matchers.get(fragment);
    if (matcher === undefined) this.#matchers.set(fragment, (matcher = this.#plan.compile(fragment)));
    return matcher;
  }

  /** Loads what the conditions need; chunks of one fragment follow one another and are one request. */
  async #load(chunks: readonly Chunk[]): Promise<void> {
    const bounds = new Map<Fragment, { first: number; end: number }>();
    for (const { fragment: open, range } of chunks) {
      const bound = bounds.get(open.fragment);
      if (bound === undefined) bounds.set(open.fragment, { first: range.firstTrace, end: range.endTrace });
      else {
        bound.first = Math.min(bound.first, range.firstTrace);
        bound.end = Math.max(bound.end, range.endTrace);
      }
    }
    const { read, signal } = this.#tools;
    await Promise.all(
      [...bounds].map(async ([fragment, { first, end }]) => {
        const request = this.#needs(fragment);
        if (request.fixed.length === 0 && request.columns.length === 0) return;
        const { firstRow, endRow } = traceRange(fragment, first, end);
        const bytes = loadedBytes(request, endRow - firstRow);
        this.#budget.charge(bytes);
        this.#loaded.set(fragment, (this.#loaded.get(fragment) ?? 0) + bytes);
        await fragment.load(request, first, end, read, signal);
      }),
    );
  }

  /** Columns that say whether a trace matches and where it stands in the answer. */
  #needs(fragment: Fragment): LoadRequest {
    const { request, constant } = this.#matcher(fragment);
    const { fixed, columns } = constant === undefined ? request : nothing;
    if (this.#request.sort !== 'errors' || constant === false || fixed.includes('status')) return { fixed, columns };
    return { fixed: [...fixed, 'status'], columns };
  }

  #evaluate({ fragment: open, range }: Chunk): void {
    const { fragment } = open;
    const matcher = this.#matcher(fragment);
    this.#progress.inspectedTraces += range.endTrace - range.firstTrace;
    this.#progress.inspectedSpans += range.endRow - range.firstRow;
    if (matcher.constant === false) return;
    const mask = open.initialMask(range, this.#durationMinNano());
    if (mask.indexOf(1) < 0) return;
    const sets = matcher.evaluate(range, mask);
    if (this.#request.totals) this.#count(sets, fragment);
    if (!sets.isEmpty) this.#keep(open, sets);
  }

  /** Shorter traces cannot be among the best. */
  #durationMinNano(): number {
    const { sort, totals } = this.#request;
    return sort === 'duration' && !totals ? (this.#top.worst?.rank ?? 0) : 0;
  }

  #count(sets: Spansets, fragment: Fragment): void {
    const { mask, range } = sets;
    for (let trace = range.firstTrace; trace < range.endTrace; trace++) {
      const end = fragment.traceFirstSpan[trace + 1]! - range.firstRow;
      let spans = 0;
      for (let i = fragment.traceFirstSpan[trace]! - range.firstRow; i < end; i++) spans += mask[i]!;
      if (spans === 0) continue;
      this.#totals.traces++;
      if (this.#plan.withSpans) this.#totals.spans += spans;
    }
  }

  /** Adds the traces that may be among the best. */
  #keep(open: OpenFragment, sets: Spansets): void {
    const { fragment } = open;
    const { range, mask } = sets;
    const { traceFirstSpan, traceStart, traceEnd, baseUnixNano } = fragment;
    const byStart = this.#request.sort === 'start';
    const { worst } = this.#top;
    const found: FoundTrace[] = [];
    let lastStart = 0;
    let trace = range.endTrace;
    for (let last = mask.lastIndexOf(1); last >= 0; ) {
      do trace--;
      while (traceFirstSpan[trace]! > range.firstRow + last);
      const firstRow = traceFirstSpan[trace]! - range.firstRow;
      const lastRow = last;
      last = firstRow === 0 ? -1 : mask.lastIndexOf(1, firstRow - 1);
      const start = traceStart[trace]!;
      // Traces that start together are told apart by their ids, which do not stand in this order.
      if (byStart && found.length >= this.#request.limit && start < lastStart) break;
      const durationNano = traceEnd[trace]! - start;
      const startUnixNano = baseUnixNano + BigInt(Math.floor(start));
      const rank = this.#rank(fragment, trace);
      if (worst !== undefined) {
        if (byStart && startUnixNano < worst.startUnixNano) break;
        if (rank < worst.rank) continue;
      }
      const foundSets = this.#plan.withSpans ? this.#setsOf(sets, trace - range.firstTrace, firstRow, lastRow + 1) : [];
      const bytes = bytesOf(foundSets);
      found.push({ source: open, trace, startUnixNano, durationNano, rank, sets: foundSets, bytes, result: undefined });
      lastStart = start;
    }
    const before = this.#top.bytes;
    this.#top.add(found);
    this.#budget.charge(this.#top.bytes - before);
  }

  #rank(fragment: Fragment, trace: number): number {
    const { traceStart, traceEnd, traceFirstSpan } = fragment;
    switch (this.#request.sort) {
      case 'start':
        return 0;
      case 'duration':
        return traceEnd[trace]! - traceStart[trace]!;
      case 'spans':
        return traceFirstSpan[trace + 1]! - traceFirstSpan[trace]!;
      case 'errors': {
        // Loaded for this order alone.
        const { status } = fragment;
        let errors = 0;
        for (let row = traceFirstSpan[trace]!; row < traceFirstSpan[trace + 1]!; row++)
          if (status[row] === statusError) errors++;
        return errors;
      }
    }
  }

  /** The sets of one trace, whose rows lie in [first, end) of the mask, in the order of their first spans. */
  #setsOf(sets: Spansets, traceNumber: number, first: number, end: number): FoundSet[] {
    const { mask, setOf, range } = sets;
    const spansMax = this.#request.spansPerSpanSet;
    const found = new Map<number, { rows: number[]; matched: number }>();
    for (let i = first; i < end; i++) {
      if (mask[i] === 0) continue;
      const number = setOf === undefined ? traceNumber : setOf[i]!;
      let set = found.get(number);
      if (set === undefined) found.set(number, (set = { rows: [], matched: 0 }));
      set.matched++;
      if (set.rows.length < spansMax) set.rows.push(range.firstRow + i);
    }
    return [...found].map(([number, { rows, matched }]) => ({
      rows,
      matched,
      attributes: sets.attributes.map(({ key, values }) => ({ key, value: resultOf(values[number]!) })),
    }));
  }

  #finish(open: OpenFragment): void {
    open.chunksLeft--;
    if (open.chunksLeft > 0) return;
    const { fragment } = open;
    this.#progress.completedJobs++;
    this.#matchers.delete(fragment);
    this.#budget.release(this.#loaded.get(fragment) ?? 0);
    this.#loaded.delete(fragment);
  }

  async #result(): Promise<SearchResult> {
    const { read, watch } = this.#tools;
    const { traces } = this.#top;
    await this.#materializer.run(traces);
    watch.lap('materialize');
    const result = {
      traces: traces.map(({ result }) => result as TraceResult),
      cost: queryCost(this.#blocks, read, this.#progress, watch.milliseconds),
    };
    return this.#request.totals ? { ...result, totals: { ...this.#totals } } : result;
  }
}

function bytesOf(sets: readonly FoundSet[]): number {
  let bytes = foundBytes;
  for (const { rows, attributes } of sets)
    bytes += setBytes + rows.length * rowBytes + attributes.length * attributeBytes;
  return bytes;
}

/**
 * Makes one block of the fragments of several: traces in order of start over the whole block, pieces of a trace put
 * together, spans that were sent twice dropped.
 *
 *   1. read all traces tables, group the places of each trace, order the groups by start
 *   2. cut the order into runs of at most a row group's spans
 *   3. for each run: copy its traces into a table, order it, write it as a row group, let go of it
 *
 * Memory: 100 bytes a trace, one row group as a table, and the columns that the fragments' cache keeps. Places of a run lie
 * close together in their fragments, because those are in order of time too; pages at the edges may be read twice.
 */
import { throwIfAborted } from '../base/abort.ts';
import { assert } from '../base/assert.ts';
import type { ReadCost } from '../traceql/storage.ts';
import { type BlockSummary, BlockWriter, type BlockWriterOptions, type FileChunk } from './block-writer.ts';
import { ATTRIBUTE_COLUMNS_MAX, type CountedColumn, chooseLayout, ROW_GROUP_SPANS_MAX } from './layout.ts';
import { mergeTraces } from './merge.ts';
import { orderTable } from './order.ts';
import { allScopes, portFields } from './scopes.ts';
import type { StoredFragment } from './stored-fragment.ts';
import { TraceIdSet, wordsOf } from './trace-id-set.ts';

export interface CompactOptions extends BlockWriterOptions {
  /** Takes the block's files in pieces, in the order of each file; is waited for. */
  readonly write: (chunks: readonly FileChunk[]) => Promise<void> | void;
  /** Spans of a row group unless one trace has more. Default {@link ROW_GROUP_SPANS_MAX}. */
  readonly rowGroupSpansMax?: number;
  readonly attributeColumnsMax?: number;
  /** Traces that are left out. */
  readonly without?: TraceIdSet;
  readonly signal?: AbortSignal;
}

/** Writes all traces of the fragments but those left out, one at least, as one block. */
export async function compact(
  fragments: readonly StoredFragment[],
  options: CompactOptions,
  cost: ReadCost,
): Promise<BlockSummary> {
  const { signal } = options;
  const places = await orderPlaces(fragments, options.without, cost, signal);
  assert(places.count > 0, 'there are traces to write');
  const layout = chooseLayout(fragments.flatMap(countColumns), options.attributeColumnsMax ?? ATTRIBUTE_COLUMNS_MAX);
  const writer = new BlockWriter(layout, options);
  for (const run of places.runs(options.rowGroupSpansMax ?? ROW_GROUP_SPANS_MAX)) {
    throwIfAborted(signal);
    const pieces = [...run].map(([fragment, traces]) => ({
      fragment: fragments[fragment]!,
      traces: traces.sort((a, b) => a - b),
    }));
    writer.add(orderTable((await mergeTraces(pieces, cost, signal)).share()));
    await options.write(writer.takeChunks());
  }
  const summary = writer.finish();
  await options.write(writer.takeChunks());
  return summary;
}

/** Which rows have values in each column, as far as fragments know without reading. */
function countColumns(fragment: StoredFragment): CountedColumn[] {
  const counted: CountedColumn[] = allScopes.flatMap((scope) =>
    fragment.columns(scope).map(({ key, type, valueCount }) => ({ scope, key, type, count: valueCount })),
  );
  // Fields of the port are not listed; counting them as used costs nothing.
  for (const scope of ['spanField', 'resourceField'] as const)
    for (const key of portFields[scope]) counted.push({ scope, key, type: 'string', count: 1 });
  return counted;
}

/** Places of traces in the order in which they are written. */
class OrderedPlaces {
  /** Groups in order; a group's places are those of `first[group]`, `next[…]`, … */
  readonly #groups: readonly number[];
  readonly #first: readonly number[];
  readonly #next: Int32Array;
  readonly #fragment: Uint32Array;
  readonly #trace: Uint32Array;
  readonly #spans: Uint32Array;

  constructor(parts: {
    groups: readonly number[];
    first: readonly number[];
    next: Int32Array;
    fragment: Uint32Array;
    trace: Uint32Array;
    spans: Uint32Array;
  }) {
    this.#groups = parts.groups;
    this.#first = parts.first;
    this.#next = parts.next;
    this.#fragment = parts.fragment;
    this.#trace = parts.trace;
    this.#spans = parts.spans;
  }

  get count(): number {
    return this.#groups.length;
  }

  /** Runs of at most `spansMax` spans, as traces by fragment. */
  *runs(spansMax: number): Generator<Map<number, number[]>> {
    let run = new Map<number, number[]>();
    let spans = 0;
    for (const group of this.#groups) {
      let groupSpans = 0;
      for (let p = this.#first[group]!; p >= 0; p = this.#next[p]!) groupSpans += this.#spans[p]!;
      if (spans > 0 && spans + groupSpans > spansMax) {
        yield run;
        run = new Map();
        spans = 0;
      }
      spans += groupSpans;
      for (let p = this.#first[group]!; p >= 0; p = this.#next[p]!) {
        const traces = run.get(this.#fragment[p]!);
        if (traces === undefined) run.set(this.#fragment[p]!, [this.#trace[p]!]);
        else traces.push(this.#trace[p]!);
      }
    }
    if (spans > 0) yield run;
  }
}

async function orderPlaces(
  fragments: readonly StoredFragment[],
  without: TraceIdSet | undefined,
  cost: ReadCost,
  signal?: AbortSignal,
): Promise<OrderedPlaces> {
  const total = fragments.reduce((sum, { traceCount }) => sum + traceCount, 0);
  const fragment = new Uint32Array(total);
  const trace = new Uint32Array(total);
  const spans = new Uint32Array(total);
  const next = new Int32Array(total).fill(-1);
  const ids = new TraceIdSet();
  const first: number[] = [];
  const start: number[] = [];
  // Any base will do, but the same one whatever the order of the fragments.
  const base = fragments.map((f) => f.baseUnixNano).sort((a, b) => (a < b ? -1 : 1))[0] ?? 0n;
  let place = 0;
  for (let f = 0; f < fragments.length; f++) {
    const view = fragments[f]!.view();
    await view.loadTraces(cost, signal);
    const words = wordsOf(view.traceIds);
    const shift = Number(view.baseUnixNano - base);
    for (let t = 0; t < view.traceCount; t++) {
      if (without !== undefined && without.find(words, t) >= 0) continue;
      fragment[place] = f;
      trace[place] = t;
      spans[place] = view.traceFirstSpan[t + 1]! - view.traceFirstSpan[t]!;
      const group = ids.add(words, t);
      const from = view.traceStart[t]! + shift;
      if (group === first.length) {
        first.push(place);
        start.push(from);
      } else {
        next[place] = first[group]!;
        first[group] = place;
        start[group] = Math.min(start[group]!, from);
      }
      place++;
    }
  }
  const groups = first.map((_, group) => group).sort((a, b) => start[a]! - start[b]! || ids.compare(a, b));
  return new OrderedPlaces({ groups, first, next, fragment, trace, spans });
}

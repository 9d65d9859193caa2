/** Answers for the traces that were chosen: only here are the values of their spans read. */
import { throwIfAborted } from '../../base/abort.ts';
import type { ResultAttribute, SpanResult, SpanSetResult, TraceResult } from '../../traceql/result.ts';
import type { Column, Fragment, LoadRequest, ReadCost } from '../../traceql/storage.ts';
import { filterArray } from '../expression/any-value.ts';
import { Reference } from '../expression/expression.ts';
import { toHex } from '../expression/hex.ts';
import { type TraceRange, traceRange } from '../expression/range.ts';
import { Reads } from '../expression/source.ts';
import { type ArrayValue, compareStrings, keyOf, resultOf, Type, type Value } from '../expression/value.ts';
import { loadedBytes, type MemoryBudget } from '../work.ts';
import type { SearchPlan } from './matcher.ts';
import { isShown, type Mention, type Mentions } from './mentions.ts';
import type { FoundSet, FoundTrace } from './top-traces.ts';

/** Traces whose rows are no further apart are read at once. */
const gapRowsMax = 1 << 14;
/** A span in an answer takes about so much memory, and an attribute of one. */
const spanBytes = 160;
const attributeBytes = 80;

export class Materializer {
  readonly #plan: SearchPlan;
  readonly #cost: ReadCost;
  readonly #signal: AbortSignal;
  readonly #budget: MemoryBudget;
  readonly #pause: () => Promise<void> | undefined;
  readonly #readers = new Map<Fragment, SpanReader>();

  constructor(options: {
    readonly plan: SearchPlan;
    readonly cost: ReadCost;
    readonly signal: AbortSignal;
    readonly budget: MemoryBudget;
    pause(): Promise<void> | undefined;
  }) {
    this.#plan = options.plan;
    this.#cost = options.cost;
    this.#signal = options.signal;
    this.#budget = options.budget;
    this.#pause = options.pause;
  }

  /** Fills in the results that are missing. */
  async run(traces: readonly FoundTrace[]): Promise<void> {
    const byFragment = new Map<Fragment, FoundTrace[]>();
    for (const found of traces) {
      if (found.result !== undefined) continue;
      const { fragment } = found.source;
      const list = byFragment.get(fragment);
      if (list === undefined) byFragment.set(fragment, [found]);
      else list.push(found);
    }
    await Promise.all([...byFragment].map(([fragment, list]) => this.#fragment(fragment, list)));
  }

  async #fragment(fragment: Fragment, list: FoundTrace[]): Promise<void> {
    const { withSpans, mentions } = this.#plan;
    if (!withSpans) {
      for (const found of list) found.result = this.#traceResult(found, [], []);
      return;
    }
    list.sort((a, b) => a.trace - b.trace);
    let reader = this.#readers.get(fragment);
    if (reader === undefined) {
      reader = new SpanReader(fragment, mentions);
      this.#readers.set(fragment, reader);
    }
    const { request } = reader;
    const runs = [...runsOf(fragment, list)].map((traces) => ({
      traces,
      range: traceRange(fragment, traces[0]!.trace, traces.at(-1)!.trace + 1),
    }));
    for (const { range } of runs) this.#budget.charge(loadedBytes(request, range.endRow - range.firstRow));
    await Promise.all(
      runs.map(({ range }) => fragment.load(request, range.firstTrace, range.endTrace, this.#cost, this.#signal)),
    );
    for (const { traces, range } of runs) {
      reader.prepare(range);
      for (const found of traces) {
        const wait = this.#pause();
        if (wait !== undefined) await wait;
        throwIfAborted(this.#signal);
        const sets = found.sets.map((set) => reader.set(set));
        for (const set of sets) this.#budget.charge(setBytes(set));
        found.result = this.#traceResult(found, sets, reader.serviceStats(found.trace));
      }
    }
  }

  #traceResult(
    { source: { fragment }, trace, startUnixNano, durationNano }: FoundTrace,
    spanSets: readonly SpanSetResult[],
    serviceStats: TraceResult['serviceStats'],
  ): TraceResult {
    const { withoutRoot } = this.#plan;
    return {
      traceId: toHex(fragment.traceIds, trace * 16, 16),
      rootServiceName: withoutRoot.service ? '' : textAt(fragment.traceRootService, trace),
      rootTraceName: withoutRoot.name ? '' : textAt(fragment.traceRootName, trace),
      startUnixNano,
      durationNano,
      spanSets,
      serviceStats,
    };
  }
}

/** Ascending traces in runs that are worth reading at once. */
function* runsOf(fragment: Fragment, traces: readonly FoundTrace[]): Generator<FoundTrace[]> {
  const { traceFirstSpan } = fragment;
  let run: FoundTrace[] = [];
  for (const found of traces) {
    const last = run.at(-1);
    if (last !== undefined && traceFirstSpan[found.trace]! - traceFirstSpan[last.trace + 1]! > gapRowsMax) {
      yield run;
      run = [];
    }
    run.push(found);
  }
  if (run.length > 0) yield run;
}

function setBytes(set: SpanSetResult): number {
  let bytes = 0;
  for (const span of set.spans) bytes += spanBytes + span.attributes.length * attributeBytes;
  return bytes;
}

/** The value of a string column; empty when it has none. */
function textAt(column: Column, row: number): string {
  const code = column.codes[row]!;
  return code === 0 ? '' : column.dictionary.strings()[code - 1]!;
}

/** Reads spans of one fragment. */
class SpanReader {
  readonly request: LoadRequest;
  readonly #fragment: Fragment;
  readonly #withName: boolean;
  readonly #attributes: readonly { readonly mention: Mention; readonly reference: Reference }[];
  readonly #serviceNames: readonly Column[];

  constructor(fragment: Fragment, mentions: Mentions) {
    this.#fragment = fragment;
    this.#withName = mentions.name;
    const reads = new Reads().addFixed('spanId', 'start', 'duration', 'status', 'resource');
    if (mentions.name) reads.addFixed('name');
    this.#attributes = mentions.attributes.map((mention) => ({
      mention,
      reference: new Reference(
        mention.ref,
        fragment,
        reads,
        mention.predicates.length === 0 ? undefined : (value) => isShown(mention, value),
      ),
    }));
    this.#serviceNames = fragment.columns('resource', 'service.name').filter((column) => column.type === 'string');
    reads.add({ fixed: [], columns: this.#serviceNames });
    this.request = reads.request();
  }

  /** The range must be loaded. */
  prepare(range: TraceRange): void {
    for (const { reference } of this.#attributes) reference.prepare(range);
  }

  set({ rows, matched, attributes }: FoundSet): SpanSetResult {
    return { spans: rows.map((row) => this.#span(row)), matched, attributes };
  }

  #span(row: number): SpanResult {
    const fragment = this.#fragment;
    const span = {
      spanId: toHex(fragment.spanId, row * 8, 8),
      startUnixNano: fragment.startUnixNano(row),
      durationNano: fragment.duration[row]!,
      attributes: this.#spanAttributes(row),
    };
    return this.#withName ? { ...span, name: textAt(fragment.name, row) } : span;
  }

  #spanAttributes(row: number): ResultAttribute[] {
    const attributes: ResultAttribute[] = [];
    /** Two scopes may give the same key and value, which then stands there once. */
    const seen = new Set<string>();
    for (const { mention, reference } of this.#attributes) {
      reference.at(row);
      const value = shownValue(mention, reference);
      if (value === undefined) continue;
      const id = `${mention.key}\0${keyOf(value)}`;
      if (seen.has(id)) continue;
      seen.add(id);
      attributes.push({ key: mention.key, value: resultOf(value) });
    }
    return attributes;
  }

  /** Spans and errors by service, over the whole trace. */
  serviceStats(trace: number): TraceResult['serviceStats'] {
    const { traceFirstSpan, resource, status } = this.#fragment;
    const byService = new Map<string, { service: string; spanCount: number; errorCount: number }>();
    for (let row = traceFirstSpan[trace]!; row < traceFirstSpan[trace + 1]!; row++) {
      const service = this.#serviceName(resource[row]!);
      let stats = byService.get(service);
      if (stats === undefined) byService.set(service, (stats = { service, spanCount: 0, errorCount: 0 }));
      stats.spanCount++;
      if (status[row] === errorStatus) stats.errorCount++;
    }
    return [...byService.values()].sort((a, b) => compareStrings(a.service, b.service));
  }

  #serviceName(resourceRow: number): string {
    for (const column of this.#serviceNames) {
      const text = textAt(column, resourceRow);
      if (text !== '') return text;
    }
    return '';
  }
}

const errorStatus = 2;

/** What comes back of a value; undefined when nothing does. */
function shownValue(mention: Mention, value: Value): Value | undefined {
  if (value.type === Type.nil) return mention.showsNil ? value : undefined;
  if (mention.always) return value;
  if (value.type !== Type.array) return isShown(mention, value) ? value : undefined;
  const shown = filterArray(value.ref as ArrayValue, (element) => isShown(mention, element));
  return shown.type === Type.nil ? undefined : shown;
}

/** Answers of the engine and of the oracle to one search, as text that reads well in a failure. */
import { RubatoError } from '../../src/base/errors.ts';
import { decodeAnyValue } from '../../src/model/any-value.ts';
import type { PlainSpan } from '../../src/model/plain-span.ts';
import { runSearch } from '../../src/query/search/run-search.ts';
import type { Query } from '../../src/traceql/ast.ts';
import type { ResultValue, SearchRequest, SearchResult, SearchSort } from '../../src/traceql/result.ts';
import type { TraceStorage } from '../../src/traceql/storage.ts';
import { evaluatePipeline } from './evaluate.ts';
import { type Trace, tracesOf } from './trace.ts';
import { fromAny, textOf } from './values.ts';

const spansPerSpanSet = 3;

const valueText = (value: ResultValue): string =>
  textOf(value.type === 'any' ? fromAny(decodeAnyValue(value.anyValue)) : value);

function found(result: SearchResult): string[] {
  return result.traces.map(({ traceId, spanSets }) =>
    [
      traceId.slice(-2),
      ...spanSets.map(
        ({ matched, spans, attributes }) =>
          `${matched}(${spans.map(({ spanId }) => spanId.slice(-2))})${attributes.map(({ key, value }) => `${key}=${valueText(value)}`)}`,
      ),
    ].join(' '),
  );
}

const newestFirst = (a: Trace, b: Trace): number =>
  a.start !== b.start ? (a.start > b.start ? -1 : 1) : a.id < b.id ? -1 : 1;

const longestFirst = (a: Trace, b: Trace): number => {
  const [one, other] = [a.end - a.start, b.end - b.start];
  return one !== other ? (one > other ? -1 : 1) : newestFirst(a, b);
};

/** What the oracle finds. */
export function expectedSearch(
  query: Query,
  spans: readonly PlainSpan[],
  limit: number,
  sort: SearchSort = 'start',
): string[] {
  const traces = tracesOf(spans).sort(sort === 'start' ? newestFirst : longestFirst);
  return traces
    .map((trace) => ({ trace, sets: evaluatePipeline(query.pipeline, trace) }))
    .filter(({ sets }) => sets.length > 0)
    .slice(0, limit)
    .map(({ trace, sets }) =>
      [
        trace.id.slice(-2),
        ...sets
          .sort((a, b) => trace.nodes.indexOf(a.nodes[0]!) - trace.nodes.indexOf(b.nodes[0]!))
          .map(({ nodes, attributes }) => {
            const first = nodes.slice(0, spansPerSpanSet).map(({ span }) => span.spanId.slice(-2));
            return `${nodes.length}(${first})${attributes.map(({ key, value }) => `${key}=${textOf(value)}`)}`;
          }),
      ].join(' '),
    );
}

/** What the engine finds in storage of tenant `single-tenant`; undefined when it refuses several span sets of a trace. */
export async function searched(
  storage: TraceStorage,
  query: Query,
  limit: number,
  sort: SearchSort = 'start',
): Promise<string[] | undefined> {
  const request: SearchRequest = {
    tenant: 'single-tenant',
    query,
    range: { startUnixNano: 0n, endUnixNano: 0n },
    limit,
    spansPerSpanSet,
    sort,
    totals: false,
  };
  const context = { storage, budget: { memoryBytesMax: 1 << 26 }, pause: async () => {}, nowMs: () => 0 };
  try {
    return found(await runSearch(context, request, new AbortController().signal));
  } catch (error) {
    if (error instanceof RubatoError && error.code === 'multiple_spansets') return undefined;
    throw error;
  }
}

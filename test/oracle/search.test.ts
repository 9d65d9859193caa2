import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { RubatoError } from '../../src/base/errors.ts';
import { liveFragment } from '../../src/block/live-fragment.ts';
import { decodeAnyValue } from '../../src/model/any-value.ts';
import type { PlainSpan } from '../../src/model/plain-span.ts';
import { SpanTable } from '../../src/model/span-table.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { OtlpScanner } from '../../src/protocol/otlp/scan.ts';
import { runSearch, type SearchContext } from '../../src/query/search/run-search.ts';
import type { Query } from '../../src/traceql/ast.ts';
import { checkQuery } from '../../src/traceql/check.ts';
import { parseQuery } from '../../src/traceql/parser.ts';
import { printQuery } from '../../src/traceql/print.ts';
import type { ResultValue, SearchRequest, SearchResult } from '../../src/traceql/result.ts';
import type { Fragment } from '../../src/traceql/storage.ts';
import { arbitraryCheckedFilter, arbitraryCheckedQuery } from '../../src/traceql/testing/arbitrary-query.ts';
import { nowhere } from '../../src/traceql/testing/strip-positions.ts';
import { arbitrarySpans } from './arbitrary-spans.ts';
import { evaluatePipeline } from './evaluate.ts';
import { tracesOf } from './trace.ts';
import { fromAny, textOf } from './values.ts';

const spansPerSpanSet = 3;

function fragmentOf(id: string, spans: readonly PlainSpan[]) {
  const table = new SpanTable();
  new OtlpScanner(table).scan(plainSpansToOtlp(spans));
  return liveFragment(id, table.share());
}

const contextOf = (fragments: readonly Fragment[]): SearchContext => ({
  storage: { snapshot: async () => ({ fragments, blockCount: fragments.length, version: 'fixed' }) },
  budget: { memoryBytesMax: 1 << 26 },
  pause: async () => {},
  nowMs: () => 0,
});

/** Everything in one fragment. */
const inOne = (spans: readonly PlainSpan[]): Fragment[] => [fragmentOf('all', spans)];

/** Traces spread over three fragments; the first also has all traces, hidden where they are read elsewhere. */
function inMany(spans: readonly PlainSpan[]): Fragment[] {
  const numberOf = (traceId: string): number => Number.parseInt(traceId.slice(-4), 16) % 3;
  const all = fragmentOf('0', spans);
  const hidden = new Uint8Array(all.traceCount);
  for (let trace = 0; trace < hidden.length; trace++) {
    hidden[trace] =
      numberOf(Buffer.from(all.traceIds.subarray(trace * 16, trace * 16 + 16)).toString('hex')) === 0 ? 0 : 1;
  }
  const others = [1, 2]
    .map((k) => spans.filter(({ traceId }) => numberOf(traceId) === k))
    .filter((own) => own.length > 0)
    .map((own, k) => fragmentOf(`${k + 1}`, own));
  return [all.view(hidden), ...others];
}

const valueText = (value: ResultValue): string =>
  textOf(value.type === 'any' ? fromAny(decodeAnyValue(value.anyValue)) : value);

/** What both sides must agree on, as text that reads well in a failure. */
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

function expected(query: Query, spans: readonly PlainSpan[], limit: number): string[] {
  const traces = tracesOf(spans).sort((a, b) =>
    a.start !== b.start ? (a.start > b.start ? -1 : 1) : a.id < b.id ? -1 : 1,
  );
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

async function search(fragments: readonly Fragment[], query: Query, limit: number): Promise<string[] | undefined> {
  const request: SearchRequest = {
    tenant: 't',
    query,
    range: { startUnixNano: 0n, endUnixNano: 0n },
    limit,
    spansPerSpanSet,
    sort: 'start',
    totals: false,
  };
  try {
    return found(await runSearch(contextOf(fragments), request, new AbortController().signal));
  } catch (error) {
    if (error instanceof RubatoError && error.code === 'multiple_spansets') return undefined;
    throw error;
  }
}

async function agree(query: Query, spans: readonly PlainSpan[], limit: number): Promise<boolean> {
  const one = await search(inOne(spans), query, limit);
  if (one === undefined) return false;
  const want = expected(query, spans, limit);
  assert.deepEqual(one, want, printQuery(query));
  assert.deepEqual(
    (await search(inMany(spans), query, limit)) ?? want,
    want,
    `${printQuery(query)} over many fragments`,
  );
  return true;
}

const limits = fc.constantFrom(1, 2, 100);

test('filters find what the oracle finds, in one fragment and in many', async () => {
  const queries = arbitraryCheckedFilter().map(
    (expression): Query => ({
      kind: 'query',
      pipeline: {
        kind: 'pipeline',
        stages: [{ kind: 'spansetFilter', expression, pos: nowhere }],
        pos: nowhere,
      },
      secondStages: [],
      hints: [],
    }),
  );
  await fc.assert(
    fc.asyncProperty(queries, arbitrarySpans, limits, async (query, spans, limit) => {
      fc.pre(await agree(query, spans, limit));
    }),
    { numRuns: 300 },
  );
});

test('pipelines leave the sets that the oracle leaves, in one fragment and in many', async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryCheckedQuery(), arbitrarySpans, limits, async (query, spans, limit) => {
      fc.pre(await agree(query, spans, limit));
    }),
    { numRuns: 300, maxSkipsPerRun: 10 },
  );
});

test('a structural operator refuses several sets of one trace', async () => {
  const query = checkQuery(parseQuery('({} | by(span:id)) >> ({} | count() > 0)'));
  const [span] = fc.sample(arbitrarySpans, { numRuns: 1, seed: 7 }).flat();
  const spans = [
    { ...span!, spanId: '0000000000000001', parentSpanId: '' },
    { ...span!, spanId: '0000000000000002', parentSpanId: '0000000000000001' },
  ];
  assert.equal(await search(inOne(spans), query, 10), undefined);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { liveFragment } from '../../src/block/live-fragment.ts';
import type { PlainSpan } from '../../src/model/plain-span.ts';
import { SpanTable } from '../../src/model/span-table.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { OtlpScanner } from '../../src/protocol/otlp/scan.ts';
import type { Query } from '../../src/traceql/ast.ts';
import { checkQuery } from '../../src/traceql/check.ts';
import { parseQuery } from '../../src/traceql/parser.ts';
import { printQuery } from '../../src/traceql/print.ts';
import type { Fragment, TraceStorage } from '../../src/traceql/storage.ts';
import { arbitraryCheckedFilter, arbitraryCheckedQuery } from '../../src/traceql/testing/arbitrary-query.ts';
import { nowhere } from '../../src/traceql/testing/strip-positions.ts';
import { arbitrarySpans } from './arbitrary-spans.ts';
import { expectedSearch, searched } from './search-answers.ts';

const storageOf = (fragments: readonly Fragment[]): TraceStorage => ({
  snapshot: async () => ({ fragments, blockCount: fragments.length, version: 'fixed' }),
});

function fragmentOf(id: string, spans: readonly PlainSpan[]) {
  const table = new SpanTable();
  new OtlpScanner(table).scan(plainSpansToOtlp(spans));
  return liveFragment(id, table.share());
}

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

async function agree(query: Query, spans: readonly PlainSpan[], limit: number): Promise<boolean> {
  const one = await searched(storageOf(inOne(spans)), query, limit);
  if (one === undefined) return false;
  const want = expectedSearch(query, spans, limit);
  assert.deepEqual(one, want, printQuery(query));
  assert.deepEqual(
    (await searched(storageOf(inMany(spans)), query, limit)) ?? want,
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
  assert.equal(await searched(storageOf(inOne(spans)), query, 10), undefined);
});

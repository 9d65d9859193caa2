/** Random searches over blocks in an object store and over traces torn between places, against the oracle. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { PlainSpan } from '../../src/model/plain-span.ts';
import type { FieldExpression, Query } from '../../src/traceql/ast.ts';
import { printQuery } from '../../src/traceql/print.ts';
import { arbitraryCheckedFilter, arbitraryCheckedQuery } from '../../src/traceql/testing/arbitrary-query.ts';
import { nowhere } from '../../src/traceql/testing/strip-positions.ts';
import { arbitrarySpans } from '../oracle/arbitrary-spans.ts';
import { expectedSearch, searched } from '../oracle/search-answers.ts';
import { deal, type Placement, storedSpans } from './stored-spans.ts';

/** In row groups of few spans: one block; two blocks and a live table of whole traces; traces torn over all three. */
function placementsOf(spans: readonly PlainSpan[]): Record<string, Placement> {
  const byTrace = deal(spans, 3, ({ traceId }) => Number.parseInt(traceId.slice(-4), 16) % 3);
  const torn = deal(spans, 3, ({ traceId }, number) => (number + Number.parseInt(traceId.slice(-4), 16)) % 3);
  return {
    'one block': { blocks: [spans], live: [] },
    'whole traces in places': { blocks: byTrace.slice(0, 2), live: byTrace.slice(2) },
    'torn traces': { blocks: torn.slice(0, 2), live: torn.slice(2) },
    'torn traces in blocks': { blocks: torn, live: [] },
  };
}

async function agree(query: Query, spans: readonly PlainSpan[], limit: number): Promise<boolean> {
  for (const sort of ['start', 'duration'] as const) {
    const want = expectedSearch(query, spans, limit, sort);
    for (const [name, placement] of Object.entries(placementsOf(spans))) {
      const reader = await storedSpans(placement, { rowGroupSpansMax: 8 });
      const got = await searched(reader, query, limit, sort);
      if (got === undefined) return false;
      assert.deepEqual(got, want, `${printQuery(query)} by ${sort} in ${name}`);
    }
  }
  return true;
}

const limits = fc.constantFrom(1, 2, 100);

const queryOf = (expression: FieldExpression): Query => ({
  kind: 'query',
  pipeline: { kind: 'pipeline', stages: [{ kind: 'spansetFilter', expression, pos: nowhere }], pos: nowhere },
  secondStages: [],
  hints: [],
});

test('filters find in stored blocks and in torn traces what the oracle finds', async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryCheckedFilter().map(queryOf), arbitrarySpans, limits, async (query, spans, limit) => {
      fc.pre(await agree(query, spans, limit));
    }),
    { numRuns: 40 },
  );
});

test('pipelines leave in stored blocks and in torn traces what the oracle leaves', async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryCheckedQuery(), arbitrarySpans, limits, async (query, spans, limit) => {
      fc.pre(await agree(query, spans, limit));
    }),
    { numRuns: 50, maxSkipsPerRun: 10 },
  );
});

/**
 * Conditions over the loaded columns of a stored block: which spans meet them. `first` tests the distinct values as well,
 * `again` finds their answers kept with the dictionary.
 */
import assert from 'node:assert/strict';
import { type Bench, type Figure, lowestMs, runIfMain } from '../../../bench/measure.ts';
import { requestsOf, shopTraces, tableOf } from '../../../bench/traffic.ts';
import { buildBlockOf } from '../../block/build.ts';
import { memoryBlock } from '../../block/testing/memory-block.ts';
import type { PlainSpan } from '../../model/plain-span.ts';
import type { FieldExpression } from '../../traceql/ast.ts';
import { parseQuery } from '../../traceql/parser.ts';
import type { Fragment } from '../../traceql/storage.ts';
import { compileFilter } from './compile.ts';
import { traceRange } from './range.ts';

const attribute = ({ attributes }: { attributes: PlainSpan['attributes'] }, key: string): unknown => {
  const value = attributes.find((candidate) => candidate.key === key)?.value;
  return value !== undefined && 'value' in value ? value.value : undefined;
};
const durationNano = (span: PlainSpan): bigint => span.endTimeUnixNano - span.startTimeUnixNano;

/** Conditions, and the same in plain words. */
const conditions: readonly (readonly [text: string, meets: (span: PlainSpan) => boolean])[] = [
  ['status = error', (span) => span.statusCode === 2],
  ['duration > 100ms', (span) => durationNano(span) > 100_000_000n],
  ['name = "GET /search"', (span) => span.name === 'GET /search'],
  ['span.http.response.status_code >= 500', (span) => Number(attribute(span, 'http.response.status_code') ?? 0) >= 500],
  ['span.user.id = "reader-7"', (span) => attribute(span, 'user.id') === 'reader-7'],
  ['span.user.id =~ "reader-1.*"', (span) => String(attribute(span, 'user.id')).startsWith('reader-1')],
  ['resource.service.name = "orders"', (span) => attribute(span.resource, 'service.name') === 'orders'],
  [
    'kind = server && resource.service.name = "gateway" && duration > 50ms',
    (span) =>
      span.kind === 2 && attribute(span.resource, 'service.name') === 'gateway' && durationNano(span) > 50_000_000n,
  ],
  [
    '.db.system.name = "postgresql" || status = error',
    (span) => attribute(span, 'db.system.name') === 'postgresql' || span.statusCode === 2,
  ],
  ['duration * 2 > 200ms', (span) => durationNano(span) > 100_000_000n],
];

function expressionOf(text: string): FieldExpression {
  const stage = parseQuery(`{ ${text} }`).pipeline.stages[0]!;
  assert(stage.kind === 'spansetFilter');
  return stage.expression!;
}

/** A condition ready to be evaluated over all spans of a fragment. */
async function loaded(expression: FieldExpression, fragment: Fragment) {
  const cost = { requests: 0, bytes: 0, pages: 0 };
  await fragment.loadTraces(cost);
  const filter = compileFilter(expression, fragment);
  await fragment.load(filter.request, 0, fragment.traceCount, cost);
  const range = traceRange(fragment, 0, fragment.traceCount);
  return { filter, range, mask: new Uint8Array(range.endRow - range.firstRow) };
}

export const bench: Bench = async (size) => {
  const traces = [...shopTraces(size === 'quick' ? 3_000 : 130_000)];
  const spans = traces.flat();
  const built = buildBlockOf(tableOf(requestsOf(traces)).share());
  const rounds = size === 'quick' ? 1 : 7;
  const figures: Figure[] = [];
  for (const [text, meets] of conditions) {
    const expression = expressionOf(text);
    let firstMs = Number.POSITIVE_INFINITY;
    let againMs = Number.POSITIVE_INFINITY;
    let matched = 0;
    for (let round = 0; round < rounds; round++) {
      // Opened anew, with dictionaries of its own, so that no answer was found before.
      const ranges = await Promise.all(
        (await memoryBlock(built).open()).map((fragment) => loaded(expression, fragment)),
      );
      const run = (): void => {
        for (const { filter, range, mask } of ranges) filter.mask(range, mask);
      };
      firstMs = Math.min(firstMs, lowestMs(1, run));
      againMs = Math.min(againMs, lowestMs(3, run));
      matched = ranges.reduce((sum, { mask }) => sum + mask.reduce((bits, bit) => bits + bit, 0), 0);
    }
    assert.equal(matched, spans.filter(meets).length, text);
    figures.push({ name: `${text}, first`, value: (firstMs * 1e6) / spans.length, unit: 'ns/span' });
    figures.push({ name: `${text}, again`, value: (againMs * 1e6) / spans.length, unit: 'ns/span' });
  }
  return { figures };
};

await runIfMain(import.meta, bench);

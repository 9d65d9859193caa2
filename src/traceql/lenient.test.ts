import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { checkQuery } from './check.ts';
import { parseTagFilter } from './lenient.ts';
import { printQuery } from './print.ts';
import { arbitraryCheckedQuery } from './testing/arbitrary-query.ts';

function filterOf(text: string): string | undefined {
  const query = parseTagFilter(text);
  if (query !== undefined) checkQuery(query);
  return query && printQuery(query);
}

test('a finished filter is taken as it is', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['{}', '{ true }'],
    ['{ .a = 1 || .b }', '{ (.a = 1) || .b }'],
    ['{ .a = 1 } | count() > 2 | by(.b)', '{ .a = 1 }'],
    ['{ .a = 1 } | rate() by (.b)', '{ .a = 1 }'],
    ['{ .a = 1 } with (most_recent=true)', '{ .a = 1 }'],
  ];
  for (const [text, filter] of cases) assert.equal(filterOf(text), filter, text);
});

test('unfinished conditions are dropped, the others kept', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['{ .a = "x" && }', '{ .a = `x` }'],
    ['{ .a = "x" && .b = }', '{ .a = `x` }'],
    ['{ .a = && .b = "x" }', '{ .b = `x` }'],
    ['{ .a = "x" && .b', '{ .a = `x` }'],
    ['{ .a = "x" && span.', '{ .a = `x` }'],
    ['{ .a = "x" && span:', '{ .a = `x` }'],
    ['{ .a = "x" && .b = "y', '{ .a = `x` }'],
    ['{ .a = "x" && (.b = 1 && .c = ', '{ (.a = `x`) && (.b = 1) }'],
    ['{ (.a = 1 || .b = 2) && ', '{ (.a = 1) || (.b = 2) }'],
    ['{ .a = 1 || .b = 2 && .c = }', '{ (.a = 1) || (.b = 2) }'],
    ['{ .a = 1 && !(.b = 2 && }', '{ .a = 1 }'],
    ['{ .a = 1 && nonsense }', '{ .a = 1 }'],
    ['{ .a = 1 && name = 5 }', '{ .a = 1 }'],
    ['{ .a = 1 && .b =~ "[" }', '{ .a = 1 }'],
    ['{ .a = 1 && (.b + ) = 2 }', '{ .a = 1 }'],
    ['{ .a = 1 } | rate() by (', '{ .a = 1 }'],
    ['{ .a = 1', '{ .a = 1 }'],
  ];
  for (const [text, filter] of cases) assert.equal(filterOf(text), filter, text);
});

test('what is open, structural or hopeless filters nothing', () => {
  for (const text of [
    '',
    'foo',
    '{',
    '{ .a = }',
    '{ .a',
    '{ .a = "x" || .b = }',
    '{ .a = "x" || }',
    '{ .a = "x" && .b = || .c = 1 && .d = || .e = }',
    '{ .a = 1 } >> { .b = 2 }',
    '{ .a = 1 } && { .b = 2 }',
    '{ .a = 1 } >> {',
    '({ .a = 1 })x',
    '{ .a = 1) }',
    'by(.a)',
    '{ .a = 1 && { .b = 2 }',
    `{ ${'('.repeat(50_000)}`,
    `{ ${'.a = 1 && '.repeat(50_000)}`,
  ])
    assert.equal(filterOf(text), undefined, text.slice(0, 60));
});

test('cutting a query short anywhere never fails', () => {
  fc.assert(
    fc.property(arbitraryCheckedQuery(), fc.nat(), (query, cut) => {
      const text = printQuery(query);
      filterOf(text.slice(0, cut % (text.length + 1)));
    }),
    { numRuns: 500 },
  );
});

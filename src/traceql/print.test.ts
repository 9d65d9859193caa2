import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { checkQuery } from './check.ts';
import { parseAttribute, parseQuery } from './parser.ts';
import { formatFloat, formatStatic, printAttribute, printQuery } from './print.ts';
import { arbitraryCheckedQuery, arbitraryQuery } from './testing/arbitrary-query.ts';
import { stripPositions } from './testing/strip-positions.ts';

test('a printed query parses to the same tree and prints the same again', () => {
  fc.assert(
    fc.property(arbitraryQuery, (query) => {
      const text = printQuery(query);
      const again = parseQuery(text);
      assert.deepEqual(stripPositions(again), query);
      assert.equal(printQuery(again), text);
    }),
    { numRuns: 1000 },
  );
});

test('generated checked queries pass the checker', () => {
  fc.assert(
    fc.property(arbitraryCheckedQuery(), (query) => {
      checkQuery(query);
      assert.deepEqual(stripPositions(parseQuery(printQuery(query))), query);
    }),
    { numRuns: 500 },
  );
});

test('queries print in one canonical form', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['{}', '{ true }'],
    ['{.a="x"}', '{ .a = `x` }'],
    ['{ .a = 1 || .b = 2 && .c }', '{ ((.a = 1) || (.b = 2)) && .c }'],
    ['{ -.a * 2 ^ 3 ^ .b < -1 }', '{ (-(.a * (2 ^ (3 ^ .b)))) < -1 }'],
    ['{ (-2) ^ 2 = 4 && - 2 ^ 2 = 4 }', '{ (((-2) ^ 2) = 4) && ((-(2 ^ 2)) = 4) }'],
    ['{ !.a = !(.b = nil) }', '{ (!.a) = (!(.b = nil)) }'],
    ['{ .a } > { .b } && { .c }', '({ .a } > { .b }) && { .c }'],
    [
      '(({.a})) && ({.b}|count()>1) || (by(kind)|select(name))',
      '(({ .a }) && ({ .b } | count() > 1)) || (by(kind) | select(name))',
    ],
    ['({} | count() > 1)', '{ true } | count() > 1'],
    ['{} | max(duration)+1ms*2>=-1.5s', '{ true } | max(duration) + (1ms * 2) >= -1.5s'],
    ['({} | count()) > ({}|avg(.a + 1))', '({ true } | count()) > ({ true } | avg(.a + 1))'],
    [
      '{} | quantile_over_time(duration,.5,1) by(resource."a b", name) >= 100ms | topk(3)',
      '{ true } | quantile_over_time(duration, 0.5, 1) by (resource."a b", name) >= 0.1 | topk(3)',
    ],
    ['{}|compare({status=error},10)', '{ true } | compare({ status = error })'],
    ['{}|compare({},10,1,2)', '{ true } | compare({ true }, 10, 1, 2)'],
    ['{} with(most_recent=true)with(sample=0.1)', '{ true } with (most_recent = true, sample = 0.1)'],
  ];
  for (const [text, printed] of cases) assert.equal(printQuery(parseQuery(text)), printed);
});

test('attributes are quoted only when they have to be', () => {
  const same = [
    '.a',
    'span.http.route',
    '."5xx"',
    'span.5xx',
    'span."foo bar"',
    'resource."a\\"b\\\\c"',
    'span.a-b/c:d@e[0]#%',
    'parent.x',
    'parent.span.x',
    'parent."span.x"',
    '.""',
    'duration',
    'span:duration',
    'event:timeSinceStart',
    'instrumentation.x',
  ];
  for (const text of same) assert.equal(printAttribute(parseAttribute(text)), text);
  assert.equal(printAttribute(parseAttribute('."a".b."c d"')), '."a.b.c d"');
  assert.equal(printAttribute(parseAttribute('span."plain"')), 'span.plain');
});

test('values print as literals of their own type', () => {
  assert.equal(formatStatic({ type: 'int', value: -(1n << 63n) }), 'minInt');
  assert.equal(formatStatic({ type: 'float', value: 2 }), '2.0');
  assert.equal(formatStatic({ type: 'string', value: 'a"b' }), '`a"b`');
  assert.equal(formatStatic({ type: 'string', value: 'a`b\n' }), '"a`b\\n"');
  assert.equal(formatStatic({ type: 'duration', value: 612_045 }), '612.045µs');
  assert.equal(formatFloat(1e21), '1e+21');
  assert.equal(formatFloat(-0), '-0.0');
  assert.equal(formatFloat(Number.NaN), 'NaN');
  assert.equal(formatFloat(Number.NEGATIVE_INFINITY), '-Inf');
});

test('the extreme ints stand in scalar filters on both sides', () => {
  for (const text of ['minInt < count()', 'count() > minInt', '{ true } | count() < maxInt', '{ .a = minInt }']) {
    const printed = printQuery(parseQuery(text));
    assert.deepEqual(stripPositions(parseQuery(printed)), stripPositions(parseQuery(text)), text);
    assert.equal(printQuery(parseQuery(printed)), printed);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { checkQuery } from './check.ts';
import { type Completion, complete, filterAround } from './complete.ts';
import { parseQuery } from './parser.ts';
import { printAttribute, printQuery } from './print.ts';
import { arbitraryQuery } from './testing/arbitrary-query.ts';

/** The cursor is written ¦. */
function at(marked: string): Completion {
  const offset = marked.indexOf('¦');
  return complete(marked.replace('¦', ''), offset);
}

function replaced(marked: string): string {
  const { from, to } = at(marked);
  return marked.replace('¦', '').slice(from, to);
}

test('attribute names are suggested where an operand belongs', () => {
  const cases: readonly (readonly [string, object])[] = [
    ['{ ¦', { name: '' }],
    ['{ ¦ }', { name: '' }],
    ['{ na¦', { name: 'na' }],
    ['{ .¦', { scope: 'none', name: '' }],
    ['{ .http.ro¦', { scope: 'none', name: 'http.ro' }],
    ['{ span.ht¦tp = 1 }', { scope: 'span', name: 'ht' }],
    ['{ resource.¦ }', { scope: 'resource', name: '' }],
    ['{ span."foo b¦', { scope: 'span', name: 'foo b' }],
    ['{ ."foo b¦ar" = 1 }', { scope: 'none', name: 'foo b' }],
    ['{ .a = 1 && ¦', { name: '' }],
    ['{ (.a = 1 || !.¦', { scope: 'none', name: '' }],
    ['{ .a + ¦', { name: '' }],
    ['{ } | by(¦', { name: '' }],
    ['{ } | select(.a, span.¦', { scope: 'span', name: '' }],
    ['{ } | avg(¦) > 1', { name: '' }],
    ['{ } | rate() by (resource.ser¦', { scope: 'resource', name: 'ser' }],
    ['{ } | quantile_over_time(¦', { name: '' }],
    ['{ } | compare({ ¦', { name: '' }],
  ];
  for (const [marked, attribute] of cases) assert.deepEqual(at(marked).attribute, attribute, marked);
});

test('a choice replaces the whole word', () => {
  assert.equal(replaced('{ span.ht¦tp.route = 1 }'), 'span.http.route');
  assert.equal(replaced('{ ."foo b¦ar" = 1 }'), '."foo bar"');
  assert.equal(replaced('{ .a = "x¦y" }'), '"xy"');
  assert.equal(replaced('{ .a = "x¦'), '"x');
  assert.equal(replaced('{ du¦ration > 1 }'), 'duration');
  assert.equal(replaced('{ event:na¦'), 'event:na');
  assert.equal(replaced('{ .a = 1 ¦}'), '');
});

test('values are suggested behind a comparison', () => {
  const cases: readonly (readonly [string, string, string, boolean])[] = [
    ['{ span.a = ¦', 'span.a', '', false],
    ['{ span.a = "x¦', 'span.a', 'x', true],
    ['{ span.a =~ "x¦y" }', 'span.a', 'x', true],
    ['{ name != ¦ }', 'name', '', false],
    ['{ event:name = "a b¦', 'event:name', 'a b', true],
    ['{ .a = 1 && status = er¦', 'status', 'er', false],
    ['{ .a = 50¦', '.a', '50', false],
  ];
  for (const [marked, of, text, quoted] of cases) {
    const { value } = at(marked);
    assert.ok(value, marked);
    assert.deepEqual([printAttribute(value.of), value.text, value.quoted], [of, text, quoted], marked);
  }
  assert.deepEqual(at('{ status = ¦').words, ['unset', 'ok', 'error']);
  assert.equal(at('{ .a + 1 = ¦').value, undefined);
});

test('words of the language are suggested where they fit', () => {
  const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['¦', ['{', 'count('], ['rate(', 'coalesce()']],
    ['{ } ¦', ['|', '&&', '>>'], ['=']],
    ['{ } | ¦', ['by(', 'rate(', 'coalesce()'], ['topk(']],
    ['{ } | ra¦', ['rate('], []],
    ['{ } && ¦', ['{', '('], ['|']],
    ['{ .a ¦', ['=', '=~', '+', '&&', '}'], [')']],
    ['{ .a = 1 ¦', ['&&', '}'], ['=~', '{']],
    ['{ (.a ¦', [')'], ['}']],
    ['{ event:¦', ['event:name', 'event:timeSinceStart'], []],
    ['{ } | count() ¦', ['>', '='], ['|']],
    ['{ } | count() > 1 ¦', ['|', 'with'], ['>']],
    ['{ } | rate() ¦', ['by (', '|', '>', 'with'], []],
    ['{ } | rate() by (.a) ¦', ['|', 'with'], ['by (']],
    ['{ } | rate() | ¦', ['topk(', 'bottomk('], ['by(']],
    ['{ } | rate() by (.a ¦', [',', ')'], ['=']],
    ['{ } with (¦', ['most_recent='], []],
    ['{ } with (most_recent=¦', ['true', 'false'], []],
    ['{ } | compare(¦', ['{'], []],
    ['({ } | count() > 1) ¦', ['&&'], ['>=']],
  ];
  for (const [marked, some, none] of cases) {
    const { words } = at(marked);
    for (const word of some) assert.ok(words.includes(word), `${marked} lacks ${word}: ${words.join(' ')}`);
    for (const word of none) assert.ok(!words.includes(word), `${marked} has ${word}`);
  }
});

test('the filter around the cursor leaves out what is being written', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['{ .a = 1 && .b = ¦ }', '{ .a = 1 }'],
    ['{ .a = 1 && .b = "x¦" }', '{ .a = 1 }'],
    ['{ .b = "x¦" && .a = 1 }', '{ .a = 1 }'],
    ['{ .a = 1 } >> { .c = 3 && .b = ¦ }', '{ .c = 3 }'],
    ['{ .a = ¦ } >> { .c = 3 }', undefined],
    ['{ .a = 1 || .b = ¦ }', undefined],
    ['{ .a = 1 && (.c = 2 || .b = ¦) }', '{ .a = 1 }'],
    ['{ .a = 1 } | by(¦', undefined],
  ];
  for (const [marked, filter] of cases) {
    const offset = marked.indexOf('¦');
    assert.equal(filterAround(marked.replace('¦', ''), offset), filter, marked);
  }
});

test('every place of every text has an answer', () => {
  fc.assert(
    fc.property(fc.oneof(arbitraryQuery.map(printQuery), fc.string({ unit: 'binary' })), fc.nat(), (text, place) => {
      const offset = place % (text.length + 1);
      const { from, to, prefix } = complete(text, offset);
      assert.ok(from <= offset && offset <= to && to <= text.length);
      assert.equal(prefix, text.slice(from, offset));
      const filter = filterAround(text, offset);
      if (filter !== undefined) checkQuery(parseQuery(filter));
    }),
    { numRuns: 1500 },
  );
});

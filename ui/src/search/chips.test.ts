import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Comparison,
  chipsOf,
  conditionText,
  narrowed,
  operatorsFor,
  textOf,
  withTraceDurations,
} from './chips.ts';

const texts = (q: string): string[] => chipsOf(q)!.conditions.map(conditionText);
const comparison = (attribute: string, op: string, value: string): Comparison => ({
  kind: 'comparison',
  attribute,
  op,
  value,
});

test('conditions of one filter are chips, whatever stages follow', () => {
  assert.deepEqual(chipsOf('{ resource.service.name = `a` && status=error } | count() > 2'), {
    conditions: [comparison('resource.service.name', '=', '"a"'), comparison('status', '=', 'error')],
    rest: ' | count() > 2',
  });
  for (const all of ['', ' ', '{ }', '{ true }']) assert.deepEqual(chipsOf(all), { conditions: [], rest: '' });
});

test('what compares no attribute with a literal is a chip as a whole', () => {
  assert.deepEqual(texts('{ .a = 1 && (.b = 2 || .c = 3) && .d = .e }'), [
    '.a = 1',
    '((.b = 2) || (.c = 3))',
    '.d = .e',
  ]);
  assert.deepEqual(texts('{ !(.a = 1) }'), ['!(.a = 1)']);
});

test('several filters, and mistakes, have no chips', () => {
  for (const text of ['{ .a = 1 } >> { .b = 2 }', '{ .a = 1 } && { .b = 2 }', '{ .a = '])
    assert.equal(chipsOf(text), undefined, text);
});

test('what is written from chips reads as the same chips', () => {
  for (const text of [
    '{ .a = 1 }',
    '{ span."a b" =~ "x.*" && duration >= 1.5s } | select(name) with (most_recent = true)',
    '{ (.a = 1 || .b = 2) && .c } | count() > 2 | rate() by (name)',
    '{ name = "\\"quoted\\" and \\\\" && event:name != nil && kind = server && .n = -3 }',
    '{ .a = 1 || .b = 2 }',
  ]) {
    const chips = chipsOf(text)!;
    assert.deepEqual(chipsOf(textOf(chips)), chips, text);
  }
});

test('a condition more replaces an equality on its attribute; what follows the filter stays', () => {
  const added = comparison('.a', '=', '2');
  assert.equal(narrowed('', added), '{ .a = 2 }');
  assert.equal(narrowed('{ .a = 1 } | count() > 2', added), '{ .a = 2 } | count() > 2');
  assert.equal(narrowed('{ .b > 1 || .c = 1 }', added), '{ ((.b > 1) || (.c = 1)) && .a = 2 }');
  assert.equal(narrowed('{ .b = 1 } >> { .c = 1 }', added), '{ .b = 1 } >> { .c = 1 } | { .a = 2 }');
  assert.equal(narrowed('{ .b = ', added), undefined);
  assert.equal(textOf({ conditions: [], rest: '' }), '{ }');
});

test('durations that were marked replace those marked before', () => {
  const once = withTraceDurations(chipsOf('{ .a = 1 }')!.conditions, [0.5, 12_345]);
  assert.deepEqual(once.map(conditionText), ['.a = 1', 'traceDuration >= 0.5ms', 'traceDuration <= 12300ms']);
  const twice = withTraceDurations(once, [1, 2]);
  assert.deepEqual(twice.map(conditionText), ['.a = 1', 'traceDuration >= 1ms', 'traceDuration <= 2ms']);
});

test('operators are those that the kind of value knows', () => {
  assert.deepEqual(operatorsFor('"x"'), ['=', '!=', '=~', '!~']);
  assert.ok(operatorsFor('20ms').includes('>='));
  assert.deepEqual(operatorsFor('error'), ['=', '!=']);
});

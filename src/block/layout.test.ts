import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CountedColumn, chooseLayout, tableSchema } from './layout.ts';

const column = (
  scope: CountedColumn['scope'],
  key: string,
  type: CountedColumn['type'] = 'string',
  count = 1,
): CountedColumn => ({ scope, key, type, count });

const names = (columns: readonly CountedColumn[], max?: number) =>
  chooseLayout(columns, max).spans.columns.map(({ name }) => name);

test('attributes are called by scope and key, fields in snake case', () => {
  assert.deepEqual(names([column('span', 'http.route'), column('spanField', 'droppedEventsCount', 'int')]), [
    'dropped_events_count',
    'span.http.route',
  ]);
});

test('only keys of several types have the type in their name', () => {
  assert.deepEqual(names([column('span', 'a', 'int'), column('span', 'a', 'string'), column('span', 'b', 'int')]), [
    'span.a:int',
    'span.a:string',
    'span.b',
  ]);
});

test('names never meet, whatever keys look like', () => {
  const found = names([
    column('span', 'a', 'int'),
    column('span', 'a', 'string'),
    column('span', 'a:int', 'string'),
    column('span', 'a:int', 'bool'),
    column('span', 'a:int:string', 'int'),
    column('span', '', 'int'),
  ]);
  assert.equal(new Set(found).size, 6);
});

test('the rarest keys share a column a scope', () => {
  const { spans, resources } = chooseLayout(
    [
      column('span', 'often', 'string', 10),
      column('span', 'seldom', 'string', 2),
      column('spanField', 'flags', 'int', 1),
      column('span', 'once', 'int', 1),
      column('resource', 'x'),
      column('instrumentation', 'y'),
    ],
    1,
  );
  assert.deepEqual(
    spans.columns.map(({ name }) => name),
    ['flags', 'span.often'],
  );
  assert.deepEqual(
    spans.overflow.map(({ name, keys }) => [name, keys.map(({ key }) => key)]),
    [['more_span_attributes', ['once', 'seldom']]],
  );
  assert.equal(resources.columns.length + resources.overflow.length, 2);
  assert.equal(tableSchema('spans', spans).at(-1)!.name, 'more_span_attributes');
});

test('counts of the same column from several tables add up; columns without values have no place', () => {
  const columns = [
    column('span', 'a', 'string', 2),
    column('span', 'b', 'string', 3),
    column('span', 'c', 'string', 0),
  ];
  const { spans } = chooseLayout([...columns, column('span', 'a', 'string', 2)], 1);
  assert.deepEqual(
    spans.columns.map(({ key }) => key),
    ['a'],
  );
  assert.deepEqual(
    spans.overflow[0]!.keys.map(({ key }) => key),
    ['b'],
  );
});

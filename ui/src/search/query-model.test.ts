import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readQuery, searchText } from './query-model.ts';

const query = (text: string) => {
  const read = readQuery(text);
  assert.equal(read.kind, 'query');
  return read.kind === 'query' ? read.query : assert.fail();
};

test('rows are asked for with the attributes that they show', () => {
  assert.equal(
    searchText(query('{ .a = 1 } with (most_recent = true)')),
    '{ .a = 1 } | select(name, resource.service.name, status) with (most_recent = true)',
  );
});

test('a mistake is told with its place', () => {
  assert.deepEqual(readQuery('{ nope'), {
    kind: 'bad',
    offset: 2,
    reason: 'unknown identifier: nope (attributes are written .nope, span.nope, resource.nope)',
  });
  assert.equal(readQuery(' ').kind, 'query');
});

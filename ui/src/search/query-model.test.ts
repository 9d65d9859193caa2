import assert from 'node:assert/strict';
import { test } from 'node:test';
import { histogramText, readQuery, searchText, shortName } from './query-model.ts';

const query = (text: string) => {
  const read = readQuery(text);
  assert.equal(read.kind, 'query');
  return read.kind === 'query' ? read.query : assert.fail();
};

test('rows are asked for with the attributes that they show', () => {
  assert.equal(
    searchText(query('{ .a = 1 } with (most_recent = true)'), ['span.http.method', 'no attribute']),
    '{ .a = 1 } | select(name, resource.service.name, status, span.http.method) with (most_recent = true)',
  );
});

test('the histogram counts what the query finds', () => {
  assert.equal(histogramText(query('{ .a = 1 }')), '{ .a = 1 } | count_over_time() by (status)');
  assert.equal(
    histogramText(query('{ } | by(name) | count() > 2')),
    '{ true } | by(name) | count() > 2 | count_over_time() by (status)',
  );
});

test('names are told without their scope', () => {
  assert.deepEqual(
    ['resource.service.name', 'name', 'span.http.route', '.x', 'duration', 'span."a \\"b"'].map(shortName),
    ['service', 'operation', 'http.route', 'x', 'duration', 'a "b'],
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

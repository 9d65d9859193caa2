import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addCondition, conditionsOf, histogramText, readQuery, searchText, withConditions } from './query-model.ts';

const query = (text: string) => {
  const read = readQuery(text);
  assert.equal(read.kind, 'query');
  return read.kind === 'query' ? read.query : assert.fail();
};

test('conditions of one filter are chips, whatever stages follow', () => {
  assert.deepEqual(conditionsOf('{ resource.service.name = "a" && status=error } | count() > 2'), [
    { attribute: 'resource.service.name', op: '=', value: '"a"' },
    { attribute: 'status', op: '=', value: 'error' },
  ]);
  assert.deepEqual(conditionsOf(''), []);
  assert.deepEqual(conditionsOf('{ }'), []);
});

test('what is more than conditions that all hold has no chips', () => {
  for (const text of ['{ .a = 1 || .b = 2 }', '{ .a } >> { .b }', '{ .a = .b }', '{ .a = ', '{ !(.a = 1) }'])
    assert.equal(conditionsOf(text), undefined, text);
});

test('changed conditions leave the stages behind them as they are', () => {
  const change = (text: string) =>
    withConditions(text, addCondition(conditionsOf(text)!, { attribute: '.a', op: '=', value: '2' }));
  assert.equal(change(''), '{ .a = 2 }');
  assert.equal(change('{ .a = 1 } | count() > 2'), '{ .a = 2 } | count() > 2');
  assert.equal(change('{ .b > 1 } | rate() by(name)'), '{ .b > 1 && .a = 2 } | rate() by (name)');
  assert.equal(withConditions('{ .a = 1 }', []), '{ }');
});

test('rows are asked for with the attributes that they show', () => {
  assert.equal(
    searchText(query('{ .a = 1 } with (most_recent = true)'), ['span.http.method', 'no attribute']),
    '{ .a = 1 } | select(name, resource.service.name, status, span.http.method) with (most_recent = true)',
  );
});

test('the histogram counts what the query finds, when there are metrics of it', () => {
  assert.equal(histogramText(query('{ .a = 1 }')), '{ .a = 1 } | count_over_time() by (status)');
});

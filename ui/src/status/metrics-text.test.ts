import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labelValues, parseMetrics, total } from './metrics-text.ts';

const samples = parseMetrics(`# HELP spans what came
# TYPE spans counter
spans{tenant="a",reason="rate \\"limited\\", {now}"} 3
spans{tenant="b"} 4.5 1700000000
up 1

nonsense
`);

test('samples are read with their labels, whatever stands in them', () => {
  assert.deepEqual(
    samples.map(({ name, value }) => [name, value]),
    [
      ['spans', 3],
      ['spans', 4.5],
      ['up', 1],
    ],
  );
  assert.equal(samples[0]!.labels.get('reason'), 'rate "limited", {now}');
});

test('samples are added up by their labels', () => {
  assert.equal(total(samples, 'spans'), 7.5);
  assert.equal(total(samples, 'spans', { tenant: 'b' }), 4.5);
  assert.equal(total(samples, 'absent'), 0);
  assert.deepEqual(labelValues(samples, 'spans', 'tenant'), ['a', 'b']);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scanBench } from './scan.bench.ts';

test('the bench of the scanner runs and scans the same every round', async () => {
  const [one, two] = [await scanBench({ traces: 20, rounds: 2 }), await scanBench({ traces: 20, rounds: 1 })];
  assert(one.spans > 100);
  assert.equal(one.microsPerSpan.length, 2);
  assert.equal(one.hash, two.hash);
});

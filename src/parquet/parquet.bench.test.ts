import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runBench } from './parquet.bench.ts';

test('the benchmark runs on a small table', () => {
  const results = runBench({ encodeRows: 2000, decodeRows: 3000, columns: 5, rounds: 1 });
  assert.ok(results.length > 10);
  for (const { name, ms } of results) assert.ok(Number.isFinite(ms), name);
});

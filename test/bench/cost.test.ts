import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { costPage, costTables, countRequests, usualWorkload, withTables } from '../../scripts/cost.ts';

test('docs/cost.md says what the measurements of docs/performance.md come to', () => {
  const page = readFileSync(costPage, 'utf8');
  const expected = withTables(page, costTables(usualWorkload));
  assert.equal(page, expected, 'run: node scripts/run.mjs node scripts/cost.ts --write');
});

test('requests are counted as the writer makes them', () => {
  const busy = { ...usualWorkload, spansPerSecond: 100_000 };
  // 8 MiB come before the linger has passed: 10^9 spans of 350 bytes.
  assert.equal(Math.round(countRequests(busy).segments), Math.round((1e9 * 350) / (8 << 20)));
  assert.equal(countRequests(busy).passes, 1);
  const quiet = { ...usualWorkload, spansPerSecond: 1000 };
  assert.equal(countRequests(quiet).segments, 2e6);
  assert.equal(countRequests({ ...quiet, lingerMs: 2000 }).segments, 5e5);
  assert.equal(countRequests(quiet).passes, 2);
  assert.equal(countRequests({ ...quiet, writers: 3 }).segments, 6e6, 'every writer has segments of its own');
});

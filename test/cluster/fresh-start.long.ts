import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshStart } from './fresh-start.ts';

test('a reader is ready over 10,000 small blocks within 5 s and 20 requests', async () => {
  const { requests, readyMs } = await freshStart(10_000);
  console.log(`${requests} requests, ready after ${Math.round(readyMs)} ms`);
  assert.ok(requests <= 20, `${requests} requests`);
  assert.ok(readyMs <= 5_000, `${readyMs} ms`);
});

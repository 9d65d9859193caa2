import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshStart } from './fresh-start.ts';

test('a reader that starts over hundreds of small blocks asks for a handful of objects', async () => {
  const { requests } = await freshStart(320);
  assert.ok(requests <= 20, `${requests} requests`);
});

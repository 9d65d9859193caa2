import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BufferPool } from './buffer-pool.ts';

test('what is given back is lent again', () => {
  const pool = new BufferPool(1 << 20);
  const first = pool.take(5000);
  assert.equal(first.byteLength, 8192);
  pool.give(first);
  assert.equal(pool.keptBytes, 8192);
  assert.equal(pool.take(8192), first);
  assert.notEqual(pool.take(8192), first);
  assert.equal(pool.keptBytes, 0);
});

test('no more is kept than the bound, and nothing of unusual size', () => {
  const pool = new BufferPool(10_000);
  const [a, b] = [pool.take(8192), pool.take(8192)];
  pool.give(a);
  pool.give(b);
  assert.equal(pool.keptBytes, 8192);
  const huge = pool.take(2 ** 24 + 1);
  assert.equal(huge.byteLength, 2 ** 24 + 1);
  pool.give(huge);
  assert.equal(pool.keptBytes, 8192);
  assert.equal(pool.take(0).byteLength, 4096);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LruCache } from './lru-cache.ts';

test('the cache stays within its bytes and drops what was used longest ago', () => {
  const cache = new LruCache(10_000);
  for (let i = 0; i < 100; i++) {
    cache.set(`key ${i}`, { i }, 1000);
    cache.get('key 0');
    assert.ok(cache.bytes <= 10_000);
  }
  assert.deepEqual(cache.get('key 0'), { i: 0 });
  assert.deepEqual(cache.get('key 99'), { i: 99 });
  assert.equal(cache.get('key 50'), undefined);
});

test('a value larger than a quarter of the cache is not kept, and replaces none', () => {
  const cache = new LruCache(10_000);
  cache.set('a', { old: true }, 100);
  cache.set('a', { old: false }, 5000);
  assert.equal(cache.get('a'), undefined);
  assert.equal(cache.bytes, 0);
});

test('a cache of no bytes keeps nothing', () => {
  const cache = new LruCache(0);
  cache.set('a', {}, 0);
  assert.equal(cache.get('a'), undefined);
});

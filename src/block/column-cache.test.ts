import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ColumnCache } from './column-cache.ts';

class Entry {
  dropped = false;
  drop(): void {
    this.dropped = true;
  }
}

test('what was used longest ago is dropped first', () => {
  const cache = new ColumnCache(100);
  const [a, b, c] = [new Entry(), new Entry(), new Entry()];
  for (const entry of [a, b, c]) {
    cache.touch(entry);
    cache.grow(entry, 30);
  }
  cache.touch(a);
  cache.grow(c, 30);
  assert.deepEqual([a.dropped, b.dropped, c.dropped], [false, true, false]);
  assert.equal(cache.usedBytes, 90);
});

test('an entry larger than the budget stays until another comes', () => {
  const cache = new ColumnCache(100);
  const [large, small] = [new Entry(), new Entry()];
  cache.touch(large);
  cache.grow(large, 500);
  assert.equal(large.dropped, false);
  cache.touch(small);
  cache.grow(small, 1);
  assert.equal(large.dropped, true);
  assert.equal(cache.usedBytes, 1);
});

test('a dropped entry that grows is not counted', () => {
  const cache = new ColumnCache(10);
  const [a, b] = [new Entry(), new Entry()];
  cache.touch(a);
  cache.grow(a, 8);
  cache.touch(b);
  cache.grow(b, 8);
  cache.grow(a, 8);
  assert.equal(a.dropped, true);
  assert.equal(cache.usedBytes, 8);
});

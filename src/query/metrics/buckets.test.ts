import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { bucketOf, quantileOf } from './buckets.ts';

test('a value lies in the bucket of the least power of two that is not below it', () => {
  for (const [value, exponent] of [
    [1, 0],
    [2, 1],
    [3, 2],
    [4, 2],
    [5, 3],
    [0.5, -1],
    [0.75, 0],
    [2 ** 40, 40],
    [2 ** 40 + 1, 41],
    [Number.MIN_VALUE, -1074],
    [Number.MAX_VALUE, 1024],
  ] as const) {
    assert.equal(bucketOf(value), exponent, String(value));
  }
  fc.assert(
    fc.property(fc.double({ min: 2 ** -1000, max: 2 ** 1000, noNaN: true }), (value) => {
      const exponent = bucketOf(value);
      assert.ok(2 ** (exponent - 1) < value && value <= 2 ** exponent);
    }),
  );
});

test('a quantile is interpolated inside its bucket, and is the upper bound at its end', () => {
  // Buckets (1, 2] and (2, 4], two values each.
  assert.equal(quantileOf(0.5, [1, 2], [2, 2]), 2);
  assert.equal(quantileOf(1, [1, 2], [2, 2]), 4);
  assert.equal(quantileOf(0.25, [1, 2], [2, 2]), 2 ** 0.5);
  assert.equal(quantileOf(0.75, [1, 2], [2, 2]), 2 ** 1.5);
  assert.equal(quantileOf(0, [1, 2], [2, 2]), 2 ** 0.5);
});

test('empty buckets do not count, and nothing counted is 0', () => {
  assert.equal(quantileOf(0.5, [1, 2, 9], [0, 1, 0]), 4);
  assert.equal(quantileOf(0.5, [1, 2], [0, 0]), 0);
  assert.equal(quantileOf(0.5, [], []), 0);
});

test('sampled counts need not be whole', () => {
  assert.equal(quantileOf(1, [1, 2], [0.2, 0.3]), 4);
});

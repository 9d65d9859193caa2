import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { RequestStats } from './request-stats.ts';

const durations = fc.array(fc.double({ min: 1, max: 2 ** 53, noNaN: true }), { minLength: 1, maxLength: 200 });

function statsOf(list: readonly number[]): RequestStats {
  const stats = new RequestStats();
  for (const nano of list) stats.add(nano, false);
  return stats;
}

test('a quantile is within an eighth of the true one', () => {
  fc.assert(
    fc.property(durations, fc.constantFrom(0.01, 0.5, 0.95, 1), (list, p) => {
      const sorted = list.toSorted((a, b) => a - b);
      const exact = sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)]!;
      const got = statsOf(list).quantileNano(p);
      assert.ok(Math.abs(got - exact) <= exact / 8, `${got} for ${exact}`);
    }),
  );
});

test('counts of parts put together are those of the whole, in any order', () => {
  fc.assert(
    fc.property(durations, durations, (one, other) => {
      const whole = statsOf([...one, ...other]);
      const merged = statsOf(other);
      merged.merge(statsOf(one));
      merged.merge(new RequestStats());
      for (const p of [0, 0.25, 0.5, 0.95, 1]) assert.equal(merged.quantileNano(p), whole.quantileNano(p));
      assert.equal(merged.calls, whole.calls);
    }),
  );
});

test('spans that end before they start, and none at all', () => {
  assert.equal(new RequestStats().quantileNano(0.5), 0);
  assert.ok(statsOf([0, 0, 0]).quantileNano(0.95) < 2);
  assert.ok(Number.isFinite(statsOf([2 ** 64]).quantileNano(0.95)));
});

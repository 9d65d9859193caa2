import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomHex, SeededRng, systemRng } from './random.ts';

test('a seed gives the same sequence each time, another seed another one', () => {
  const draw = (seed: number): number[] => {
    const rng = new SeededRng(seed);
    return Array.from({ length: 100 }, () => rng.uint32());
  };
  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1), draw(2));
});

test('floats are spread evenly over [0, 1)', () => {
  for (const rng of [new SeededRng(3), systemRng]) {
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 20_000; i++) {
      const value = rng.float();
      assert.ok(value >= 0 && value < 1);
      counts[Math.floor(value * 10)]!++;
    }
    // Standard deviation 42: this allows 7 of it.
    for (const count of counts) assert.ok(Math.abs(count - 2000) < 300, `${counts}`);
  }
});

test('random hex has the length asked for and does not repeat', () => {
  const rng = new SeededRng(4);
  const seen = new Set(Array.from({ length: 1000 }, () => randomHex(rng, 8)));
  assert.equal(seen.size, 1000);
  for (const hex of seen) assert.match(hex, /^[0-9a-f]{16}$/);
});

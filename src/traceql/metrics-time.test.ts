import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alignRange, autoStep, intervalCount, smallestStep } from './metrics-time.ts';

const s = (seconds: number): bigint => BigInt(Math.round(seconds * 1e9));
const range = (start: number, end: number, step: number) => ({
  startUnixNano: s(start),
  endUnixNano: s(end),
  stepNano: s(step),
});

test('a range is widened to whole steps and gets one interval before the first', () => {
  assert.deepEqual(alignRange(range(100, 125, 10)), range(90, 130, 10));
  assert.equal(intervalCount(alignRange(range(100, 125, 10))), 4);
});

test('bounds that are multiples of the step stay, but for the interval before', () => {
  assert.deepEqual(alignRange(range(10, 14, 0.5)), range(9.5, 14, 0.5));
  assert.equal(intervalCount(alignRange(range(10, 14, 0.5))), 9);
});

test('negative times round down too', () => {
  assert.deepEqual(alignRange(range(-7, 131, 20)), range(-40, 140, 20));
});

test('a clamped end is rounded down', () => {
  assert.deepEqual(alignRange(range(100, 125, 10), true), range(90, 120, 10));
});

test('without a step a range has about 240 samples at a round step', () => {
  assert.equal(autoStep(s(120)), s(1));
  assert.equal(autoStep(s(1)), s(0.05));
  assert.equal(autoStep(s(30)), s(0.15));
  assert.equal(autoStep(s(59)), s(0.25));
  assert.equal(autoStep(s(3600)), s(15));
  assert.equal(autoStep(s(6 * 3600)), s(60));
  assert.equal(autoStep(s(24 * 3600)), s(300));
  assert.equal(autoStep(s(30 * 60)), s(5));
});

test('the smallest step keeps the number of intervals within the limit', () => {
  assert.equal(smallestStep(s(36), 10_000), 3_600_000n);
  assert.equal(smallestStep(10n, 3), 4n);
});

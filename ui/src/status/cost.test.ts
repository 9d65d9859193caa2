import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classOf, defaultPrices, formatDollars, monthlyCost } from './cost.ts';

test('a month of one write a second and ten reads, and a terabyte', () => {
  const cost = monthlyCost({ writesPerSecond: 1, readsPerSecond: 10, storedBytes: 1e12 }, defaultPrices);
  assert.equal(formatDollars(cost.writes), '$12.96');
  assert.equal(formatDollars(cost.reads), '$10.37');
  assert.equal(formatDollars(cost.storage), '$23.00');
  assert.equal(formatDollars(cost.total), '$46.33');
});

test('operations are charged by class', () => {
  assert.deepEqual(['GET', 'PUT', 'LIST', 'DELETE'].map(classOf), ['reads', 'writes', 'writes', 'free']);
});

test('next to nothing is not nothing', () => {
  assert.equal(formatDollars(0), '$0.00');
  assert.equal(formatDollars(0.004), '< $0.01');
});

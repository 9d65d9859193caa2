import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TracePart } from '../ports.ts';
import { RecentTraces } from './recent-traces.ts';

const idOf = (n: number): Uint8Array => new Uint8Array(16).fill(n);
const partOf = (spans: number): TracePart[] => {
  return [{ fragment: { traceFirstSpan: Uint32Array.of(0, spans) }, trace: 0 } as unknown as TracePart];
};

test('traces are kept by tenant', () => {
  const recent = new RecentTraces();
  const parts = partOf(3);
  recent.keep('a', idOf(1), parts);
  assert.equal(recent.get('a', idOf(1)), parts);
  assert.equal(recent.get('b', idOf(1)), undefined);
  assert.equal(recent.get('a', idOf(2)), undefined);
});

test('the least recently used go when there are too many spans, or too many traces', () => {
  const recent = new RecentTraces();
  for (const n of [1, 2, 3]) recent.keep('a', idOf(n), partOf(1_500_000));
  assert.deepEqual(
    [1, 2, 3].map((n) => recent.get('a', idOf(n)) !== undefined),
    [false, true, true],
  );
  recent.get('a', idOf(2));
  recent.keep('a', idOf(4), partOf(2_000_000));
  assert.deepEqual(
    [2, 3, 4].map((n) => recent.get('a', idOf(n)) !== undefined),
    [true, false, true],
  );
  for (let n = 10; n < 40; n++) recent.keep('b', idOf(n), partOf(1));
  assert.equal(recent.get('b', idOf(39)) !== undefined, true);
  assert.equal(recent.get('b', idOf(10)), undefined);
});

test('a trace that is too large for all of it is not kept', () => {
  const recent = new RecentTraces();
  recent.keep('a', idOf(1), partOf(5_000_000));
  assert.equal(recent.get('a', idOf(1)), undefined);
});

test('a trace that nobody asks about is let go', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const recent = new RecentTraces();
  recent.keep('a', idOf(1), partOf(1));
  t.mock.timers.tick(59_000);
  assert.ok(recent.get('a', idOf(1)));
  t.mock.timers.tick(59_000);
  assert.ok(recent.get('a', idOf(1)), 'the time counts from the last question');
  t.mock.timers.tick(60_000);
  assert.equal(recent.get('a', idOf(1)), undefined);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDurationMs, readRange, secondsOf } from './options.ts';

const nowMs = 1_700_000_000_500;
const nowNano = 1_700_000_000_500_000_000n;

test('a range is the last hour unless told otherwise', () => {
  const hour = 3_600_000_000_000n;
  assert.deepEqual(readRange({}, nowMs), { startUnixNano: nowNano - hour, endUnixNano: nowNano });
  assert.deepEqual(readRange({ since: '2d' }, nowMs), { startUnixNano: nowNano - 48n * hour, endUnixNano: nowNano });
  assert.deepEqual(readRange({ end: 'now-1h', since: '1h' }, nowMs), {
    startUnixNano: nowNano - 2n * hour,
    endUnixNano: nowNano - hour,
  });
  assert.equal(readRange({ since: '1000000h' }, nowMs).startUnixNano, 0n);
});

test('times are RFC 3339, Unix seconds or nanoseconds', () => {
  const start = { startUnixNano: 1_600_000_000_000_000_000n, endUnixNano: nowNano };
  for (const text of ['2020-09-13T12:26:40Z', '2020-09-13 14:26:40+02:00', '1600000000', '1600000000000000000'])
    assert.deepEqual(readRange({ start: text }, nowMs), start, text);
  for (const text of ['', 'yesterday', '-5', 'now+1h', 'now-soon'])
    assert.throws(() => readRange({ start: text }, nowMs), /--start needs a/, text);
});

test('whole seconds hold all of the range', () => {
  assert.deepEqual(secondsOf({ startUnixNano: 1_999_999_999n, endUnixNano: 2_000_000_001n }), { start: '1', end: '3' });
});

test('durations in both notations', () => {
  assert.deepEqual(
    ['0', '1.5s', '1m30s', '7d', '250ms'].map((text) => readDurationMs('x', text)),
    [0, 1500, 90_000, 604_800_000, 250],
  );
  for (const text of ['', '5', '-5s', 'long']) assert.throws(() => readDurationMs('x', text), /--x needs a duration/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { formatDuration, parseDurationLiteral, parseGoDuration, parsePromDuration } from './duration.ts';

test('Go durations are read', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['0', 0],
    ['0s', 0],
    ['-0s', 0],
    ['5ns', 5],
    ['1us', 1_000],
    ['1µs', 1_000],
    ['1μs', 1_000],
    ['1.5ms', 1_500_000],
    ['+2s', 2e9],
    ['-1m30s', -90e9],
    ['1h0m0.5s', 3600.5e9],
    ['.5s', 0.5e9],
    ['1.s', 1e9],
    ['1s1s', 2e9],
    ['0.0005h', 1.8e9],
    ['0.3ns', 0],
    ['0.100000000000000000000000001s', 0.1e9],
    ['2562047h47m16.854775807s', 2 ** 63],
  ];
  for (const [text, nanos] of cases) assert.ok(Object.is(parseGoDuration(text), nanos), `${text} ${nanos}`);
});

test('Prometheus durations are read', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['0', 0],
    ['1d', 86_400e9],
    ['1h30m', 5_400e9],
    ['2w', 14 * 86_400e9],
    ['1y', 365 * 86_400e9],
    ['1m1ms', 60e9 + 1e6],
  ];
  for (const [text, nanos] of cases) assert.equal(parsePromDuration(text), nanos);
});

test('what is no duration is refused with the reason', () => {
  for (const text of ['', '-', '1', '1.5', 's', '.s', '1x', '1 s', '1d', '1s-1s', '300000000h', '1m2', '٣s'])
    assert.throws(() => parseGoDuration(text), { kind: 'invalid', code: 'bad_duration' }, text);
  for (const text of ['', '1', '-1d', '1.5d', '1m1h', '1m1m', '1us', '1 d', '300y', `${'9'.repeat(1e5)}d`])
    assert.throws(() => parsePromDuration(text), { kind: 'invalid', code: 'bad_duration' }, text);
  assert.throws(() => parseGoDuration('5 apples'), /not a valid duration string: "5 apples": unknown unit " apples"/);
});

test('durations print in the notation of Go', () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0s'],
    [-0, '0s'],
    [1, '1ns'],
    [999, '999ns'],
    [1_000, '1µs'],
    [612_045, '612.045µs'],
    [400e6, '400ms'],
    [1_816_191_845, '1.816191845s'],
    [60e9, '1m0s'],
    [3600.5e9, '1h0m0.5s'],
    [-90e9, '-1m30s'],
    [365 * 86_400e9, '8760h0m0s'],
    [1.5, '1ns'],
  ];
  for (const [nanos, text] of cases) assert.equal(formatDuration(nanos), text);
});

test('printed durations read back as the same number', () => {
  fc.assert(
    fc.property(fc.oneof(fc.maxSafeInteger(), fc.integer()), fc.integer({ min: 0, max: 9 }), (whole, doublings) => {
      const nanos = whole * 2 ** doublings;
      assert.equal(parseDurationLiteral(formatDuration(nanos)) + 0, nanos + 0);
    }),
  );
});

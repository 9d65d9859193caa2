import assert from 'node:assert/strict';
import { test } from 'node:test';
import { barsOf, logScale, stepSeconds, timeTicks } from './timeline-scale.ts';

test('a bar is a round number of seconds, and there are never too many', () => {
  for (const [minutes, step] of [
    [1, 1],
    [5, 5],
    [30, 30],
    [60, 60],
    [1440, 1800],
    [10_080, 7200],
  ] as const)
    assert.equal(stepSeconds({ fromMs: 0, toMs: minutes * 60_000 }), step);
});

test('bars hold errors apart from the rest, and empty ones are left out', () => {
  const sample = (timestampMs: string, value?: number) =>
    value === undefined ? { timestampMs } : { timestampMs, value };
  const series = (status: string, samples: ReturnType<typeof sample>[]) => ({
    labels: [{ key: 'status', value: { stringValue: status } }],
    samples,
  });
  const answer = {
    metrics: {},
    series: [
      series('unset', [sample('10000', 4), sample('20000')]),
      series('ok', [sample('10000', 1), sample('30000', 2)]),
      series('error', [sample('30000', 3)]),
    ],
  };
  assert.deepEqual(barsOf(answer, 10), [
    { startMs: 0, endMs: 10_000, ok: 5, errors: 0 },
    { startMs: 20_000, endMs: 30_000, ok: 2, errors: 3 },
  ]);
});

test('durations lie between whole decades, also when there are none or all are alike', () => {
  const scale = logScale([3, 812]);
  assert.deepEqual([scale.minMs, scale.maxMs, scale.ticks], [1, 1000, [1, 10, 100, 1000]]);
  assert.equal(scale.at(10).toFixed(3), '0.333');
  assert.equal(logScale([]).ticks.length, 2);
  assert.ok(logScale([0]).at(0) >= 0);
});

test('ticks of time are inside the range', () => {
  const ticks = timeTicks({ fromMs: 1_700_000_000_000, toMs: 1_700_001_800_000 }, 1100);
  assert.ok(ticks.length >= 4 && ticks.length <= 10, String(ticks.length));
  assert.ok(ticks.every((at) => at >= 1_700_000_000_000 && at < 1_700_001_800_000));
});

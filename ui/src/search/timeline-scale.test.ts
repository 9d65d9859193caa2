import assert from 'node:assert/strict';
import { test } from 'node:test';
import { barsOf, logScale, metricsPieces, stepSeconds, timeTicks } from './timeline-scale.ts';

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
  assert.deepEqual(barsOf([answer, { metrics: {}, series: [] }], 10), [
    { startMs: 0, endMs: 10_000, ok: 5, errors: 0 },
    { startMs: 20_000, endMs: 30_000, ok: 2, errors: 3 },
  ]);
});

test('a long range is asked for in pieces of a day that meet where bars do, the newest first', () => {
  const day = 86_400_000;
  const range = { fromMs: 1_700_000_000_000, toMs: 1_700_000_000_000 + 7 * day };
  const step = stepSeconds(range);
  const pieces = metricsPieces(range, step);
  assert.equal(pieces[0]!.toMs, range.toMs);
  assert.equal(pieces.at(-1)!.fromMs, range.fromMs);
  for (const [index, { fromMs, toMs }] of pieces.entries()) {
    assert.ok(Math.ceil(toMs / (step * 1000)) - Math.floor(fromMs / (step * 1000)) <= day / (step * 1000));
    if (index > 0) assert.equal(toMs, pieces[index - 1]!.fromMs);
    if (index > 0) assert.equal(toMs % (step * 1000), 0);
  }
  assert.deepEqual(metricsPieces({ fromMs: 5, toMs: day }, 60), [{ fromMs: 5, toMs: day }]);
});

test('a range of decades still has few ticks', () => {
  assert.ok(timeTicks({ fromMs: 0, toMs: 1_700_000_000_000 }, 1100).length <= 10);
});

test('durations lie between whole decades, also when there are none or all are alike', () => {
  const scale = logScale([3, 812]);
  assert.deepEqual(scale.ticks, [1, 10, 100, 1000]);
  assert.deepEqual([scale.at(1), scale.at(1000), scale.ms(0), scale.ms(1)], [0, 1, 1, 1000]);
  assert.equal(scale.at(10).toFixed(3), '0.333');
  assert.equal(logScale([]).ticks.length, 2);
  assert.ok(logScale([0]).at(0) >= 0);
});

test('ticks of time are inside the range', () => {
  const ticks = timeTicks({ fromMs: 1_700_000_000_000, toMs: 1_700_001_800_000 }, 1100);
  assert.ok(ticks.length >= 4 && ticks.length <= 10, String(ticks.length));
  assert.ok(ticks.every((at) => at >= 1_700_000_000_000 && at < 1_700_001_800_000));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MetricsSecondStage } from '../../traceql/ast.ts';
import { parseQuery } from '../../traceql/parser.ts';
import { applySecondStages } from './second-stage.ts';
import { type DenseSeries, toMetricsSeries } from './series.ts';

const series = (values: Record<string, readonly number[]>): DenseSeries[] =>
  Object.entries(values).map(([name, samples]) => ({
    labels: [{ key: 'name', value: { type: 'string', value: name } }],
    values: Float64Array.from(samples),
    exemplars: [],
  }));

const stagesOf = (text: string): readonly MetricsSecondStage[] => parseQuery(`{ } | rate() ${text}`).secondStages;

/** name → [time, value] pairs of the samples that are left. */
function after(text: string, values: Record<string, readonly number[]>): Record<string, number[][]> {
  const all = series(values);
  applySecondStages(all, stagesOf(text));
  return Object.fromEntries(
    toMetricsSeries(all, [10, 20, 30]).map((one) => {
      const { value } = one.labels[0]!;
      return [value.type === 'string' ? value.value : '', one.timestampsMs.map((time, i) => [time, one.values[i]!])];
    }),
  );
}

const { NaN: none } = Number;

test('topk chooses at every timestamp by itself', () => {
  assert.deepEqual(after('| topk(1)', { a: [1, 5, 1], b: [2, 4, none] }), {
    a: [
      [20, 5],
      [30, 1],
    ],
    b: [[10, 2]],
  });
});

test('of equal samples topk keeps the first series and bottomk the last', () => {
  const equal = { c: [0, 0, 0], a: [0, 0, 0], b: [0, 0, 0] };
  assert.deepEqual(Object.keys(after('| topk(2)', equal)).sort(), ['a', 'b']);
  assert.deepEqual(Object.keys(after('| bottomk(2)', equal)).sort(), ['b', 'c']);
});

test('no more series than the limit stay as they are', () => {
  assert.deepEqual(Object.keys(after('| bottomk(2)', { a: [1, 1, 1], b: [2, 2, 2] })), ['a', 'b']);
});

test('comparisons drop single samples and then empty series', () => {
  assert.deepEqual(after('> 1', { a: [1, 2, none], b: [0, 0, 0] }), { a: [[20, 2]] });
  assert.deepEqual(after('!= 2', { a: [1, 2, none] }), { a: [[10, 1]] });
  assert.deepEqual(after('<= 1500ms', { a: [1, 1.5, 2] }), {
    a: [
      [10, 1],
      [20, 1.5],
    ],
  });
});

test('stages follow one another', () => {
  assert.deepEqual(after('| topk(2) | bottomk(1)', { a: [1, 1, 1], b: [2, 2, 2], c: [3, 3, 3] }), {
    b: [
      [10, 2],
      [20, 2],
      [30, 2],
    ],
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { checkQuery } from '../../../src/traceql/check.ts';
import { parseQuery } from '../../../src/traceql/parser.ts';
import { readCompare } from './compare-answer.ts';
import { type AttributeCounts, rankDifferences } from './difference.ts';
import { cellAt, durationAt, heightOf, readHeat, strength } from './heat.ts';
import { compareQuery, conditionOf, problemOf, scopedQuery, withConditions } from './query.ts';
import { readRed, stepMsFor } from './red.ts';
import { parseRegion, printRegion } from './region.ts';

const attribute = (key: string, ...values: [string, number, number][]): AttributeCounts<string> => ({
  key,
  values: values.map(([value, selection, baseline]) => ({ value, selection, baseline })),
  selection: values.reduce((sum, [, selection]) => sum + selection, 0),
  baseline: values.reduce((sum, [, , baseline]) => sum + baseline, 0),
});

test('equal shares tell nothing, disjoint values everything, whatever the sizes of the sides', () => {
  const attributes = [
    attribute('same', ['a', 50, 5000], ['b', 50, 5000]),
    attribute('apart', ['a', 100, 0], ['b', 0, 10_000]),
    attribute('partly', ['a', 90, 1000], ['b', 10, 9000]),
  ];
  const ranked = rankDifferences({ selection: 100, baseline: 10_000, attributes });
  assert.deepEqual(
    ranked.map(({ key }) => key),
    ['apart', 'partly'],
  );
  assert.ok(ranked[0]!.score > 0.99 && ranked[1]!.score > 0.3 && ranked[1]!.score < 0.7);
  assert.deepEqual(ranked[1]!.values[0], { value: 'a', selection: 0.9, baseline: 0.1 });
});

test('ids of which no two are equal, and the noise of small samples, are not ranked', () => {
  const ids = Array.from({ length: 100 }, (_, k): [string, number, number] => [`${k}`, k < 30 ? 1 : 0, k < 30 ? 0 : 1]);
  const noise = attribute('noise', ['a', 6, 480], ['b', 4, 520]);
  assert.deepEqual(rankDifferences({ selection: 10, baseline: 1000, attributes: [noise] }), []);
  assert.deepEqual(rankDifferences({ selection: 30, baseline: 70, attributes: [attribute('id', ...ids)] }), []);
});

test('an attribute that only one side has tells its side', () => {
  const ranked = rankDifferences({ selection: 100, baseline: 100, attributes: [attribute('db', ['x', 100, 0])] });
  assert.ok(ranked[0]!.score > 0.98);
});

test('samples of one distribution seldom score, a real difference always does', () => {
  const sample = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 200, maxLength: 400 });
  fc.assert(
    fc.property(sample, sample, (one, other) => {
      const count = (list: readonly number[], value: number): number => list.filter((each) => each === value).length;
      const same = [0, 1, 2, 3, 4].map((v): [string, number, number] => [`${v}`, count(one, v), count(one, v)]);
      const part = { selection: one.length, baseline: one.length, attributes: [attribute('k', ...same)] };
      assert.deepEqual(rankDifferences(part), []);
      const shifted: [string, number, number][] = [
        ['x', one.length, 0],
        ['y', 0, other.length],
      ];
      const apart = { selection: one.length, baseline: other.length, attributes: [attribute('k', ...shifted)] };
      assert.equal(rankDifferences(apart).length, 1);
    }),
    { numRuns: 30 },
  );
});

test('conditions go inside the braces, or behind a longer pipeline', () => {
  assert.equal(withConditions(''), '{ }');
  assert.equal(withConditions('{}', 'status = error'), '{ status = error }');
  assert.equal(withConditions('{ .a = 1 || .b = 2 }', 'kind = server'), '{ (.a = 1 || .b = 2) && kind = server }');
  assert.equal(
    withConditions('{ .a = 1 } | count() > 2', 'kind = server'),
    '{ .a = 1 } | count() > 2 | { kind = server }',
  );
  for (const q of ['', '{ .a = 1 || !(.b = "x") && name =~ `y` }', '{ } >> { .a = 1 }'])
    for (const spans of ['requests', 'roots', 'all'] as const) checkQuery(parseQuery(scopedQuery(q, spans)));
  assert.equal(problemOf('{ .a = 1 }'), undefined);
  assert.notEqual(problemOf('{ .a = '), undefined);
  assert.match(problemOf('{ } | rate()')!, /metrics/);
});

test('values become conditions of their type', () => {
  assert.equal(conditionOf('span.a', { stringValue: 'x "y"' }), 'span.a = `x "y"`');
  assert.equal(conditionOf('status', { stringValue: 'error' }, '!='), 'status != error');
  assert.equal(conditionOf('span.n', { intValue: '500' }), 'span.n = 500');
  assert.equal(conditionOf('span.b', { boolValue: false }), 'span.b = false');
  assert.equal(conditionOf('span.a', { stringValue: 'nil' }), undefined);
});

test('a region is kept in the address, and asked for as compare()', () => {
  const region = { fromMs: 1000, toMs: 2000, minNano: 5e6 };
  assert.deepEqual(parseRegion(printRegion(region)), region);
  assert.deepEqual(parseRegion(printRegion({ errors: true })), { errors: true });
  for (const wrong of ['', ',,,', 'a,b,c,d', '1', '1,2,3,4,5,6', '-1,2,3,4'])
    assert.equal(parseRegion(wrong), undefined);
  assert.equal(
    compareQuery('{ kind = server }', region),
    '{ kind = server } | compare({ duration >= 5000000ns }, 100, 1000000000, 2000000000)',
  );
  for (const each of [region, { errors: true }, { fromMs: 1, toMs: 2 }, { maxNano: 3 }])
    checkQuery(parseQuery(compareQuery('{ }', each)));
});

test('series of compare() become counts by attribute', () => {
  const series = (type: string, key: string, value: string, count: number) => ({
    labels: [
      { key: '__meta_type', value: { stringValue: type } },
      { key, value: { stringValue: value } },
    ],
    value: count,
  });
  const compared = readCompare(
    [
      series('selection', 'name', 'GET', 8),
      series('baseline', 'name', 'GET', 90),
      series('baseline', 'name', 'PUT', 10),
      series('selection_total', 'name', 'nil', 8),
      series('baseline_total', 'name', 'nil', 100),
      series('selection', 'resource.pod', 'nil', 8),
      series('selection_total', 'resource.pod', 'nil', 8),
      series('selection', 'span.a', 'x', 4),
      series('selection_total', 'span.a', 'nil', 4),
    ],
    '{ .a = `x` }',
  );
  assert.deepEqual([compared.selection, compared.baseline], [8, 100]);
  const of = (key: string) => compared.attributes.find((each) => each.key === key)!;
  assert.deepEqual(
    of('name').values.map(({ selection, baseline }) => [selection, baseline]),
    [
      [8, 90],
      [0, 10],
    ],
  );
  assert.deepEqual([of('resource.pod').selection, of('resource.pod').values], [0, []]);
  assert.equal(of('span.a').selection, 2, 'an attribute of the filter was counted twice');
});

const samples = (...values: (number | undefined)[]) =>
  values.map((value, k) => ({ timestampMs: String((k + 1) * 10_000), ...(value !== undefined && { value }) }));
const label = (key: string, value: object) => ({ key, value });
const none = { series: [], metrics: {} };

test('answers become groups, the busiest first, with gaps where nothing happened', () => {
  const by = 'resource.service.name';
  const rates = {
    ...none,
    series: [
      { labels: [label(by, { stringValue: 'a' })], samples: samples(1, 1) },
      { labels: [label(by, { stringValue: 'b' })], samples: samples(undefined, 6) },
      { labels: [label(by, { stringValue: 'never' })], samples: samples(0, 0) },
    ],
  };
  const errors = { ...none, series: [{ labels: [label(by, { stringValue: 'b' })], samples: samples(0, 3) }] };
  const durations = {
    ...none,
    series: [
      {
        labels: [label(by, { stringValue: 'b' }), label('p', { doubleValue: 0.95 })],
        samples: samples(undefined, 0.5).slice(1),
      },
    ],
  };
  const red = readRed({ rates, errors, durations }, by, 10_000);
  assert.deepEqual(red.times, [10, 20]);
  assert.deepEqual(
    red.groups.map(({ name, rate, errorRate }) => [name, rate, errorRate]),
    [
      ['b', 3, 1.5],
      ['a', 1, 0],
    ],
  );
  assert.deepEqual(red.groups[0]!.durations[0.95], [null, 5e8]);
  assert.deepEqual(readRed({ rates: none, errors: none, durations: none }, by, 1000).groups, []);
});

test('steps are round and about a hundred', () => {
  for (const minutes of [1, 5, 30, 60, 720, 10_080]) {
    const step = stepMsFor({ fromMs: 0, toMs: minutes * 60_000 });
    const count = (minutes * 60_000) / step;
    assert.ok(step % 1000 === 0 && count <= 100 && count > 20, `${minutes} min: ${step}`);
  }
});

test('a histogram becomes a matrix, and places in it durations', () => {
  const series = [
    { labels: [label('__bucket', { doubleValue: 2 ** 20 / 1e9 })], samples: samples(3, 0) },
    {
      labels: [label('__bucket', { doubleValue: 2 ** 22 / 1e9 })],
      samples: samples(0, 1),
      exemplars: [
        {
          labels: [label('trace:id', { stringValue: 'abc' }), label('duration', { stringValue: '3ms' })],
          value: 2,
          timestampMs: '15000',
        },
      ],
    },
  ];
  const heat = readHeat({ ...none, series }, 10_000)!;
  assert.deepEqual([heat.rows, heat.columns, heat.low, heat.countMax], [3, 2, 20, 3]);
  assert.deepEqual([...heat.counts], [3, 0, 0, 0, 0, 1]);
  assert.deepEqual(heat.exemplars, [{ traceId: 'abc', atMs: 15_000, durationNano: 3e6 }]);
  assert.deepEqual(cellAt(heat, 0.6, 0.9), { column: 1, row: 2 });
  assert.equal(cellAt(heat, 1, 0), undefined);
  for (const y of [0, 0.3, 1]) assert.ok(Math.abs(heightOf(heat, durationAt(heat, y)) - y) < 1e-9);
  assert.ok(strength(0, 9) === 0 && strength(1, 9) > 0.1 && strength(9, 9) === 1);
  assert.equal(readHeat(none, 1000), undefined);
});

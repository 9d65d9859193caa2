import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columnValue, mergeRows, rowsOf } from './rows.ts';

test('a row shows the matched span beside the root, and sums of services', () => {
  const [row] = rowsOf({
    metrics: {},
    traces: [
      {
        traceID: 'a1',
        rootServiceName: 'front',
        rootTraceName: 'GET /',
        startTimeUnixNano: '1700000000123456789',
        durationMs: 12,
        serviceStats: { front: { spanCount: 2 }, pay: { spanCount: 1, errorCount: 1 } },
        spanSets: [
          {
            spans: [
              {
                spanID: 'b1',
                name: 'charge',
                attributes: [
                  { key: 'service.name', value: { stringValue: 'pay' } },
                  { key: 'status', value: { stringValue: 'error' } },
                ],
              },
            ],
          },
        ],
      },
    ],
  });
  assert.deepEqual(row!.match, { spanId: 'b1', service: 'pay', name: 'charge', isError: true });
  assert.deepEqual([row!.startMs, row!.spans, row!.errors], [1_700_000_000_123.456, 3, 1]);
});

test('a root that matches is shown once, and one that has not come is empty', () => {
  const trace = { traceID: 'a', rootServiceName: '<root span not yet received>' };
  const root = {
    traceID: 'b',
    rootServiceName: 's',
    rootTraceName: 'op',
    spanSets: [
      { spans: [{ spanID: '1', name: 'op', attributes: [{ key: 'service.name', value: { stringValue: 's' } }] }] },
    ],
  };
  const [missing, matched] = rowsOf({ metrics: {}, traces: [trace, root] });
  assert.deepEqual([missing!.rootService, missing!.match, missing!.durationMs], ['', undefined, 0]);
  assert.equal(matched!.match, undefined);
});

test('columns find the values of the matched span by the names that the answer uses', () => {
  const attributes = [
    { key: 'http.route', value: { stringValue: '/a' } },
    { key: 'code', value: { intValue: '500' } },
    { key: 'absent', value: { stringValue: 'nil' } },
    { key: 'list', value: { arrayValue: { values: [{ stringValue: 'a' }] } } },
  ];
  const spans = [{ spanID: '1', name: 'op', durationNanos: '2500000', attributes }];
  const [row] = rowsOf({ metrics: {}, traces: [{ traceID: 'a', rootServiceName: 's', spanSets: [{ spans }] }] });
  const text = (column: string) => columnValue(row!, column)?.text;
  assert.deepEqual(['http.route', 'code', 'absent', 'name', 'duration'].map(text), [
    '/a',
    '500',
    undefined,
    'op',
    '2.5 ms',
  ]);
  assert.deepEqual(columnValue(row!, 'code'), { text: '500', literal: '500' });
  assert.equal(columnValue(row!, 'http.route')!.literal, '"/a"');
  assert.equal(columnValue(row!, 'duration')!.literal, '2.5ms');
  assert.equal(columnValue(row!, 'list')!.literal, undefined);
});

test('traces that come in stand on top, once, and the oldest make room', () => {
  const rows = (...starts: [string, number][]) =>
    rowsOf({
      metrics: {},
      traces: starts.map(([traceID, ms]) => ({
        traceID,
        rootServiceName: 's',
        startTimeUnixNano: `${ms}000000`,
      })),
    });
  const merged = mergeRows(rows(['b', 2], ['a', 1]), rows(['c', 3], ['b', 2]), 2);
  assert.deepEqual(
    merged.map(({ traceId }) => traceId),
    ['c', 'b'],
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columnValue, rowsOf } from './rows.ts';

test('a row shows the matched span beside the root, sums of services, and values of added columns', () => {
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
            matched: 3,
            attributes: [{ key: 'by(name)', value: { stringValue: 'charge' } }],
            spans: [
              {
                spanID: 'b1',
                name: 'charge',
                attributes: [
                  { key: 'service.name', value: { stringValue: 'pay' } },
                  { key: 'status', value: { stringValue: 'error' } },
                  { key: 'user.id', value: { stringValue: 'nil' } },
                  { key: 'http.status', value: { intValue: '500' } },
                ],
              },
            ],
          },
        ],
      },
    ],
  });
  assert.deepEqual(row!.match, { spanId: 'b1', service: 'pay', name: 'charge', isError: true });
  assert.deepEqual([row!.startMs, row!.matched, row!.spans, row!.errors], [1_700_000_000_123.456, 3, 3, 1]);
  assert.deepEqual(
    ['span.http.status', '.user.id', 'by(name)'].map((name) => columnValue(row!, name)),
    ['500', '', 'charge'],
  );
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

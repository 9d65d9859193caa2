import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rowsOf } from './rows.ts';

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

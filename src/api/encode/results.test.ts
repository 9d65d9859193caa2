import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtoReader } from '../../base/protobuf.ts';
import type { MetricsResult, QueryCost, SearchResult } from '../../traceql/result.ts';
import type {
  QueryInstantResponse,
  QueryRangeResponse,
  ScopedTagNamesResponse,
  SearchResponse,
  TagNamesResponse,
  TypedTagValuesResponse,
} from '../contract/index.ts';
import { metricsJson, metricsProto } from './metrics.ts';
import { searchJson, searchProto } from './search.ts';
import { scopedTagNamesJson, tagNamesJson, typedTagValuesJson } from './tags.ts';

const cost: QueryCost = {
  inspectedTraces: 4,
  inspectedSpans: 0,
  inspectedBytes: 21461,
  requests: 2,
  pages: 3,
  totalBlocks: 0,
  totalBlockBytes: 0,
  totalJobs: 1,
  completedJobs: 1,
  milliseconds: { read: 1.5 },
};
const metrics = { inspectedTraces: 4, inspectedBytes: '21461', completedJobs: 1, totalJobs: 1 };
const metadataMetrics = { inspectedBytes: '21461', totalJobs: 1, completedJobs: 1 };
const parsed = <T>(body: Buffer): T => JSON.parse(body.toString()) as T;

const search: SearchResult = {
  traces: [
    {
      traceId: '000000000000000000000000000000aa',
      rootServiceName: 'json-svc',
      rootTraceName: 'json span',
      startUnixNano: 1795507201000000000n,
      durationNano: 5_999_999,
      spanSets: [
        {
          spans: [
            {
              spanId: '00000000000000bb',
              name: 'json "span"',
              startUnixNano: 1795507201000000000n,
              durationNano: 5_000_000,
              attributes: [
                { key: 'i', value: { type: 'int', value: -7n } },
                { key: 'f', value: { type: 'float', value: Number.NaN } },
                { key: 's', value: { type: 'string', value: '' } },
                { key: 'b', value: { type: 'bool', value: false } },
                { key: 'd', value: { type: 'duration', value: 612_045 } },
                { key: 'status', value: { type: 'status', value: 'error' } },
                { key: 'kind', value: { type: 'kind', value: 'server' } },
                { key: 'none', value: { type: 'nil' } },
                { key: 'arr', value: { type: 'any', anyValue: Uint8Array.of(0x2a, 0x04, 0x0a, 0x02, 0x10, 0x01) } },
              ],
            },
          ],
          matched: 2,
          attributes: [{ key: 'by(kind)', value: { type: 'kind', value: 'server' } }],
        },
        { spans: [], matched: 0, attributes: [] },
      ],
      serviceStats: [{ service: 'json-svc', spanCount: 2, errorCount: 1 }],
    },
    {
      traceId: '00000000000000000000000000000000',
      rootServiceName: '',
      rootTraceName: '',
      startUnixNano: 0n,
      durationNano: 10,
      spanSets: [],
      serviceStats: [],
    },
  ],
  cost,
};

test('a search answer as JSON', () => {
  const spanSet = {
    spans: [
      {
        spanID: '00000000000000bb',
        name: 'json "span"',
        startTimeUnixNano: '1795507201000000000',
        durationNanos: '5000000',
        attributes: [
          { key: 'i', value: { intValue: '-7' } },
          { key: 'f', value: { doubleValue: 'NaN' as const } },
          { key: 's', value: { stringValue: '' } },
          { key: 'b', value: { boolValue: false } },
          { key: 'd', value: { stringValue: '612.045µs' } },
          { key: 'status', value: { stringValue: 'error' } },
          { key: 'kind', value: { stringValue: 'server' } },
          { key: 'none', value: { stringValue: 'nil' } },
          { key: 'arr', value: { arrayValue: { values: [{ boolValue: true }] } } },
        ],
      },
    ],
    matched: 2,
    attributes: [{ key: 'by(kind)', value: { stringValue: 'server' } }],
  };
  const want: SearchResponse = {
    traces: [
      {
        traceID: 'aa',
        rootServiceName: 'json-svc',
        rootTraceName: 'json span',
        startTimeUnixNano: '1795507201000000000',
        durationMs: 5,
        spanSet,
        spanSets: [spanSet, {}],
        serviceStats: { 'json-svc': { spanCount: 2, errorCount: 1 } },
      },
      { traceID: '0', rootServiceName: '<root span not yet received>' },
    ],
    metrics,
  };
  assert.deepEqual(parsed(searchJson(search, { leftPadTraceIds: false, withCost: false })), want);
  const padded = parsed<SearchResponse>(searchJson(search, { leftPadTraceIds: true, withCost: true, explain: [1] }));
  assert.equal(padded.traces[0]!.traceID, '000000000000000000000000000000aa');
  assert.deepEqual(padded.metrics.cost, { requests: 2, pages: 3, inspectedSpans: 0, milliseconds: { read: 1.5 } });
  assert.deepEqual(padded.explain, [1]);
  assert.ok(searchJson(search, { leftPadTraceIds: false, withCost: false }).includes('\\"span\\"'));
});

/** A message as nested lists of [field, payload]. `shape` names the fields that are messages. */
type Shape = { readonly [field: number]: Shape };
function fieldsOf(reader: ProtoReader, shape: Shape): unknown[] {
  const fields: unknown[] = [];
  while (reader.next()) {
    const inner = shape[reader.field];
    if (inner !== undefined) fields.push([reader.field, fieldsOf(reader.message(), inner)]);
    else if (reader.wireType === 2) fields.push([reader.field, reader.string()]);
    else if (reader.wireType === 1) fields.push([reader.field, reader.double()]);
    else fields.push([reader.field, reader.int64()]);
  }
  return fields;
}

test('a search answer as protobuf, by field numbers', () => {
  const keyValue: Shape = { 2: { 5: { 1: {} } } };
  const spanSet: Shape = { 1: { 5: keyValue }, 3: keyValue };
  const shape: Shape = { 1: { 6: spanSet, 7: spanSet, 8: { 2: {} } }, 2: {} };
  const set = [
    [
      1,
      [
        [1, '00000000000000bb'],
        [2, 'json "span"'],
        [3, 1795507201000000000n],
        [4, 5_000_000n],
        [
          5,
          [
            [1, 'i'],
            [2, [[3, -7n]]],
          ],
        ],
        [
          5,
          [
            [1, 'f'],
            [2, [[4, Number.NaN]]],
          ],
        ],
        [
          5,
          [
            [1, 's'],
            [2, [[1, '']]],
          ],
        ],
        [
          5,
          [
            [1, 'b'],
            [2, [[2, 0n]]],
          ],
        ],
        [
          5,
          [
            [1, 'd'],
            [2, [[1, '612.045µs']]],
          ],
        ],
        [
          5,
          [
            [1, 'status'],
            [2, [[1, 'error']]],
          ],
        ],
        [
          5,
          [
            [1, 'kind'],
            [2, [[1, 'server']]],
          ],
        ],
        [
          5,
          [
            [1, 'none'],
            [2, [[1, 'nil']]],
          ],
        ],
        [
          5,
          [
            [1, 'arr'],
            [2, [[5, [[1, [[2, 1n]]]]]]],
          ],
        ],
      ],
    ],
    [2, 2n],
    [
      3,
      [
        [1, 'by(kind)'],
        [2, [[1, 'server']]],
      ],
    ],
  ];
  assert.deepEqual(fieldsOf(new ProtoReader(searchProto(search, false)), shape), [
    [
      1,
      [
        [1, 'aa'],
        [2, 'json-svc'],
        [3, 'json span'],
        [4, 1795507201000000000n],
        [5, 5n],
        [6, set],
        [7, set],
        [7, []],
        [
          8,
          [
            [1, 'json-svc'],
            [
              2,
              [
                [1, 2n],
                [2, 1n],
              ],
            ],
          ],
        ],
      ],
    ],
    [
      1,
      [
        [1, '0'],
        [2, '<root span not yet received>'],
      ],
    ],
    [
      2,
      [
        [1, 4n],
        [2, 21461n],
        [4, 1n],
        [5, 1n],
      ],
    ],
  ]);
});

const rate: MetricsResult = {
  series: [
    {
      labels: [{ key: '__name__', value: { type: 'string', value: 'rate' } }],
      timestampsMs: [1795507200000, 1795507210000, 1795507220000],
      values: [0, 19.6, Number.POSITIVE_INFINITY],
      exemplars: [
        {
          labels: [{ key: 'trace:id', value: { type: 'string', value: 'aa' } }],
          value: 0,
          timestampMs: 1795507201000,
        },
      ],
    },
    { labels: [], timestampsMs: [1795507200000], values: [2], exemplars: [] },
  ],
  truncated: true,
  cost,
};
const partial = {
  status: 'PARTIAL' as const,
  message:
    'Response exceeds maximum series limit of 2, a partial response is returned. ' +
    'Warning: the accuracy of each individual value is not guaranteed.',
};

test('a metrics answer as JSON: samples over time, or one value', () => {
  const labels = [{ key: '__name__', value: { stringValue: 'rate' } }];
  const range: QueryRangeResponse = {
    series: [
      {
        labels,
        samples: [
          { timestampMs: '1795507200000' },
          { timestampMs: '1795507210000', value: 19.6 },
          { timestampMs: '1795507220000', value: 'Infinity' },
        ],
        exemplars: [{ labels: [{ key: 'trace:id', value: { stringValue: 'aa' } }], timestampMs: '1795507201000' }],
      },
      { samples: [{ timestampMs: '1795507200000', value: 2 }] },
    ],
    metrics,
    ...partial,
  };
  assert.deepEqual(parsed(metricsJson(rate, { instant: false, seriesMax: 2, withCost: false })), range);
  const instant: QueryInstantResponse = { series: [{ labels }, { value: 2 }], metrics, ...partial };
  assert.deepEqual(parsed(metricsJson(rate, { instant: true, seriesMax: 2, withCost: false })), instant);
});

test('a metrics answer as protobuf, by field numbers', () => {
  const series: Shape = { 1: { 2: {} }, 2: {}, 4: { 1: { 2: {} } } };
  const label = [
    1,
    [
      [1, '__name__'],
      [2, [[1, 'rate']]],
    ],
  ];
  const range = fieldsOf(new ProtoReader(metricsProto(rate, { instant: false, seriesMax: 2 })), { 1: series, 2: {} });
  const tail = [
    [
      2,
      [
        [1, 4n],
        [2, 21461n],
        [4, 1n],
        [5, 1n],
      ],
    ],
    [3, 1n],
    [4, partial.message],
  ];
  assert.deepEqual(range, [
    [
      1,
      [
        label,
        [2, [[2, 1795507200000n]]],
        [
          2,
          [
            [1, 19.6],
            [2, 1795507210000n],
          ],
        ],
        [
          2,
          [
            [1, Number.POSITIVE_INFINITY],
            [2, 1795507220000n],
          ],
        ],
        [
          4,
          [
            [
              1,
              [
                [1, 'trace:id'],
                [2, [[1, 'aa']]],
              ],
            ],
            [3, 1795507201000n],
          ],
        ],
      ],
    ],
    [
      1,
      [
        [
          2,
          [
            [1, 2],
            [2, 1795507200000n],
          ],
        ],
      ],
    ],
    ...tail,
  ]);
  const shape: Shape = { 1: { 1: { 2: {} } }, 2: {} };
  const instant = fieldsOf(new ProtoReader(metricsProto(rate, { instant: true, seriesMax: 2 })), shape);
  assert.deepEqual(instant, [[1, [label]], [1, [[2, 2]]], ...tail]);
});

test('tag answers as JSON', () => {
  const names: TagNamesResponse = { tagNames: ['a', 'b "c"'], metrics: metadataMetrics };
  assert.deepEqual(parsed(tagNamesJson(['a', 'b "c"'], cost, false)), names);
  const empty: TagNamesResponse = { tagNames: [], metrics: metadataMetrics };
  assert.deepEqual(parsed(tagNamesJson([], cost, false)), empty);
  const scopes: ScopedTagNamesResponse['scopes'] = [
    { name: 'span', tags: ['a'] },
    { name: 'event', tags: [] },
  ];
  const result = { scopes: scopes as { name: 'span' | 'event'; tags: string[] }[], cost };
  assert.deepEqual(parsed(scopedTagNamesJson(result, false)), { scopes, metrics: metadataMetrics });
  const values: TypedTagValuesResponse = {
    tagValues: [{ type: 'int', value: '7' }, { type: 'string' }],
    metrics: metadataMetrics,
  };
  const typed = [
    { type: 'int', value: '7' },
    { type: 'string', value: '' },
  ] as const;
  assert.deepEqual(parsed(typedTagValuesJson({ values: typed, cost }, false)), values);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namesOf } from '../model/made-trace.ts';
import { spanIdText } from '../model/trace.ts';
import { readDetails } from './detail.ts';
import { toOtlpJson } from './export.ts';
import { fileSource } from './file-source.ts';

const span = (id: string, parent: string, name: string, start: number, end: number) => ({
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: id.padStart(16, '0'),
  parentSpanId: parent === '' ? '' : parent.padStart(16, '0'),
  name,
  kind: 2,
  startTimeUnixNano: String(1_700_000_000_000_000_000n + BigInt(start)),
  endTimeUnixNano: String(1_700_000_000_000_000_000n + BigInt(end)),
  attributes: [{ key: 'n', value: { intValue: String(start) } }],
  status: {},
});
const groupOf = (service: string, ...spans: readonly object[]) => ({
  resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
  scopeSpans: [{ scope: {}, spans }],
});
const file = [
  groupOf('b', span('3', '2', 'late', 50, 60), span('2', '1', 'second', 40, 90)),
  groupOf('a', span('4', '9', 'orphan', 5, 8), span('1', '', 'root', 0, 100), span('5', '1', 'first', 10, 20)),
];

test('spans of a file stand depth first, roots before orphans', async () => {
  const source = fileSource('x.json', JSON.stringify({ resourceSpans: file }));
  const { trace } = source;
  assert.deepEqual(namesOf(trace, Array(5).keys()), ['root', 'first', 'second', 'late', 'orphan']);
  assert.deepEqual([...trace.parent], [-1, 0, 0, 2, -2]);
  assert.deepEqual([...trace.start], [0, 10, 40, 50, 5]);
  assert.equal(spanIdText(trace, 3), '0000000000000003');
  assert.deepEqual((await source.attribute('span.n')).values, [0, 10, 40, 50, 5]);
  assert.deepEqual([...(await source.attribute('resource.service.name')).codes], [1, 1, 2, 2, 1]);
  assert.deepEqual([...(await source.find('LATE'))], [3]);
  assert.equal((await source.detail(2))?.name, 'second');
});

test('one request a line, the answers of the query API and bare lists are read as well', () => {
  const lines = file.map((group) => JSON.stringify({ resourceSpans: [group] })).join('\n');
  for (const text of [
    lines,
    JSON.stringify({ batches: file }),
    JSON.stringify({ trace: { resourceSpans: file } }),
    JSON.stringify([{ resourceSpans: file }]),
  ])
    assert.equal(fileSource('x', text).trace.spans, 5);
});

test('spans that are each other’s parents are shown all the same', () => {
  const circle = [groupOf('a', span('1', '2', 'one', 0, 5), span('2', '1', 'two', 1, 4))];
  const { trace } = fileSource('x', JSON.stringify({ resourceSpans: circle }));
  assert.deepEqual([...trace.parent], [-2, 0]);
});

test('damaged files say what is wrong, and damaged spans hurt nobody', () => {
  assert.throws(() => fileSource('x', '{'), /This is no JSON/);
  assert.throws(() => fileSource('x', '{}\nno'), /line 2/);
  assert.throws(() => fileSource('x', '{"resourceSpans": 3}'), /no spans/);
  const odd = { ...span('1', '', 'odd', 0, 5), startTimeUnixNano: 'soon', attributes: 7, events: [null], status: 1 };
  const { trace } = fileSource('x', JSON.stringify({ resourceSpans: [groupOf('a', odd), null, 3] }));
  assert.equal(trace.spans, 1);
});

test('what the query API answers becomes OTLP: ids in hex, enums as numbers', () => {
  const tempo = [
    {
      resource: {},
      scopeSpans: [
        {
          scope: {},
          spans: [
            {
              traceId: 'CvdlGRbNQ92ESOshHIAxnA==',
              spanId: 't61rcWkgMzE=',
              kind: 'SPAN_KIND_CLIENT',
              status: { code: 'STATUS_CODE_ERROR' },
            },
          ],
        },
      ],
    },
  ];
  const text = toOtlpJson(tempo);
  assert.match(
    text,
    /"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","kind":3,"status":\{"code":2\}/,
  );
  const [before] = readDetails(tempo);
  const [after] = readDetails((JSON.parse(text) as { resourceSpans: unknown }).resourceSpans);
  assert.deepEqual({ ...after, json: undefined }, { ...before, json: undefined });
});

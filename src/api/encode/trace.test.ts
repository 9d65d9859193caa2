import assert from 'node:assert/strict';
import { test } from 'node:test';
import { liveFragment } from '../../block/live-fragment.ts';
import { type PlainSpan, tableToSpans } from '../../model/plain-span.ts';
import { SpanTable } from '../../model/span-table.ts';
import { jsonToExportRequest } from '../../protocol/otlp/json.ts';
import { OtlpScanner } from '../../protocol/otlp/scan.ts';
import { randomRequest } from '../../protocol/otlp/testing/random-request.ts';
import { resourceSpansJson } from './trace-json.ts';
import { spansWithin, tracesDataProto } from './trace-proto.ts';
import { firstSpansOf, loadTraceRows, type TraceRows } from './trace-rows.ts';

const signal = new AbortController().signal;
const cost = () => ({ requests: 0, bytes: 0, pages: 0 });

function scanned(...requests: readonly Uint8Array[]): SpanTable {
  const table = new SpanTable(64);
  const scanner = new OtlpScanner(table);
  for (const request of requests) scanner.scan(request, { maxAttributeBytes: 0 });
  return table;
}

async function tracesOf(table: SpanTable): Promise<TraceRows[]> {
  const fragment = liveFragment('test', table.share());
  await fragment.loadTraces(cost(), signal);
  const traces: TraceRows[] = [];
  for (let trace = 0; trace < fragment.traceCount; trace++)
    traces.push(await loadTraceRows({ fragment, trace }, cost(), signal));
  return traces;
}

/** Spans as text, without the order of attributes, events and spans; each once. */
function described(spans: readonly PlainSpan[]): string[] {
  return [...new Set(spans.map((span) => text(sorted(span))))].sort();
}

function sorted<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(sorted) as Value;
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      if (name !== 'attributes' && name !== 'events') return [name, sorted(member)];
      return [name, (member as unknown[]).map((item) => text(sorted(item))).sort()];
    }),
  ) as Value;
}

const text = (value: unknown): string =>
  JSON.stringify(value, (_name, member: unknown) => {
    if (typeof member === 'bigint') return `${member}n`;
    if (typeof member === 'number' && !Number.isFinite(member)) return String(member);
    if (Object.is(member, -0)) return '-0';
    return member instanceof Uint8Array ? Buffer.from(member).toString('hex') : member;
  });

const jsonOf = (traces: readonly TraceRows[]): string => Buffer.concat([...resourceSpansJson(traces)]).toString();
const protoOf = (traces: readonly TraceRows[]): Buffer => Buffer.concat([...tracesDataProto(traces)]);

/** OTLP JSON has hex where Tempo's has base64. */
function withHexIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withHexIds);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      /^(traceId|spanId|parentSpanId)$/.test(name) && typeof member === 'string'
        ? Buffer.from(member, 'base64').toString('hex')
        : withHexIds(member),
    ]),
  );
}

const seeds = Array.from({ length: 150 }, (_, index) => index + 1);

test('protobuf gives back every field that came in', async () => {
  for (const seed of seeds) {
    const table = scanned(randomRequest(seed), randomRequest(seed + 1000));
    const again = scanned(protoOf(await tracesOf(table)));
    assert.deepEqual(described(tableToSpans(again)), described(tableToSpans(table)), `seed ${seed}`);
  }
});

test('JSON gives back every field that came in', async () => {
  for (const seed of seeds) {
    const table = scanned(randomRequest(seed), randomRequest(seed + 1000));
    const json = JSON.stringify({ resourceSpans: withHexIds(JSON.parse(jsonOf(await tracesOf(table)))) });
    const again = scanned(jsonToExportRequest(Buffer.from(json)));
    assert.deepEqual(described(tableToSpans(again)), described(tableToSpans(table)), `seed ${seed}`);
  }
});

const otlp = (resourceSpans: unknown): Uint8Array =>
  jsonToExportRequest(Buffer.from(JSON.stringify({ resourceSpans })));

const span = (id: number, more: object = {}): object => ({
  traceId: '000000000000000000000000000000aa',
  spanId: id.toString(16).padStart(16, '0'),
  name: `span ${id}`,
  startTimeUnixNano: String(1_795_507_201_000_000_000n + BigInt(id)),
  endTimeUnixNano: String(1_795_507_201_005_000_000n + BigInt(id)),
  ...more,
});

const service = (name: string): object => ({ attributes: [{ key: 'service.name', value: { stringValue: name } }] });

test('JSON is that of Tempo: defaults left out, ids in base64, enums by name, status always', async () => {
  const [trace] = await tracesOf(
    scanned(
      otlp([
        {
          resource: { ...service('json-svc'), droppedAttributesCount: 1 },
          scopeSpans: [
            { scope: { name: 'lib' }, spans: [span(0xbb, { kind: 2, status: { code: 2, message: 'bad' } })] },
          ],
        },
        { scopeSpans: [{ spans: [span(0xcc, { parentSpanId: '00000000000000bb' })] }] },
      ]),
    ),
  );
  assert.deepEqual(JSON.parse(jsonOf([trace!])), [
    {
      resource: {
        attributes: [{ key: 'service.name', value: { stringValue: 'json-svc' } }],
        droppedAttributesCount: 1,
      },
      scopeSpans: [
        {
          scope: { name: 'lib' },
          spans: [
            {
              traceId: 'AAAAAAAAAAAAAAAAAAAAqg==',
              spanId: 'AAAAAAAAALs=',
              name: 'span 187',
              kind: 'SPAN_KIND_SERVER',
              startTimeUnixNano: '1795507201000000187',
              endTimeUnixNano: '1795507201005000187',
              status: { message: 'bad', code: 'STATUS_CODE_ERROR' },
            },
          ],
        },
      ],
    },
    {
      resource: {},
      scopeSpans: [
        {
          scope: {},
          spans: [
            {
              traceId: 'AAAAAAAAAAAAAAAAAAAAqg==',
              spanId: 'AAAAAAAAAMw=',
              parentSpanId: 'AAAAAAAAALs=',
              name: 'span 204',
              startTimeUnixNano: '1795507201000000204',
              endTimeUnixNano: '1795507201005000204',
              status: {},
            },
          ],
        },
      ],
    },
  ]);
});

test('spans of one resource stand together, one list for each scope', async () => {
  const resourceSpans = [
    { resource: service('a'), scopeSpans: [{ scope: { name: 'x' }, spans: [span(1), span(4)] }] },
    { resource: service('b'), scopeSpans: [{ scope: { name: 'x' }, spans: [span(2)] }] },
    { resource: service('a'), scopeSpans: [{ scope: { name: 'y' }, spans: [span(3)] }] },
  ];
  const [trace] = await tracesOf(scanned(otlp(resourceSpans)));
  const groups = JSON.parse(jsonOf([trace!])) as { scopeSpans: { scope: object; spans: { name: string }[] }[] }[];
  assert.deepEqual(
    groups.map((group) => group.scopeSpans.map((scope) => [scope.scope, scope.spans.map(({ name }) => name)])),
    [
      [
        [{ name: 'x' }, ['span 1', 'span 4']],
        [{ name: 'y' }, ['span 3']],
      ],
      [[{ name: 'x' }, ['span 2']]],
    ],
  );
});

/** A trace that is written in several pieces. */
async function longTrace(spans: number): Promise<{ table: SpanTable; trace: TraceRows }> {
  const attributes = [{ key: 'text', value: { stringValue: 'x'.repeat(500) } }];
  const half = Array.from({ length: spans / 2 }, (_, index) => span(index + 1, { attributes }));
  const rest = Array.from({ length: spans / 2 }, (_, index) => span(index + 1 + spans / 2, { attributes }));
  const table = scanned(
    otlp([
      {
        resource: service('a'),
        scopeSpans: [
          { scope: { name: 'x' }, spans: half },
          { scope: { name: 'y' }, spans: rest },
        ],
      },
    ]),
  );
  const [trace] = await tracesOf(table);
  return { table, trace: trace! };
}

test('a long trace comes in pieces that make one message', async () => {
  const { table, trace } = await longTrace(2000);
  assert.ok([...tracesDataProto([trace])].length > 3);
  assert.ok([...resourceSpansJson([trace])].length > 3);
  assert.deepEqual(described(tableToSpans(scanned(protoOf([trace])))), described(tableToSpans(table)));
  const groups = JSON.parse(jsonOf([trace])) as { scopeSpans: { spans: unknown[] }[] }[];
  assert.deepEqual(
    groups.map((group) => group.scopeSpans.map(({ spans }) => spans.length)),
    [[1000, 1000]],
  );
});

test('the spans that fit a number of bytes make no more than that, and the next one would', async () => {
  const { trace } = await longTrace(200);
  const whole = protoOf([trace]).length;
  assert.deepEqual(spansWithin(trace, whole * 2).spans, 200);
  for (const bytesMax of [0, 1, 700, 5000, 50_000]) {
    const { spans, bytes } = spansWithin(trace, bytesMax);
    assert.ok(bytes <= bytesMax);
    const cut = firstSpansOf(trace, spans);
    assert.equal(cut.endSpan - cut.firstSpan, spans);
    if (spans > 0) assert.ok(Math.abs(protoOf([cut]).length - bytes) < 20, `${protoOf([cut]).length} and ${bytes}`);
    assert.ok(protoOf([firstSpansOf(trace, spans + 1)]).length > bytesMax - 20);
  }
});

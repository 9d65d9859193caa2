import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RubatoError } from '../../base/errors.ts';
import { type PlainSpan, plainResource, plainScope, plainSpan, tableToSpans } from '../../model/plain-span.ts';
import { SpanTable } from '../../model/span-table.ts';
import { plainSpansToOtlp } from './encode-plain.ts';
import { jsonToExportRequest } from './json.ts';
import { OtlpScanner } from './scan.ts';

const ids = { traceId: '000000000000000000000000000000aa', spanId: '00000000000000bb' };

function spansOf(json: string): PlainSpan[] {
  const table = new SpanTable(16);
  new OtlpScanner(table).scan(jsonToExportRequest(Buffer.from(json)));
  return tableToSpans(table);
}

const spanJson = (fields: string): string =>
  `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"${ids.traceId}","spanId":"${ids.spanId}"${fields}}]}]}]}`;

function spanOf(fields: string): PlainSpan {
  return spansOf(spanJson(fields))[0]!;
}

function refusal(json: string): string {
  try {
    spansOf(json);
  } catch (error) {
    assert(error instanceof RubatoError);
    assert.equal(error.kind, 'invalid');
    return error.message;
  }
  throw new Error('was accepted');
}

test('every field of OTLP/JSON is read', () => {
  const json = {
    resourceSpans: [
      {
        resource: {
          attributes: [{ key: 'service.name', value: { stringValue: 'json-svc' } }],
          droppedAttributesCount: 1,
          entityRefs: [{ schemaUrl: 'u', type: 't', idKeys: ['a', 'b'], descriptionKeys: ['c'] }],
        },
        scopeSpans: [
          {
            scope: {
              name: 'lib',
              version: '2',
              attributes: [{ key: 's', value: { stringValue: 't' } }],
              droppedAttributesCount: 8,
            },
            spans: [
              {
                ...ids,
                parentSpanId: '00000000000000CC',
                name: 'json span',
                kind: 2,
                startTimeUnixNano: '1795507201000000001',
                endTimeUnixNano: '1795507201005000000',
                attributes: [
                  { key: 'a.str', value: { stringValue: 'x' } },
                  { key: 'a.int', value: { intValue: '-7' } },
                  { key: 'a.dbl', value: { doubleValue: 1.5 } },
                  { key: 'a.bool', value: { boolValue: true } },
                  { key: 'a.arr', value: { arrayValue: { values: [{ stringValue: 'p' }, { intValue: 2 }] } } },
                  { key: 'a.kv', value: { kvlistValue: { values: [{ key: 'k', value: { stringValue: 'v' } }] } } },
                  { key: 'a.bytes', value: { bytesValue: 'AQID/w==' } },
                  { key: 'a.url', value: { bytesValue: 'AQID_w' } },
                  { key: 'a.empty', value: {} },
                ],
                events: [
                  {
                    timeUnixNano: '1795507201001000000',
                    name: 'ev',
                    attributes: [{ key: 'e', value: { stringValue: '1' } }],
                    droppedAttributesCount: 2,
                  },
                ],
                links: [
                  {
                    traceId: '0102030405060708090a0b0c0d0e0f10',
                    spanId: '0102030405060708',
                    traceState: 'l=1',
                    flags: 3,
                  },
                ],
                status: { code: 2, message: 'bad' },
                traceState: 'k=v',
                flags: 257,
                droppedAttributesCount: 3,
                droppedEventsCount: 4,
                droppedLinksCount: 5,
              },
            ],
            schemaUrl: 'https://example.com/s',
          },
        ],
        schemaUrl: 'https://example.com/r',
      },
    ],
  };
  const expected: PlainSpan = {
    ...ids,
    parentSpanId: '00000000000000cc',
    name: 'json span',
    kind: 2,
    startTimeUnixNano: 1795507201000000001n,
    endTimeUnixNano: 1795507201005000000n,
    attributes: [
      { key: 'a.str', value: { type: 'string', value: 'x' } },
      { key: 'a.int', value: { type: 'int', value: -7n } },
      { key: 'a.dbl', value: { type: 'double', value: 1.5 } },
      { key: 'a.bool', value: { type: 'bool', value: true } },
      {
        key: 'a.arr',
        value: {
          type: 'array',
          value: [
            { type: 'string', value: 'p' },
            { type: 'int', value: 2n },
          ],
        },
      },
      { key: 'a.kv', value: { type: 'kvlist', value: [{ key: 'k', value: { type: 'string', value: 'v' } }] } },
      { key: 'a.bytes', value: { type: 'bytes', value: Uint8Array.of(1, 2, 3, 255) } },
      { key: 'a.url', value: { type: 'bytes', value: Uint8Array.of(1, 2, 3, 255) } },
      { key: 'a.empty', value: { type: 'empty' } },
    ],
    events: [
      {
        timeUnixNano: 1795507201001000000n,
        name: 'ev',
        attributes: [{ key: 'e', value: { type: 'string', value: '1' } }],
        droppedAttributesCount: 2,
      },
    ],
    links: [
      {
        traceId: '0102030405060708090a0b0c0d0e0f10',
        spanId: '0102030405060708',
        traceState: 'l=1',
        flags: 3,
        attributes: [],
        droppedAttributesCount: 0,
      },
    ],
    statusCode: 2,
    statusMessage: 'bad',
    traceState: 'k=v',
    flags: 257,
    droppedAttributesCount: 3,
    droppedEventsCount: 4,
    droppedLinksCount: 5,
    resource: plainResource({
      attributes: [{ key: 'service.name', value: { type: 'string', value: 'json-svc' } }],
      droppedAttributesCount: 1,
      entityRefs: [{ schemaUrl: 'u', type: 't', idKeys: ['a', 'b'], descriptionKeys: ['c'] }],
      schemaUrl: 'https://example.com/r',
    }),
    scope: plainScope({
      name: 'lib',
      version: '2',
      attributes: [{ key: 's', value: { type: 'string', value: 't' } }],
      droppedAttributesCount: 8,
      schemaUrl: 'https://example.com/s',
    }),
  };
  assert.deepEqual(spansOf(JSON.stringify(json)), [expected]);
  // The same span by way of protobuf.
  const table = new SpanTable(1);
  new OtlpScanner(table).scan(plainSpansToOtlp([expected]));
  assert.deepEqual(tableToSpans(table), [expected]);
});

test('original field names, enum names, unknown fields and nulls are read', () => {
  const json = `{"resource_spans":[{"resource":null,"new":{"x":[1]},"scope_spans":[{"spans":[{"trace_id":"${ids.traceId}",
    "span_id":"${ids.spanId}","parent_span_id":"","kind":"SPAN_KIND_SERVER","start_time_unix_nano":5,"events":null,
    "status":{"code":"STATUS_CODE_ERROR"},"attributes":[{"key":"k","value":null}]}]}]}]}`;
  assert.deepEqual(spansOf(json), [
    plainSpan({
      ...ids,
      kind: 2,
      startTimeUnixNano: 5n,
      statusCode: 2,
      attributes: [{ key: 'k', value: { type: 'empty' } }],
    }),
  ]);
});

test('deprecated instrumentation library spans are read', () => {
  const json = `{"resourceSpans":[{"instrumentationLibrarySpans":[{"instrumentationLibrary":{"name":"old"},"spans":[{"traceId":"${ids.traceId}","spanId":"${ids.spanId}"}]}]}]}`;
  assert.equal(spansOf(json)[0]?.scope.name, 'old');
});

test('64-bit numbers are exact, written as numbers or strings', () => {
  for (const quote of ['', '"']) {
    const span = spanOf(
      `,"startTimeUnixNano":${quote}1795507201000000001${quote},"endTimeUnixNano":${quote}18446744073709551615${quote},
      "attributes":[{"key":"i","value":{"intValue":${quote}-9223372036854775808${quote}}}]`,
    );
    assert.equal(span.startTimeUnixNano, 1795507201000000001n);
    assert.equal(span.endTimeUnixNano, 2n ** 64n - 1n);
    assert.deepEqual(span.attributes[0]?.value, { type: 'int', value: -(2n ** 63n) });
  }
});

test('doubles may be any JSON number or the names of what JSON cannot say', () => {
  const value = (json: string): unknown => {
    const attribute = spanOf(`,"attributes":[{"key":"d","value":{"doubleValue":${json}}}]`).attributes[0]!;
    return attribute.value.type === 'double' ? attribute.value.value : attribute.value;
  };
  assert.equal(value('1e3'), 1000);
  assert.equal(value('12345678901234567890'), Number(12345678901234567890n));
  assert.equal(value('"1.5"'), 1.5);
  assert.equal(value('"NaN"'), Number.NaN);
  assert.equal(value('"-Infinity"'), Number.NEGATIVE_INFINITY);
});

test('what is wrong is refused with its place', () => {
  const span = 'resourceSpans[0].scopeSpans[0].spans[0]';
  const cases: [string, string | RegExp][] = [
    ['{"resourceSpans": [', /^not JSON: /],
    ['', /^not JSON: /],
    [`[${'['.repeat(100_000)}`, /^not JSON: /],
    ['[]', 'expected an object, found an array'],
    ['null', 'expected an object, found null'],
    ['{"resourceSpans":{}}', 'resourceSpans: expected an array, found an object'],
    ['{"resourceSpans":[null]}', 'resourceSpans[0]: expected an object, found null'],
    [spanJson(',"name":5'), `${span}.name: expected a string, found 5`],
    [spanJson(',"parentSpanId":"xyz"'), `${span}.parentSpanId: expected a hex string`],
    [spanJson(',"kind":"SERVER"'), `${span}.kind: unknown name "SERVER"`],
    [spanJson(',"startTimeUnixNano":"-1"'), `${span}.startTimeUnixNano: -1 is out of range`],
    [spanJson(',"startTimeUnixNano":1.5'), `${span}.startTimeUnixNano: expected a whole number, found 1.5`],
    [spanJson(',"flags":4294967296'), `${span}.flags: 4294967296 is out of range`],
    [
      spanJson(',"attributes":[{"key":"k","value":{"intValue":"9223372036854775808"}}]'),
      `${span}.attributes[0].value.intValue: 9223372036854775808 is out of range`,
    ],
    [
      spanJson(',"attributes":[{"value":{"boolValue":"x"}}]'),
      `${span}.attributes[0].value.boolValue: expected true or false, found "x"`,
    ],
    [
      spanJson(',"attributes":[{"value":{"bytesValue":"?"}}]'),
      `${span}.attributes[0].value.bytesValue: expected a base64 string`,
    ],
    [spanJson('').replace(ids.traceId, '00aa'), 'trace ids must be 128 bit, received 16 bits'],
    [spanJson('').replace(ids.traceId, '0'.repeat(32)), 'trace ids must be 128 bit, received 0 bits'],
  ];
  for (const [json, message] of cases) {
    if (typeof message === 'string') assert.equal(refusal(json), message);
    else assert.match(refusal(json), message);
  }
});

test('nesting has the same limit as in protobuf', () => {
  const nested = (depth: number): string =>
    spanJson(
      `,"attributes":[{"key":"d","value":${'{"arrayValue":{"values":['.repeat(depth - 1)}{"intValue":"1"}${']}}'.repeat(depth - 1)}}]`,
    );
  assert.equal(spansOf(nested(64)).length, 1);
  assert.match(refusal(nested(65)), /nested deeper than 64/);
  // With a long number, which takes the reviver that recurses.
  assert.match(refusal(nested(5000).replace('"1"', '12345678901234567890')), /nested deeper than 64|not JSON/);
});

test('an empty request is an empty request', () => {
  assert.equal(jsonToExportRequest(Buffer.from('{}')).length, 0);
  assert.equal(spansOf('{"resourceSpans":[]}').length, 0);
});

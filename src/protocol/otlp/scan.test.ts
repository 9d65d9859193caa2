import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RubatoError } from '../../base/errors.ts';
import { ProtoWriter } from '../../base/protobuf.ts';
import type { AnyValue, KeyValue } from '../../model/any-value.ts';
import { type PlainSpan, plainResource, plainScope, plainSpan, tableToSpans } from '../../model/plain-span.ts';
import { SpanTable } from '../../model/span-table.ts';
import { plainSpansToOtlp } from './encode-plain.ts';
import { OtlpScanner } from './scan.ts';
import { randomRequest } from './testing/random-request.ts';
import { decodeRequest } from './testing/reference-decoder.ts';

const text = (value: string): AnyValue => ({ type: 'string', value });
const ids = { traceId: '0102030405060708090a0b0c0d0e0f10', spanId: '1112131415161718' };

function scanned(...requests: Uint8Array[]): PlainSpan[] {
  const table = new SpanTable(16);
  const scanner = new OtlpScanner(table);
  for (const request of requests) scanner.scan(request);
  return tableToSpans(table);
}

function refusal(request: Uint8Array): RubatoError {
  const table = new SpanTable(16);
  try {
    new OtlpScanner(table).scan(request);
  } catch (error) {
    assert(error instanceof RubatoError);
    assert.equal(error.kind, 'invalid');
    assert.equal(table.spanCount, 0);
    return error;
  }
  throw new Error('was accepted');
}

/** A request with one span made of these fields, behind sound ids. */
function spanRequest(fields: (span: ProtoWriter) => void): Uint8Array {
  const writer = new ProtoWriter();
  writer.message(1, () =>
    writer.message(2, () =>
      writer.message(2, () => {
        writer.bytes(1, Buffer.from(ids.traceId, 'hex'));
        writer.bytes(2, Buffer.from(ids.spanId, 'hex'));
        fields(writer);
      }),
    ),
  );
  return writer.finish();
}

test('every field of OTLP reaches the table', () => {
  const span: PlainSpan = {
    ...ids,
    parentSpanId: '2122232425262728',
    traceState: 'k=v',
    flags: 0xffff_ffff,
    name: 'GET /',
    kind: 2,
    startTimeUnixNano: 1795507201000000001n,
    endTimeUnixNano: 2n ** 64n - 1n,
    attributes: [
      { key: 'string', value: text('x') },
      { key: 'int', value: { type: 'int', value: -(2n ** 63n) } },
      { key: 'double', value: { type: 'double', value: -0.5 } },
      { key: 'bool', value: { type: 'bool', value: true } },
      { key: 'bytes', value: { type: 'bytes', value: Uint8Array.of(1, 2) } },
      { key: 'empty', value: { type: 'empty' } },
      { key: 'array', value: { type: 'array', value: [text('p'), { type: 'int', value: 2n }] } },
      { key: 'kvlist', value: { type: 'kvlist', value: [{ key: 'k', value: { type: 'bool', value: false } }] } },
    ],
    droppedAttributesCount: 1,
    events: [
      {
        timeUnixNano: 1795507201000000002n,
        name: 'ev',
        attributes: [{ key: 'e', value: text('1') }],
        droppedAttributesCount: 2,
      },
      { timeUnixNano: 0n, name: '', attributes: [], droppedAttributesCount: 0 },
    ],
    droppedEventsCount: 3,
    links: [
      {
        traceId: 'ff'.repeat(16),
        spanId: 'ee'.repeat(8),
        traceState: 'l=1',
        flags: 0x8000_0000,
        attributes: [{ key: 'l', value: text('2') }],
        droppedAttributesCount: 4,
      },
    ],
    droppedLinksCount: 5,
    statusCode: 2,
    statusMessage: 'bad',
    resource: plainResource({
      attributes: [{ key: 'service.name', value: text('svc') }],
      droppedAttributesCount: 6,
      entityRefs: [{ schemaUrl: 'u', type: 'service', idKeys: ['service.name'], descriptionKeys: ['d1', 'd2'] }],
      schemaUrl: 'https://example.com/r',
    }),
    scope: plainScope({
      name: 'lib',
      version: '2',
      attributes: [{ key: 's', value: text('t') }],
      droppedAttributesCount: 7,
      schemaUrl: 'https://example.com/s',
    }),
  };
  assert.deepEqual(scanned(plainSpansToOtlp([span])), [span]);
});

test('a span without anything but its ids has defaults everywhere', () => {
  assert.deepEqual(scanned(plainSpansToOtlp([plainSpan(ids)])), [plainSpan(ids)]);
});

test('equal resource and scope are one row, in one request and the next', () => {
  const resource = plainResource({ attributes: [{ key: 'service.name', value: text('svc') }] });
  const other = plainScope({ name: 'other' });
  const spans = [
    plainSpan({ ...ids, resource }),
    plainSpan({ ...ids, resource, scope: other }),
    plainSpan({ ...ids, resource }),
  ];
  const table = new SpanTable(16);
  const scanner = new OtlpScanner(table);
  assert.equal(scanner.scan(plainSpansToOtlp(spans)).spans, 3);
  assert.equal(scanner.scan(plainSpansToOtlp(spans.slice(0, 2))).spans, 2);
  assert.equal(table.resourceCount, 2);
  assert.equal(table.traceCount, 1);
});

test('a resource behind its spans, and a scope behind its spans, are theirs', () => {
  const writer = new ProtoWriter();
  writer.message(1, () => {
    writer.message(2, () => {
      writer.message(2, () => {
        writer.bytes(2, Buffer.from(ids.spanId, 'hex'));
        writer.bytes(1, Buffer.from(ids.traceId, 'hex'));
      });
      writer.message(1, () => writer.string(1, 'late scope'));
    });
    writer.string(3, 'late url');
    writer.message(1, () => writer.uint(2, 9));
  });
  const [span] = scanned(writer.finish());
  assert.equal(span?.scope.name, 'late scope');
  assert.equal(span?.resource.schemaUrl, 'late url');
  assert.equal(span?.resource.droppedAttributesCount, 9);
});

test('attributes that come twice are all kept', () => {
  const attributes: KeyValue[] = [
    { key: 'a', value: text('1') },
    { key: 'b', value: text('2') },
    { key: 'a', value: text('3') },
    { key: 'a', value: { type: 'int', value: 4n } },
  ];
  const event = { timeUnixNano: 1n, name: 'e', attributes, droppedAttributesCount: 0 };
  const [span] = scanned(plainSpansToOtlp([plainSpan({ ...ids, attributes, events: [event] })]));
  const kept = [attributes[0], attributes[1], attributes[3], attributes[2]];
  assert.deepEqual(span?.attributes, kept);
  assert.deepEqual(span?.events[0]?.attributes, kept);
});

test('bytes that are not UTF-8 stay as they are in values, and name one column as keys', () => {
  const request = spanRequest((span) => {
    for (const byte of [0xfe, 0xff])
      span.message(9, () => {
        span.bytes(1, Uint8Array.of(byte));
        span.message(2, () => span.bytes(1, Uint8Array.of(byte, 0x80)));
      });
  });
  const table = new SpanTable(16);
  new OtlpScanner(table).scan(request);
  const id = table.attrs[0]!;
  assert.equal(table.columns[table.valueColumn[id]!]!.key, '\ufffd');
  const at = table.valueOffset[id]!;
  assert.deepEqual([...table.arena.subarray(at, at + table.valueLength[id]!)], [0xfe, 0x80]);
  assert.equal(tableToSpans(table)[0]?.attributes.length, 2);
});

test('long keys and strings are cut between characters and counted', () => {
  const attributes = [
    { key: 'kéy', value: text('aéé') },
    { key: 'ok', value: text('1234') },
    { key: 'list', value: { type: 'array' as const, value: [text('not cut at all')] } },
  ];
  const request = plainSpansToOtlp([
    plainSpan({ ...ids, attributes, resource: plainResource({ attributes: [{ key: 'long1', value: text('2') }] }) }),
  ]);
  const table = new SpanTable(16);
  const scanner = new OtlpScanner(table);
  for (const round of [0, 1]) {
    assert.equal(scanner.scan(request, { maxAttributeBytes: 4 }).truncatedAttributes, 2);
    const span = tableToSpans(table)[round]!;
    assert.deepEqual(span.attributes, [
      { key: 'kéy', value: text('aé') },
      { key: 'ok', value: text('1234') },
      { key: 'list', value: { type: 'array', value: [text('not cut at all')] } },
    ]);
    assert.deepEqual(span.resource.attributes, [{ key: 'long', value: text('2') }]);
  }
  assert.equal(scanner.scan(request, { maxAttributeBytes: 0 }).truncatedAttributes, 0);
  assert.deepEqual(tableToSpans(table)[2]?.attributes, attributes);
  assert.equal(tableToSpans(table)[2]?.resource.attributes[0]?.key, 'long1');
});

test('the default limit is 2048 bytes', () => {
  const request = plainSpansToOtlp([plainSpan({ ...ids, attributes: [{ key: 'k', value: text('x'.repeat(3000)) }] })]);
  assert.deepEqual(scanned(request)[0]?.attributes, [{ key: 'k', value: text('x'.repeat(2048)) }]);
});

test('ids of the wrong size are refused in words that clients know', () => {
  const withIds = (trace: number[], span: number[]): Uint8Array => {
    const writer = new ProtoWriter();
    writer.message(1, () =>
      writer.message(2, () =>
        writer.message(2, () => {
          writer.bytes(1, Uint8Array.from(trace));
          writer.bytes(2, Uint8Array.from(span));
        }),
      ),
    );
    return writer.finish();
  };
  const trace = Array<number>(16).fill(1);
  const span = Array<number>(8).fill(1);
  const cases: [Uint8Array, string, string][] = [
    [withIds([1, 2], span), 'invalid_trace_id', 'trace ids must be 128 bit, received 16 bits'],
    [withIds([], span), 'invalid_trace_id', 'trace ids must be 128 bit, received 0 bits'],
    [withIds(Array(16).fill(0), span), 'invalid_trace_id', 'trace ids must be 128 bit, received 0 bits'],
    [withIds([...trace, 1], span), 'invalid_trace_id', 'trace ids must be 128 bit, received 136 bits'],
    [withIds(trace, [1]), 'invalid_span_id', 'span ids must be 64 bit and not all zero, received 8 bits'],
    [withIds(trace, []), 'invalid_span_id', 'span ids must be 64 bit and not all zero, received 0 bits'],
    [withIds(trace, Array(8).fill(0)), 'invalid_span_id', 'span ids must be 64 bit and not all zero, received 0 bits'],
    [
      spanRequest((s) => s.bytes(4, Uint8Array.of(1, 2))),
      'invalid_span_id',
      'parent span ids must be 64 bit, received 16 bits',
    ],
  ];
  for (const [request, code, message] of cases) {
    const error = refusal(request);
    assert.equal(error.code, code);
    assert.equal(error.message, message);
  }
  assert.equal(scanned(spanRequest((s) => s.bytes(4, new Uint8Array(8))))[0]?.parentSpanId, '');
  assert.equal(scanned(spanRequest((s) => s.bytes(4, new Uint8Array(0))))[0]?.parentSpanId, '');
});

test('damage is refused and located', () => {
  const good = plainSpansToOtlp([plainSpan({ ...ids, name: 'x' })]);
  const damaged = spanRequest((span) => {
    span.message(9, () => span.string(1, 'sound'));
    span.message(9, () => {
      span.string(1, 'k');
      // A string that claims to be longer than its AnyValue.
      span.message(2, () => span.raw(Uint8Array.of(0x0a, 0x70, 0x61)));
    });
  });
  const cases: [string, Uint8Array, RegExp][] = [
    [
      'a group',
      Buffer.from('this is not protobuf'),
      /^damaged protobuf at byte 1 \(request\): groups are not supported$/,
    ],
    ['cut off', good.subarray(0, good.length - 1), /^damaged protobuf at byte 1 \(resource_spans\[0\]\): length/],
    [
      'a length past the end',
      damaged,
      /^damaged protobuf at byte \d+ \(resource_spans\[0\]\.scope_spans\[0\]\.spans\[0\]\.attributes\[1\]\.value\.string_value\): length 112/,
    ],
    [
      'a varint without end',
      spanRequest((s) => s.raw(new Uint8Array(11).fill(0xff))),
      /varint is longer than 10 bytes/,
    ],
    [
      'a varint that is cut off',
      spanRequest((s) => s.raw(Uint8Array.of(0x30, 0x80))),
      /spans\[0\]\.kind\): varint is cut/,
    ],
    [
      'a huge length',
      spanRequest((s) => s.raw(Uint8Array.of(0x2a, 255, 255, 255, 255, 255, 255, 255, 255, 127))),
      /name\): length/,
    ],
    ['field 0', spanRequest((s) => s.raw(Uint8Array.of(2, 0))), /field number 0/],
    ['wire type 7', spanRequest((s) => s.raw(Uint8Array.of(0x0f))), /unknown wire type 7/],
    [
      'a short fixed64',
      spanRequest((s) => s.raw(Uint8Array.of(0x39, 1, 2))),
      /start_time_unix_nano\): 8 bytes are cut off/,
    ],
    ['a missing length', spanRequest((s) => s.raw(Uint8Array.of(0x4a))), /cut off/],
  ];
  for (const [name, request, message] of cases) {
    const error = refusal(request);
    assert.equal(error.code, 'invalid_protobuf', name);
    assert.match(error.message, message, name);
  }
});

test('nesting has a limit, however deep it goes', () => {
  const nested = (depth: number): Uint8Array => {
    // Inside out: each AnyValue is an array of the one before.
    let value: Uint8Array = Uint8Array.of(0x18, 1);
    for (let i = 1; i < depth; i++) {
      const writer = new ProtoWriter();
      writer.message(5, () => writer.bytes(1, value));
      value = writer.finish();
    }
    return spanRequest((span) =>
      span.message(9, () => {
        span.string(1, 'deep');
        span.bytes(2, value);
      }),
    );
  };
  assert.equal(scanned(nested(64))[0]?.attributes.length, 1);
  for (const depth of [65, 3000]) assert.match(refusal(nested(depth)).message, /nested deeper than 64/);
});

test('what fails leaves no trace, also when it fails at its last span', () => {
  const table = new SpanTable(16);
  const scanner = new OtlpScanner(table);
  const event = {
    timeUnixNano: 1n,
    name: 'e',
    attributes: [{ key: 'a', value: text('1') }],
    droppedAttributesCount: 0,
  };
  const twice = [event.attributes[0]!, event.attributes[0]!];
  const good = plainSpan({ ...ids, attributes: twice, events: [event] });
  scanner.scan(plainSpansToOtlp([good]));
  const before = table.mark();
  assert.throws(() => scanner.scan(plainSpansToOtlp([good, good, { ...good, spanId: '00' }])), RubatoError);
  // Fails inside an event's attributes, with duplicates read before.
  const writer = new ProtoWriter();
  writer.raw(plainSpansToOtlp([good]));
  writer.raw(spanRequest((s) => s.message(11, () => s.message(3, () => s.raw(Uint8Array.of(0x0a, 50))))));
  assert.throws(() => scanner.scan(writer.finish()), RubatoError);
  assert.deepEqual(table.mark(), before);
  scanner.scan(plainSpansToOtlp([good]));
  const [first, second] = tableToSpans(table);
  assert.deepEqual(first, second);
});

test('megabytes of empty messages cost time in proportion to their bytes', () => {
  const empty = (tag: number): Uint8Array => {
    const bytes = new Uint8Array(4 << 20);
    for (let i = 0; i < bytes.length; i += 2) bytes[i] = tag;
    return bytes;
  };
  const scan = (request: Uint8Array): SpanTable => {
    const table = new SpanTable(16);
    new OtlpScanner(table).scan(request);
    return table;
  };
  const started = performance.now();
  const scopes = new ProtoWriter();
  scopes.bytes(1, empty(0x12));
  for (const request of [empty(0x0a), scopes.finish()]) assert.equal(scan(request).resourceCount, 0);
  // The first attribute, and all others as duplicates of it.
  assert.equal(scan(spanRequest((s) => s.raw(empty(0x4a)))).attrCount, 2);
  assert.equal(scan(spanRequest((s) => s.raw(empty(0x5a)))).eventCount, 2 << 20);
  assert.equal(scan(spanRequest((s) => s.raw(empty(0x6a)))).linkCount, 2 << 20);
  assert.equal(scan(spanRequest((s) => s.raw(empty(0x7a)))).spanCount, 1);
  // About 3 s on a quiet machine.
  assert(performance.now() - started < 120_000);
});

test('the scanner agrees with a slow reader on any legal message', () => {
  const table = new SpanTable(16);
  const scanner = new OtlpScanner(table);
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(0, 4, 5, 128, 2048), (seed, maxAttributeBytes) => {
      const request = randomRequest(seed);
      const expected = decodeRequest(request, maxAttributeBytes);
      const from = table.spanCount;
      const result = scanner.scan(request, { maxAttributeBytes });
      assert.equal(result.spans, expected.spans.length);
      assert.deepEqual(tableToSpans(table).slice(from), expected.spans);
      assert.equal(result.truncatedAttributes, expected.cuts);
      table.rollback({ spanCount: 0, eventCount: 0, linkCount: 0, attrCount: 0, eventAttrCount: 0, linkAttrCount: 0 });
    }),
    { numRuns: 400, endOnFailure: true },
  );
});

test('mutated bytes are refused whole or read as the slow reader reads them', () => {
  const table = new SpanTable(16);
  const scanner = new OtlpScanner(table);
  const mutation = fc.record({
    at: fc.nat(1 << 16),
    byte: fc.nat(255),
    kind: fc.constantFrom('set', 'insert', 'delete'),
  });
  fc.assert(
    fc.property(fc.integer(), fc.array(mutation, { minLength: 1, maxLength: 4 }), (seed, mutations) => {
      const bytes = [...randomRequest(seed)];
      for (const { at, byte, kind } of mutations) {
        const place = at % (bytes.length + 1);
        bytes.splice(place, kind === 'insert' ? 0 : 1, ...(kind === 'delete' ? [] : [byte]));
      }
      const before = table.mark();
      const request = Uint8Array.from(bytes);
      try {
        scanner.scan(request);
      } catch (error) {
        assert(error instanceof RubatoError, String(error));
        assert.deepEqual(table.mark(), before);
        return;
      }
      let expected: PlainSpan[];
      try {
        expected = decodeRequest(request, 2048).spans;
      } catch {
        return;
      }
      assert.deepEqual(tableToSpans(table).slice(before.spanCount), expected);
      table.rollback(before);
    }),
    { numRuns: 1000, endOnFailure: true },
  );
});

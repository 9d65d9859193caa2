import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RubatoError } from '../../base/errors.ts';
import { ProtoWriter } from '../../base/protobuf.ts';
import type { AnyValue, KeyValue } from '../../model/any-value.ts';
import type { PlainSpan } from '../../model/plain-span.ts';
import { entriesMax } from '../entry-limit.ts';
import { scannedSpans } from '../otlp/testing/scanned-spans.ts';
import { zipkinV2JsonToOtlp } from './v2-json.ts';
import { zipkinV2ProtoToOtlp } from './v2-proto.ts';

const now = 1_800_000_000_000_000_000n;
const text = (value: string): AnyValue => ({ type: 'string', value });
const int = (value: number): AnyValue => ({ type: 'int', value: BigInt(value) });

interface JsonEndpoint {
  serviceName?: string;
  ipv4?: string;
  ipv6?: string;
  port?: number;
}

/** As Zipkin's API has it; also what the protobuf encoder below takes. */
interface JsonSpan {
  traceId: string;
  id: string;
  parentId?: string;
  name?: string;
  kind?: string;
  timestamp?: number;
  duration?: number;
  localEndpoint?: JsonEndpoint;
  remoteEndpoint?: JsonEndpoint;
  annotations?: { timestamp: number; value: string }[];
  tags?: Record<string, string>;
  debug?: boolean;
  shared?: boolean;
}

const json = (body: unknown): Uint8Array => zipkinV2JsonToOtlp(Buffer.from(JSON.stringify(body)), now);

/** zipkin.proto by its field numbers. */
function encodeProto(spans: readonly JsonSpan[]): Buffer {
  const writer = new ProtoWriter();
  for (const span of spans)
    writer.message(1, () => {
      writer.bytes(1, Buffer.from(span.traceId, 'hex'));
      if (span.parentId !== undefined) writer.bytes(2, Buffer.from(span.parentId, 'hex'));
      writer.bytes(3, Buffer.from(span.id, 'hex'));
      if (span.kind !== undefined) writer.int(4, ['', 'CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER'].indexOf(span.kind));
      if (span.name !== undefined) writer.string(5, span.name);
      if (span.timestamp !== undefined) writer.fixed64(6, BigInt(span.timestamp));
      if (span.duration !== undefined) writer.uint(7, span.duration);
      for (const [field, endpoint] of [
        [8, span.localEndpoint],
        [9, span.remoteEndpoint],
      ] as const)
        if (endpoint !== undefined) writer.message(field, () => protoEndpoint(writer, endpoint));
      for (const { timestamp, value } of span.annotations ?? [])
        writer.message(10, () => {
          writer.fixed64(1, BigInt(timestamp));
          writer.string(2, value);
        });
      for (const [key, value] of Object.entries(span.tags ?? {}))
        writer.message(11, () => {
          writer.string(1, key);
          writer.string(2, value);
        });
      if (span.debug !== undefined) writer.bool(12, span.debug);
      if (span.shared !== undefined) writer.bool(13, span.shared);
    });
  return Buffer.from(writer.finish());
}

function protoEndpoint(writer: ProtoWriter, endpoint: JsonEndpoint): void {
  if (endpoint.serviceName !== undefined) writer.string(1, endpoint.serviceName);
  if (endpoint.ipv4 !== undefined) writer.bytes(2, Buffer.from(endpoint.ipv4.split('.').map(Number)));
  if (endpoint.ipv6 !== undefined) writer.bytes(3, ipv6Bytes(endpoint.ipv6));
  if (endpoint.port !== undefined) writer.int(4, endpoint.port);
}

function ipv6Bytes(address: string): Buffer {
  const [head = '', tail = ''] = address
    .split('::')
    .map((half) => half.replace(/[^:]+/g, (group) => group.padStart(4, '0')));
  const before = head.replaceAll(':', '');
  const after = tail.replaceAll(':', '');
  return Buffer.from(before + '0'.repeat(32 - before.length - after.length) + after, 'hex');
}

const plain: JsonSpan = {
  traceId: '0102030405060708f90a0b0c0d0e0f10',
  id: 'f112131415161718',
  timestamp: 1_795_507_201_000_001,
  duration: 1500,
};

/** One span by both encodings; they must agree. */
function translated(span: Partial<JsonSpan>): PlainSpan {
  const whole = { ...plain, ...span };
  const [fromJson] = scannedSpans(json([whole]));
  const [fromProto] = scannedSpans(zipkinV2ProtoToOtlp(encodeProto([whole]), now));
  assert.deepEqual(fromProto, fromJson);
  return fromJson!;
}

function byKey(list: readonly KeyValue[]): Record<string, AnyValue> {
  return Object.fromEntries(list.map(({ key, value }) => [key, value]));
}

function refusal(body: unknown): string {
  try {
    json(body);
  } catch (error) {
    assert(error instanceof RubatoError && error.kind === 'invalid');
    return error.message;
  }
  throw new Error('was accepted');
}

test('every field of a span arrives, by both encodings', () => {
  const span = translated({
    parentId: '2122232425262728',
    name: 'get /',
    kind: 'CLIENT',
    localEndpoint: { serviceName: 'shop', ipv4: '10.0.0.1', port: 8080 },
    remoteEndpoint: { serviceName: 'db', ipv6: '2001:db8::1', port: 65535 },
    annotations: [{ timestamp: 1_795_507_201_000_002, value: 'ws' }],
    tags: {
      'http.path': '/ü',
      n: '5',
      'k8s.pod.name': 'shop-1',
      'otel.library.name': 'lib',
      'otel.library.version': '2',
      'w3c.tracestate': 'k=v',
    },
    debug: true,
    shared: true,
  });
  assert.equal(span.traceId, plain.traceId);
  assert.equal(span.spanId, plain.id);
  assert.equal(span.parentSpanId, '2122232425262728');
  assert.equal(span.name, 'get /');
  assert.equal(span.kind, 3);
  assert.equal(span.traceState, 'k=v');
  assert.equal(span.startTimeUnixNano, 1_795_507_201_000_001_000n);
  assert.equal(span.endTimeUnixNano, 1_795_507_201_001_501_000n);
  assert.deepEqual(byKey(span.attributes), {
    'http.path': text('/ü'),
    n: text('5'),
    'net.host.ip': text('10.0.0.1'),
    'net.host.port': int(8080),
    'peer.service': text('db'),
    'net.peer.ip': text('2001:db8::1'),
    'net.peer.port': int(65535),
  });
  assert.deepEqual(byKey(span.resource.attributes), { 'service.name': text('shop'), 'k8s.pod.name': text('shop-1') });
  assert.deepEqual([span.scope.name, span.scope.version], ['lib', '2']);
  assert.deepEqual(
    span.events.map(({ timeUnixNano, name }) => [timeUnixNano, name]),
    [[1_795_507_201_000_002_000n, 'ws']],
  );
  assert.deepEqual([span.statusCode, span.statusMessage], [0, '']);
});

test('a bare span: ids of 64 bits are padded, and nothing is invented', () => {
  const [span] = scannedSpans(json([{ traceId: 'ABC', id: '1', timestamp: 1 }]));
  assert.equal(span!.traceId, '00000000000000000000000000000abc');
  assert.equal(span!.spanId, '0000000000000001');
  assert.deepEqual(span!.resource.attributes, []);
  assert.deepEqual(span!.attributes, []);
  assert.deepEqual([span!.startTimeUnixNano, span!.endTimeUnixNano], [1000n, 1000n]);
  assert.equal(translated({ traceId: '1112131415161718' }).traceId, '00000000000000001112131415161718');
});

test('a parent that is the span itself, or 0, is none', () => {
  assert.equal(translated({ parentId: plain.id }).parentSpanId, '');
  assert.equal(translated({ parentId: '0000000000000000' }).parentSpanId, '');
});

test('kinds', () => {
  assert.equal(translated({ kind: 'SERVER' }).kind, 2);
  assert.equal(translated({ kind: 'PRODUCER' }).kind, 4);
  assert.equal(translated({ kind: 'CONSUMER' }).kind, 5);
  assert.equal(translated({}).kind, 0);
  const internal = translated({ tags: { 'span.kind': 'internal' } });
  assert.deepEqual([internal.kind, internal.attributes], [1, []]);
  assert.equal(scannedSpans(json([{ ...plain, kind: 'other' }]))[0]!.kind, 0);
});

test('statuses', () => {
  const cases: [Record<string, string>, [code: number, message: string, left: string[]]][] = [
    [{ error: 'true' }, [2, '', []]],
    [{ error: 'false' }, [0, '', ['error']]],
    [{ error: '' }, [2, '', ['error']]],
    [{ error: 'timeout' }, [2, 'timeout', ['error']]],
    [{ 'otel.status_code': 'ERROR', error: 'boom' }, [2, 'boom', ['error']]],
    [{ 'otel.status_code': 'STATUS_CODE_ERROR', 'otel.status_description': 'why' }, [2, 'why', []]],
    [{ 'otel.status_code': 'OK' }, [1, '', []]],
    [{ 'otel.status_code': 'STATUS_CODE_OK', error: 'handled' }, [1, '', ['error']]],
    [{ 'otel.status_code': 'STATUS_CODE_UNSET' }, [0, '', []]],
  ];
  for (const [tags, [code, message, left]] of cases) {
    const span = translated({ tags });
    assert.deepEqual([span.statusCode, span.statusMessage], [code, message], JSON.stringify(tags));
    assert.deepEqual(
      span.attributes.map(({ key }) => key),
      left,
      JSON.stringify(tags),
    );
  }
});

test('resource tags win over the endpoint, and the service can have another key', () => {
  const named = translated({
    localEndpoint: { serviceName: 'shop' },
    tags: { 'service.name': 'Shop', 'host.name': 'h' },
  });
  assert.deepEqual(byKey(named.resource.attributes), { 'service.name': text('Shop'), 'host.name': text('h') });
  const other = translated({
    localEndpoint: { serviceName: 'shop' },
    tags: { 'otlp.service.name.source': 'faas.name', a: 'b' },
  });
  assert.deepEqual(byKey(other.resource.attributes), { 'faas.name': text('shop') });
  assert.deepEqual(byKey(other.attributes), { a: text('b') });
});

test('spans of one service with different resource tags have different resources', () => {
  const spans = scannedSpans(
    json([
      { ...plain, id: '1', localEndpoint: { serviceName: 's' }, tags: { 'host.name': 'a' } },
      { ...plain, id: '2', localEndpoint: { serviceName: 's' }, tags: { 'host.name': 'b' } },
    ]),
  );
  assert.deepEqual(
    spans.map((span) => byKey(span.resource.attributes)['host.name']),
    [text('a'), text('b')],
  );
});

test('a span without timestamp starts with its first annotation, or now', () => {
  const absent = 'otel.zipkin.absentField.startTime';
  const noTime = scannedSpans(json([{ traceId: '1', id: '1', duration: 5 }]))[0]!;
  assert.deepEqual([noTime.startTimeUnixNano, noTime.endTimeUnixNano], [now, now + 5000n]);
  assert.deepEqual(byKey(noTime.attributes), { [absent]: { type: 'bool', value: true } });
  const annotations = [
    { timestamp: 30, value: 'b' },
    { timestamp: 10, value: 'a' },
  ];
  const annotated = scannedSpans(json([{ traceId: '1', id: '1', annotations }]))[0]!;
  assert.deepEqual([annotated.startTimeUnixNano, annotated.endTimeUnixNano], [10_000n, 30_000n]);
  const lasting = scannedSpans(json([{ traceId: '1', id: '1', duration: 2, annotations }]))[0]!;
  assert.deepEqual([lasting.startTimeUnixNano, lasting.endTimeUnixNano], [10_000n, 12_000n]);
});

test('events and links of the collector come back as they were, and what only looks so is kept', () => {
  const link = `${'a'.repeat(32)}|${'B'.repeat(16)}|k=v|{"n":1,"x":"a|b"}|3`;
  const span = translated({
    annotations: [
      { timestamp: 5, value: 'retry|{"n":1.5,"s":"a|b","b":true}|2' },
      { timestamp: 6, value: 'a|b|c' },
      { timestamp: 7, value: 'deep|{"n":[1]}|0' },
    ],
    tags: { 'otlp.link.0': link, 'otlp.link.1': 'no link' },
  });
  assert.deepEqual(
    span.events.map((event) => [event.name, byKey(event.attributes), event.droppedAttributesCount]),
    [
      ['retry', { n: { type: 'double', value: 1.5 }, s: text('a|b'), b: { type: 'bool', value: true } }, 2],
      ['a|b|c', {}, 0],
      ['deep|{"n":[1]}|0', {}, 0],
    ],
  );
  assert.equal(span.links.length, 1);
  const [first] = span.links;
  assert.deepEqual(
    [first!.traceId, first!.spanId, first!.traceState, byKey(first!.attributes), first!.droppedAttributesCount],
    ['a'.repeat(32), 'b'.repeat(16), 'k=v', { n: int(1), x: text('a|b') }, 3],
  );
  assert.deepEqual(byKey(span.attributes), { 'otlp.link.1': text('no link') });
});

test('addresses are written in one form', () => {
  const ip = (endpoint: JsonEndpoint): unknown =>
    byKey(scannedSpans(json([{ ...plain, localEndpoint: endpoint }]))[0]!.attributes)['net.host.ip'];
  assert.deepEqual(ip({ ipv6: '2001:DB8:0:0:0:0:0:1' }), text('2001:db8::1'));
  assert.deepEqual(ip({ ipv6: '::ffff:1.2.3.4' }), text('1.2.3.4'));
  assert.deepEqual(ip({ ipv4: '1.2.3.4', ipv6: '::1' }), text('::1'));
});

test('tags that are no text are taken as they were written', () => {
  const [span] = scannedSpans(json([{ ...plain, tags: { n: 1.5, b: true, z: null } }]));
  assert.deepEqual(byKey(span!.attributes), { n: text('1.5'), b: text('true'), z: text('') });
});

test('lists without spans store nothing', () => {
  assert.equal(json([]).length, 0);
  assert.equal(json([null]).length, 0);
  assert.equal(json(null).length, 0);
  assert.equal(zipkinV2ProtoToOtlp(new Uint8Array(0), now).length, 0);
});

test('JSON that is no list of spans is refused, naming the place', () => {
  assert.match(refusal({ ...plain }), /^expected a list of spans, found an object$/);
  assert.match(refusal([[]]), /^\[0\]: expected an object, found a list$/);
  assert.match(refusal([{ id: '1' }]), /^\[0\]\.traceId is missing$/);
  assert.match(refusal([{ traceId: '1' }]), /^\[0\]\.id is missing$/);
  assert.match(refusal([{ ...plain, traceId: 'xyz' }]), /^\[0\]\.traceId: expected up to 32 hex digits$/);
  assert.match(refusal([plain, { ...plain, id: '0'.repeat(17) }]), /^\[1\]\.id: expected up to 16 hex digits$/);
  assert.match(refusal([{ ...plain, timestamp: -1 }]), /^\[0\]\.timestamp: expected a whole number, found -1$/);
  assert.match(refusal([{ ...plain, timestamp: 1.5 }]), /timestamp: expected a whole number, found 1.5$/);
  assert.match(refusal([{ ...plain, duration: '5' }]), /duration: expected a whole number, found "5"$/);
  assert.match(refusal([{ ...plain, name: 5 }]), /^\[0\]\.name: expected text, found 5$/);
  assert.match(refusal([{ ...plain, tags: [] }]), /^\[0\]\.tags: expected an object, found a list$/);
  assert.match(refusal([{ ...plain, tags: { a: {} } }]), /^\[0\]\.tags\["a"\]: expected text, found an object$/);
  assert.match(refusal([{ ...plain, annotations: [{}, 5] }]), /^\[0\]\.annotations\[1\]: expected an object, found 5$/);
  assert.match(
    refusal([{ ...plain, localEndpoint: { ipv4: '1.2.3' } }]),
    /localEndpoint\.ipv4: expected an IP address/,
  );
  assert.match(refusal([{ ...plain, localEndpoint: { port: 70000 } }]), /localEndpoint\.port: expected a port/);
  assert.throws(() => zipkinV2JsonToOtlp(Buffer.from('[{"traceId"'), now), /^RubatoError: not JSON/);
});

test('protobuf without ids, with ids or addresses of another size is refused', () => {
  const request = (fields: (writer: ProtoWriter) => void): Uint8Array => {
    const writer = new ProtoWriter();
    writer.message(1, fields);
    return writer.finish();
  };
  const refused = (fields: (writer: ProtoWriter) => void, message: RegExp): void =>
    assert.throws(() => zipkinV2ProtoToOtlp(request(fields), now), message);
  refused(() => {}, /a span without trace id/);
  refused((writer) => writer.bytes(1, new Uint8Array(16)), /a span without id/);
  refused((writer) => writer.bytes(1, new Uint8Array(4)), /trace id: 8 or 16 bytes expected, 4 received/);
  refused((writer) => writer.bytes(3, new Uint8Array(4)), /span id: 8 bytes expected, 4 received/);
  refused((writer) => writer.bytes(2, new Uint8Array(4)), /parent id: 0 or 8 bytes expected, 4 received/);
  refused((writer) => writer.message(8, () => writer.bytes(2, new Uint8Array(5))), /an IP address has 4 or 16 bytes/);
});

test('more groups than are kept open still arrive, each in its resource', () => {
  const spans = Array.from({ length: 3000 }, (_, i) => ({
    ...plain,
    id: (i + 1).toString(16),
    localEndpoint: { serviceName: `s${i % 1500}` },
  }));
  const stored = scannedSpans(json(spans));
  assert.equal(stored.length, 3000);
  for (const span of stored) {
    const service = `s${(Number.parseInt(span.spanId, 16) - 1) % 1500}`;
    assert.deepEqual(byKey(span.resource.attributes), { 'service.name': text(service) });
  }
});

test('a span with more entries than are kept in memory is refused, by both encodings', () => {
  const annotations = Array.from({ length: entriesMax + 1 }, () => ({ timestamp: 1, value: 'a' }));
  const tags = Object.fromEntries(Array.from({ length: entriesMax + 1 }, (_, i) => [`k${i}`, '']));
  for (const span of [
    { ...plain, annotations },
    { ...plain, tags },
  ]) {
    assert.throws(() => json([span]), /a span with more than 65536 (annotations|tags)/);
    assert.throws(
      () => zipkinV2ProtoToOtlp(encodeProto([span]), now),
      /a span with more than 65536 (annotations|tags)/,
    );
  }
});

const hex = (digits: number): fc.Arbitrary<string> =>
  fc.bigInt({ min: 1n, max: 16n ** BigInt(digits) - 1n }).map((value) => value.toString(16).padStart(digits, '0'));
const endpoint = fc.record(
  {
    serviceName: fc.string(),
    ipv4: fc.ipV4(),
    port: fc.integer({ min: 0, max: 65535 }),
  },
  { requiredKeys: [] },
);
const randomSpan: fc.Arbitrary<JsonSpan> = fc.record(
  {
    traceId: hex(32),
    id: hex(16),
    parentId: hex(16),
    name: fc.string({ unit: 'grapheme' }),
    kind: fc.constantFrom('CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER'),
    timestamp: fc.integer({ min: 1, max: 2 ** 52 }),
    duration: fc.integer({ min: 0, max: 2 ** 52 }),
    localEndpoint: endpoint,
    remoteEndpoint: endpoint,
    annotations: fc.array(fc.record({ timestamp: fc.integer({ min: 1, max: 2 ** 52 }), value: fc.string() }), {
      maxLength: 3,
    }),
    tags: fc.dictionary(
      fc.string().map((key) => `k.${key}`),
      fc.string({ unit: 'grapheme' }),
      { maxKeys: 5 },
    ),
    shared: fc.boolean(),
  },
  { requiredKeys: ['traceId', 'id', 'timestamp'] },
);

test('random spans arrive unchanged, and both encodings agree', () => {
  fc.assert(
    fc.property(fc.array(randomSpan, { maxLength: 5 }), (spans) => {
      const stored = scannedSpans(json(spans));
      assert.deepEqual(scannedSpans(zipkinV2ProtoToOtlp(encodeProto(spans), now)), stored);
      assert.equal(stored.length, spans.length);
      for (const span of spans) {
        const found = stored.find(({ spanId, traceId }) => spanId === span.id && traceId === span.traceId)!;
        assert.equal(found.name, span.name ?? '');
        assert.equal(found.startTimeUnixNano, BigInt(span.timestamp!) * 1000n);
        const attributes = byKey(found.attributes);
        for (const [key, value] of Object.entries(span.tags ?? {})) assert.deepEqual(attributes[key], text(value));
        assert.equal(found.events.length, span.annotations?.length ?? 0);
      }
    }),
    { numRuns: 150 },
  );
});

test('mutated and random bytes are translated or refused, never worse', () => {
  const mutated = fc
    .tuple(
      fc.array(randomSpan, { maxLength: 3 }),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
      fc.nat(10),
    )
    .map(([spans, changes, cut]) =>
      [Buffer.from(JSON.stringify(spans)), encodeProto(spans)].map((bytes) => {
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        return bytes.subarray(0, Math.max(1, bytes.length - cut));
      }),
    );
  const attempt = (translate: () => Uint8Array): void => {
    try {
      scannedSpans(translate());
    } catch (error) {
      assert(error instanceof RubatoError && error.kind === 'invalid', String(error));
    }
  };
  const shapes = fc.array(fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom(...fieldNames), fc.jsonValue())));
  fc.assert(
    fc.property(mutated, shapes, fc.uint8Array({ maxLength: 200 }), ([jsonBytes, protoBytes], shape, random) => {
      attempt(() => zipkinV2JsonToOtlp(jsonBytes!, now));
      attempt(() => zipkinV2ProtoToOtlp(protoBytes!, now));
      attempt(() => json(shape));
      attempt(() => json([{ ...plain, ...(shape[0] as object) }]));
      attempt(() => zipkinV2JsonToOtlp(random, now));
      attempt(() => zipkinV2ProtoToOtlp(random, now));
    }),
    { numRuns: 300 },
  );
});

const fieldNames = ['traceId', 'id', 'parentId', 'name', 'kind', 'timestamp', 'localEndpoint', 'annotations', 'tags'];

test('deep and long hostile JSON is refused quickly', () => {
  const started = performance.now();
  assert.throws(() => zipkinV2JsonToOtlp(Buffer.from('['.repeat(1 << 20)), now), RubatoError);
  const deep = `${'['.repeat(1 << 18)}${']'.repeat(1 << 18)}`;
  assert.match(refusal([{ ...plain, name: 0 }]), /name/);
  assert.throws(
    () => zipkinV2JsonToOtlp(Buffer.from(`[{"traceId":"1","id":"1","tags":{"a":${deep}}}]`), now),
    /tags\["a"\]: expected text, found a list/,
  );
  const pipes = `${'|'.repeat(1 << 18)}{${'}|'.repeat(1 << 18)}`;
  assert.equal(scannedSpans(json([{ ...plain, annotations: [{ timestamp: 1, value: pipes }] }])).length, 1);
  assert.equal(scannedSpans(json([{ ...plain, tags: { 'otlp.link.0': pipes } }])).length, 1);
  assert(performance.now() - started < 2000);
});

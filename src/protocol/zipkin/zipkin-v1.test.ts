import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RubatoError } from '../../base/errors.ts';
import type { AnyValue, KeyValue } from '../../model/any-value.ts';
import type { PlainSpan } from '../../model/plain-span.ts';
import { scannedSpans } from '../otlp/testing/scanned-spans.ts';
import {
  bool,
  encodeBinary,
  i16,
  i32,
  i64,
  string,
  struct,
  structs,
  type ThriftValue,
} from '../thrift/testing/encode-thrift.ts';
import { zipkinV1JsonToOtlp } from './v1-json.ts';
import { zipkinV1ThriftToOtlp } from './v1-thrift.ts';

const now = 1_800_000_000_000_000_000n;
const text = (value: string): AnyValue => ({ type: 'string', value });
const int = (value: number): AnyValue => ({ type: 'int', value: BigInt(value) });
const yes: AnyValue = { type: 'bool', value: true };

interface JsonEndpoint {
  serviceName?: string;
  ipv4?: string;
  ipv6?: string;
  port?: number;
}

interface JsonSpan {
  traceId: string;
  id: string;
  parentId?: string;
  name?: string;
  timestamp?: number;
  duration?: number;
  annotations?: { timestamp: number; value: string; endpoint?: JsonEndpoint }[];
  binaryAnnotations?: { key: string; value: string | boolean; endpoint?: JsonEndpoint }[];
}

const json = (spans: unknown): Uint8Array => zipkinV1JsonToOtlp(Buffer.from(JSON.stringify(spans)), now);
const thrift = (spans: readonly ThriftValue[]): Uint8Array => zipkinV1ThriftToOtlp(encodeBinary(structs(spans)), now);

const signed = (hex: string): bigint => BigInt.asIntN(64, BigInt(`0x${hex}`));

/** zipkinCore.thrift by its field numbers. */
function thriftSpan(span: JsonSpan): ThriftValue {
  const traceId = span.traceId.padStart(32, '0');
  return struct({
    1: i64(signed(traceId.slice(16))),
    3: string(span.name ?? ''),
    4: i64(signed(span.id)),
    5: span.parentId === undefined ? undefined : i64(signed(span.parentId)),
    6: structs(
      (span.annotations ?? []).map(({ timestamp, value, endpoint }) =>
        struct({ 1: i64(BigInt(timestamp)), 2: string(value), 3: endpoint && thriftEndpoint(endpoint) }),
      ),
    ),
    8: structs(
      (span.binaryAnnotations ?? []).map(({ key, value, endpoint }) =>
        struct({
          1: string(key),
          2: string(typeof value === 'string' ? value : Buffer.from([value ? 1 : 0])),
          3: i32(typeof value === 'string' ? 6 : 0),
          4: endpoint && thriftEndpoint(endpoint),
        }),
      ),
    ),
    9: bool(false),
    10: span.timestamp === undefined ? undefined : i64(BigInt(span.timestamp)),
    11: span.duration === undefined ? undefined : i64(BigInt(span.duration)),
    12: i64(signed(traceId.slice(0, 16))),
  });
}

function thriftEndpoint(endpoint: JsonEndpoint): ThriftValue {
  const [a = 0, b = 0, c = 0, d = 0] = (endpoint.ipv4 ?? '0.0.0.0').split('.').map(Number);
  return struct({
    1: i32((a << 24) | (b << 16) | (c << 8) | d),
    2: i16(((endpoint.port ?? 0) << 16) >> 16),
    3: string(endpoint.serviceName ?? ''),
    4: endpoint.ipv6 === '::1' ? string(Buffer.from(`${'00'.repeat(15)}01`, 'hex')) : undefined,
  });
}

const plain: JsonSpan = {
  traceId: '0102030405060708f90a0b0c0d0e0f10',
  id: 'f112131415161718',
  timestamp: 1000,
  duration: 5,
};

/** One span by both encodings; they must agree. */
function translated(span: Partial<JsonSpan>): PlainSpan {
  const whole = { ...plain, ...span };
  const [fromJson] = scannedSpans(json([whole]));
  const [fromThrift] = scannedSpans(thrift([thriftSpan(whole)]));
  assert.deepEqual(fromThrift, fromJson);
  return fromJson!;
}

function byKey(list: readonly KeyValue[]): Record<string, AnyValue> {
  return Object.fromEntries(list.map(({ key, value }) => [key, value]));
}

const shop = { serviceName: 'shop', ipv4: '10.0.0.1', port: 60000 };

test('a client span: kind, service and times from its annotations, the peer from its address', () => {
  const span = translated({
    parentId: '2122232425262728',
    name: 'get /',
    annotations: [
      { timestamp: 1000, value: 'cs', endpoint: shop },
      { timestamp: 1001, value: 'retry', endpoint: shop },
      { timestamp: 1005, value: 'cr', endpoint: shop },
    ],
    binaryAnnotations: [
      { key: 'http.path', value: '/', endpoint: shop },
      { key: 'sa', value: true, endpoint: { serviceName: 'db', ipv6: '::1', port: 5432 } },
    ],
  });
  assert.equal(span.traceId, plain.traceId);
  assert.equal(span.spanId, plain.id);
  assert.equal(span.parentSpanId, '2122232425262728');
  assert.equal(span.name, 'get /');
  assert.equal(span.kind, 3);
  assert.deepEqual([span.startTimeUnixNano, span.endTimeUnixNano], [1_000_000n, 1_005_000n]);
  assert.deepEqual(byKey(span.attributes), {
    'http.path': text('/'),
    'peer.service': text('db'),
    'net.peer.ip': text('::1'),
    'net.peer.port': int(5432),
  });
  assert.deepEqual(byKey(span.resource.attributes), {
    'service.name': text('shop'),
    ipv4: text('10.0.0.1'),
    port: text('60000'),
  });
  assert.deepEqual(
    span.events.map(({ timeUnixNano, name }) => [timeUnixNano, name]),
    [[1_001_000n, 'retry']],
  );
});

test('kinds come from the first mark', () => {
  for (const [value, kind] of [
    ['cs', 3],
    ['cr', 3],
    ['sr', 2],
    ['ss', 2],
    ['ms', 4],
    ['mr', 5],
    ['ws', 0],
  ] as const)
    assert.equal(translated({ annotations: [{ timestamp: 1, value }] }).kind, kind, value);
});

test('the service: a mark, else a tag, else the component, else unknown', () => {
  const service = (span: Partial<JsonSpan>): unknown => byKey(translated(span).resource.attributes)['service.name'];
  const lc = { key: 'lc', value: 'job' };
  assert.deepEqual(service({}), text('unknown-service'));
  assert.deepEqual(service({ binaryAnnotations: [lc] }), text('job'));
  assert.deepEqual(service({ binaryAnnotations: [lc, { key: 'a', value: 'b', endpoint: shop }] }), text('shop'));
  assert.deepEqual(
    service({ binaryAnnotations: [{ key: 'ca', value: true, endpoint: shop }] }),
    text('unknown-service'),
  );
  assert.deepEqual(byKey(translated({ binaryAnnotations: [lc] }).attributes), { component: text('job') });
});

test('times without a timestamp', () => {
  const { timestamp: _timestamp, duration: _duration, ...bare } = plain;
  const annotations = [
    { timestamp: 30, value: 'cr' },
    { timestamp: 10, value: 'cs' },
  ];
  for (const [span] of [
    scannedSpans(json([{ ...bare, annotations }])),
    scannedSpans(thrift([thriftSpan({ ...bare, annotations })])),
  ])
    assert.deepEqual([span!.startTimeUnixNano, span!.endTimeUnixNano], [10_000n, 30_000n]);
  for (const [span] of [scannedSpans(json([bare])), scannedSpans(thrift([thriftSpan(bare)]))]) {
    assert.deepEqual([span!.startTimeUnixNano, span!.endTimeUnixNano], [now, now]);
    assert.deepEqual(byKey(span!.attributes), { 'otel.zipkin.absentField.startTime': yes });
  }
});

test('statuses', () => {
  const cases: [Record<string, string>, [code: number, message: string, left: string[]]][] = [
    [{ error: 'true' }, [2, '', []]],
    [{ error: 'false' }, [0, '', ['error']]],
    [{ error: 'timeout' }, [2, 'timeout', ['error']]],
    [
      { 'http.status_code': '500', 'http.status_message': 'oh' },
      [2, 'oh', ['http.status_code', 'http.status_message']],
    ],
    [{ 'http.status_code': '204' }, [0, '', ['http.status_code']]],
    [{ 'otel.status_code': '2', 'otel.status_description': 'd' }, [2, 'd', []]],
    [{ 'otel.status_code': 'OK', error: 'true' }, [1, '', []]],
    [{ 'census.status_code': '0', error: 'true' }, [1, '', []]],
    [{ 'census.status_code': '5', 'census.status_description': 'lost' }, [2, 'lost', []]],
    [{ 'opencensus.status_description': 'lost', error: 'true' }, [2, 'lost', []]],
    [{ 'census.status_code': 'what' }, [0, '', ['census.status_code']]],
  ];
  for (const [tags, [code, message, left]] of cases) {
    const span = translated({ binaryAnnotations: Object.entries(tags).map(([key, value]) => ({ key, value })) });
    assert.deepEqual([span.statusCode, span.statusMessage], [code, message], JSON.stringify(tags));
    assert.deepEqual(
      span.attributes.map(({ key }) => key),
      left,
      JSON.stringify(tags),
    );
  }
});

test('values of thrift have their types', () => {
  const tag = (type: number, hex: string): ThriftValue =>
    struct({ 1: string(`t${type}-${hex.length}`), 2: string(Buffer.from(hex, 'hex')), 3: i32(type) });
  const span = thriftSpan(plain);
  assert(span.type === 'struct');
  const list = structs([
    tag(0, '01'),
    tag(0, '02'),
    tag(1, '00ff'),
    tag(2, 'fffe'),
    tag(3, 'fffffffe'),
    tag(4, 'fffffffffffffffe'),
    tag(5, '3fe0000000000000'),
    tag(6, 'c3bc'),
    tag(4, '00'),
    tag(9, '61'),
  ]);
  const fields = span.fields.map(([id, value]) => (id === 8 ? ([8, list] as const) : ([id, value] as const)));
  const [stored] = scannedSpans(thrift([{ type: 'struct', fields }]));
  assert.deepEqual(byKey(stored!.attributes), {
    't0-2': { type: 'bool', value: false },
    't1-4': text('AP8='),
    't2-4': int(-2),
    't3-8': int(-2),
    't4-16': int(-2),
    't5-16': { type: 'double', value: 0.5 },
    't6-4': text('ü'),
    't4-2': text('AA=='),
    't9-2': text('YQ=='),
  });
});

test('numbers in JSON keep their type', () => {
  const tags = [
    { key: 'i', value: 5 },
    { key: 'd', value: 0.5 },
    { key: 'b', value: false },
    { key: 'z', value: null },
  ];
  const [span] = scannedSpans(json([{ ...plain, binaryAnnotations: tags }]));
  assert.deepEqual(byKey(span!.attributes), {
    i: int(5),
    d: { type: 'double', value: 0.5 },
    b: { type: 'bool', value: false },
    z: text(''),
  });
});

test('lists without spans store nothing', () => {
  assert.equal(json([]).length, 0);
  assert.equal(thrift([]).length, 0);
});

test('what is no list of spans is refused, naming the place', () => {
  const refused = (body: unknown, message: RegExp): void => assert.throws(() => json(body), message);
  refused({}, /expected a list of spans/);
  refused(
    [{ ...plain, binaryAnnotations: [{ key: 'a', value: [] }] }],
    /binaryAnnotations\[0\]\.value: expected a plain/,
  );
  refused(
    [{ ...plain, annotations: [{ endpoint: { ipv6: 'x' } }] }],
    /annotations\[0\]\.endpoint\.ipv6: expected an IP/,
  );
  const inThrift = (body: ThriftValue, message: RegExp): void =>
    assert.throws(() => zipkinV1ThriftToOtlp(encodeBinary(body), now), message);
  inThrift({ type: 'list', of: 'i32', items: [i32(1)] }, /lists i32, expected struct/);
  const badAddress = struct({ 4: string(Buffer.alloc(5)) });
  inThrift(structs([struct({ 6: structs([struct({ 3: badAddress })]) })]), /an IPv6 address has 16 bytes, 5 received/);
  assert.throws(() => zipkinV1ThriftToOtlp(new Uint8Array(0), now), /invalid|damaged thrift at byte 0/);
});

test('mutated and random bytes are translated or refused, never worse', () => {
  const spans = fc.array(
    fc.record(
      {
        traceId: fc.constant(plain.traceId),
        id: fc.constant(plain.id),
        name: fc.string(),
        timestamp: fc.nat(),
        annotations: fc.array(fc.record({ timestamp: fc.nat(), value: fc.string(), endpoint: fc.constant(shop) })),
        binaryAnnotations: fc.array(fc.record({ key: fc.string(), value: fc.oneof(fc.string(), fc.boolean()) })),
      },
      { requiredKeys: ['traceId', 'id'] },
    ),
    { maxLength: 3 },
  );
  const mutated = fc
    .tuple(spans, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat(10))
    .map(([list, changes, cut]) =>
      [Buffer.from(JSON.stringify(list)), encodeBinary(structs(list.map(thriftSpan)))].map((bytes) => {
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
  fc.assert(
    fc.property(
      mutated,
      fc.jsonValue(),
      fc.uint8Array({ maxLength: 200 }),
      ([jsonBytes, thriftBytes], shape, random) => {
        attempt(() => zipkinV1JsonToOtlp(jsonBytes!, now));
        attempt(() => zipkinV1ThriftToOtlp(thriftBytes!, now));
        attempt(() => json([{ ...plain, annotations: shape, binaryAnnotations: shape }]));
        attempt(() => zipkinV1JsonToOtlp(random, now));
        attempt(() => zipkinV1ThriftToOtlp(random, now));
      },
    ),
    { numRuns: 300 },
  );
});

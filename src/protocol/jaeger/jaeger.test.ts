import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RubatoError } from '../../base/errors.ts';
import { ProtoWriter } from '../../base/protobuf.ts';
import type { AnyValue, KeyValue } from '../../model/any-value.ts';
import type { PlainSpan } from '../../model/plain-span.ts';
import { entriesMax } from '../entry-limit.ts';
import { scannedSpans } from '../otlp/testing/scanned-spans.ts';
import {
  binaryCall,
  compactCall,
  encodeBinary,
  i32,
  i64,
  oldBinaryCall,
  string,
  struct,
  structs,
  type ThriftValue,
} from '../thrift/testing/encode-thrift.ts';
import { jaegerProtoToOtlp } from './proto-batch.ts';
import {
  protoRequest,
  type TestProcess,
  type TestSpan,
  type TestTags,
  thriftBatch,
  thriftProcess,
  thriftSpan,
} from './testing/encode-jaeger.ts';
import { jaegerPacketToOtlp, jaegerThriftToOtlp } from './thrift-batch.ts';

const text = (value: string): AnyValue => ({ type: 'string', value });
const int = (value: number): AnyValue => ({ type: 'int', value: BigInt(value) });
const yes: AnyValue = { type: 'bool', value: true };
const no: AnyValue = { type: 'bool', value: false };

const oneway = 4;
const traceId = 0x0102030405060708f90a0b0c0d0e0f10n;
const plain = {
  traceId,
  spanId: 0xf112131415161718n,
  operationName: 'GET /',
  startMicros: 1_795_507_201_000_001n,
  durationMicros: 1500n,
};

/** Every way in; all must give the same. */
const formats: readonly { name: string; send: (process: TestProcess, spans: readonly TestSpan[]) => PlainSpan[] }[] = [
  {
    name: 'thrift over HTTP',
    send: (process, spans) => scannedSpans(jaegerThriftToOtlp(encodeBinary(thriftBatch(process, spans)))),
  },
  {
    name: 'compact packet',
    send: (process, spans) =>
      scannedSpans(
        jaegerPacketToOtlp(compactCall('emitBatch', oneway, struct({ 1: thriftBatch(process, spans) })), 'compact'),
      ),
  },
  {
    name: 'binary packet',
    send: (process, spans) =>
      scannedSpans(
        jaegerPacketToOtlp(binaryCall('emitBatch', oneway, struct({ 1: thriftBatch(process, spans) })), 'binary'),
      ),
  },
  { name: 'protobuf', send: (process, spans) => scannedSpans(jaegerProtoToOtlp(protoRequest(process, spans))) },
];

/** One span by every format; they must agree. */
function translated(span: Partial<TestSpan>, process: TestProcess = { serviceName: 'shop' }): PlainSpan {
  const [first, ...rest] = formats.map(({ send }) => send(process, [{ ...plain, ...span }]));
  for (const other of rest) assert.deepEqual(other, first);
  assert.equal(first!.length, 1);
  return first![0]!;
}

function byKey(list: readonly KeyValue[]): Record<string, AnyValue> {
  return Object.fromEntries(list.map(({ key, value }) => [key, value]));
}

test('every field of a batch arrives, by every format', () => {
  const span = translated(
    {
      parentSpanId: 0x21n,
      references: [
        { type: 1, traceId, spanId: 0x31n },
        { type: 0, traceId: 0x99n, spanId: 0x21n },
      ],
      tags: [
        ['span.kind', text('server')],
        ['otel.library.name', text('lib')],
        ['otel.library.version', text('1.2')],
        ['w3c.tracestate', text('k=v')],
        ['s', text('ü')],
        ['b', no],
        ['i', int(-5)],
        ['d', { type: 'double', value: 0.5 }],
        ['x', { type: 'bytes', value: new Uint8Array([0, 255]) }],
      ],
      logs: [
        {
          micros: 1_795_507_201_000_002n,
          fields: [
            ['event', text('retry')],
            ['attempt', int(2)],
          ],
        },
        { micros: 1_795_507_201_000_003n, fields: [['message', text('gave up')]] },
      ],
    },
    {
      serviceName: 'shop',
      tags: [
        ['hostname', text('h1')],
        ['ip', text('10.0.0.1')],
        ['jaeger.version', text('Go-2.30')],
      ],
    },
  );
  assert.equal(span.traceId, '0102030405060708f90a0b0c0d0e0f10');
  assert.equal(span.spanId, 'f112131415161718');
  assert.equal(span.parentSpanId, '0000000000000021');
  assert.equal(span.name, 'GET /');
  assert.equal(span.kind, 2);
  assert.equal(span.traceState, 'k=v');
  assert.equal(span.startTimeUnixNano, 1_795_507_201_000_001_000n);
  assert.equal(span.endTimeUnixNano, 1_795_507_201_001_501_000n);
  assert.deepEqual(byKey(span.attributes), {
    s: text('ü'),
    b: no,
    i: int(-5),
    d: { type: 'double', value: 0.5 },
    x: { type: 'bytes', value: new Uint8Array([0, 255]) },
  });
  assert.deepEqual(span.scope.name, 'lib');
  assert.deepEqual(span.scope.version, '1.2');
  assert.deepEqual(byKey(span.resource.attributes), {
    'service.name': text('shop'),
    'host.name': text('h1'),
    ip: text('10.0.0.1'),
    'opencensus.exporterversion': text('Jaeger-Go-2.30'),
  });
  assert.deepEqual(
    span.events.map(({ timeUnixNano, name, attributes }) => [timeUnixNano, name, byKey(attributes)]),
    [
      [1_795_507_201_000_002_000n, 'retry', { attempt: int(2) }],
      [1_795_507_201_000_003_000n, 'gave up', { message: text('gave up') }],
    ],
  );
  assert.deepEqual(
    span.links.map((link) => [link.traceId, link.spanId, byKey(link.attributes)]),
    [
      ['0102030405060708f90a0b0c0d0e0f10', '0000000000000031', { 'opentracing.ref_type': text('follows_from') }],
      [`${'0'.repeat(30)}99`, '0000000000000021', { 'opentracing.ref_type': text('child_of') }],
    ],
  );
  assert.equal(span.statusCode, 0);
});

test('the parent is found in the references of the same trace, CHILD_OF before FOLLOWS_FROM', () => {
  const other = { type: 0, traceId: 0x77n, spanId: 0x1n };
  const follows = { type: 1, traceId, spanId: 0x2n };
  const childOf = { type: 0, traceId, spanId: 0x3n };
  const cases: [TestSpan['references'], string, string[]][] = [
    [[], '', []],
    [[other], '', ['0000000000000001']],
    [[follows], '0000000000000002', ['0000000000000002']],
    [[other, follows, childOf], '0000000000000003', ['0000000000000001', '0000000000000002']],
  ];
  for (const [references, parent, links] of cases) {
    const span = translated({ references: references! });
    assert.equal(span.parentSpanId, parent);
    assert.deepEqual(
      span.links.map((link) => link.spanId),
      links,
    );
  }
});

test('kinds and statuses', () => {
  const cases: [TestTags, { kind?: number; code?: number; message?: string; left?: string[] }][] = [
    [[['span.kind', text('client')]], { kind: 3 }],
    [[['span.kind', text('producer')]], { kind: 4 }],
    [[['span.kind', text('consumer')]], { kind: 5 }],
    [[['span.kind', text('internal')]], { kind: 1 }],
    [[['span.kind', text('broker')]], { left: ['span.kind'] }],
    [[['error', yes]], { code: 2 }],
    [[['error', no]], { left: ['error'] }],
    [[['error', text('true')]], { left: ['error'] }],
    [
      [
        ['error', yes],
        ['otel.status_code', text('OK')],
        ['otel.status_description', text('no')],
      ],
      { code: 2, message: 'no' },
    ],
    [
      [
        ['error', yes],
        ['http.status_message', text('gone')],
      ],
      { code: 2, message: 'gone', left: ['http.status_message'] },
    ],
    [[['otel.status_code', text('ok')]], { code: 1 }],
    [
      [
        ['otel.status_code', text('ERROR')],
        ['otel.status_description', text('why')],
      ],
      { code: 2, message: 'why' },
    ],
    [[['http.status_code', int(200)]], { left: ['http.status_code'] }],
    [[['http.status_code', int(404)]], { code: 2, left: ['http.status_code'] }],
    [
      [
        ['http.status_code', int(404)],
        ['span.kind', text('server')],
      ],
      { kind: 2, left: ['http.status_code'] },
    ],
    [
      [
        ['http.status_code', text('404')],
        ['span.kind', text('client')],
      ],
      { kind: 3, code: 2, left: ['http.status_code'] },
    ],
    [
      [
        ['http.status_code', int(503)],
        ['http.status_message', text('busy')],
        ['span.kind', text('server')],
      ],
      { kind: 2, code: 2, message: 'busy', left: ['http.status_code', 'http.status_message'] },
    ],
    [[['http.status_code', text('soon')]], { left: ['http.status_code'] }],
  ];
  for (const [tags, { kind = 0, code = 0, message = '', left = [] }] of cases) {
    const span = translated({ tags });
    const label = JSON.stringify(tags, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    assert.deepEqual([span.kind, span.statusCode, span.statusMessage], [kind, code, message], label);
    assert.deepEqual(span.attributes.map(({ key }) => key).sort(), left, label);
  }
});

test('a process without a service, and host names that are there already', () => {
  const names = (process: TestProcess): Record<string, AnyValue> => byKey(translated({}, process).resource.attributes);
  assert.deepEqual(names({ serviceName: '' }), {});
  assert.deepEqual(names({ serviceName: 'OTLPResourceNoServiceName', tags: [['a', int(1)]] }), { a: int(1) });
  assert.deepEqual(
    names({
      serviceName: 's',
      tags: [
        ['hostname', text('a')],
        ['host.name', text('b')],
      ],
    }),
    { 'service.name': text('s'), hostname: text('a'), 'host.name': text('b') },
  );
});

test('times outside of what OTLP can say are moved to its ends', () => {
  const span = translated({ startMicros: -5n, durationMicros: 7n, logs: [{ micros: 2n ** 62n, fields: [] }] });
  assert.equal(span.startTimeUnixNano, 0n);
  assert.equal(span.endTimeUnixNano, 2000n);
  assert.equal(span.events[0]!.timeUnixNano, 2n ** 64n - 1n);
});

test('spans of several scopes and processes keep to their own', () => {
  const request = protoRequest({ serviceName: 'batch' }, [
    { ...plain, spanId: 1n, tags: [['otel.scope.name', text('a')]] },
    { ...plain, spanId: 2n, process: { serviceName: 'own' } },
    { ...plain, spanId: 3n, tags: [['otel.scope.name', text('b')]] },
    { ...plain, spanId: 4n, tags: [['otel.scope.name', text('a')]] },
  ]);
  const seen = scannedSpans(jaegerProtoToOtlp(request)).map((span) => [
    Number.parseInt(span.spanId, 16),
    byKey(span.resource.attributes)['service.name'],
    span.scope.name,
  ]);
  assert.deepEqual(seen.sort(), [
    [1, text('batch'), 'a'],
    [2, text('own'), ''],
    [3, text('batch'), 'b'],
    [4, text('batch'), 'a'],
  ]);
});

test('the process may stand behind the spans in thrift, too', () => {
  const batch: ThriftValue = {
    type: 'struct',
    fields: [
      [2, structs([thriftSpan(plain)])],
      [1, thriftProcess({ serviceName: 'late' })],
    ],
  };
  for (const request of [
    jaegerThriftToOtlp(encodeBinary(batch)),
    jaegerPacketToOtlp(compactCall('emitBatch', oneway, struct({ 1: batch })), 'compact'),
    jaegerPacketToOtlp(oldBinaryCall('emitBatch', 1, struct({ 1: batch })), 'binary'),
  ])
    assert.deepEqual(byKey(scannedSpans(request)[0]!.resource.attributes), { 'service.name': text('late') });
});

test('batches without spans and blank spans store nothing', () => {
  for (const { send } of formats) {
    assert.deepEqual(send({ serviceName: 's' }, []), []);
    const blank = { traceId: 0n, spanId: 0n, operationName: '', startMicros: 0n, durationMicros: 0n };
    assert.equal(send({ serviceName: 's' }, [blank, plain]).length, 1);
  }
  assert.equal(jaegerProtoToOtlp(new Uint8Array(0)).length, 0);
});

test('an unknown type of tag is shown', () => {
  const tag = struct({ 1: string('k'), 2: i32(9) });
  const span = thriftSpan(plain);
  assert(span.type === 'struct');
  const batch = struct({
    1: thriftProcess({ serviceName: 's' }),
    2: structs([{ type: 'struct', fields: [...span.fields, [10, structs([tag])]] }]),
  });
  const [stored] = scannedSpans(jaegerThriftToOtlp(encodeBinary(batch)));
  assert.deepEqual(byKey(stored!.attributes), { k: text('<Unknown Jaeger TagType "9">') });
});

test('what lacks a required field is refused by its name', () => {
  const process = thriftProcess({ serviceName: 's' });
  const refused = (batch: ThriftValue): string => {
    try {
      jaegerThriftToOtlp(encodeBinary(batch));
    } catch (error) {
      assert(error instanceof RubatoError && error.kind === 'invalid');
      return error.message;
    }
    throw new Error('was accepted');
  };
  const without = (id: number): ThriftValue => {
    const span = thriftSpan(plain);
    assert(span.type === 'struct');
    return struct({
      1: process,
      2: structs([{ type: 'struct', fields: span.fields.filter(([field]) => field !== id) }]),
    });
  };
  const withField = (id: number, value: ThriftValue): ThriftValue => {
    const span = thriftSpan(plain);
    assert(span.type === 'struct');
    return struct({ 1: process, 2: structs([{ type: 'struct', fields: [...span.fields, [id, value]] }]) });
  };
  assert.match(refused(struct({ 2: structs([]) })), /Batch\.process is missing/);
  assert.match(refused(struct({ 1: process })), /Batch\.spans is missing/);
  assert.match(refused(struct({ 1: struct({}), 2: structs([]) })), /Process\.serviceName is missing/);
  for (const [id, name] of [
    [1, 'traceIdLow'],
    [2, 'traceIdHigh'],
    [3, 'spanId'],
    [4, 'parentSpanId'],
    [5, 'operationName'],
    [7, 'flags'],
    [8, 'startTime'],
    [9, 'duration'],
  ] as const)
    assert.match(refused(without(id)), new RegExp(`Span\\.${name} is missing`));
  assert.match(refused(withField(10, structs([struct({ 2: i32(0) })]))), /Tag\.key is missing/);
  assert.match(refused(withField(10, structs([struct({ 1: string('k') })]))), /Tag\.vType is missing/);
  assert.match(refused(withField(11, structs([struct({ 1: i64(0n) })]))), /Log\.fields is missing/);
  assert.match(refused(withField(6, structs([struct({ 1: i32(0) })]))), /SpanRef\.traceIdHigh is missing/);
  assert.match(refused(struct({ 1: process, 2: { type: 'list', of: 'i32', items: [i32(1)] } })), /field 2 lists i32/);
});

test('packets that call something else are refused', () => {
  const refused = (packet: Buffer, message: RegExp): void =>
    assert.throws(() => jaegerPacketToOtlp(packet, 'compact'), message);
  refused(compactCall('emitZipkinBatch', oneway, struct({ 1: structs([]) })), /unknown method "emitZipkinBatch"/);
  refused(compactCall('emitBatch', 2, struct({})), /message type 2/);
  refused(compactCall('emitBatch', oneway, struct({})), /emitBatch\.batch is missing/);
});

test('ids of another size are refused in protobuf', () => {
  const request = (traceIdBytes: number, spanIdBytes: number): Uint8Array => {
    const writer = new ProtoWriter();
    writer.message(1, () =>
      writer.message(1, () => {
        writer.bytes(1, new Uint8Array(traceIdBytes).fill(1));
        writer.bytes(2, new Uint8Array(spanIdBytes).fill(1));
      }),
    );
    return writer.finish();
  };
  assert.equal(scannedSpans(jaegerProtoToOtlp(request(16, 8))).length, 1);
  assert.throws(() => jaegerProtoToOtlp(request(8, 8)), /trace id: 16 bytes expected, 8 received/);
  assert.throws(() => jaegerProtoToOtlp(request(16, 4)), /span id: 8 bytes expected, 4 received/);
});

test('a span with more entries than are kept in memory is refused, by every format', () => {
  const log = { micros: 1n, fields: [] };
  const logs = Array.from({ length: entriesMax }, () => log);
  assert(jaegerProtoToOtlp(protoRequest(undefined, [{ ...plain, logs }])).length > 0);
  for (const { send } of formats)
    assert.throws(
      () => send({ serviceName: 's' }, [{ ...plain, logs: [...logs, log] }]),
      /a span with more than 65536 logs/,
    );
});

const id64 = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n });
const id128 = fc.bigInt({ min: 1n, max: 2n ** 128n - 1n });
const micros = fc.bigInt({ min: 0n, max: 9n * 10n ** 15n });
const tagValue: fc.Arbitrary<AnyValue> = fc.oneof(
  fc.string({ unit: 'grapheme' }).map(text),
  fc.boolean().map((value): AnyValue => ({ type: 'bool', value })),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value): AnyValue => ({ type: 'int', value })),
  fc.double({ noNaN: true }).map((value): AnyValue => ({ type: 'double', value })),
  fc.uint8Array().map((value): AnyValue => ({ type: 'bytes', value: new Uint8Array(value) })),
);
/** No key that means something. */
const tags = fc.uniqueArray(
  fc.tuple(
    fc.string({ maxLength: 8 }).map((key) => `k.${key}`),
    tagValue,
  ),
  { selector: ([key]) => key, maxLength: 5 },
);
const reference = fc.record({ type: fc.constantFrom(0, 1), traceId: id128, spanId: id64 });
const randomSpan: fc.Arbitrary<TestSpan> = fc.record(
  {
    traceId: id128,
    spanId: id64,
    parentSpanId: id64,
    operationName: fc.string({ unit: 'grapheme' }),
    references: fc.array(reference, { maxLength: 3 }),
    startMicros: micros,
    durationMicros: micros,
    tags,
    logs: fc.array(fc.record({ micros, fields: tags }), { maxLength: 3 }),
  },
  { requiredKeys: ['traceId', 'spanId', 'operationName', 'startMicros', 'durationMicros'] },
);
const randomBatch = fc.tuple(
  fc.record({ serviceName: fc.string(), tags }, { requiredKeys: ['serviceName'] }),
  fc.array(randomSpan, { maxLength: 5 }),
);

test('random spans arrive unchanged, and all formats agree', () => {
  fc.assert(
    fc.property(randomBatch, ([process, spans]) => {
      const [first, ...rest] = formats.map(({ send }) => send(process, spans));
      for (const other of rest) assert.deepEqual(other, first);
      assert.equal(first!.length, spans.length);
      for (const [i, span] of spans.entries()) {
        const stored = first![i]!;
        assert.equal(BigInt(`0x${stored.traceId}`), span.traceId);
        assert.equal(BigInt(`0x${stored.spanId}`), span.spanId);
        assert.equal(stored.name, span.operationName);
        assert.equal(stored.startTimeUnixNano, span.startMicros * 1000n);
        assert.equal(stored.endTimeUnixNano, (span.startMicros + span.durationMicros) * 1000n);
        if (span.parentSpanId !== undefined) assert.equal(BigInt(`0x${stored.parentSpanId}`), span.parentSpanId);
        assert.deepEqual(byKey(stored.attributes), Object.fromEntries(span.tags ?? []));
        assert.deepEqual(
          stored.events.map(({ timeUnixNano, attributes }) => [timeUnixNano, byKey(attributes)]),
          (span.logs ?? []).map((log) => [log.micros * 1000n, Object.fromEntries(log.fields)]),
        );
        assert.equal(stored.links.length, span.references?.length ?? 0);
      }
    }),
    { numRuns: 150 },
  );
});

test('mutated and random bytes are translated or refused, never worse', () => {
  const mutate = (bytes: Buffer, changes: readonly (readonly [number, number])[], cut: number): Buffer => {
    for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
    return bytes.subarray(0, Math.max(1, bytes.length - cut));
  };
  const inputs = fc
    .tuple(randomBatch, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat(10))
    .map(([[process, spans], changes, cut]) => {
      const call = struct({ 1: thriftBatch(process, spans) });
      return {
        http: mutate(encodeBinary(thriftBatch(process, spans)), changes, cut),
        compact: mutate(compactCall('emitBatch', oneway, call), changes, cut),
        proto: mutate(Buffer.from(protoRequest(process, spans)), changes, cut),
      };
    });
  const random = fc.uint8Array({ maxLength: 200 }).map((bytes) => {
    const buffer = Buffer.from(bytes);
    return { http: buffer, compact: buffer, proto: buffer };
  });
  const attempt = (translate: () => Uint8Array): void => {
    try {
      scannedSpans(translate());
    } catch (error) {
      assert(error instanceof RubatoError && error.kind === 'invalid', String(error));
    }
  };
  fc.assert(
    fc.property(fc.oneof({ weight: 3, arbitrary: inputs }, random), ({ http, compact, proto }) => {
      attempt(() => jaegerThriftToOtlp(http));
      attempt(() => jaegerPacketToOtlp(compact, 'compact'));
      attempt(() => jaegerPacketToOtlp(compact, 'binary'));
      attempt(() => jaegerProtoToOtlp(proto));
    }),
    { numRuns: 400 },
  );
});

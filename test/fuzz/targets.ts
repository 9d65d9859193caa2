/** Every parser that meets the network, with inputs to begin with. It may give an answer or a RubatoError, nothing else. */
import { defaultQueryLimits } from '../../src/api/ports.ts';
import { instantRequest, rangeRequest, readMetricsFields } from '../../src/api/requests/metrics-request.ts';
import { QueryParams } from '../../src/api/requests/params.ts';
import { readSearchFields, searchRequest } from '../../src/api/requests/search-request.ts';
import { readTagFields, tagNamesRequest, tagValuesRequest } from '../../src/api/requests/tag-requests.ts';
import { traceRange } from '../../src/api/requests/time-range.ts';
import { parseTraceId } from '../../src/api/requests/trace-id.ts';
import { loadConfig } from '../../src/app/config/load.ts';
import { RubatoError } from '../../src/base/errors.ts';
import { ProtoWriter } from '../../src/base/protobuf.ts';
import { SpanTable } from '../../src/model/span-table.ts';
import { protoRequest, type TestSpan, thriftBatch } from '../../src/protocol/jaeger/testing/encode-jaeger.ts';
import { jaegerPacketToOtlp } from '../../src/protocol/jaeger/thrift-batch.ts';
import { OtlpScanner } from '../../src/protocol/otlp/scan.ts';
import { randomRequest } from '../../src/protocol/otlp/testing/random-request.ts';
import {
  binaryCall,
  compactCall,
  encodeBinary,
  i32,
  i64,
  string,
  struct,
  structs,
} from '../../src/protocol/thrift/testing/encode-thrift.ts';
import { decompress } from '../../src/roles/write/decompress.ts';
import { maskedCrc32c } from '../../src/roles/write/snappy.ts';
import { type BodyFormat, translate } from '../../src/roles/write/translator.ts';
import { checkMetrics, checkQuery } from '../../src/traceql/check.ts';
import { parseTagFilter } from '../../src/traceql/lenient.ts';
import { parseAttribute, parseQuery } from '../../src/traceql/parser.ts';

export interface Target {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  /** Pieces of its language. */
  readonly words?: readonly string[];
  /** Share of the inputs; the default is 1. */
  readonly weight?: number;
  run(input: Buffer): void | Promise<void>;
}

const nowUnixNano = 1_795_507_200_000_000_000n;
const nowMs = 1_795_507_200_000;

/** A table is filled by many inputs, as the server's are, and then replaced. */
class Scanner {
  #scanner = new OtlpScanner(new SpanTable(64));
  #scans = 0;

  scan(request: Uint8Array): void {
    if (++this.#scans % 2000 === 0) this.#scanner = new OtlpScanner(new SpanTable(64));
    this.#scanner.scan(request, { newKeysMax: 10_000 });
  }
}

const text = (...seeds: readonly string[]): Buffer[] => seeds.map((seed) => Buffer.from(seed));

function bodyTarget(format: BodyFormat, seeds: readonly Uint8Array[]): Target {
  const scanner = new Scanner();
  return { name: format, seeds, run: (body) => scanner.scan(translate({ format, body, nowUnixNano })) };
}

const jaegerSpans: readonly TestSpan[] = [
  {
    traceId: 0x0102030405060708f90a0b0c0d0e0f10n,
    spanId: 0xf1n,
    parentSpanId: 2n,
    operationName: 'GET /',
    startMicros: 1_795_507_201_000_001n,
    durationMicros: 1500n,
    references: [{ type: 1, traceId: 1n, spanId: 2n }],
    tags: [
      ['a', { type: 'string', value: 'x' }],
      ['error', { type: 'bool', value: true }],
      ['n', { type: 'int', value: 5n }],
      ['f', { type: 'double', value: 1.5 }],
      ['b', { type: 'bytes', value: new Uint8Array(3) }],
    ],
    logs: [{ micros: 1_795_507_201_000_002n, fields: [['event', { type: 'string', value: 'e' }]] }],
  },
];
const process = { serviceName: 'shop', tags: [['k', { type: 'string', value: 'v' }]] } as const;
const batch = thriftBatch(process, jaegerSpans);
const packet = struct({ 1: batch });

const zipkinV2 = {
  traceId: '0a0b0c0d0e0f01020304050607080901',
  id: '0102030405060708',
  parentId: '01',
  name: 'get',
  kind: 'SERVER',
  timestamp: 1_795_507_201_000_001,
  duration: 1500,
  localEndpoint: { serviceName: 'a', ipv4: '10.0.0.1', port: 80 },
  remoteEndpoint: { serviceName: 'b', ipv6: '2001:db8::1' },
  annotations: [{ timestamp: 1_795_507_201_000_002, value: 'x' }],
  tags: { 'http.method': 'GET', error: '' },
};
const zipkinV1 = {
  traceId: '0a0b0c0d0e0f0102',
  id: '0102030405060708',
  name: 'get',
  annotations: [{ timestamp: 1_795_507_201_000_001, value: 'sr', endpoint: { serviceName: 'a', ipv4: '10.0.0.1' } }],
  binaryAnnotations: [{ key: 'k', value: 'v', endpoint: { serviceName: 'a' } }],
};

function zipkinProto(): Uint8Array {
  const writer = new ProtoWriter();
  writer.message(1, () => {
    writer.bytes(1, Buffer.from(zipkinV2.traceId, 'hex'));
    writer.bytes(3, Buffer.from(zipkinV2.id, 'hex'));
    writer.int(4, 2);
    writer.string(5, 'get');
    writer.fixed64(6, 1_795_507_201_000_001n);
    writer.uint(7, 1500);
    writer.message(8, () => {
      writer.string(1, 'a');
      writer.bytes(2, new Uint8Array([10, 0, 0, 1]));
    });
    writer.message(10, () => {
      writer.fixed64(1, 1_795_507_201_000_002n);
      writer.string(2, 'x');
    });
    writer.message(11, () => {
      writer.string(1, 'k');
      writer.string(2, 'v');
    });
  });
  return writer.finish();
}

const zipkinThriftSpan = struct({
  1: i64(5n),
  3: string('get'),
  4: i64(6n),
  6: structs([struct({ 1: i64(1_795_507_201_000_001n), 2: string('sr'), 3: struct({ 1: i32(1), 3: string('a') }) })]),
  8: structs([struct({ 1: string('k'), 2: string('v'), 3: i32(6), 4: struct({ 3: string('a') }) })]),
  10: i64(1_795_507_201_000_001n),
});

const otlpJson = JSON.stringify({
  resourceSpans: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: 'a' } }], droppedAttributesCount: 1 },
      scopeSpans: [
        {
          scope: { name: 'lib', attributes: [{ key: 'k', value: { arrayValue: { values: [{ intValue: '7' }] } } }] },
          spans: [
            {
              traceId: '0a'.repeat(16),
              spanId: '0b'.repeat(8),
              name: 'x',
              kind: 2,
              startTimeUnixNano: '1795507201000000000',
              endTimeUnixNano: 1795507201000000,
              attributes: [
                { key: 'kv', value: { kvlistValue: { values: [{ key: 'd', value: { doubleValue: 1.5 } }] } } },
                { key: 'b', value: { bytesValue: 'AQI=' } },
              ],
              events: [{ timeUnixNano: '1', name: 'e' }],
              links: [{ traceId: '0c'.repeat(16), spanId: '0d'.repeat(8) }],
              status: { code: 2, message: 'm' },
            },
          ],
        },
      ],
    },
  ],
});

const queries = [
  '{ resource.service.name = "shop" && span.http.status_code >= 500 } | select(name, .a)',
  '{ .a =~ "x.*" || !(duration > 1.5s) } >> { kind = server } | count() > 2',
  '{ } | by(resource.service.name) | avg(duration) > 100ms',
  '{ status = error } | rate() by (name) with (exemplars=true)',
  '{ event."a b" != nil } | quantile_over_time(duration, .5, .99) | topk(5)',
  '{ } | compare({ span.x = -1 }, 10)',
];
const queryWords = [
  '{ ',
  ' }',
  ' && ',
  ' || ',
  ' | ',
  '>>',
  '!~',
  'span.',
  'by(',
  'count()',
  '"x"',
  'nil',
  '1.5s',
  'with (a=1)',
];

const configs = [
  'server:\n  http_listen_port: 3200\ndistributor:\n  receivers:\n    otlp:\n      protocols:\n        grpc:\n',
  'storage:\n  trace:\n    backend: local\n    local: { path: /tmp/x }\noverrides:\n  defaults:\n    ingestion: { rate_limit_bytes: 5 }\n',
  'query_frontend: &a\n  search: { max_duration: 1h }\n  url_deny_list: ["x"]\nmultitenancy_enabled: true\n',
];

const parameters = [
  'q=%7B%20.a%20%3D%201%20%7D&start=1795507200&end=1795507300&limit=5&spss=3',
  'tags=a%3Db%20c%3D%22d%20e%22&minDuration=1s&maxDuration=2m&since=1h',
  'q=%7B%7D%7Crate()&start=1795507200.5&end=2026-11-24T10%3A00%3A00Z&step=15s&exemplars=1&maxSeries=2',
  'scope=span&q=%7B.a%3D%7D&limit=10&start=1795507200&end=1795507300',
];

function searchParameters(search: string): void {
  const params = new QueryParams(search);
  attempt(() => searchRequest('a', readSearchFields(params, defaultQueryLimits, nowMs), defaultQueryLimits));
  attempt(() => rangeRequest('a', readMetricsFields(params, nowMs), defaultQueryLimits));
  attempt(() => instantRequest('a', readMetricsFields(params, nowMs), defaultQueryLimits));
  attempt(() => {
    const fields = readTagFields(params, defaultQueryLimits, nowMs);
    attempt(() => tagNamesRequest('a', params.get('scope') ?? '', fields, defaultQueryLimits));
    attempt(() => tagValuesRequest('a', params.get('q') ?? '', fields, defaultQueryLimits));
  });
  attempt(() => traceRange(params));
  attempt(() => parseTraceId(params.get('q') ?? ''));
}

/** Goes on behind what is refused. */
function attempt(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof RubatoError)) throw error;
  }
}

/** Bare blocks and frames of `spans and spans and …`, by hand: eight literals and one long match. */
const snappyBlock = Buffer.concat([
  Buffer.from([28, 7 << 2]),
  Buffer.from('spansand'),
  Buffer.from([(19 << 2) | 2, 8, 0]),
]);
const lz4Block = Buffer.concat([
  Buffer.from([0x8f]),
  Buffer.from('spansand'),
  Buffer.from([8, 0, 1, 0x10]),
  Buffer.from('x'),
]);
const lz4 = Buffer.concat([
  Buffer.from('04224d18604000', 'hex'),
  Buffer.from([lz4Block.length, 0, 0, 0]),
  lz4Block,
  Buffer.alloc(4),
]);
const snappyChecksum = Buffer.alloc(4);
snappyChecksum.writeUInt32LE(maskedCrc32c(Buffer.from('spansand')));
const snappyFrame = Buffer.concat([
  Buffer.from('\xff\x06\x00\x00sNaPpY\x01\x0c\x00\x00', 'latin1'),
  snappyChecksum,
  Buffer.from('spansand'),
]);

const otlpScanner = new Scanner();

export const targets: readonly Target[] = [
  {
    name: 'otlp-protobuf',
    seeds: Array.from({ length: 200 }, (_, seed) => randomRequest(seed)),
    weight: 3,
    run: (input) => otlpScanner.scan(input),
  },
  bodyTarget('otlp-json', text(otlpJson)),
  bodyTarget('jaeger-proto', [protoRequest(process, jaegerSpans)]),
  bodyTarget('jaeger-thrift', [encodeBinary(batch)]),
  {
    name: 'jaeger compact packet',
    seeds: [compactCall('emitBatch', 4, packet)],
    run: (input) => void jaegerPacketToOtlp(input, 'compact'),
  },
  {
    name: 'jaeger binary packet',
    seeds: [binaryCall('emitBatch', 4, packet)],
    run: (input) => void jaegerPacketToOtlp(input, 'binary'),
  },
  bodyTarget('zipkin-v1-json', text(JSON.stringify([zipkinV1]))),
  bodyTarget('zipkin-v1-thrift', [encodeBinary(structs([zipkinThriftSpan]))]),
  bodyTarget('zipkin-v2-json', text(JSON.stringify([zipkinV2]))),
  bodyTarget('zipkin-v2-proto', [zipkinProto()]),
  {
    name: 'traceql',
    weight: 0.5,
    seeds: text(...queries),
    words: queryWords,
    run(input) {
      const query = input.toString();
      attempt(() => {
        const parsed = parseQuery(query);
        attempt(() => checkQuery(parsed));
        attempt(() => checkMetrics(parsed));
      });
      attempt(() => parseAttribute(query));
      parseTagFilter(query);
    },
  },
  {
    name: 'http parameters',
    seeds: text(...parameters),
    words: ['q=', '&start=', '&end=', '&step=', '%7B', '%22', '&limit=0', '-1', '99999999999999999999', '1e9'],
    run: (input) => searchParameters(input.toString('latin1')),
  },
  {
    name: 'config',
    seeds: text(...configs),
    words: ['\n', '  ', ': ', '- ', '&a', '*a', '<<: *a', '|', '>', '!!binary', '{', '[', '1h', 'true', '~'],
    weight: 0.02,
    run: (input) => void loadConfig(input.toString(), 'fuzz.yaml'),
  },
  // Unpacked on the event loop, by code of ours; what zlib unpacks is zlib's.
  { name: 'snappy', seeds: [snappyBlock], run: async (input) => void (await decompress('snappy', input, 1 << 20)) },
  {
    name: 'snappy frames',
    seeds: [snappyFrame],
    run: async (input) => void (await decompress('snappy', input, 1 << 20)),
  },
  { name: 'lz4', seeds: [lz4], run: async (input) => void (await decompress('lz4', input, 1 << 20)) },
];

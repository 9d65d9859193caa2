import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import grpc from '@grpc/grpc-js';
import { TracesDataSchema } from '../../src/api/generated/opentelemetry/proto/trace/v1/trace_pb.ts';
import { ManualClock } from '../../src/base/clock.ts';
import { fragmentOf } from './api-server.ts';
import type { GrpcClient, Message } from './grpc-client.ts';
import { type GrpcTestApi, startGrpcTestApi } from './grpc-server.ts';
import { otlpOf, spanIdOf, type TestSpan, traceIdOf } from './spans.ts';

const nowMs = 1_700_000_000_000;
const startMs = nowMs - 600_000;

/** Traces of shop → bank → vault, a minute apart; every second one fails in the bank. */
const spans: TestSpan[] = Array.from({ length: 4 }, (_, index) => {
  const number = index + 1;
  const at = startMs + index * 60_000;
  const own = (span: number) => ({ trace: number, span: number * 10 + span });
  return [
    { ...own(1), service: 'shop', name: 'order', kind: 2 as const, startMs: at, durationMs: 100 },
    {
      ...own(2),
      parent: number * 10 + 1,
      service: 'shop',
      name: 'charge',
      kind: 3 as const,
      startMs: at + 5,
      durationMs: 80,
      attributes: { 'http.status': 200 + index, user: `user "${number}"`, ratio: 0.5, big: true },
    },
    {
      ...own(3),
      parent: number * 10 + 2,
      service: 'bank',
      name: 'pay/now',
      startMs: at + 10,
      durationMs: 50 + index,
      error: index % 2 === 1,
    },
    { ...own(4), parent: number * 10 + 3, service: 'vault', name: 'open', startMs: at + 20, durationMs: 1 },
    { ...own(5), parent: number * 10 + 3, service: 'vault', name: 'close', startMs: at + 30, durationMs: 1 },
  ];
}).flat();

const bytes = (hex: string) => Buffer.from(hex, 'hex');

/** One span with everything that Jaeger has a place for. */
const rich = toBinary(
  TracesDataSchema,
  create(TracesDataSchema, {
    resourceSpans: [
      {
        resource: { attributes: [{ key: 'pod', value: { value: { case: 'intValue', value: 7n } } }] },
        scopeSpans: [
          {
            scope: { name: 'lib', version: '2' },
            spans: [
              {
                traceId: bytes('0102030405060708090a0b0c0d0e0f10'),
                spanId: bytes('1112131415161718'),
                parentSpanId: bytes('2122232425262728'),
                traceState: 'a=b',
                name: 'all',
                kind: 4,
                startTimeUnixNano: BigInt(startMs) * 1_000_000n + 123_456n,
                endTimeUnixNano: BigInt(startMs) * 1_000_000n + 133_999n,
                status: { code: 2, message: 'broken' },
                attributes: [
                  { key: 'exact', value: { value: { case: 'intValue', value: 2n ** 60n } } },
                  {
                    key: 'list',
                    value: {
                      value: {
                        case: 'arrayValue',
                        value: { values: [{ value: { case: 'stringValue', value: 'a' } }] },
                      },
                    },
                  },
                  { key: 'raw', value: { value: { case: 'bytesValue', value: Uint8Array.of(1, 255) } } },
                ],
                events: [
                  {
                    name: 'retry',
                    timeUnixNano: BigInt(startMs) * 1_000_000n + 125_000n,
                    attributes: [{ key: 'n', value: { value: { case: 'doubleValue', value: 1.5 } } }],
                  },
                ],
                links: [{ traceId: bytes(traceIdOf(1)), spanId: bytes(spanIdOf(11)) }],
              },
            ],
          },
        ],
      },
    ],
  }),
);

let api: GrpcTestApi;
let client: GrpcClient;
before(async () => {
  api = await startGrpcTestApi({ fragment: fragmentOf(otlpOf(spans), rich), clock: new ManualClock(nowMs) });
  client = api.client('jaeger.api_v3.QueryService');
});
after(() => api.close());

interface Trace {
  readonly traceID: string;
  readonly spans: readonly Message[];
  readonly processes: Readonly<Record<string, Message>>;
}

interface Answer {
  readonly data: readonly Trace[];
  readonly total: number;
  readonly limit: number;
  readonly offset: number;
  readonly errors: null | Message[];
}

async function get(path: string, status = 200): Promise<Answer> {
  const answer = await fetch(`${api.url}/jaeger/api${path}`);
  const text = await answer.text();
  assert.equal(answer.status, status, text);
  return JSON.parse(text) as Answer;
}

const search = async (params: Record<string, string>): Promise<string[]> =>
  (await get(`/traces?${new URLSearchParams(params)}`)).data.map(({ traceID }) => traceID);
const ids = (...numbers: number[]): string[] => numbers.map(traceIdOf);

test('services and their operations', async () => {
  const services = await get('/services');
  assert.deepEqual(services, { data: ['bank', 'shop', 'vault'], total: 3, limit: 0, offset: 0, errors: null });
  assert.deepEqual((await get('/services/shop/operations')).data, ['charge', 'order']);
  assert.deepEqual((await get('/services/no%2Fsuch/operations')).data, []);
  assert.deepEqual((await get('/operations?service=shop')).data, [
    { name: 'charge', spanKind: 'client' },
    { name: 'order', spanKind: 'server' },
  ]);
  assert.deepEqual((await get('/operations?service=shop&spanKind=client')).data, [
    { name: 'charge', spanKind: 'client' },
  ]);
  assert.deepEqual((await get('/operations', 400)).errors, [{ code: 400, msg: "parameter 'service' is required" }]);
});

test('a search finds the traces with a span that has everything asked for, newest first', async () => {
  assert.deepEqual(await search({ service: 'shop' }), ids(4, 3, 2, 1));
  assert.deepEqual(await search({ service: 'shop', limit: '2' }), ids(4, 3));
  assert.deepEqual(await search({ service: 'bank', operation: 'pay/now', minDuration: '52ms' }), ids(4, 3));
  assert.deepEqual(await search({ service: 'bank', maxDuration: '51ms' }), ids(2, 1));
  assert.deepEqual(await search({ service: 'bank', tags: '{"error":"true"}' }), ids(4, 2));
  assert.deepEqual(await search({ service: 'bank', tags: '{"error":"false"}' }), ids(3, 1));
  assert.deepEqual(await search({ service: 'shop', tags: '{"http.status":"201","span.kind":"client"}' }), ids(2));
  assert.deepEqual(await search({ service: 'shop', tags: '{"http.status":201,"span.kind":"server"}' }), []);
  assert.deepEqual(await search({ service: 'shop', tag: 'user:user "3"' }), ids(3));
  assert.deepEqual(await search({ service: 'shop', tags: '{"ratio":"0.5","big":"true"}', limit: '1' }), ids(4));
  assert.deepEqual(
    await search({ service: 'bank', tags: '{"host.name":"bank-1","otel.status_code":"ERROR"}' }),
    ids(4, 2),
  );
  assert.deepEqual(
    await search({ service: 'bank', tags: '{"otel.scope.name":"test","otel.scope.version":"1"}' }),
    ids(4, 3, 2, 1),
  );
  const micros = { start: `${(startMs + 30_000) * 1000}`, end: `${(startMs + 90_000) * 1000}` };
  assert.deepEqual(await search({ service: 'shop', ...micros }), ids(2));
  assert.deepEqual(await search({ service: 'shop', lookback: '8m' }), ids(4, 3));
});

test('what a search cannot be made of is said in the form that Jaeger has for errors', async () => {
  const refused: [string, RegExp][] = [
    ['', /'service' is required/],
    ['service=a&limit=x', /^unable to parse param 'limit': /],
    ['service=a&start=1e3', /^unable to parse param 'start': /],
    ['service=a&minDuration=1', /^unable to parse param 'minDuration': /],
    ['service=a&minDuration=2s&maxDuration=1s', /'maxDuration' should be greater/],
    ['service=a&tags=%7B', /^malformed 'tags' parameter/],
    ['service=a&tags=[1]', /^malformed 'tags' parameter/],
    ['service=a&tag=x', /^malformed 'tag' parameter/],
    ['service=a&start=2000000&end=1000000', /start must be before end/],
    ['service=a&start=1000000&end=900000000000', /exceeds 168h0m0s/],
    ['service=a&limit=0', /invalid limit/],
  ];
  for (const [query, message] of refused) {
    const answer = await get(`/traces?${query}`, 400);
    assert.equal(answer.data, null);
    assert.equal(answer.errors![0]!['code'], 400);
    assert.match(answer.errors![0]!['msg'] as string, message);
  }
});

test('a trace has its spans, and a process for each resource', async () => {
  const { data } = await get(`/traces/${traceIdOf(2)}`);
  assert.equal(data.length, 1);
  const { traceID, spans: found, processes } = data[0]!;
  assert.equal(traceID, traceIdOf(2));
  assert.equal(found.length, 5);
  const hostOf = (service: string) => [{ key: 'host.name', type: 'string', value: `${service}-1` }];
  const named = new Map(Object.entries(processes).map(([id, process]) => [process['serviceName'], { id, process }]));
  for (const service of ['shop', 'bank', 'vault'])
    assert.deepEqual(named.get(service)!.process, { serviceName: service, tags: hostOf(service) });
  const charge = found.find((span) => span['operationName'] === 'charge')!;
  assert.deepEqual(charge, {
    traceID,
    spanID: spanIdOf(22),
    operationName: 'charge',
    references: [{ refType: 'CHILD_OF', traceID, spanID: spanIdOf(21) }],
    startTime: (startMs + 60_005) * 1000,
    duration: 80_000,
    tags: [
      { key: 'otel.scope.name', type: 'string', value: 'test' },
      { key: 'otel.scope.version', type: 'string', value: '1' },
      ...(charge['tags'] as Message[]).slice(2, -1),
      { key: 'span.kind', type: 'string', value: 'client' },
    ],
    logs: [],
    processID: named.get('shop')!.id,
    warnings: null,
  });
  const tags = new Set((charge['tags'] as Message[]).slice(2, -1));
  assert.deepEqual(
    tags,
    new Set([
      { key: 'http.status', type: 'int64', value: 201 },
      { key: 'user', type: 'string', value: 'user "2"' },
      { key: 'ratio', type: 'float64', value: 0.5 },
      { key: 'big', type: 'bool', value: true },
    ]),
  );
});

test('everything that OTLP has and Jaeger has a place for is there', async () => {
  const traceID = '0102030405060708090a0b0c0d0e0f10';
  const { data } = await get(`/traces/${traceID}?start=1&end=${nowMs * 1000}`);
  const { tags, ...span } = data[0]!.spans[0]!;
  assert.deepEqual(span, {
    traceID,
    spanID: '1112131415161718',
    operationName: 'all',
    references: [
      { refType: 'CHILD_OF', traceID, spanID: '2122232425262728' },
      { refType: 'FOLLOWS_FROM', traceID: traceIdOf(1), spanID: spanIdOf(11) },
    ],
    startTime: startMs * 1000 + 123,
    duration: 10,
    logs: [
      {
        timestamp: startMs * 1000 + 125,
        fields: [
          { key: 'event', type: 'string', value: 'retry' },
          { key: 'n', type: 'float64', value: 1.5 },
        ],
      },
    ],
    processID: 'p1',
    warnings: null,
  });
  const byKey = new Map((tags as Message[]).map(({ key, type, value }) => [key, [type, value]]));
  assert.deepEqual(
    byKey,
    new Map<unknown, unknown[]>([
      ['otel.scope.name', ['string', 'lib']],
      ['otel.scope.version', ['string', '2']],
      ['exact', ['int64', String(2n ** 60n)]],
      ['list', ['string', '["a"]']],
      ['raw', ['string', '01ff']],
      ['span.kind', ['string', 'producer']],
      ['error', ['bool', true]],
      ['otel.status_code', ['string', 'ERROR']],
      ['otel.status_description', ['string', 'broken']],
      ['w3c.tracestate', ['string', 'a=b']],
    ]),
  );
  assert.deepEqual(data[0]!.processes, {
    p1: { serviceName: 'OTLPResourceNoServiceName', tags: [{ key: 'pod', type: 'int64', value: 7 }] },
  });
});

test('traces by their ids, and those that are missing', async () => {
  assert.deepEqual(await get('/traces/abc', 404), {
    data: null,
    total: 0,
    limit: 0,
    offset: 0,
    errors: [{ code: 404, msg: 'trace not found' }],
  });
  assert.match((await get('/traces/xyz', 400)).errors![0]!['msg'] as string, /hex/);
  const some = await get(`/traces?traceID=${traceIdOf(3)}&traceID=abc&traceID=1`);
  assert.deepEqual(
    some.data.map(({ traceID }) => traceID),
    ids(3, 1),
  );
  assert.deepEqual(some.errors, [{ msg: 'trace not found', traceID: 'abc' }]);
});

const links = [
  { parent: 'bank', child: 'vault', callCount: 8 },
  { parent: 'shop', child: 'bank', callCount: 4 },
];

test('dependencies count the calls between services', async () => {
  assert.deepEqual((await get(`/dependencies?endTs=${nowMs}&lookback=3600000`)).data, links);
  assert.deepEqual((await get('/dependencies')).data, links);
  assert.deepEqual((await get('/dependencies?service=shop')).data, links.slice(1));
  assert.deepEqual((await get(`/dependencies?endTs=${startMs - 1000}&lookback=1000`)).data, []);
  assert.match((await get('/dependencies?lookback=-1', 400)).errors![0]!['msg'] as string, /'lookback'/);
});

const timestamp = (ms: number): Message => ({ seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 });

/** Span names of OTLP messages by trace. */
function namesOf(messages: readonly { message: Message }[]): Map<string, string[]> {
  const names = new Map<string, string[]>();
  type Span = { traceId: string; name: string };
  type ResourceSpans = { scopeSpans: { spans: Span[] }[] };
  for (const { message } of messages)
    for (const { scopeSpans } of message['resourceSpans'] as ResourceSpans[])
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
        const traceId = Buffer.from(span.traceId, 'base64').toString('hex');
        names.set(traceId, [...(names.get(traceId) ?? []), span.name].sort());
      }
  return names;
}

const all = ['charge', 'close', 'open', 'order', 'pay/now'];

test('over gRPC the same is answered, traces as OTLP', async () => {
  assert.deepEqual(await client.unary('GetServices', {}), { services: ['bank', 'shop', 'vault'] });
  assert.deepEqual(await client.unary('GetOperations', { service: 'shop', spanKind: 'server' }), {
    operations: [{ name: 'order', spanKind: 'server' }],
  });
  const times = { startTime: timestamp(startMs - 1000), endTime: timestamp(nowMs) };
  assert.deepEqual(await client.unary('GetDependencies', times), {
    dependencies: links.map((link) => ({ ...link, callCount: String(link.callCount) })),
  });
  assert.deepEqual(namesOf(await client.stream('GetTrace', { traceId: '2' })), new Map([[traceIdOf(2), all]]));
  const query = {
    serviceName: 'bank',
    operationName: 'pay/now',
    attributes: { error: 'true' },
    startTimeMin: timestamp(startMs),
    startTimeMax: timestamp(nowMs),
    durationMin: { seconds: 0, nanos: 52_000_000 },
  };
  assert.deepEqual(namesOf(await client.stream('FindTraces', { query })), new Map([[traceIdOf(4), all]]));
});

test('over gRPC what cannot be answered is refused', async () => {
  const code = async (method: string, request: Message): Promise<unknown> =>
    client.stream(method, request).then(
      () => 'answered',
      (error: grpc.ServiceError) => error.code,
    );
  const { INVALID_ARGUMENT, NOT_FOUND } = grpc.status;
  assert.equal(await code('GetTrace', { traceId: 'abc' }), NOT_FOUND);
  assert.equal(await code('GetTrace', { traceId: 'x' }), INVALID_ARGUMENT);
  assert.equal(await code('GetTrace', {}), INVALID_ARGUMENT);
  assert.equal(await code('FindTraces', {}), INVALID_ARGUMENT);
  const times = { startTimeMin: timestamp(startMs), startTimeMax: timestamp(nowMs) };
  assert.equal(await code('FindTraces', { query: { ...times, filter: Buffer.from([8, 1]) } }), INVALID_ARGUMENT);
  await assert.rejects(client.unary('GetOperations', {}), { code: INVALID_ARGUMENT });
});

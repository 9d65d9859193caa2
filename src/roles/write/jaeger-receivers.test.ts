import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import http2 from 'node:http2';
import { type TestContext, test } from 'node:test';
import zlib from 'node:zlib';
import { ErrorKind, ExhaustedError, invalid, RubatoError } from '../../base/errors.ts';
import { protoRequest, type TestSpan, thriftBatch } from '../../protocol/jaeger/testing/encode-jaeger.ts';
import { binaryCall, compactCall, encodeBinary, struct } from '../../protocol/thrift/testing/encode-thrift.ts';
import { BodyGate } from './body-gate.ts';
import { JaegerGrpcReceiver } from './jaeger-grpc-receiver.ts';
import { JaegerHttpReceiver } from './jaeger-http-receiver.ts';
import { JaegerUdpReceiver, type JaegerUdpReceiverOptions } from './jaeger-udp-receiver.ts';
import { TableIngest } from './testing/table-ingest.ts';

const host = '127.0.0.1';
const span: TestSpan = {
  traceId: 0x0102030405060708090a0b0c0d0e0f10n,
  spanId: 0x1112131415161718n,
  operationName: 'GET /',
  startMicros: 1_795_507_201_000_001n,
  durationMicros: 1500n,
};
const shop = { serviceName: 'shop' };
const body = encodeBinary(thriftBatch(shop, [span]));
const thriftType = 'application/x-thrift';

/** As the app's, with multitenancy. */
function tenantOf(orgId: string | undefined): string {
  if (orgId === undefined) throw new RubatoError(ErrorKind.invalid, 'no_org_id', 'no org id');
  if (orgId.includes('|')) throw invalid('bad_tenant', 'one tenant only');
  return orgId;
}

function parts(): { ingest: TableIngest; gate: BodyGate } {
  return { ingest: new TableIngest(), gate: new BodyGate(1 << 20) };
}

async function startHttp(t: TestContext) {
  const { ingest, gate } = parts();
  const receiver = new JaegerHttpReceiver({
    host,
    port: 0,
    bodyBytesMax: 100_000,
    ingest,
    gate,
    tenantOf,
    corsAllowedOrigins: [],
  });
  const port = await receiver.listen();
  t.after(() => receiver.close());
  const send = async (content: Buffer, headers: Record<string, string> = {}, path = '/api/traces', method = 'POST') => {
    const response = await fetch(`http://${host}:${port}${path}`, {
      method,
      headers: { 'Content-Type': thriftType, 'X-Scope-OrgID': 'a', ...headers },
      ...(method === 'GET' ? {} : { body: new Uint8Array(content) }),
    });
    return { status: response.status, text: await response.text(), headers: response.headers };
  };
  return { ingest, gate, send };
}

test('HTTP: a batch is stored and answered 202', async (t) => {
  const { ingest, gate, send } = await startHttp(t);
  const answers = [
    await send(body),
    await send(body, { 'Content-Type': 'application/vnd.apache.thrift.binary; charset=utf-8' }),
    await send(body, {}, '/api/traces?format=jaeger.thrift'),
    await send(zlib.gzipSync(body), { 'Content-Encoding': 'gzip' }),
    await send(body, { 'no-generate-metrics': '1' }),
  ];
  for (const { status, text } of answers) assert.deepEqual([status, text], [202, '']);
  const stored = ingest.spans('a');
  assert.equal(stored.length, answers.length);
  assert.equal(stored[0]!.name, 'GET /');
  assert.equal(stored[0]!.traceId, '0102030405060708090a0b0c0d0e0f10');
  assert.deepEqual(stored[0]!.resource.attributes, [{ key: 'service.name', value: { type: 'string', value: 'shop' } }]);
  assert.deepEqual(
    ingest.pushes.map(({ options }) => options.noGenerateMetrics),
    [false, false, false, false, true],
  );
  assert.equal(gate.heldBytes, 0);
});

test('HTTP: what is no batch is refused with 400, other methods with 405, other paths with 404', async (t) => {
  const { ingest, send } = await startHttp(t);
  const cut = await send(body.subarray(0, 40));
  assert.equal(cut.status, 400);
  assert.match(cut.text, /^Unable to process request body: damaged thrift at byte \d+/);
  assert.equal(cut.headers.get('content-type'), 'text/plain; charset=utf-8');
  assert.equal((await send(Buffer.alloc(0))).status, 400);
  assert.equal((await send(body, { 'Content-Type': 'application/json' })).status, 400);
  assert.equal((await send(body, { 'Content-Encoding': 'gzip' })).status, 400);
  assert.equal((await send(body, { 'Content-Encoding': 'magic' })).status, 400);
  assert.equal((await send(body, {}, '/api/traces', 'GET')).status, 405);
  assert.equal((await send(body, {}, '/api/traces', 'PUT')).status, 405);
  assert.equal((await send(body, {}, '/')).status, 404);
  assert.equal((await send(Buffer.alloc(200_000))).status, 413);
  assert.equal((await send(zlib.gzipSync(Buffer.alloc(200_000)), { 'Content-Encoding': 'gzip' })).status, 413);
  assert.equal(ingest.pushes.length, 0);
});

test('HTTP: what goes wrong behind a sound batch is answered 500', async (t) => {
  const { ingest, gate, send } = await startHttp(t);
  assert.equal((await send(body, { 'X-Scope-OrgID': 'a|b' })).status, 500);
  const zero = encodeBinary(thriftBatch(shop, [{ ...span, spanId: 0n }]));
  const refused = await send(zero);
  assert.equal(refused.status, 500);
  assert.match(refused.text, /^Cannot submit Jaeger batch: /);
  for (const failure of [
    new ExhaustedError('rate_limited', 'slow down', 1000),
    new RubatoError(ErrorKind.unavailable, 'away', 'the store is away'),
    new Error('secret'),
  ]) {
    ingest.failure = failure;
    const { status, text } = await send(body);
    assert.equal(status, 500);
    assert(!text.includes('secret'));
  }
  ingest.failure = undefined;
  gate.take(1 << 20);
  assert.equal((await send(body)).status, 500);
  gate.give(1 << 20);
  assert.equal((await send(body)).status, 202);
  assert.equal(ingest.spans('a').length, 1);
});

interface GrpcAnswer {
  readonly status: string | undefined;
  readonly message: string | undefined;
  readonly data: Buffer;
}

async function startGrpc(t: TestContext) {
  const { ingest, gate } = parts();
  const receiver = new JaegerGrpcReceiver({ host, port: 0, messageBytesMax: 100_000, ingest, gate, tenantOf });
  const session = http2.connect(`http://${host}:${await receiver.listen()}`);
  t.after(async () => {
    session.close();
    await receiver.close();
  });
  const call = (message: Uint8Array, headers: Record<string, string> = {}, compressed = false): Promise<GrpcAnswer> =>
    new Promise((resolve, reject) => {
      const frame = Buffer.alloc(5 + message.length);
      frame[0] = compressed ? 1 : 0;
      frame.writeUInt32BE(message.length, 1);
      frame.set(message, 5);
      const stream = session.request({
        ':method': 'POST',
        ':path': '/jaeger.api_v2.CollectorService/PostSpans',
        'content-type': 'application/grpc',
        te: 'trailers',
        'x-scope-orgid': 'a',
        ...headers,
      });
      let found: http2.IncomingHttpHeaders = {};
      const chunks: Buffer[] = [];
      stream.on('response', (head) => (found = { ...found, ...head }));
      stream.on('trailers', (trailers) => (found = { ...found, ...trailers }));
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', reject);
      stream.on('close', () =>
        resolve({
          status: found['grpc-status'] as string | undefined,
          message: found['grpc-message'] as string | undefined,
          data: Buffer.concat(chunks),
        }),
      );
      stream.end(frame);
    });
  return { ingest, gate, call };
}

test('gRPC: PostSpans stores and answers with an empty message', async (t) => {
  const { ingest, gate, call } = await startGrpc(t);
  const request = protoRequest(shop, [span]);
  const answer = await call(request);
  assert.deepEqual([answer.status, answer.data], ['0', Buffer.alloc(5)]);
  assert.equal((await call(zlib.gzipSync(request), { 'grpc-encoding': 'gzip' }, true)).status, '0');
  const stored = ingest.spans('a');
  assert.equal(stored.length, 2);
  assert.deepEqual(stored[0], stored[1]);
  assert.equal(stored[0]!.startTimeUnixNano, 1_795_507_201_000_001_000n);
  assert.equal(gate.heldBytes, 0);
});

test('gRPC: errors have the codes of OTLP', async (t) => {
  const { ingest, call } = await startGrpc(t);
  const request = protoRequest(shop, [span]);
  const damaged = await call(request.subarray(0, 30));
  assert.equal(damaged.status, '3');
  assert.match(decodeURIComponent(damaged.message!), /damaged protobuf at byte/);
  assert.equal((await call(request, { 'x-scope-orgid': 'a|b' })).status, '3');
  assert.equal((await call(request, { ':path': '/jaeger.api_v2.CollectorService/Other' })).status, '12');
  ingest.failure = new ExhaustedError('rate_limited', 'slow down', 1000);
  assert.equal((await call(request)).status, '8');
  ingest.failure = new RubatoError(ErrorKind.unavailable, 'away', 'the store is away');
  assert.equal((await call(request)).status, '14');
  assert.equal(ingest.pushes.length, 0);
});

async function startUdp(t: TestContext, options: Partial<JaegerUdpReceiverOptions> = {}) {
  const { ingest, gate } = parts();
  const receiver = new JaegerUdpReceiver({
    host,
    port: 0,
    protocol: 'compact',
    ingest,
    gate,
    tenantOf: () => 'single-tenant',
    ...options,
  });
  const port = await receiver.listen();
  const socket = dgram.createSocket('udp4');
  let closed = false;
  t.after(async () => {
    socket.close();
    if (!closed) await receiver.close();
  });
  /** Resolves when it is counted. */
  const send = async (packet: Buffer): Promise<void> => {
    const before = receiver.counters.received;
    socket.send(packet, port, host);
    for (let i = 0; receiver.counters.received === before; i++) {
      assert(i < 500, 'the packet never arrived');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await new Promise((resolve) => setImmediate(resolve));
  };
  const close = async (): Promise<void> => {
    closed = true;
    await receiver.close();
  };
  return { ingest, gate, receiver, send, close };
}

const args = struct({ 1: thriftBatch(shop, [span]) });
const noneRefused = { refusedTooLarge: 0, refusedInvalid: 0, refusedTenant: 0, refusedBusy: 0, failed: 0 };

test('UDP: packets of both protocols are stored', async (t) => {
  const compact = await startUdp(t);
  await compact.send(compactCall('emitBatch', 4, args));
  const binary = await startUdp(t, { protocol: 'binary' });
  await binary.send(binaryCall('emitBatch', 4, args));
  for (const { ingest, receiver, gate } of [compact, binary]) {
    const stored = ingest.spans('single-tenant');
    assert.equal(stored.length, 1);
    assert.equal(stored[0]!.spanId, '1112131415161718');
    assert.deepEqual(receiver.counters, { ...noneRefused, received: 1, stored: 1 });
    assert.equal(gate.heldBytes, 0);
  }
});

test('UDP: what cannot be stored is counted by its reason', async (t) => {
  const { ingest, gate, receiver, send } = await startUdp(t, { packetBytesMax: 500, packetsInFlightMax: 1 });
  const packet = compactCall('emitBatch', 4, args);
  await send(Buffer.alloc(501));
  await send(packet.subarray(0, 50));
  await send(binaryCall('emitBatch', 4, args));
  await send(compactCall('emitBatch', 4, struct({ 1: thriftBatch(shop, [{ ...span, spanId: 0n }]) })));
  gate.take(1 << 20);
  await send(packet);
  gate.give(1 << 20);
  ingest.failure = new RubatoError(ErrorKind.unavailable, 'away', 'the store is away');
  await send(packet);
  ingest.failure = undefined;
  assert.deepEqual(receiver.counters, {
    received: 6,
    stored: 0,
    refusedTooLarge: 1,
    refusedInvalid: 3,
    refusedTenant: 0,
    refusedBusy: 1,
    failed: 1,
  });

  const tenants = await startUdp(t, { tenantOf });
  await tenants.send(packet);
  assert.deepEqual(tenants.receiver.counters, { ...noneRefused, received: 1, stored: 0, refusedTenant: 1 });
});

test('UDP: packets in flight are bounded, and stored before close is done', async (t) => {
  const { ingest, receiver, send, close } = await startUdp(t, { packetsInFlightMax: 2 });
  const { promise, resolve } = Promise.withResolvers<void>();
  ingest.until = promise;
  for (let i = 0; i < 3; i++) await send(compactCall('emitBatch', 4, args));
  assert.deepEqual(receiver.counters, { ...noneRefused, received: 3, stored: 0, refusedBusy: 1 });
  const closing = close();
  resolve();
  await closing;
  assert.equal(receiver.counters.stored, 2);
  assert.equal(ingest.spans('single-tenant').length, 2);
});

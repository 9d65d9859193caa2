/** Slow, half-sent, oversized and nested requests on every port: cut off with the right status, and nobody else notices. */
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import http2 from 'node:http2';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import zlib from 'node:zlib';
import { createGrpcApi } from '../../src/api/grpc/grpc-api.ts';
import { defaultApiOptions } from '../../src/api/http/api.ts';
import { Listener } from '../../src/app/listener.ts';
import { plainSpan } from '../../src/model/plain-span.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { grpcFrame } from '../../src/roles/write/grpc-frame.ts';
import { testPorts } from '../api/api-server.ts';
import { request } from '../support/server.ts';
import { bodyBytesMax, type OpenReceivers, openReceivers, times } from './open-receivers.ts';

const one = plainSpansToOtlp([plainSpan({ traceId: '0a'.repeat(16), spanId: '0b'.repeat(8), name: 'one' })]);
const httpReceivers = ['otlp/http', 'zipkin', 'jaeger/thrift_http'] as const;
type HttpReceiver = (typeof httpReceivers)[number];
const target: Readonly<Record<HttpReceiver, readonly [path: string, contentType: string]>> = {
  'otlp/http': ['/v1/traces', 'application/json'],
  zipkin: ['/api/v2/spans', 'application/json'],
  'jaeger/thrift_http': ['/api/traces', 'application/x-thrift'],
};
const exportPath = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

let receivers: OpenReceivers;
const queryTimes = {
  firstBytesMs: times.headMs,
  headMs: times.headMs,
  requestMs: times.requestMs,
  answerMs: 0,
  keepAliveMs: 1000,
  idleSessionMs: 10_000,
};
const apiErrors: unknown[] = [];
const ending = new AbortController();
const grpcApi = createGrpcApi(testPorts({}, apiErrors), defaultApiOptions, ending.signal);
/** The HTTP port, and 9095's. */
const queryPort = new Listener(
  {
    http: (request, response) => request.resume().once('end', () => response.end('here')),
    grpc: grpcApi.handle,
  },
  queryTimes,
);
const queryGrpcPort = new Listener({ grpc: grpcApi.handle }, queryTimes);
let queryPortNumber: number;
let queryGrpcPortNumber: number;

before(async () => {
  receivers = await openReceivers();
  queryPortNumber = await queryPort.listen(0, '127.0.0.1');
  queryGrpcPortNumber = await queryGrpcPort.listen(0, '127.0.0.1');
});

after(async () => {
  assert.equal(receivers.gate.heldBytes, 0, 'no request is held');
  ending.abort();
  await Promise.all([receivers.close(), queryPort.close(100), queryGrpcPort.close(100)]);
  assert.deepEqual(apiErrors, []);
});

const post = (type: HttpReceiver, body: Uint8Array, headers: Record<string, string> = {}) => {
  const [path, contentType] = target[type];
  return request(`http://127.0.0.1:${receivers.port(type)}${path}`, {
    method: 'POST',
    headers: { 'content-type': contentType, ...headers },
    body,
  });
};

/** Acknowledged now, whatever else goes on. */
async function healthy(): Promise<void> {
  const answer = await post('otlp/http', one, { 'content-type': 'application/x-protobuf' });
  assert.equal(answer.status, 200);
}

/** What came back until the other side closed; `drip` is sent again and again. */
function talk(port: number, text: string, drip = ''): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let got = '';
  const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
  const dripping = setInterval(() => drip !== '' && socket.writable && socket.write(drip), 100);
  socket.on('data', (data) => (got += data.toString('latin1')));
  socket.on('error', () => undefined);
  socket.on('close', () => {
    clearInterval(dripping);
    resolve(got);
  });
  return promise;
}

const unfinished = (type: HttpReceiver, length: number): string => {
  const [path, contentType] = target[type];
  return `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${contentType}\r\nContent-Length: ${length}\r\n\r\n[`;
};

test('a half-sent head is cut off on every HTTP port, also when it is dripped in', { timeout: 20_000 }, async () => {
  const ports = [...httpReceivers.map((type) => receivers.port(type)), queryPortNumber];
  const answers = await Promise.all([
    ...ports.map((port) => talk(port, 'POST / HTTP/1.1\r\nHost: x\r\nX-Slow: ')),
    ...ports.map((port) => talk(port, 'POST / HTTP/1.1\r\nHost: x\r\nX-Slow: ', 'a')),
    healthy(),
  ]);
  for (const text of answers.slice(0, -1)) assert.match(text as string, /^HTTP\/1\.1 408 /);
});

test('a half-sent body is cut off, and holds no more room than it fills', { timeout: 20_000 }, async () => {
  const slow = httpReceivers.flatMap((type) => [
    talk(receivers.port(type), unfinished(type, bodyBytesMax)),
    talk(receivers.port(type), unfinished(type, bodyBytesMax), ' '),
  ]);
  await sleep(100);
  assert.ok(receivers.gate.heldBytes <= slow.length * 256 * 1024, `${receivers.gate.heldBytes} bytes are held`);
  await healthy();
  for (const text of await Promise.all(slow)) assert.match(text, /^HTTP\/1\.1 408 /);
});

test('a gRPC call that stands still is ended, a connection that says nothing is closed', {
  timeout: 20_000,
}, async () => {
  for (const type of ['otlp/grpc', 'jaeger/grpc'] as const) {
    const port = receivers.port(type);
    const silent = talk(port, '');
    const session = http2.connect(`http://127.0.0.1:${port}`);
    session.on('error', () => undefined);
    const path = type === 'otlp/grpc' ? exportPath : '/jaeger.api_v2.CollectorService/PostSpans';
    const call = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
    call.on('error', () => undefined);
    // A message of 1 MiB of which ten bytes come.
    const head = Buffer.alloc(15);
    head.writeUInt32BE(1 << 20, 1);
    call.write(head);
    const headers = await new Promise<http2.IncomingHttpHeaders>((resolve) => call.once('response', resolve));
    assert.equal(headers['grpc-status'], '4');
    session.destroy();
    assert.doesNotMatch(await silent, /HTTP/);
  }
  await healthy();
});

/** One call over HTTP/2 whose body never ends; `drip` is sent again and again. */
async function slowCall(port: number, path: string, contentType: string, first: Buffer, drip?: Buffer) {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  const call = session.request({ ':method': 'POST', ':path': path, 'content-type': contentType });
  call.on('error', () => undefined);
  const answered = new Promise<http2.IncomingHttpHeaders>((resolve) => {
    call.once('response', resolve).once('close', () => resolve({}));
  });
  call.write(first);
  const dripping = setInterval(() => drip !== undefined && call.writable && call.write(drip), 100);
  const headers = await answered;
  clearInterval(dripping);
  session.destroy();
  return headers;
}

test('a half-sent call is cut off on the ports of the query API, also when it is dripped in', {
  timeout: 20_000,
}, async () => {
  const message = Buffer.alloc(15);
  message.writeUInt32BE(1 << 20, 1);
  const paths = ['/tempopb.StreamingQuerier/Search', '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'];
  const calls = [queryPortNumber, queryGrpcPortNumber].flatMap((port) =>
    paths.flatMap((path) => [
      slowCall(port, path, 'application/grpc', message),
      slowCall(port, path, 'application/grpc', message, Buffer.alloc(1)),
    ]),
  );
  const plain = slowCall(queryPortNumber, '/api/search', 'application/json', Buffer.from('['), Buffer.from(' '));
  const silent = talk(queryGrpcPortNumber, '');
  const preface = talk(queryGrpcPortNumber, 'PRI');
  const http1 = talk(queryGrpcPortNumber, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n[');
  for (const headers of await Promise.all(calls)) assert.equal(headers['grpc-status'], '4');
  assert.equal((await plain)[':status'], 408);
  assert.deepEqual(await Promise.all([silent, preface]), ['', '']);
  assert.match(await http1, /^HTTP\/1\.1 4(08|15) /);
});

test('heads that are too large are refused', async () => {
  const head = `GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${'a'.repeat(2 << 20)}\r\n\r\n`;
  for (const port of [...httpReceivers.map((type) => receivers.port(type)), queryPortNumber])
    assert.match(await talk(port, head), /^(HTTP\/1\.1 431 |$)/);
  await healthy();
});

const bomb = Buffer.alloc(64 << 20, '[');

test('bodies that unpack to more than a body may be are refused', async () => {
  const codings = { gzip: zlib.gzipSync(bomb), zstd: zlib.zstdCompressSync(bomb), deflate: zlib.deflateSync(bomb) };
  for (const type of httpReceivers) {
    for (const [coding, body] of Object.entries(codings))
      assert.equal((await post(type, body, { 'content-encoding': coding })).status, 413, `${type} ${coding}`);
  }
  const session = http2.connect(`http://127.0.0.1:${receivers.port('otlp/grpc')}`);
  const call = session.request({
    ':method': 'POST',
    ':path': exportPath,
    'content-type': 'application/grpc',
    'grpc-encoding': 'gzip',
  });
  const message = grpcFrame(codings.gzip);
  message[0] = 1;
  call.end(message);
  const headers = await new Promise<http2.IncomingHttpHeaders>((resolve) => call.once('response', resolve));
  assert.equal(headers['grpc-status'], '8');
  session.destroy();
  await healthy();
});

/** Protobuf: AnyValue in ArrayValue in AnyValue …, in an attribute of a span. */
function nestedProtobuf(depth: number): Buffer {
  let value: Buffer = Buffer.from([0x10, 1]);
  const wrap = (tag: number, content: Buffer): Buffer => {
    const head = [tag];
    for (let n = content.length; ; n >>>= 7) {
      head.push(n > 127 ? (n & 127) | 128 : n);
      if (n <= 127) break;
    }
    return Buffer.concat([Buffer.from(head), content]);
  };
  for (let level = 0; level < depth; level++) value = wrap(0x2a, wrap(0x0a, value));
  const attribute = wrap(0x4a, Buffer.concat([wrap(0x0a, Buffer.from('k')), wrap(0x12, value)]));
  const ids = Buffer.concat([wrap(0x0a, Buffer.alloc(16, 1)), wrap(0x12, Buffer.alloc(8, 1))]);
  return wrap(0x0a, wrap(0x12, wrap(0x12, Buffer.concat([ids, attribute]))));
}

test('what is nested without end is refused', async () => {
  const json = (open: string): Buffer => Buffer.from(open.repeat(Math.floor(50_000 / open.length)));
  assert.equal((await post('otlp/http', json('['))).status, 400);
  assert.equal((await post('otlp/http', json('{"resourceSpans":['))).status, 400);
  assert.equal((await post('zipkin', json('[{"tags":'))).status, 400);
  const nested = nestedProtobuf(2000);
  assert.equal((await post('otlp/http', nested, { 'content-type': 'application/x-protobuf' })).status, 400);
  // A struct in a struct in a struct …, in Thrift's binary protocol.
  const thrift = Buffer.from([0x0c, 0, 9].concat(Array.from({ length: 30_000 }, (_, at) => [0x0c, 0, 1][at % 3]!)));
  assert.equal((await post('jaeger/thrift_http', thrift)).status, 400);
  await healthy();
});

test('a request of nothing but new attribute keys is bounded', async () => {
  const attributes = Array.from({ length: 12_000 }, (_, n) => ({
    key: `key ${n}`,
    value: { type: 'bool', value: true } as const,
  }));
  const body = plainSpansToOtlp([
    plainSpan({ traceId: '01'.repeat(16), spanId: '02'.repeat(8), name: 'x', attributes }),
  ]);
  receivers.ingest.newKeysMax = 10_000;
  const refused = await post('otlp/http', body, { 'content-type': 'application/x-protobuf' });
  assert.equal(refused.status, 400);
  assert.match(refused.body.toString('latin1'), /more keys/);
  await healthy();
});

test('packets of noise are counted and forgotten', async () => {
  const socket = dgram.createSocket('udp4');
  const types = ['jaeger/thrift_compact', 'jaeger/thrift_binary'] as const;
  for (const type of types)
    for (let n = 0; n < 20; n++) socket.send(Buffer.alloc(n * 50, n * 13), receivers.port(type), '127.0.0.1');
  const refused = (): number => types.reduce((sum, type) => sum + receivers.counters().udp[type]!.refusedInvalid, 0);
  for (let tries = 0; tries < 100 && refused() < 30; tries++) await sleep(20);
  socket.close();
  assert.ok(refused() >= 30, `${refused()} packets were refused`);
  await healthy();
});

test('a body that takes long to translate does not hold up who sends spans', { timeout: 60_000 }, async (context) => {
  const hostile = Buffer.alloc(bodyBytesMax, '[');
  const startMs = performance.now();
  let answered = false;
  const slow = post('zipkin', hostile).then(({ status }) => {
    answered = true;
    assert.equal(status, 400);
  });
  const acknowledgedMs: number[] = [];
  while (!answered) {
    const sentMs = performance.now();
    await healthy();
    acknowledgedMs.push(performance.now() - sentMs);
    await sleep(5);
  }
  await slow;
  const tookMs = performance.now() - startMs;
  const slowest = Math.max(...acknowledgedMs);
  context.diagnostic(
    `${acknowledgedMs.length} acknowledged, the slowest in ${slowest.toFixed(0)} ms, beside one of ${tookMs.toFixed(0)} ms`,
  );
  // Where it is translated, nothing else is answered until it is done.
  assert.ok(acknowledgedMs.length >= 5);
  assert.ok(slowest < tookMs / 2, `${slowest} of ${tookMs} ms`);
});

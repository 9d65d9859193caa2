import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { RubatoError } from '../../base/errors.ts';
import { plainSpan } from '../../model/plain-span.ts';
import { plainSpansToOtlp } from '../../protocol/otlp/encode-plain.ts';
import { BodyGate } from './body-gate.ts';
import { Forwarder } from './forwarder.ts';
import { type GrpcSpec, type HttpSpec, type ReceiverSpec, Receivers } from './receivers.ts';
import { TableIngest } from './testing/table-ingest.ts';

const host = '127.0.0.1';
const http: HttpSpec = {
  type: 'zipkin',
  host,
  port: 0,
  implied: false,
  bodyBytesMax: 1000,
  corsAllowedOrigins: [],
  tls: undefined,
};
const grpc: GrpcSpec = { type: 'otlp/grpc', host, port: 0, implied: false, messageBytesMax: 1000, tls: undefined };

function create(specs: readonly ReceiverSpec[]) {
  const ingest = new TableIngest();
  const warnings: object[] = [];
  const log = {
    info: () => undefined,
    warn: (fields: object) => void warnings.push(fields),
    error: () => undefined,
  };
  const gate = new BodyGate(1 << 20);
  const receivers = new Receivers(specs, { ingest, gate, tenantOf: () => 'a', clock: systemClock, log });
  return { ingest, warnings, log, receivers };
}

async function takenPort(t: TestContext): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

test('all listen and say where', async (t) => {
  const { receivers } = create([grpc, http, { type: 'jaeger/thrift_compact', host, port: 0, implied: false }]);
  const addresses = await receivers.listen();
  t.after(() => receivers.close());
  assert.deepEqual(
    addresses.map(({ type, address, port }) => [type, address.replace(String(port), 'PORT')]),
    [
      ['otlp/grpc', '127.0.0.1:PORT'],
      ['zipkin', 'http://127.0.0.1:PORT/api/v2/spans'],
      ['jaeger/thrift_compact', '127.0.0.1:PORT/udp'],
    ],
  );
});

test('a port that is taken is an error, and nothing stays open', async (t) => {
  const port = await takenPort(t);
  const { receivers } = create([grpc, { ...http, port }]);
  await assert.rejects(
    receivers.listen(),
    (error) =>
      error instanceof RubatoError && error.kind === 'config' && /receiver zipkin: .*EADDRINUSE/.test(error.message),
  );
  // Closed already: closing again has nothing to wait for.
  await receivers.close();
});

test('a port that is taken from a receiver nobody asked for is a warning', async (t) => {
  const port = await takenPort(t);
  const { receivers, warnings } = create([{ ...http, port, implied: true }, grpc]);
  const addresses = await receivers.listen();
  t.after(() => receivers.close());
  assert.deepEqual(
    addresses.map(({ type }) => type),
    ['otlp/grpc'],
  );
  assert.equal(warnings.length, 1);
});

const noOpenssl = spawnSync('openssl', ['version']).error === undefined ? false : 'SKIPPED: there is no openssl';

function certificate(t: TestContext): { cert: string; key: string } {
  const folder = mkdtempSync(path.join(tmpdir(), 'rubato-tls-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const files = { cert: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') };
  const made = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'],
    ...['-keyout', files.key, '-out', files.cert],
  ]);
  assert.equal(made.status, 0, made.stderr.toString());
  return { cert: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8') };
}

test('with TLS, HTTP and gRPC take spans from who trusts the certificate, and nothing in plain text', {
  skip: noOpenssl,
}, async (t) => {
  const tls = certificate(t);
  const { ingest, log, receivers } = create([
    { ...http, tls },
    { ...grpc, tls },
  ]);
  const [httpAddress, grpcAddress] = await receivers.listen();
  t.after(() => receivers.close());
  assert.match(httpAddress!.address, /^https:/);

  const body = JSON.stringify([{ traceId: '1'.repeat(32), id: '2'.repeat(16), name: 'over https', timestamp: 1 }]);
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const options = { method: 'POST', ca: tls.cert, agent: false, headers: { 'content-type': 'application/json' } };
    const call = https.request(httpAddress!.address, options, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    call.on('error', reject);
    call.end(body);
  });
  assert.equal(status, 202);
  await assert.rejects(fetch(httpAddress!.address.replace('https', 'http'), { method: 'POST', body }));

  const span = plainSpan({ traceId: '1'.repeat(32), spanId: '3'.repeat(16), name: 'over gRPC' });
  const endpoints = [{ host, port: grpcAddress!.port! }];
  const trusting = new Forwarder(
    { name: 'trusting', endpoints, tls: { ca: tls.cert }, filter: undefined },
    { clock: systemClock, log },
  );
  const strangers = [{}, undefined].map((clientTls) => {
    return new Forwarder({ name: 'x', endpoints, tls: clientTls, filter: undefined }, { clock: systemClock, log });
  });
  for (const forwarder of [trusting, ...strangers]) forwarder.push('a', plainSpansToOtlp([span]));
  const met = (): boolean => trusting.counters.sent === 1 && strangers.every(({ counters }) => counters.retries > 0);
  for (let i = 0; i < 500 && !met(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  await Promise.all([trusting, ...strangers].map((forwarder) => forwarder.close(0)));
  assert.equal(trusting.counters.sent, 1);
  assert.deepEqual(
    strangers.map(({ counters }) => counters.sent),
    [0, 0],
  );
  assert.deepEqual(
    ingest.spans('a').map(({ name }) => name),
    ['over https', 'over gRPC'],
  );
});

/** TLS and mutual TLS on every listener of a running server, and from process to process; certificates renewed while it runs. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { RecentClient } from '../../src/roles/tail/recent-client.ts';
import { encodeRecent } from '../../src/roles/tail/recent-protocol.ts';
import { Authority, noOpenssl } from '../support/certificates.ts';
import { makeRequest } from '../support/cluster.ts';
import { grpcCall } from '../support/grpc-call.ts';
import { freePort, startTestServer, type TestServer, temporaryFolder } from '../support/server.ts';

const host = '127.0.0.1';
const folder = temporaryFolder('tls');
after(() => folder.remove());

interface Client {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly maxVersion?: 'TLSv1.2';
}

/** Over HTTP/1.1 and TLS: status and body. */
function ask(port: number, path: string, client: Client, body?: Uint8Array): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/x-protobuf' };
    const options = { host, port, path, method: body === undefined ? 'GET' : 'POST', agent: false, headers, ...client };
    const request = https.request(options, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(pieces).toString() }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

const url = (listener: string): string => `https://${host}:${listeners[listener]}`;
const nothing = new Uint8Array(0);
const health = '/grpc.health.v1.Health/Check';
const otlpExport = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

/** Serial number that a listener shows. */
function servedSerial(port: number, client: Client): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host, port, ...client }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

let authority: Authority;
let client: Client;
let server: TestServer;
let listeners: Readonly<Record<string, number>>;

before(async () => {
  if (noOpenssl !== false) return;
  authority = new Authority(folder.path, 'authority');
  const own = authority.issue('server');
  const { cert, key } = authority.issue('client');
  client = { ca: authority.pem, cert, key };
  const [otlpGrpc, otlpHttp, zipkin, jaegerGrpc, jaegerHttp] = await Promise.all(Array.from({ length: 5 }, freePort));
  const files = { cert_file: own.certFile, key_file: own.keyFile, client_ca_file: authority.file };
  const port = { ...files, client_auth_type: 'RequireAndVerifyClientCert', reload_interval: '1s' };
  const receiver = (at: number | undefined) => ({
    endpoint: `${host}:${at}`,
    tls: { ...files, min_version: '1.3', reload_interval: '1s' },
  });
  server = await startTestServer({
    dataFolder: folder.path,
    server: { http_tls_config: port, grpc_tls_config: port, tls_min_version: 'VersionTLS13' },
    receivers: {
      otlp: { protocols: { grpc: receiver(otlpGrpc), http: receiver(otlpHttp) } },
      jaeger: { protocols: { grpc: receiver(jaegerGrpc), thrift_http: receiver(jaegerHttp) } },
      zipkin: receiver(zipkin),
    },
    runIn: {
      command: [],
      isReady: (url) =>
        ask(Number(new URL(url).port), '/ready', client).then(
          ({ status }) => status === 200,
          () => false,
        ),
    },
  });
  listeners = {
    http: Number(new URL(server.http).port),
    grpc: Number(server.grpc.split(':')[1]),
    'otlp/grpc': otlpGrpc!,
    'otlp/http': otlpHttp!,
    zipkin: zipkin!,
    'jaeger/grpc': jaegerGrpc!,
    'jaeger/thrift_http': jaegerHttp!,
  };
});
after(() => server?.stop());

test('every protocol of every listener works over mutual TLS', { skip: noOpenssl }, async () => {
  const { body } = makeRequest(1, Date.now());
  assert.equal((await ask(listeners['http']!, '/api/echo', client)).text, 'echo\n');
  assert.equal(await grpcCall(url('http'), health, nothing, {}, client), 0, 'gRPC on the HTTP port');
  assert.equal(await grpcCall(url('grpc'), health, nothing, {}, client), 0);
  assert.equal(await grpcCall(url('otlp/grpc'), otlpExport, body, {}, client), 0);
  const postSpans = '/jaeger.api_v2.CollectorService/PostSpans';
  assert.equal(await grpcCall(url('jaeger/grpc'), postSpans, nothing, {}, client), 0);
  assert.equal((await ask(listeners['otlp/http']!, '/v1/traces', client, body)).status, 200);
  assert.equal((await ask(listeners['zipkin']!, '/api/v2/spans', client, nothing)).status, 202);
  assert.equal((await ask(listeners['jaeger/thrift_http']!, '/api/traces', client, body)).status, 400);
});

test('nobody gets in without a certificate, with a stranger’s, with an old TLS, or without TLS', {
  skip: noOpenssl,
}, async () => {
  const stranger = new Authority(folder.path, 'stranger').issue('impostor');
  const { ca } = client;
  for (const [name, port] of Object.entries(listeners)) {
    await assert.rejects(ask(port, '/ready', { ca: ca! }), `${name} without a certificate`);
    await assert.rejects(ask(port, '/ready', { ca: ca!, cert: stranger.cert, key: stranger.key }), `${name}: stranger`);
    await assert.rejects(ask(port, '/ready', { ...client, maxVersion: 'TLSv1.2' }), `${name} by TLS 1.2`);
    await assert.rejects(fetch(`http://${host}:${port}/ready`), `${name} in plain text`);
  }
});

test('renewed certificates are served without a restart, and unusable ones are not', { skip: noOpenssl }, async () => {
  const old = server.log().length;
  const own = authority.issue('server');
  const serial = new X509Certificate(own.cert).serialNumber;
  for (const [name, port] of Object.entries(listeners)) {
    let served = '';
    for (let tries = 0; served !== serial && tries < 200; tries++) {
      served = await servedSerial(port, client);
      if (served !== serial) await sleep(50);
    }
    assert.equal(served, serial, name);
  }
  assert.match(server.log().slice(old), /certificates were renewed/);
  writeFileSync(own.certFile, 'this is no certificate');
  for (let tries = 0; !server.log().includes('the old ones stay') && tries < 200; tries++) await sleep(50);
  assert.match(server.log(), /new certificates cannot be used; the old ones stay/);
  assert.equal((await ask(listeners['http']!, '/api/echo', client)).text, 'echo\n');
  writeFileSync(own.certFile, own.cert);
});

test('a reader asks a writer over mutual TLS', { skip: noOpenssl }, async (t) => {
  const own = authority.issue('writer');
  const answer = { floor: 0, head: 7, durable: 7, objects: [] };
  const options = { cert: own.cert, key: own.key, ca: authority.pem, requestCert: true };
  const writer = https.createServer(options, (_request, response) => response.end(encodeRecent(answer)));
  await new Promise<void>((resolve) => writer.listen(0, host, resolve));
  t.after(() => writer.close());
  const member = { address: `${host}:${(writer.address() as AddressInfo).port}`, token: 'token', tls: true };
  const reader = new RecentClient(5_000, { ...client, servername: 'writer' });
  t.after(() => reader.close());
  assert.deepEqual(await reader.ask('w', member, 3), answer);
  reader.renewTls({ ...client, servername: 'another' });
  await assert.rejects(reader.ask('w', member, 3), /does not match certificate's altnames/);
  reader.renewTls({ ca: authority.pem });
  await assert.rejects(reader.ask('w', member, 3), 'without a certificate');
  await assert.rejects(new RecentClient(5_000).ask('w', member, 3), /unable to verify|self-signed/);
});

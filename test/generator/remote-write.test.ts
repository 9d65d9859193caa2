/** Remote write against a receiver that refuses, is busy, wants to know who sends, or speaks TLS. */
import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { compress, uncompress } from 'snappyjs';
import { remoteWriteEndpoints } from '../../src/app/remote-write-endpoints.ts';
import { ManualClock, systemClock } from '../../src/base/clock.ts';
import { systemRng } from '../../src/base/random.ts';
import { nodeFileSystem as fs } from '../../src/fs/node-file-system.ts';
import { labelSet } from '../../src/generator/labels.ts';
import { RemoteWriteEncoder, type RemoteWriteVersion } from '../../src/generator/remote-write.ts';
import { downgradeRemoteWrite } from '../../src/generator/remote-write-downgrade.ts';
import { type Endpoint, RemoteWriteClient } from '../../src/roles/metrics/remote-write-client.ts';
import { SendQueue } from '../../src/roles/metrics/send-queue.ts';
import { Sender } from '../../src/roles/metrics/sender.ts';
import { Authority, noOpenssl } from '../support/certificates.ts';
import { temporaryFolder } from '../support/server.ts';
import { eventually } from './checks.ts';

const log = { warn: () => undefined };
const head = { version: '2.0', samples: 2, exemplars: 0, histograms: 1 } as const;
const config = {
  url: 'http://127.0.0.1:1/write',
  remote_timeout: 5_000,
  headers: { 'X-Mine': 'yes' },
  protobuf_message: 'io.prometheus.write.v2.Request',
  send_exemplars: true,
  queue_bytes: 1 << 20,
  queue_config: { max_samples_per_send: 100, min_backoff: 1, max_backoff: 5, retry_on_http_429: true },
} as const;

const endpointAt = (url: string, more: object = {}): Endpoint =>
  remoteWriteEndpoints([{ ...config, url, ...more }])[0]!;

interface Seen {
  readonly bytes: Buffer;
  readonly body: string;
  readonly headers: http.IncomingHttpHeaders;
}

interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers with these statuses, one after the other, and then with 204. */
async function receiver(replies: (number | Reply)[], tls?: https.ServerOptions) {
  const seen: Seen[] = [];
  const answer: http.RequestListener = (request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const bytes = Buffer.concat(pieces);
      seen.push({ bytes, body: bytes.toString(), headers: request.headers });
      const reply = replies.shift() ?? 204;
      const { status, headers } = typeof reply === 'number' ? { status: reply, headers: {} } : reply;
      response.writeHead(status, headers).end();
    });
  };
  const server = tls === undefined ? http.createServer(answer) : https.createServer(tls, answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}/write`;
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { url, seen, close };
}

test('busy receivers are asked again in order, what is refused is dropped and counted, and it says who sends', async () => {
  const folder = temporaryFolder('remote-write');
  const { url, seen, close } = await receiver([429, 503, 204, 400]);
  const endpoint = endpointAt(url, { basic_auth: { username: 'me', password: 'secret' } });
  const client = new RemoteWriteClient(endpoint, 'test', systemClock);
  const queue = new SendQueue({ fs, folder: path.join(folder.path, 'queue'), bytesMax: 1 << 20 });
  await queue.open(0);
  for (const [collection, text] of ['one', 'two', 'three'].entries()) {
    await queue.write(collection + 1, 0, head, Buffer.from(text));
    await queue.release();
  }
  const headers = (): Record<string, string> => ({ 'x-scope-orgid': 'a-tenant' });
  const sender = new Sender({ tenant: 't', endpoint, client, queue, headers, clock: systemClock, rng: systemRng, log });
  sender.start();
  try {
    await eventually(async () => assert.equal(queue.length, 0));
    assert.deepEqual(
      seen.map(({ body }) => body),
      ['one', 'one', 'one', 'two', 'three'],
    );
    const { retries, refusedRequests, refusedSamples, sentRequests } = sender.counters;
    assert.deepEqual([retries, refusedRequests, refusedSamples, sentRequests], [2, 1, 3, 2]);
    const { headers: sent } = seen[0]!;
    assert.equal(sent.authorization, `Basic ${Buffer.from('me:secret').toString('base64')}`);
    assert.equal(sent['x-scope-orgid'], 'a-tenant');
    assert.equal(sent['x-mine'], 'yes');
    assert.equal(sent['content-type'], 'application/x-protobuf;proto=io.prometheus.write.v2.Request');
    assert.equal(sent['x-prometheus-remote-write-version'], '2.0.0');
  } finally {
    await sender.stop();
    client.close();
    close();
    folder.remove();
  }
});

/** Series with exemplars, in either protocol. */
function encoded(version: RemoteWriteVersion): Buffer<ArrayBuffer> {
  const encoder = new RemoteWriteEncoder({
    version,
    nowMs: 1_700_000_000_000,
    addedLabels: [{ name: 'zone', value: 'ä' }],
    samplesMax: 1000,
    traceIdLabel: 'traceID',
    exemplars: true,
    nativeHistograms: true,
  });
  encoder.family('calls', 'counter');
  // More than 128 symbols, so that some take two bytes.
  for (let i = 0; i < 100; i++) {
    const labels = labelSet([{ name: 'service', value: `service ${i}` }]);
    const exemplar = { traceId: `trace ${i}`, value: 0.5, timeMs: 1_699_999_999_999 };
    encoder.sample({ name: 'calls', labels, le: '0.1', value: i, zeroMs: 1_699_999_999_000, exemplar });
  }
  return Buffer.from(encoder.finish()[0]!.bytes);
}

test('what a receiver of 1.0 gets after all is what it would have got at first', () => {
  assert.deepEqual(Buffer.from(downgradeRemoteWrite(encoded('2.0'))), encoded('1.0'));
});

test('an endpoint without a protocol gets 2.0 if it says what it wrote, else the same as 1.0, for an hour', async () => {
  const written = { 'X-Prometheus-Remote-Write-Samples-Written': '1' };
  // A receiver of 2.0, which also refuses; then one that does not look at types; then an older one that does.
  const { url, seen, close } = await receiver([
    { status: 204, headers: written },
    { status: 400, headers: written },
    401,
    ...[204, 204, 204],
    ...[415, 204],
    ...[400, 400],
  ]);
  const clock = new ManualClock();
  const client = new RemoteWriteClient(endpointAt(url, { protobuf_message: undefined }), 'test', clock);
  const body = compress(encoded('2.0'));
  const send = async (): Promise<string> => (await client.send(body, '2.0', {}, new AbortController().signal)).kind;
  const versions = (): unknown[] => seen.splice(0).map((of) => of.headers['x-prometheus-remote-write-version']);
  try {
    assert.deepEqual([await send(), await send(), await send()], ['accepted', 'refused', 'refused']);
    assert.deepEqual([versions(), client.version], [['2.0.0', '2.0.0', '2.0.0'], '2.0']);
    assert.equal(await send(), 'accepted');
    assert.deepEqual(uncompress(seen[1]!.bytes), encoded('1.0'));
    assert.deepEqual([versions(), client.version], [['2.0.0', '0.1.0'], '1.0']);
    assert.equal(await send(), 'accepted');
    assert.deepEqual(versions(), ['0.1.0']);
    await clock.advance(60 * 60_000);
    assert.equal(client.version, '2.0');
    assert.equal(await send(), 'accepted');
    assert.deepEqual([versions(), client.version], [['2.0.0', '0.1.0'], '1.0']);
    await clock.advance(60 * 60_000);
    assert.equal(await send(), 'refused');
    assert.deepEqual([versions(), client.version], [['2.0.0', '0.1.0'], '2.0'], 'refused in both');
  } finally {
    client.close();
    close();
  }
});

test('a queue survives its process but for what no checkpoint names, and a full one drops its oldest', async () => {
  const folder = temporaryFolder('send-queue');
  const open = async (collection: number, bytesMax: number): Promise<SendQueue> => {
    const queue = new SendQueue({ fs, folder: folder.path, bytesMax });
    await queue.open(collection);
    return queue;
  };
  const killed = await open(0, 1 << 20);
  for (let collection = 1; collection <= 3; collection++)
    await killed.write(collection, 0, head, Buffer.from(`body ${collection}`));
  const queue = await open(2, 1);
  assert.equal(queue.length, 2, 'the third collection was not finished');
  await queue.write(3, 0, head, Buffer.from('again'));
  await queue.release();
  assert.deepEqual([queue.length, queue.droppedRequests], [1, 2]);
  const next = await queue.next(new AbortController().signal);
  assert.equal(Buffer.from(next!.body).toString(), 'again');
  folder.remove();
});

test('a receiver’s certificate is checked against the given authority', { skip: noOpenssl }, async () => {
  const folder = temporaryFolder('remote-write-tls');
  const authority = new Authority(folder.path, 'ca');
  const { cert, key } = authority.issue('receiver');
  const { url, seen, close } = await receiver([], { cert, key });
  const send = async (more: object) => {
    const client = new RemoteWriteClient(endpointAt(url, { bearer_token: 'a-token', ...more }), 'test', systemClock);
    return client.send(Buffer.from('x'), '1.0', {}, new AbortController().signal).finally(() => client.close());
  };
  const verified = { insecure_skip_verify: false };
  assert.equal((await send({ tls_config: { ...verified, ca_file: authority.file } })).kind, 'accepted');
  assert.equal(seen[0]!.headers.authorization, 'Bearer a-token');
  assert.equal((await send({ tls_config: verified })).kind, 'retry');
  assert.equal(seen.length, 1);
  close();
  folder.remove();
});

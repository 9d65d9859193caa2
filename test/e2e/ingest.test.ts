/** What senders are told: statuses and bodies of OTLP over HTTP and gRPC, for good requests and for every kind of bad one. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import zlib from 'node:zlib';
import { ProtoReader } from '../../src/base/protobuf.ts';
import { plainSpan } from '../../src/model/plain-span.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { type Answer, getJson, request, startTestServer, type TestServer, temporaryFolder } from '../support/server.ts';

const folder = temporaryFolder('ingest');
let server: TestServer;
before(async () => {
  server = await startTestServer({ dataFolder: folder.path });
});
after(async () => {
  await server.kill();
  folder.remove();
});

let spanNumber = 1;
function oneSpan(): { body: Uint8Array; traceId: string } {
  const traceId = (spanNumber++).toString(16).padStart(32, 'a');
  return { body: plainSpansToOtlp([plainSpan({ traceId, spanId: '00000000000000bb', name: 'x' })]), traceId };
}

const protobuf = 'application/x-protobuf';
const json = 'application/json';

function post(body: Uint8Array | string, headers: Record<string, string>): Promise<Answer> {
  return request(server.otlpHttp, { method: 'POST', headers, body: Buffer.from(body) });
}

async function isStored(traceId: string): Promise<boolean> {
  return (await request(`${server.http}/api/traces/${traceId}`)).status === 200;
}

/** Code and message of a google.rpc.Status. */
function statusOf(body: Uint8Array): { code: number; message: string } {
  const reader = new ProtoReader(body);
  const status = { code: 0, message: '' };
  while (reader.next()) {
    if (reader.field === 1) status.code = reader.int32();
    else if (reader.field === 2) status.message = reader.string();
    else reader.skip();
  }
  return status;
}

for (const [coding, encode] of Object.entries({
  '': (body: Uint8Array) => body,
  gzip: zlib.gzipSync,
  deflate: zlib.deflateSync,
  zstd: zlib.zstdCompressSync,
})) {
  test(`protobuf with content coding "${coding}" is stored`, async () => {
    const { body, traceId } = oneSpan();
    const answer = await post(encode(body), {
      'content-type': protobuf,
      ...(coding && { 'content-encoding': coding }),
    });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'], protobuf);
    assert.equal(answer.body.toString('hex'), '0a00');
    assert.ok(await isStored(traceId));
  });
}

test('JSON is stored and answered in JSON', async () => {
  const traceId = '000000000000000000000000000000aa';
  const span = { traceId, spanId: '00000000000000bb', name: 'json', startTimeUnixNano: '1', endTimeUnixNano: '2' };
  const answer = await post(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }), {
    'content-type': json,
  });
  assert.equal(answer.status, 200);
  assert.equal(answer.body.toString(), '{"partialSuccess":{}}');
  assert.ok(await isStored(traceId));
});

test('empty requests succeed', async () => {
  assert.equal((await post('', { 'content-type': protobuf })).status, 200);
  assert.equal((await post('{}', { 'content-type': json })).status, 200);
});

test('damaged bodies are refused with a status in their own encoding, and nothing of them is stored', async () => {
  const { body, traceId } = oneSpan();
  const cases: [Uint8Array | string, Record<string, string>, RegExp][] = [
    ['this is not protobuf', { 'content-type': protobuf }, /protobuf/],
    [body.subarray(0, body.length - 2), { 'content-type': protobuf }, /damaged protobuf at byte \d+/],
    ['not gzip', { 'content-type': protobuf, 'content-encoding': 'gzip' }, /gzip/],
    [body, { 'content-type': protobuf, 'content-encoding': 'br' }, /unsupported Content-Encoding: br/],
    ['{"resourceSpans": [', { 'content-type': json }, /JSON/i],
  ];
  for (const [content, headers, message] of cases) {
    const answer = await post(content, headers);
    assert.equal(answer.status, 400, String(message));
    assert.equal(answer.headers['content-type'], headers['content-type']);
    const status =
      headers['content-type'] === json
        ? (JSON.parse(answer.body.toString()) as ReturnType<typeof statusOf>)
        : statusOf(answer.body);
    assert.equal(status.code, 3);
    assert.match(status.message, message);
  }
  assert.equal(await isStored(traceId), false);
});

test('ids of the wrong size are refused with the size', async () => {
  const span = (ids: object): string => JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [ids] }] }] });
  const zero = await post(span({ traceId: '0'.repeat(32), spanId: '00000000000000bb' }), { 'content-type': json });
  assert.equal(zero.status, 400);
  assert.match(zero.body.toString(), /trace ids must be 128 bit, received 0 bits/);
  const short = await post(span({ traceId: '00aa', spanId: '00000000000000bb' }), { 'content-type': json });
  assert.equal(short.status, 400);
});

test('a body over the limit, also after decompression, is refused with 413', async () => {
  const large = new Uint8Array(21 * 1024 * 1024);
  const bomb = zlib.gzipSync(large);
  assert.ok(bomb.length < 100_000);
  assert.equal((await post(bomb, { 'content-type': protobuf, 'content-encoding': 'gzip' })).status, 413);
  const declared = await post(new Uint8Array(16), {
    'content-type': protobuf,
    'content-length': String(30 * 1024 * 1024),
  }).catch(() => undefined);
  assert.ok(declared === undefined || declared.status === 413);
});

test('what is no export request is told so', async () => {
  const cases: [string, string, Record<string, string>, number, string][] = [
    [
      'POST',
      '/v1/traces',
      { 'content-type': 'text/plain' },
      415,
      '415 unsupported media type, supported: [application/json, application/x-protobuf]',
    ],
    [
      'POST',
      '/v1/traces',
      {},
      415,
      '415 unsupported media type, supported: [application/json, application/x-protobuf]',
    ],
    ['GET', '/v1/traces', {}, 405, '405 method not allowed, supported: [POST]'],
    ['POST', '/v1/metrics', { 'content-type': protobuf }, 404, '404 page not found\n'],
  ];
  for (const [method, path, headers, status, text] of cases) {
    const answer = await request(new URL(path, server.otlpHttp).href, { method, headers });
    assert.equal(answer.status, status, `${method} ${path}`);
    assert.equal(answer.body.toString(), text);
  }
});

test('a sender over its rate is told when to come back, and others are served', async () => {
  const limitedFolder = temporaryFolder('rate');
  const limited = await startTestServer({
    dataFolder: limitedFolder.path,
    config: { overrides: { defaults: { ingestion: { rate_limit_bytes: 1000, burst_size_bytes: 1000 } } } },
  });
  try {
    const headers = { 'content-type': protobuf };
    const large = plainSpansToOtlp(
      Array.from({ length: 40 }, (_, i) =>
        plainSpan({ traceId: '1'.repeat(32), spanId: (i + 1).toString(16).padStart(16, '0'), name: 'over the limit' }),
      ),
    );
    const refused = await request(limited.otlpHttp, { method: 'POST', headers, body: large });
    assert.equal(refused.status, 429);
    assert.equal(refused.headers['retry-after'], '5');
    assert.equal(statusOf(refused.body).code, 8);
    assert.match(statusOf(refused.body).message, /^RATE_LIMITED: batch size/);
    assert.equal((await request(limited.otlpHttp, { method: 'POST', headers, body: oneSpan().body })).status, 200);
    const found = await getJson<{ traces?: unknown[] }>(
      `${limited.http}/api/search?q=${encodeURIComponent('{ name = "over the limit" }')}`,
    );
    assert.deepEqual(found.traces ?? [], []);
  } finally {
    await limited.kill();
    limitedFolder.remove();
  }
});

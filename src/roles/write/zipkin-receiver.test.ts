import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import zlib from 'node:zlib';
import { ManualClock } from '../../base/clock.ts';
import { ErrorKind, ExhaustedError, invalid, RubatoError } from '../../base/errors.ts';
import { ProtoWriter } from '../../base/protobuf.ts';
import { encodeBinary, i64, string, struct, structs } from '../../protocol/thrift/testing/encode-thrift.ts';
import { BodyGate } from './body-gate.ts';
import { TableIngest } from './testing/table-ingest.ts';
import { ZipkinReceiver } from './zipkin-receiver.ts';

const host = '127.0.0.1';
const clock = new ManualClock();
const traceId = '0102030405060708090a0b0c0d0e0f10';
const v2 = Buffer.from(
  JSON.stringify([{ traceId, id: '1', name: 'v2', timestamp: 1000, localEndpoint: { serviceName: 'shop' } }]),
);
const v1 = Buffer.from(JSON.stringify([{ traceId, id: '1', name: 'v1', timestamp: 1000 }]));
const thrift = encodeBinary(structs([struct({ 1: i64(7n), 3: string('v1 thrift'), 4: i64(1n), 10: i64(1000n) })]));
const proto = (() => {
  const writer = new ProtoWriter();
  writer.message(1, () => {
    writer.bytes(1, Buffer.from(traceId, 'hex'));
    writer.bytes(3, Buffer.from('0000000000000001', 'hex'));
    writer.string(5, 'v2 proto');
  });
  return Buffer.from(writer.finish());
})();

function tenantOf(orgId: string | undefined): string {
  if (orgId === undefined) throw new RubatoError(ErrorKind.invalid, 'no_org_id', 'no org id');
  if (orgId.includes('|')) throw invalid('bad_tenant', 'one tenant only');
  return orgId;
}

async function start(t: TestContext) {
  const ingest = new TableIngest();
  const gate = new BodyGate(1 << 20);
  const receiver = new ZipkinReceiver({
    host,
    port: 0,
    bodyBytesMax: 100_000,
    ingest,
    gate,
    tenantOf,
    corsAllowedOrigins: ['https://*.example.org'],
    clock,
  });
  const port = await receiver.listen();
  t.after(() => receiver.close());
  const send = async (
    path: string,
    body: Buffer | undefined,
    headers: Record<string, string | undefined> = {},
    method = 'POST',
  ) => {
    const all = { 'X-Scope-OrgID': 'a', ...headers };
    const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const response = await fetch(`http://${host}:${port}${path}`, {
      method,
      headers: given,
      ...(body !== undefined && { body: new Uint8Array(body) }),
    });
    return { status: response.status, text: await response.text(), headers: response.headers };
  };
  return { ingest, gate, send };
}

test('every format is stored and answered 202, by path and content type', async (t) => {
  const { ingest, gate, send } = await start(t);
  const answers = [
    await send('/api/v2/spans', v2, { 'Content-Type': 'application/json' }),
    await send('/', v2),
    await send('/any/where?x=api/v1/spans', v2, {}, 'PUT'),
    await send('/api/v2/spans', zlib.gzipSync(v2), { 'Content-Encoding': 'gzip' }),
    await send('/api/v2/spans', zlib.deflateSync(v2), { 'Content-Encoding': 'deflate' }),
    await send('/api/v2/spans', proto, { 'Content-Type': 'application/x-protobuf' }),
    await send('/api/v1/spans', v1, { 'Content-Type': 'application/json' }),
    await send('/prefix/api/v1/spans', thrift, { 'Content-Type': 'application/x-thrift' }),
    await send('/api/v2/spans', Buffer.from('[]')),
  ];
  for (const { status, text } of answers) assert.deepEqual([status, text], [202, '']);
  const stored = ingest.spans('a');
  assert.deepEqual(
    stored.map(({ name }) => name),
    ['v2', 'v2', 'v2', 'v2', 'v2', 'v2 proto', 'v1', 'v1 thrift'],
  );
  assert.equal(stored[0]!.traceId, traceId);
  assert.deepEqual(stored[0]!.resource.attributes, [{ key: 'service.name', value: { type: 'string', value: 'shop' } }]);
  // It came without a time.
  assert.equal(stored[5]!.startTimeUnixNano, clock.nowUnixNano());
  assert.equal(gate.heldBytes, 0);
});

test('what can never be accepted is refused with 400', async (t) => {
  const { ingest, send } = await start(t);
  const damaged = await send('/api/v2/spans', Buffer.from('[{"traceId":1}]'));
  assert.deepEqual([damaged.status, damaged.text], [400, '[0].traceId: expected text, found 1\n']);
  assert.equal(damaged.headers.get('x-content-type-options'), 'nosniff');
  assert.equal((await send('/api/v2/spans', undefined, {}, 'GET')).status, 400);
  assert.equal((await send('/api/v2/spans', v2, { 'Content-Type': 'application/x-protobuf' })).status, 400);
  assert.equal((await send('/api/v2/spans', thrift, { 'Content-Type': 'application/x-thrift' })).status, 400);
  assert.equal((await send('/api/v1/spans', v2, { 'Content-Type': 'application/x-thrift' })).status, 400);
  assert.equal((await send('/api/v2/spans', v2, { 'Content-Encoding': 'gzip' })).status, 400);
  assert.equal((await send('/api/v2/spans', v2, { 'X-Scope-OrgID': 'a|b' })).status, 400);
  assert.equal((await send('/', Buffer.from(JSON.stringify([{ traceId: '0', id: '1' }])))).status, 400);
  assert.equal((await send('/', Buffer.alloc(200_000))).status, 413);
  assert.equal(ingest.pushes.length, 0);
});

test('everything else that goes wrong is answered 500', async (t) => {
  const { ingest, gate, send } = await start(t);
  assert.equal((await send('/', v2, { 'X-Scope-OrgID': undefined })).status, 500);
  for (const failure of [
    new ExhaustedError('rate_limited', 'slow down', 1000),
    new RubatoError(ErrorKind.unavailable, 'away', 'the store is away'),
    new Error('secret'),
  ]) {
    ingest.failure = failure;
    const { status, text } = await send('/', v2);
    assert.equal(status, 500);
    assert(!text.includes('secret'));
  }
  ingest.failure = undefined;
  gate.take(1 << 20);
  assert.equal((await send('/', v2)).status, 500);
  gate.give(1 << 20);
  assert.equal((await send('/', v2)).status, 202);
});

test('browsers of allowed origins may send', async (t) => {
  const { send } = await start(t);
  const preflight = await send(
    '/api/v2/spans',
    undefined,
    { Origin: 'https://shop.example.org', 'Access-Control-Request-Method': 'POST' },
    'OPTIONS',
  );
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get('access-control-allow-origin'), 'https://shop.example.org');
  const stranger = await send('/api/v2/spans', v2, { Origin: 'https://example.com' });
  assert.equal(stranger.headers.get('access-control-allow-origin'), null);
});

/** The recorded exchanges of Tempo's OTLP/HTTP receiver, sent to ours: statuses, headers, bodies, what refusals mean. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import zlib from 'node:zlib';
import { BodyGate } from '../../src/roles/write/body-gate.ts';
import { OtlpHttpReceiver } from '../../src/roles/write/otlp-http-receiver.ts';
import { TableIngest } from '../../src/roles/write/testing/table-ingest.ts';
import { request } from '../support/server.ts';
import { exchanges, isIngest, readExchange, recordedBatches, skip } from './recorded-exchanges.ts';

const ours = exchanges.filter(isIngest);
const ingest = new TableIngest();
const receiver = new OtlpHttpReceiver({
  host: '127.0.0.1',
  port: 0,
  bodyBytesMax: 20 << 20,
  ingest,
  gate: new BodyGate(64 << 20),
  tenantOf: () => 'a',
  corsAllowedOrigins: [],
});
let base: string;
/** What stands in the recording as words. */
let described: Readonly<Record<string, Uint8Array>>;

before(async () => {
  base = `http://127.0.0.1:${await receiver.listen()}`;
  if (skip !== false) return;
  const [protobuf] = await recordedBatches();
  const json = readExchange('02-ingest-json.txt').requestBody.trim();
  const withTraceId = (id: string): Buffer => Buffer.from(json.replace('000000000000000000000000000000aa', id));
  described = {
    '01-ingest-protobuf': protobuf!,
    '03-ingest-gzip': zlib.gzipSync(protobuf!),
    '04-ingest-json-gzip': zlib.gzipSync(json),
    '08-ingest-unknown-encoding': protobuf!,
    '09-ingest-empty-protobuf': new Uint8Array(0),
    '12-ingest-no-content-type': protobuf!,
    '13-ingest-get': new Uint8Array(0),
    '14-ingest-wrong-path': new Uint8Array(0),
    '15-ingest-short-trace-id': withTraceId('00aa'),
    '16-ingest-zero-trace-id': withTraceId('0'.repeat(32)),
    '17-ingest-options-cors': new Uint8Array(0),
  };
});
after(() => receiver.close());

test('exchanges with a receiver were found', { skip }, () => assert.equal(ours.length, 17));

for (const exchange of ours) {
  test(`recorded exchange ${exchange.name}`, async () => {
    const stored = ingest.spans('a').length;
    const answer = await request(base + exchange.path, {
      method: exchange.method,
      headers: exchange.requestHeaders,
      body: described[exchange.name] ?? Buffer.from(exchange.requestBody.trim()),
    });
    const text = answer.body.toString();
    assert.equal(answer.status, exchange.status, text);
    assert.equal(answer.headers['content-type'], exchange.headers['content-type']);
    assert.equal(answer.headers['x-content-type-options'], exchange.headers['x-content-type-options']);
    const isJson = exchange.headers['content-type'] === 'application/json';
    if (exchange.status === 200) {
      assert.equal(answer.headers['content-length'], exchange.headers['content-length']);
      if (isJson) assert.deepEqual(JSON.parse(text), JSON.parse(exchange.body));
      else assert.equal(answer.body.toString('hex'), '0a00');
      return;
    }
    assert.equal(ingest.spans('a').length, stored, 'nothing of a refused request is stored');
    if (exchange.status !== 400) assert.equal(text.trim(), exchange.body.trim());
    else if (isJson) assert.equal((JSON.parse(text) as { code: number }).code, 3);
    else {
      // google.rpc.Status: code = 1 is InvalidArgument, message = 2.
      assert.equal(answer.body.subarray(0, 3).toString('hex'), '080312');
      assert.equal(answer.body.length, 4 + answer.body[3]!);
    }
  });
}

test('what was sent well is there', { skip }, () => {
  const names = new Set(ingest.spans('a').map(({ name }) => name));
  assert.ok(names.has('json span'));
  assert.ok(names.size > 5);
});

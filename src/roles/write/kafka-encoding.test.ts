import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtoWriter } from '../../base/protobuf.ts';
import { plainSpan } from '../../model/plain-span.ts';
import { protoRequest } from '../../protocol/jaeger/testing/encode-jaeger.ts';
import { plainSpansToOtlp } from '../../protocol/otlp/encode-plain.ts';
import { scannedSpans } from '../../protocol/otlp/testing/scanned-spans.ts';
import { type KafkaEncoding, kafkaEncodings, translations } from './kafka-encoding.ts';

const traceId = '0102030405060708090a0b0c0d0e0f10';
const spanId = '1112131415161718';

const messages: Readonly<Record<KafkaEncoding, () => Uint8Array>> = {
  otlp_proto: () => plainSpansToOtlp([plainSpan({ traceId, spanId, name: 'GET /' })]),
  otlp_json: () => json({ resourceSpans: [{ scopeSpans: [{ spans: [{ traceId, spanId, name: 'GET /' }] }] }] }),
  jaeger_proto: () =>
    onlySpan(
      protoRequest(undefined, [
        {
          traceId: BigInt(`0x${traceId}`),
          spanId: BigInt(`0x${spanId}`),
          operationName: 'GET /',
          startMicros: 1n,
          durationMicros: 1n,
        },
      ]),
    ),
  zipkin_proto: () => {
    const writer = new ProtoWriter();
    writer.message(1, (span) => {
      span.bytes(1, Buffer.from(traceId, 'hex'));
      span.bytes(3, Buffer.from(spanId, 'hex'));
      span.string(5, 'GET /');
    });
    return writer.finish();
  },
  zipkin_json: () => json([{ traceId, id: spanId, name: 'GET /', timestamp: 1, duration: 1 }]),
  zipkin_thrift: () => zipkinThrift(),
};

for (const encoding of kafkaEncodings) {
  test(`a message of encoding ${encoding} is one span`, () => {
    const spans = scannedSpans(translations[encoding](messages[encoding](), 1n));
    assert.deepEqual(
      spans.map((span) => [span.traceId, span.spanId, span.name]),
      [[traceId, spanId, 'GET /']],
    );
  });
}

const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

/** What stands behind the tags and lengths of a PostSpansRequest and of its batch. */
function onlySpan(postSpans: Uint8Array): Uint8Array {
  let rest = postSpans;
  for (let depth = 0; depth < 2; depth++) {
    assert.equal(rest[0], 0x0a);
    assert.ok(rest[1]! < 0x80, 'a length of one byte');
    rest = rest.subarray(2);
  }
  return rest;
}

/** A list of one struct in the binary protocol: i64 trace id, string name, i64 id, i64 high trace id. */
function zipkinThrift(): Uint8Array {
  const field = (type: number, id: number, value: Buffer): Buffer => Buffer.concat([Buffer.from([type, 0, id]), value]);
  const name = Buffer.from('GET /');
  return Buffer.concat([
    Buffer.from([12, 0, 0, 0, 1]),
    field(10, 1, Buffer.from(traceId.slice(16), 'hex')),
    field(11, 3, Buffer.concat([Buffer.from([0, 0, 0, name.length]), name])),
    field(10, 4, Buffer.from(spanId, 'hex')),
    field(10, 12, Buffer.from(traceId.slice(0, 16), 'hex')),
    Buffer.from([0]),
  ]);
}

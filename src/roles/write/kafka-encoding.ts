/** What a Kafka message holds, by the names that the collector has for it, as OTLP. */
import { ProtoWriter } from '../../base/protobuf.ts';
import { jaegerProtoToOtlp } from '../../protocol/jaeger/proto-batch.ts';
import { jsonToExportRequest } from '../../protocol/otlp/json.ts';
import { zipkinV1ThriftToOtlp } from '../../protocol/zipkin/v1-thrift.ts';
import { zipkinV2JsonToOtlp } from '../../protocol/zipkin/v2-json.ts';
import { zipkinV2ProtoToOtlp } from '../../protocol/zipkin/v2-proto.ts';

export const kafkaEncodings = [
  'otlp_proto',
  'otlp_json',
  'jaeger_proto',
  'zipkin_proto',
  'zipkin_json',
  'zipkin_thrift',
] as const;
export type KafkaEncoding = (typeof kafkaEncodings)[number];

/** ExportTraceServiceRequest of a message's value. @throws RubatoError of kind invalid */
export type Translate = (value: Uint8Array, nowUnixNano: bigint) => Uint8Array;

export const translations: Readonly<Record<KafkaEncoding, Translate>> = {
  otlp_proto: (value) => value,
  otlp_json: jsonToExportRequest,
  jaeger_proto: (value) => jaegerProtoToOtlp(postSpansRequest(value)),
  zipkin_proto: zipkinV2ProtoToOtlp,
  zipkin_json: zipkinV2JsonToOtlp,
  zipkin_thrift: zipkinV1ThriftToOtlp,
};

/** A message of Jaeger's collector is one `model.Span`: it is put into the request that holds spans elsewhere. */
function postSpansRequest(span: Uint8Array): Uint8Array {
  const writer = new ProtoWriter(span.length + 16);
  writer.message(1, (batch) => batch.bytes(1, span));
  return writer.finish();
}

/**
 * Zipkin's API v1 in Thrift (a bare list of spans in the binary protocol) to OTLP.
 * https://github.com/openzipkin/zipkin-api/blob/master/thrift/zipkinCore.thrift
 *
 *   Span ── 1 trace_id, 3 name, 4 id, 5 parent_id, 6 list<Annotation>, 8 list<BinaryAnnotation>, 9 debug,
 *           10 timestamp µs, 11 duration µs, 12 trace_id_high
 *   Annotation ── 1 timestamp µs, 2 value, 3 Endpoint host
 *   BinaryAnnotation ── 1 key, 2 value, 3 annotation_type, 4 Endpoint host
 *   Endpoint ── 1 ipv4 (i32), 2 port (i16), 3 service_name, 4 ipv6 (16 bytes)
 */
import { invalid } from '../../base/errors.ts';
import type { AnyValue } from '../../model/any-value.ts';
import { checkEntries } from '../entry-limit.ts';
import { RequestBuilder } from '../otlp/encode-plain.ts';
import { BinaryReader } from '../thrift/binary-reader.ts';
import { type ThriftReader, ThriftType } from '../thrift/thrift-reader.ts';
import { ipOfBytes } from './ip-address.ts';
import { translateV1Span } from './translate-v1.ts';
import type { ZipkinEndpoint, ZipkinV1Annotation, ZipkinV1BinaryAnnotation, ZipkinV1Span } from './zipkin-span.ts';

const zeroId = '0'.repeat(16);

/**
 * ExportTraceServiceRequest of a list of spans.
 * @param nowUnixNano the start of spans that have none
 * @throws RubatoError `invalid_thrift`
 */
export function zipkinV1ThriftToOtlp(body: Uint8Array, nowUnixNano: bigint): Uint8Array<ArrayBuffer> {
  const builder = new RequestBuilder();
  const reader = new BinaryReader(body);
  for (let left = reader.bareList(ThriftType.struct); left > 0; left--)
    builder.add(translateV1Span(readSpan(reader), nowUnixNano));
  return builder.finish();
}

function readSpan(reader: ThriftReader): ZipkinV1Span {
  let traceId = zeroId;
  let traceIdHigh = zeroId;
  let id = zeroId;
  let parentId = zeroId;
  let name = '';
  let timestampMicros = 0n;
  let durationMicros = 0n;
  let annotations: ZipkinV1Annotation[] = [];
  let binaryAnnotations: ZipkinV1BinaryAnnotation[] = [];
  const outer = reader.begin();
  while (reader.next()) {
    switch (reader.fieldId) {
      case 1:
        traceId = reader.hex64();
        break;
      case 3:
        name = reader.string();
        break;
      case 4:
        id = reader.hex64();
        break;
      case 5:
        parentId = reader.hex64();
        break;
      case 6:
        annotations = readEach(reader, readAnnotation);
        break;
      case 8:
        binaryAnnotations = readEach(reader, readBinaryAnnotation);
        break;
      case 10:
        timestampMicros = reader.i64();
        break;
      case 11:
        durationMicros = reader.i64();
        break;
      case 12:
        traceIdHigh = reader.hex64();
        break;
      default:
        reader.skip();
    }
  }
  reader.end(outer);
  return {
    traceId: traceIdHigh + traceId,
    id,
    parentId,
    name,
    timestampMicros,
    durationMicros,
    annotations,
    binaryAnnotations,
  };
}

function readEach<T>(reader: ThriftReader, read: (reader: ThriftReader) => T): T[] {
  const results: T[] = [];
  const count = reader.list(ThriftType.struct);
  checkEntries(count, 'annotations');
  for (let left = count; left > 0; left--) results.push(read(reader));
  return results;
}

function readAnnotation(reader: ThriftReader): ZipkinV1Annotation {
  let timestampMicros = 0n;
  let value = '';
  let endpoint: ZipkinEndpoint | undefined;
  const outer = reader.begin();
  while (reader.next()) {
    if (reader.fieldId === 1) timestampMicros = reader.i64();
    else if (reader.fieldId === 2) value = reader.string();
    else if (reader.fieldId === 3) endpoint = readEndpoint(reader);
    else reader.skip();
  }
  reader.end(outer);
  return { timestampMicros, value, endpoint };
}

const emptyBytes = new Uint8Array(0);

function readBinaryAnnotation(reader: ThriftReader): ZipkinV1BinaryAnnotation {
  let key = '';
  let bytes: Uint8Array = emptyBytes;
  let type = 0;
  let endpoint: ZipkinEndpoint | undefined;
  const outer = reader.begin();
  while (reader.next()) {
    if (reader.fieldId === 1) key = reader.string();
    else if (reader.fieldId === 2) bytes = reader.binary();
    else if (reader.fieldId === 3) type = reader.i32();
    else if (reader.fieldId === 4) endpoint = readEndpoint(reader);
    else reader.skip();
  }
  reader.end(outer);
  return { key, value: readValue(type, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)), endpoint };
}

/** AnnotationType. Bytes are shown as base64, as the collector does, and so is what does not fit its type. */
function readValue(type: number, bytes: Buffer): AnyValue {
  switch (type) {
    case 0:
      return { type: 'bool', value: bytes.length === 1 && bytes[0] === 1 };
    case 2:
      if (bytes.length === 2) return { type: 'int', value: BigInt(bytes.readInt16BE()) };
      break;
    case 3:
      if (bytes.length === 4) return { type: 'int', value: BigInt(bytes.readInt32BE()) };
      break;
    case 4:
      if (bytes.length === 8) return { type: 'int', value: bytes.readBigInt64BE() };
      break;
    case 5:
      if (bytes.length === 8) return { type: 'double', value: bytes.readDoubleBE() };
      break;
    case 6:
      return { type: 'string', value: bytes.toString('utf8') };
  }
  return { type: 'string', value: bytes.toString('base64') };
}

function readEndpoint(reader: ThriftReader): ZipkinEndpoint {
  let ipv4 = '';
  let ipv6 = '';
  let port = 0;
  let serviceName = '';
  const outer = reader.beginField();
  while (reader.next()) {
    if (reader.fieldId === 1) ipv4 = ipv4Text(reader.i32());
    else if (reader.fieldId === 2) port = reader.i16() & 0xffff;
    else if (reader.fieldId === 3) serviceName = reader.string();
    else if (reader.fieldId === 4) ipv6 = ipv6Text(reader.binary());
    else reader.skip();
  }
  reader.end(outer);
  return { serviceName, ipv4, ipv6, port };
}

function ipv4Text(packed: number): string {
  return packed === 0 ? '' : `${packed >>> 24}.${(packed >>> 16) & 255}.${(packed >>> 8) & 255}.${packed & 255}`;
}

function ipv6Text(bytes: Uint8Array): string {
  if (bytes.length === 0) return '';
  const ip = ipOfBytes(bytes);
  if (ip === undefined) throw invalid('invalid_thrift', `an IPv6 address has 16 bytes, ${bytes.length} received`);
  return ip;
}

/**
 * Zipkin's API v2 in protobuf to OTLP. https://github.com/openzipkin/zipkin-api/blob/master/zipkin.proto
 *
 *   ListOfSpans ── 1 Span ── 1 trace_id, 2 parent_id, 3 id, 4 kind, 5 name, 6 timestamp µs (fixed64), 7 duration µs,
 *                            8 local_endpoint, 9 remote_endpoint, 10 annotations, 11 tags, 12 debug, 13 shared
 */
import { invalid } from '../../base/errors.ts';
import { ProtoReader } from '../../base/protobuf.ts';
import { checkEntries } from '../entry-limit.ts';
import { RequestBuilder } from '../otlp/encode-plain.ts';
import { ipOfBytes } from './ip-address.ts';
import { translateV2Span } from './translate-v2.ts';
import type { ZipkinAnnotation, ZipkinEndpoint, ZipkinSpan } from './zipkin-span.ts';

const kinds = ['', 'CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER'];

/**
 * ExportTraceServiceRequest of a ListOfSpans.
 * @param nowUnixNano the start of spans that have none
 * @throws RubatoError `invalid_protobuf`, or `invalid_id` for ids of another size
 */
export function zipkinV2ProtoToOtlp(body: Uint8Array, nowUnixNano: bigint): Uint8Array<ArrayBuffer> {
  const builder = new RequestBuilder();
  const reader = new ProtoReader(body);
  while (reader.next()) {
    if (reader.field === 1) builder.add(translateV2Span(readSpan(reader.message()), nowUnixNano));
    else reader.skip();
  }
  return builder.finish();
}

function readSpan(reader: ProtoReader): ZipkinSpan {
  let traceId = '';
  let id = '';
  let parentId = '';
  let kind = 0;
  let name = '';
  let timestampMicros = 0n;
  let durationMicros = 0n;
  let localEndpoint: ZipkinEndpoint | undefined;
  let remoteEndpoint: ZipkinEndpoint | undefined;
  const annotations: ZipkinAnnotation[] = [];
  const tags = new Map<string, string>();
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        traceId = readId(reader, 'trace id', [8, 16]).padStart(32, '0');
        break;
      case 2:
        parentId = readId(reader, 'parent id', [0, 8]);
        break;
      case 3:
        id = readId(reader, 'span id', [8]);
        break;
      case 4:
        kind = reader.int32();
        break;
      case 5:
        name = reader.string();
        break;
      case 6:
        timestampMicros = reader.fixed64();
        break;
      case 7:
        durationMicros = reader.uint64();
        break;
      case 8:
        localEndpoint = readEndpoint(reader.message());
        break;
      case 9:
        remoteEndpoint = readEndpoint(reader.message());
        break;
      case 10:
        annotations.push(readAnnotation(reader.message()));
        checkEntries(annotations.length, 'annotations');
        break;
      case 11:
        readTag(reader.message(), tags);
        break;
      default:
        reader.skip();
    }
  }
  if (traceId === '') throw invalid('invalid_id', `a span without trace id (before byte ${reader.position})`);
  if (id === '') throw invalid('invalid_id', `a span without id (before byte ${reader.position})`);
  return {
    traceId,
    id,
    parentId,
    name,
    kind: kinds[kind] ?? '',
    timestampMicros,
    durationMicros,
    localEndpoint,
    remoteEndpoint,
    annotations,
    tags,
  };
}

function readEndpoint(reader: ProtoReader): ZipkinEndpoint {
  let serviceName = '';
  let ipv4 = '';
  let ipv6 = '';
  let port = 0;
  while (reader.next()) {
    if (reader.field === 1) serviceName = reader.string();
    else if (reader.field === 2) ipv4 = readIp(reader);
    else if (reader.field === 3) ipv6 = readIp(reader);
    // Ports are unsigned, and some writers sign-extend 16 bits.
    else if (reader.field === 4) port = reader.int32() & 0xffff;
    else reader.skip();
  }
  return { serviceName, ipv4, ipv6, port };
}

function readIp(reader: ProtoReader): string {
  const bytes = reader.bytes();
  if (bytes.length === 0) return '';
  const ip = ipOfBytes(bytes);
  if (ip === undefined)
    throw invalid(
      'invalid_protobuf',
      `an IP address has 4 or 16 bytes, ${bytes.length} received (before byte ${reader.position})`,
    );
  return ip;
}

function readAnnotation(reader: ProtoReader): ZipkinAnnotation {
  let timestampMicros = 0n;
  let value = '';
  while (reader.next()) {
    if (reader.field === 1) timestampMicros = reader.fixed64();
    else if (reader.field === 2) value = reader.string();
    else reader.skip();
  }
  return { timestampMicros, value };
}

function readTag(reader: ProtoReader, tags: Map<string, string>): void {
  let key = '';
  let value = '';
  while (reader.next()) {
    if (reader.field === 1) key = reader.string();
    else if (reader.field === 2) value = reader.string();
    else reader.skip();
  }
  tags.set(key, value);
  checkEntries(tags.size, 'tags');
}

/** In hex. */
function readId(reader: ProtoReader, what: string, sizes: readonly number[]): string {
  const bytes = reader.bytes();
  if (!sizes.includes(bytes.length))
    throw invalid(
      'invalid_id',
      `${what}: ${sizes.join(' or ')} bytes expected, ${bytes.length} received (before byte ${reader.position})`,
    );
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

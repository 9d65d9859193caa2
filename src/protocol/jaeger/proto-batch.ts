/**
 * Jaeger's protobuf `PostSpansRequest` to OTLP.
 * https://github.com/jaegertracing/jaeger-idl/blob/main/proto/api_v2/collector.proto, model.proto
 *
 *   PostSpansRequest ── 1 Batch ── 1 repeated Span, 2 Process
 *   Span ── 1 trace_id, 2 span_id, 3 operation_name, 4 repeated SpanRef, 5 flags, 6 start_time, 7 duration,
 *           8 repeated KeyValue tags, 9 repeated Log, 10 Process (before the batch's), 11 process_id, 12 warnings
 *
 * Ids are bytes, big endian. Flags, process ids and warnings are not taken over, as in the collector.
 */
import { invalid } from '../../base/errors.ts';
import { ProtoReader } from '../../base/protobuf.ts';
import type { AnyValue } from '../../model/any-value.ts';
import { checkEntries } from '../entry-limit.ts';
import { RequestBuilder } from '../otlp/encode-plain.ts';
import {
  type JaegerLog,
  type JaegerProcess,
  type JaegerReference,
  type JaegerSpan,
  type Tags,
  unknownTagType,
} from './jaeger-span.ts';
import { isBlank, translateProcess, translateSpan } from './translate.ts';

/** ExportTraceServiceRequest. @throws RubatoError `invalid_protobuf`, or `invalid_id` for ids of another size */
export function jaegerProtoToOtlp(request: Uint8Array): Uint8Array<ArrayBuffer> {
  const resource = translateProcess(batchProcess(request));
  const builder = new RequestBuilder();
  eachBatchField(request, (batch) => {
    if (batch.field !== 1) {
      batch.skip();
      return;
    }
    const { span, process } = readSpan(batch.message());
    if (!isBlank(span)) builder.add(translateSpan(span, process === undefined ? resource : translateProcess(process)));
  });
  return builder.finish();
}

/** The process stands behind the spans on the wire, and they need it. */
function batchProcess(request: Uint8Array): JaegerProcess | undefined {
  let process: JaegerProcess | undefined;
  eachBatchField(request, (batch) => {
    if (batch.field === 2) process = readProcess(batch.message(), process);
    else batch.skip();
  });
  return process;
}

/** `visit` reads or skips the field. Pieces of one batch merge, as protobuf has it. */
function eachBatchField(request: Uint8Array, visit: (batch: ProtoReader) => void): void {
  const reader = new ProtoReader(request);
  while (reader.next()) {
    if (reader.field !== 1) {
      reader.skip();
      continue;
    }
    const batch = reader.message();
    while (batch.next()) visit(batch);
  }
}

function readProcess(reader: ProtoReader, before: JaegerProcess | undefined): JaegerProcess {
  let serviceName = before?.serviceName ?? '';
  const tags: Tags = before?.tags ?? new Map();
  while (reader.next()) {
    if (reader.field === 1) serviceName = reader.string();
    else if (reader.field === 2) readTag(reader.message(), tags);
    else reader.skip();
  }
  return { serviceName, tags };
}

function readSpan(reader: ProtoReader): { span: JaegerSpan; process: JaegerProcess | undefined } {
  let traceId = '0'.repeat(32);
  let spanId = '0'.repeat(16);
  let operationName = '';
  let startTimeUnixNano = 0n;
  let durationNano = 0n;
  let process: JaegerProcess | undefined;
  const references: JaegerReference[] = [];
  const tags: Tags = new Map();
  const logs: JaegerLog[] = [];
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        traceId = readId(reader, 16, 'trace id');
        break;
      case 2:
        spanId = readId(reader, 8, 'span id');
        break;
      case 3:
        operationName = reader.string();
        break;
      case 4:
        references.push(readReference(reader.message()));
        checkEntries(references.length, 'references');
        break;
      case 6:
        startTimeUnixNano = readTime(reader.message());
        break;
      case 7:
        durationNano = readTime(reader.message());
        break;
      case 8:
        readTag(reader.message(), tags);
        break;
      case 9:
        logs.push(readLog(reader.message()));
        checkEntries(logs.length, 'logs');
        break;
      case 10:
        process = readProcess(reader.message(), process);
        break;
      default:
        reader.skip();
    }
  }
  const span = {
    traceId,
    spanId,
    parentSpanId: '',
    operationName,
    references,
    startTimeUnixNano,
    durationNano,
    tags,
    logs,
  };
  return { span, process };
}

function readReference(reader: ProtoReader): JaegerReference {
  let traceId = '0'.repeat(32);
  let spanId = '0'.repeat(16);
  let type = 0;
  while (reader.next()) {
    if (reader.field === 1) traceId = readId(reader, 16, 'trace id of a reference');
    else if (reader.field === 2) spanId = readId(reader, 8, 'span id of a reference');
    else if (reader.field === 3) type = reader.int32();
    else reader.skip();
  }
  return { type, traceId, spanId };
}

function readLog(reader: ProtoReader): JaegerLog {
  let timeUnixNano = 0n;
  const fields: Tags = new Map();
  while (reader.next()) {
    if (reader.field === 1) timeUnixNano = readTime(reader.message());
    else if (reader.field === 2) readTag(reader.message(), fields);
    else reader.skip();
  }
  return { timeUnixNano, fields };
}

const emptyBytes = new Uint8Array(0);

function readTag(reader: ProtoReader, tags: Tags): void {
  let key = '';
  let type = 0;
  let string = '';
  let bool = false;
  let int = 0n;
  let double = 0;
  let binary: Uint8Array = emptyBytes;
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        key = reader.string();
        break;
      case 2:
        type = reader.int32();
        break;
      case 3:
        string = reader.string();
        break;
      case 4:
        bool = reader.bool();
        break;
      case 5:
        int = reader.int64();
        break;
      case 6:
        double = reader.double();
        break;
      case 7:
        binary = reader.bytes();
        break;
      default:
        reader.skip();
    }
  }
  tags.set(key, tagValue());
  checkEntries(tags.size, 'tags');

  function tagValue(): AnyValue {
    switch (type) {
      case 0:
        return { type: 'string', value: string };
      case 1:
        return { type: 'bool', value: bool };
      case 2:
        return { type: 'int', value: int };
      case 3:
        return { type: 'double', value: double };
      case 4:
        return { type: 'bytes', value: binary };
      default:
        return unknownTagType(type);
    }
  }
}

/** A google.protobuf.Timestamp or Duration in nanoseconds. */
function readTime(reader: ProtoReader): bigint {
  let seconds = 0n;
  let nanos = 0;
  while (reader.next()) {
    if (reader.field === 1) seconds = reader.int64();
    else if (reader.field === 2) nanos = reader.int32();
    else reader.skip();
  }
  return seconds * 1_000_000_000n + BigInt(nanos);
}

/** In hex. An empty id is a missing one. */
function readId(reader: ProtoReader, size: number, what: string): string {
  const bytes = reader.bytes();
  if (bytes.length === 0) return '0'.repeat(size * 2);
  if (bytes.length !== size)
    throw invalid(
      'invalid_id',
      `${what}: ${size} bytes expected, ${bytes.length} received (before byte ${reader.position})`,
    );
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

/**
 * Jaeger's Thrift `Batch` (HTTP bodies) and the agent's `emitBatch` (UDP packets) to OTLP.
 * https://github.com/jaegertracing/jaeger-idl/blob/main/thrift/jaeger.thrift, agent.thrift
 *
 *   Batch ── 1 Process ── 1 serviceName, 2 list<Tag>
 *       └─── 2 list<Span> ── 1 traceIdLow, 2 traceIdHigh, 3 spanId, 4 parentSpanId, 5 operationName,
 *                            6 list<SpanRef>, 7 flags, 8 startTime µs, 9 duration µs, 10 list<Tag>, 11 list<Log>
 *
 * Required fields that are missing are refused, as by Thrift's own libraries. Flags have no place in OTLP that Tempo
 * would fill.
 */
import { invalid, type RubatoError } from '../../base/errors.ts';
import type { AnyValue } from '../../model/any-value.ts';
import { checkEntries } from '../entry-limit.ts';
import { RequestBuilder } from '../otlp/encode-plain.ts';
import { BinaryReader } from '../thrift/binary-reader.ts';
import { CompactReader } from '../thrift/compact-reader.ts';
import { MessageType, type ThriftReader, ThriftType } from '../thrift/thrift-reader.ts';
import {
  type JaegerLog,
  type JaegerProcess,
  type JaegerReference,
  type JaegerSpan,
  type Tags,
  unknownTagType,
} from './jaeger-span.ts';
import { isBlank, translateProcess, translateSpan } from './translate.ts';

/** ExportTraceServiceRequest of a `Batch` in the binary protocol. @throws RubatoError `invalid_thrift` */
export function jaegerThriftToOtlp(body: Uint8Array): Uint8Array<ArrayBuffer> {
  return batchToOtlp(new BinaryReader(body));
}

/** The same of an agent's packet: a call of `emitBatch` with the batch as its argument. */
export function jaegerPacketToOtlp(packet: Uint8Array, protocol: 'compact' | 'binary'): Uint8Array<ArrayBuffer> {
  const reader = protocol === 'compact' ? new CompactReader(packet) : new BinaryReader(packet);
  const { name, type } = reader.message();
  if (name !== 'emitBatch' || (type !== MessageType.call && type !== MessageType.oneway))
    throw invalid('invalid_thrift', `unknown method ${JSON.stringify(name.slice(0, 100))} (message type ${type})`);
  let request: Uint8Array<ArrayBuffer> | undefined;
  const outer = reader.begin();
  while (reader.next()) {
    if (reader.fieldId === 1 && reader.fieldType === ThriftType.struct) request = batchToOtlp(reader);
    else reader.skip();
  }
  reader.end(outer);
  if (request === undefined) throw missing('emitBatch.batch');
  return request;
}

/** Steps over the spans first: the process may stand behind them. */
function batchToOtlp(reader: ThriftReader): Uint8Array<ArrayBuffer> {
  let process: JaegerProcess | undefined;
  let spansAt: number | undefined;
  const outer = reader.begin();
  while (reader.next()) {
    if (reader.fieldId === 1) process = readProcess(reader);
    else if (reader.fieldId === 2 && reader.fieldType === ThriftType.list) {
      spansAt = reader.position;
      reader.skip();
    } else reader.skip();
  }
  reader.end(outer);
  if (process === undefined) throw missing('Batch.process');
  if (spansAt === undefined) throw missing('Batch.spans');

  const end = reader.position;
  const resource = translateProcess(process);
  const builder = new RequestBuilder();
  reader.seek(spansAt);
  reader.fieldId = 2;
  reader.fieldType = ThriftType.list;
  for (let left = reader.list(ThriftType.struct); left > 0; left--) {
    const span = readSpan(reader);
    if (!isBlank(span)) builder.add(translateSpan(span, resource));
  }
  reader.seek(end);
  reader.fieldId = outer;
  return builder.finish();
}

function readProcess(reader: ThriftReader): JaegerProcess {
  let serviceName: string | undefined;
  let tags: Tags = new Map();
  const outer = reader.beginField();
  while (reader.next()) {
    if (reader.fieldId === 1) serviceName = reader.string();
    else if (reader.fieldId === 2) tags = readTags(reader);
    else reader.skip();
  }
  reader.end(outer);
  return { serviceName: serviceName ?? lacks('Process.serviceName'), tags };
}

function readSpan(reader: ThriftReader): JaegerSpan {
  let traceIdLow: string | undefined;
  let traceIdHigh: string | undefined;
  let spanId: string | undefined;
  let parentSpanId: string | undefined;
  let operationName: string | undefined;
  let flags: number | undefined;
  let startTime: bigint | undefined;
  let duration: bigint | undefined;
  let references: JaegerReference[] = [];
  let tags: Tags = new Map();
  let logs: JaegerLog[] = [];
  const outer = reader.begin();
  while (reader.next()) {
    switch (reader.fieldId) {
      case 1:
        traceIdLow = reader.hex64();
        break;
      case 2:
        traceIdHigh = reader.hex64();
        break;
      case 3:
        spanId = reader.hex64();
        break;
      case 4:
        parentSpanId = reader.hex64();
        break;
      case 5:
        operationName = reader.string();
        break;
      case 6:
        references = readReferences(reader);
        break;
      case 7:
        flags = reader.i32();
        break;
      case 8:
        startTime = reader.i64();
        break;
      case 9:
        duration = reader.i64();
        break;
      case 10:
        tags = readTags(reader);
        break;
      case 11:
        logs = readLogs(reader);
        break;
      default:
        reader.skip();
    }
  }
  reader.end(outer);
  if (flags === undefined) throw missing('Span.flags');
  return {
    traceId: (traceIdHigh ?? lacks('Span.traceIdHigh')) + (traceIdLow ?? lacks('Span.traceIdLow')),
    spanId: spanId ?? lacks('Span.spanId'),
    parentSpanId: parentSpanId ?? lacks('Span.parentSpanId'),
    operationName: operationName ?? lacks('Span.operationName'),
    references,
    startTimeUnixNano: (startTime ?? lacks('Span.startTime')) * 1000n,
    durationNano: (duration ?? lacks('Span.duration')) * 1000n,
    tags,
    logs,
  };
}

function readReferences(reader: ThriftReader): JaegerReference[] {
  const references: JaegerReference[] = [];
  for (let left = entries(reader, 'references'); left > 0; left--) {
    let type: number | undefined;
    let traceIdLow: string | undefined;
    let traceIdHigh: string | undefined;
    let spanId: string | undefined;
    const outer = reader.begin();
    while (reader.next()) {
      if (reader.fieldId === 1) type = reader.i32();
      else if (reader.fieldId === 2) traceIdLow = reader.hex64();
      else if (reader.fieldId === 3) traceIdHigh = reader.hex64();
      else if (reader.fieldId === 4) spanId = reader.hex64();
      else reader.skip();
    }
    reader.end(outer);
    references.push({
      type: type ?? lacks('SpanRef.refType'),
      traceId: (traceIdHigh ?? lacks('SpanRef.traceIdHigh')) + (traceIdLow ?? lacks('SpanRef.traceIdLow')),
      spanId: spanId ?? lacks('SpanRef.spanId'),
    });
  }
  return references;
}

/** The number of entries of a list, which follow. */
function entries(reader: ThriftReader, what: string): number {
  const count = reader.list(ThriftType.struct);
  checkEntries(count, what);
  return count;
}

function readLogs(reader: ThriftReader): JaegerLog[] {
  const logs: JaegerLog[] = [];
  for (let left = entries(reader, 'logs'); left > 0; left--) {
    let timestamp: bigint | undefined;
    let fields: Tags | undefined;
    const outer = reader.begin();
    while (reader.next()) {
      if (reader.fieldId === 1) timestamp = reader.i64();
      else if (reader.fieldId === 2) fields = readTags(reader);
      else reader.skip();
    }
    reader.end(outer);
    logs.push({
      timeUnixNano: (timestamp ?? lacks('Log.timestamp')) * 1000n,
      fields: fields ?? lacks('Log.fields'),
    });
  }
  return logs;
}

function readTags(reader: ThriftReader): Tags {
  const tags: Tags = new Map();
  for (let left = entries(reader, 'tags'); left > 0; left--) readTag(reader, tags);
  return tags;
}

const emptyBytes = new Uint8Array(0);

function readTag(reader: ThriftReader, tags: Tags): void {
  let key: string | undefined;
  let type: number | undefined;
  let string = '';
  let double = 0;
  let bool = false;
  let long = 0n;
  let binary: Uint8Array = emptyBytes;
  const outer = reader.begin();
  while (reader.next()) {
    switch (reader.fieldId) {
      case 1:
        key = reader.string();
        break;
      case 2:
        type = reader.i32();
        break;
      case 3:
        string = reader.string();
        break;
      case 4:
        double = reader.double();
        break;
      case 5:
        bool = reader.bool();
        break;
      case 6:
        long = reader.i64();
        break;
      case 7:
        binary = reader.binary();
        break;
      default:
        reader.skip();
    }
  }
  reader.end(outer);
  tags.set(key ?? lacks('Tag.key'), tagValue(type ?? lacks('Tag.vType')));

  function tagValue(tagType: number): AnyValue {
    switch (tagType) {
      case 0:
        return { type: 'string', value: string };
      case 1:
        return { type: 'double', value: double };
      case 2:
        return { type: 'bool', value: bool };
      case 3:
        return { type: 'int', value: long };
      case 4:
        return { type: 'bytes', value: binary };
      default:
        return unknownTagType(tagType);
    }
  }
}

function missing(field: string): RubatoError {
  return invalid('invalid_thrift', `required field ${field} is missing`);
}

/** For `??`, where a throw cannot stand. */
function lacks(field: string): never {
  throw missing(field);
}

/** Batches of plain test spans in Jaeger's formats, written from the IDL without a look at the readers. */
import { ProtoWriter } from '../../../base/protobuf.ts';
import type { AnyValue } from '../../../model/any-value.ts';
import {
  bool,
  double,
  i32,
  i64,
  string,
  struct,
  structs,
  type ThriftValue,
} from '../../thrift/testing/encode-thrift.ts';

export type TestTags = readonly (readonly [key: string, value: AnyValue])[];

export interface TestSpan {
  readonly traceId: bigint;
  readonly spanId: bigint;
  /** Thrift has it beside the references; in protobuf it is a reference. */
  readonly parentSpanId?: bigint;
  readonly operationName: string;
  readonly references?: readonly { readonly type: number; readonly traceId: bigint; readonly spanId: bigint }[];
  readonly startMicros: bigint;
  readonly durationMicros: bigint;
  readonly tags?: TestTags;
  readonly logs?: readonly { readonly micros: bigint; readonly fields: TestTags }[];
}

export interface TestProcess {
  readonly serviceName: string;
  readonly tags?: TestTags;
}

const signed = (value: bigint): bigint => BigInt.asIntN(64, value);

export function thriftBatch(process: TestProcess, spans: readonly TestSpan[]): ThriftValue {
  return struct({ 1: thriftProcess(process), 2: structs(spans.map(thriftSpan)) });
}

export function thriftProcess(process: TestProcess): ThriftValue {
  return struct({ 1: string(process.serviceName), 2: process.tags && structs(process.tags.map(thriftTag)) });
}

export function thriftSpan(span: TestSpan): ThriftValue {
  return struct({
    1: i64(signed(span.traceId)),
    2: i64(signed(span.traceId >> 64n)),
    3: i64(signed(span.spanId)),
    4: i64(signed(span.parentSpanId ?? 0n)),
    5: string(span.operationName),
    6:
      span.references &&
      structs(
        span.references.map(({ type, traceId, spanId }) =>
          struct({ 1: i32(type), 2: i64(signed(traceId)), 3: i64(signed(traceId >> 64n)), 4: i64(signed(spanId)) }),
        ),
      ),
    7: i32(1),
    8: i64(span.startMicros),
    9: i64(span.durationMicros),
    10: span.tags && structs(span.tags.map(thriftTag)),
    11:
      span.logs &&
      structs(span.logs.map(({ micros, fields }) => struct({ 1: i64(micros), 2: structs(fields.map(thriftTag)) }))),
  });
}

function thriftTag([key, value]: TestTags[number]): ThriftValue {
  switch (value.type) {
    case 'string':
      return struct({ 1: string(key), 2: i32(0), 3: string(value.value) });
    case 'double':
      return struct({ 1: string(key), 2: i32(1), 4: double(value.value) });
    case 'bool':
      return struct({ 1: string(key), 2: i32(2), 5: bool(value.value) });
    case 'int':
      return struct({ 1: string(key), 2: i32(3), 6: i64(value.value) });
    case 'bytes':
      return struct({ 1: string(key), 2: i32(4), 7: string(value.value) });
    default:
      throw new Error(`Jaeger has no ${value.type}`);
  }
}

/** A PostSpansRequest, with the process behind the spans as field numbers have it. */
export function protoRequest(
  process: TestProcess | undefined,
  spans: readonly (TestSpan & { readonly process?: TestProcess })[],
): Uint8Array<ArrayBuffer> {
  const writer = new ProtoWriter();
  writer.message(1, () => {
    for (const span of spans) writer.message(1, () => protoSpan(writer, span));
    if (process !== undefined) writer.message(2, () => protoProcess(writer, process));
  });
  return writer.finish();
}

function protoProcess(writer: ProtoWriter, process: TestProcess): void {
  writer.string(1, process.serviceName);
  for (const tag of process.tags ?? []) writer.message(2, () => protoTag(writer, tag));
}

function protoSpan(writer: ProtoWriter, span: TestSpan & { readonly process?: TestProcess }): void {
  writer.bytes(1, bigEndian(span.traceId, 16));
  writer.bytes(2, bigEndian(span.spanId, 8));
  writer.string(3, span.operationName);
  const parent =
    span.parentSpanId === undefined || span.parentSpanId === 0n
      ? []
      : [{ type: 0, traceId: span.traceId, spanId: span.parentSpanId }];
  for (const { type, traceId, spanId } of [...parent, ...(span.references ?? [])])
    writer.message(4, () => {
      writer.bytes(1, bigEndian(traceId, 16));
      writer.bytes(2, bigEndian(spanId, 8));
      if (type !== 0) writer.int(3, type);
    });
  writer.uint(5, 1);
  writer.message(6, () => protoTime(writer, span.startMicros));
  writer.message(7, () => protoTime(writer, span.durationMicros));
  for (const tag of span.tags ?? []) writer.message(8, () => protoTag(writer, tag));
  for (const { micros, fields } of span.logs ?? [])
    writer.message(9, () => {
      writer.message(1, () => protoTime(writer, micros));
      for (const field of fields) writer.message(2, () => protoTag(writer, field));
    });
  const { process } = span;
  if (process !== undefined) writer.message(10, () => protoProcess(writer, process));
  writer.string(11, 'p1');
  writer.string(12, 'a warning');
}

function protoTime(writer: ProtoWriter, micros: bigint): void {
  writer.int64(1, micros / 1_000_000n);
  writer.int(2, Number(micros % 1_000_000n) * 1000);
}

function protoTag(writer: ProtoWriter, [key, value]: TestTags[number]): void {
  writer.string(1, key);
  switch (value.type) {
    case 'string':
      writer.string(3, value.value);
      return;
    case 'bool':
      writer.int(2, 1);
      writer.bool(4, value.value);
      return;
    case 'int':
      writer.int(2, 2);
      writer.int64(5, value.value);
      return;
    case 'double':
      writer.int(2, 3);
      writer.double(6, value.value);
      return;
    case 'bytes':
      writer.int(2, 4);
      writer.bytes(7, value.value);
      return;
    default:
      throw new Error(`Jaeger has no ${value.type}`);
  }
}

function bigEndian(value: bigint, size: number): Buffer {
  return Buffer.from(value.toString(16).padStart(size * 2, '0'), 'hex');
}

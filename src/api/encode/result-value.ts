/**
 * Attributes and labels of an answer as OTLP KeyValue { key 1, value 2 }, in JSON and protobuf. What AnyValue has no
 * type for is a string, spelled as in TraceQL: `error`, `server`, `612.045µs`, `nil`.
 */
import type { ProtoWriter } from '../../base/protobuf.ts';
import { formatDuration } from '../../traceql/format-duration.ts';
import type { ResultAttribute, ResultValue } from '../../traceql/result.ts';
import { writeAnyValue } from './any-value-json.ts';
import type { JsonWriter } from './json-writer.ts';

/** A member with a list of attributes unless it is empty. `open` stands before it. */
export function writeAttributesJson(
  writer: JsonWriter,
  open: string,
  name: string,
  attributes: readonly ResultAttribute[],
): void {
  if (attributes.length === 0) return;
  writer.raw(`${open}"${name}":[`);
  for (const [index, attribute] of attributes.entries()) {
    writer.raw(index === 0 ? '{"key":' : ',{"key":');
    writer.string(attribute.key);
    writer.raw(',"value":');
    writeValueJson(writer, attribute.value);
    writer.raw('}');
  }
  writer.raw(']');
}

function writeValueJson(writer: JsonWriter, value: ResultValue): void {
  switch (value.type) {
    case 'any':
      writeAnyValue(writer, value.anyValue);
      return;
    case 'int':
      writer.raw('{"intValue":');
      writer.int64(value.value);
      break;
    case 'float':
      writer.raw('{"doubleValue":');
      writer.double(value.value);
      break;
    case 'bool':
      writer.raw(value.value ? '{"boolValue":true' : '{"boolValue":false');
      break;
    default:
      writer.raw('{"stringValue":');
      writer.string(textOf(value));
  }
  writer.raw('}');
}

export function writeAttributesProto(writer: ProtoWriter, field: number, attributes: readonly ResultAttribute[]): void {
  for (const attribute of attributes) {
    writer.message(field, (keyValue) => {
      keyValue.string(1, attribute.key);
      keyValue.message(2, (value) => writeValueProto(value, attribute.value));
    });
  }
}

function writeValueProto(writer: ProtoWriter, value: ResultValue): void {
  switch (value.type) {
    case 'any':
      writer.raw(value.anyValue);
      break;
    case 'int':
      writer.int64(3, value.value);
      break;
    case 'float':
      writer.double(4, value.value);
      break;
    case 'bool':
      writer.bool(2, value.value);
      break;
    default:
      writer.string(1, textOf(value));
  }
}

function textOf(value: Extract<ResultValue, { type: 'nil' | 'string' | 'duration' | 'status' | 'kind' }>): string {
  switch (value.type) {
    case 'nil':
      return 'nil';
    case 'duration':
      return formatDuration(value.value);
    default:
      return value.value;
  }
}

/**
 * OTLP AnyValue as plain data, its protobuf bytes (what `any` columns hold) and its JSON. Browser-safe.
 * opentelemetry/proto/common/v1/common.proto
 */
import { assertNever } from '../base/assert.ts';
import { invalid } from '../base/errors.ts';
import { ProtoReader, ProtoWriter } from '../base/protobuf.ts';

export type AnyValue =
  /** No field of the oneof is set. */
  | { readonly type: 'empty' }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'bool'; readonly value: boolean }
  /** int64 */
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'double'; readonly value: number }
  | { readonly type: 'bytes'; readonly value: Uint8Array }
  | { readonly type: 'array'; readonly value: readonly AnyValue[] }
  | { readonly type: 'kvlist'; readonly value: readonly KeyValue[] };

export interface KeyValue {
  readonly key: string;
  readonly value: AnyValue;
}

/** AnyValues inside AnyValues; deeper ones are refused on the way in. Protobuf libraries stop at 100 messages, fewer. */
export const anyValueDepthMax = 64;

const Field = { string: 1, bool: 2, int: 3, double: 4, array: 5, kvlist: 6, bytes: 7 } as const;

/** @throws RubatoError `invalid_protobuf` on damage or when nested deeper than {@link anyValueDepthMax} */
export function decodeAnyValue(bytes: Uint8Array): AnyValue {
  return readAnyValue(new ProtoReader(bytes), 1);
}

/** Of a KeyValue message. A missing value is empty. */
export function decodeKeyValue(bytes: Uint8Array): KeyValue {
  return readKeyValue(new ProtoReader(bytes), 1);
}

/** `before` is what earlier pieces of the same message said: pieces merge, and the last field of the oneof wins. */
function readAnyValue(reader: ProtoReader, depth: number, before: AnyValue = { type: 'empty' }): AnyValue {
  if (depth > anyValueDepthMax) throw invalid('invalid_protobuf', `values are nested deeper than ${anyValueDepthMax}`);
  let value = before;
  while (reader.next()) {
    switch (reader.field) {
      case Field.string:
        value = { type: 'string', value: reader.string() };
        break;
      case Field.bool:
        value = { type: 'bool', value: reader.bool() };
        break;
      case Field.int:
        value = { type: 'int', value: reader.int64() };
        break;
      case Field.double:
        value = { type: 'double', value: reader.double() };
        break;
      case Field.bytes:
        value = { type: 'bytes', value: reader.bytes().slice() };
        break;
      case Field.array: {
        const values: AnyValue[] = value.type === 'array' ? [...value.value] : [];
        const list = reader.message();
        while (list.next()) {
          if (list.field === 1) values.push(readAnyValue(list.message(), depth + 1));
          else list.skip();
        }
        value = { type: 'array', value: values };
        break;
      }
      case Field.kvlist: {
        const values: KeyValue[] = value.type === 'kvlist' ? [...value.value] : [];
        const list = reader.message();
        while (list.next()) {
          if (list.field === 1) values.push(readKeyValue(list.message(), depth + 1));
          else list.skip();
        }
        value = { type: 'kvlist', value: values };
        break;
      }
      default:
        reader.skip();
    }
  }
  return value;
}

function readKeyValue(reader: ProtoReader, depth: number): KeyValue {
  let key = '';
  let value: AnyValue = { type: 'empty' };
  while (reader.next()) {
    if (reader.field === 1) key = reader.string();
    else if (reader.field === 2) value = readAnyValue(reader.message(), depth, value);
    else reader.skip();
  }
  return { key, value };
}

export function encodeAnyValue(value: AnyValue): Uint8Array<ArrayBuffer> {
  const writer = new ProtoWriter();
  writeAnyValue(writer, value);
  return writer.finish();
}

/** The fields of an AnyValue. */
export function writeAnyValue(writer: ProtoWriter, value: AnyValue): void {
  switch (value.type) {
    case 'empty':
      return;
    case 'string':
      writer.string(Field.string, value.value);
      return;
    case 'bool':
      writer.bool(Field.bool, value.value);
      return;
    case 'int':
      writer.int64(Field.int, value.value);
      return;
    case 'double':
      writer.double(Field.double, value.value);
      return;
    case 'bytes':
      writer.bytes(Field.bytes, value.value);
      return;
    case 'array':
      writer.message(Field.array, () => {
        for (const item of value.value) writer.message(1, () => writeAnyValue(writer, item));
      });
      return;
    case 'kvlist':
      writer.message(Field.kvlist, () => {
        for (const item of value.value) writer.message(1, () => writeKeyValue(writer, item));
      });
      return;
    default:
      assertNever(value, 'AnyValue');
  }
}

/** The fields of a KeyValue. */
export function writeKeyValue(writer: ProtoWriter, item: KeyValue): void {
  writer.string(1, item.key);
  writer.message(2, () => writeAnyValue(writer, item.value));
}

/** `json` followed by the value as proto3 JSON: `{"arrayValue":{"values":[{"intValue":"1"}]}}`. */
export function appendAnyValueJson(json: string, value: AnyValue): string {
  switch (value.type) {
    case 'empty':
      return `${json}{}`;
    case 'string':
      return `${json}{"stringValue":${JSON.stringify(value.value)}}`;
    case 'bool':
      return `${json}{"boolValue":${value.value}}`;
    case 'int':
      return `${json}{"intValue":"${value.value}"}`;
    case 'double':
      return `${json}{"doubleValue":${doubleJson(value.value)}}`;
    case 'bytes':
      return `${json}{"bytesValue":"${base64(value.value)}"}`;
    case 'array': {
      let out = `${json}{"arrayValue":{`;
      for (let i = 0; i < value.value.length; i++)
        out = appendAnyValueJson(out + (i === 0 ? '"values":[' : ','), value.value[i]!);
      return `${out}${value.value.length > 0 ? ']' : ''}}}`;
    }
    case 'kvlist': {
      let out = `${json}{"kvlistValue":{`;
      for (let i = 0; i < value.value.length; i++)
        out = appendKeyValueJson(out + (i === 0 ? '"values":[' : ','), value.value[i]!);
      return `${out}${value.value.length > 0 ? ']' : ''}}}`;
    }
    default:
      return assertNever(value, 'AnyValue');
  }
}

/** `json` followed by `{"key":…,"value":…}`. */
export function appendKeyValueJson(json: string, item: KeyValue): string {
  return `${appendAnyValueJson(`${json}{"key":${JSON.stringify(item.key)},"value":`, item.value)}}`;
}

/** Proto3 JSON has no literal for what JSON numbers cannot say. Minus zero is kept. */
function doubleJson(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value);
  return `"${value}"`;
}

function base64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

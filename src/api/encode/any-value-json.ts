/** Values of `any` columns (arrays, maps, bytes; AnyValue protobuf) as JSON. They are rare, so they are built as values. */
import {
  type AnyValue,
  appendAnyValueJson,
  appendKeyValueJson,
  decodeAnyValue,
  type KeyValue,
} from '../../model/any-value.ts';
import type { JsonWriter } from './json-writer.ts';

/** Proto3 JSON: `{"arrayValue":…}`. */
export function writeAnyValue(writer: JsonWriter, anyValue: Uint8Array): void {
  writer.rawBytes(Buffer.from(appendAnyValueJson('', decodeOrBytes(anyValue))));
}

/** One `{"key":…,"value":…}`. */
export function writeKeyValue(writer: JsonWriter, keyValue: KeyValue): void {
  writer.rawBytes(Buffer.from(appendKeyValueJson('', keyValue)));
}

/** As plain JSON says it: lists, objects; bytes in hex. */
export function writePlainAnyValue(writer: JsonWriter, anyValue: Uint8Array): void {
  writer.rawBytes(Buffer.from(JSON.stringify(plain(decodeOrBytes(anyValue)))));
}

/** The attributes of an AnyValue that is a map. */
export function keyValuesOf(anyValue: Uint8Array): readonly KeyValue[] {
  const value = decodeOrBytes(anyValue);
  return value.type === 'kvlist' ? value.value : [];
}

/** The bytes values of an AnyValue that is an array of them. */
export function bytesValuesOf(anyValue: Uint8Array): Uint8Array[] {
  const value = decodeOrBytes(anyValue);
  if (value.type !== 'array') return [];
  return value.value.flatMap((item) => (item.type === 'bytes' ? [item.value] : []));
}

/** What does not decode is shown as bytes: one bad attribute must not hide a trace. */
function decodeOrBytes(anyValue: Uint8Array): AnyValue {
  try {
    return decodeAnyValue(anyValue);
  } catch {
    return { type: 'bytes', value: anyValue };
  }
}

/** Integers beyond 2^53 are strings: a JSON number would lose digits in most readers. */
function plain(value: AnyValue): unknown {
  switch (value.type) {
    case 'empty':
      return null;
    case 'int': {
      const number = Number(value.value);
      return Number.isSafeInteger(number) ? number : String(value.value);
    }
    case 'double':
      return Number.isFinite(value.value) ? value.value : String(value.value);
    case 'bytes':
      return Buffer.from(value.value).toString('hex');
    case 'array':
      return value.value.map(plain);
    case 'kvlist':
      return Object.fromEntries(value.value.map((item) => [item.key, plain(item.value)]));
    default:
      return value.value;
  }
}

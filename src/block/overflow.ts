/**
 * Rare keys of a row together in one value: an OTLP AnyValue with a kvlist (opentelemetry/proto/common/v1/common.proto),
 *
 *   AnyValue { kvlist_value = 6: KeyValueList { values = 1: KeyValue { key = 1, value = 2: AnyValue } … } }
 *
 * so that other readers need no new format. A key with two types stands twice.
 */
import { corrupt } from '../base/errors.ts';
import { ProtoReader, type ProtoWriter } from '../base/protobuf.ts';
import type { ValueType } from '../traceql/storage.ts';

export interface OverflowEntry {
  readonly key: string;
  readonly type: ValueType;
  /** As in a span table. */
  readonly bytes: Uint8Array;
}

const Field = { string: 1, bool: 2, int: 3, double: 4, kvlist: 6 } as const;

export function encodeOverflow(writer: ProtoWriter, entries: readonly OverflowEntry[]): Uint8Array {
  writer.reset();
  writer.message(Field.kvlist, (list) => {
    for (const entry of entries)
      list.message(1, (pair) => {
        pair.string(1, entry.key);
        pair.message(2, (value) => writeValue(value, entry));
      });
  });
  return writer.finish();
}

function writeValue(writer: ProtoWriter, { type, bytes }: OverflowEntry): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (type) {
    case 'string':
      writer.bytes(Field.string, bytes);
      break;
    case 'bool':
      writer.bool(Field.bool, bytes[0] !== 0);
      break;
    case 'int':
      writer.int64(Field.int, view.getBigInt64(0, true));
      break;
    case 'double':
      // As bytes: a NaN keeps its payload.
      writer.fixed64(Field.double, view.getBigUint64(0, true));
      break;
    case 'any':
      writer.raw(bytes);
      break;
  }
}

/** @throws RubatoError corrupt; `where` names the column. */
export function decodeOverflow(bytes: Uint8Array, where: string): OverflowEntry[] {
  try {
    const entries: OverflowEntry[] = [];
    const reader = new ProtoReader(bytes);
    while (reader.next()) {
      if (reader.field !== Field.kvlist) throw corrupt(where, 'not a list of keys and values');
      const list = reader.message();
      while (list.next()) entries.push(readPair(list.message()));
    }
    return entries;
  } catch (cause) {
    throw corrupt(where, 'overflow value cannot be read', cause);
  }
}

function readPair(pair: ProtoReader): OverflowEntry {
  let key = '';
  let value: Uint8Array = new Uint8Array(0);
  while (pair.next()) {
    if (pair.field === 1) key = pair.string();
    else if (pair.field === 2) value = pair.bytes();
    else pair.skip();
  }
  return { key, ...readValue(value) };
}

/** The last field that is set decides, as in protobuf. */
function readValue(value: Uint8Array): { type: ValueType; bytes: Uint8Array } {
  let found: { type: ValueType; bytes: Uint8Array } = { type: 'any', bytes: value };
  const reader = new ProtoReader(value);
  while (reader.next()) {
    if (reader.field === Field.string) found = { type: 'string', bytes: reader.bytes() };
    else if (reader.field === Field.bool) found = { type: 'bool', bytes: Uint8Array.of(reader.bool() ? 1 : 0) };
    else if (reader.field === Field.int) found = { type: 'int', bytes: eightBytes(reader.int64()) };
    else if (reader.field === Field.double) found = { type: 'double', bytes: eightBytes(reader.fixed64()) };
    else {
      reader.skip();
      found = { type: 'any', bytes: value };
    }
  }
  return found;
}

function eightBytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
  return bytes;
}

/**
 * Values of `any` columns (OTLP AnyValue protobuf) as query values. An array of one element is that element, an empty
 * array and an empty AnyValue are nil, nested arrays, maps and bytes can only be asked for existence.
 */
import { ProtoReader } from '../../base/protobuf.ts';
import { type ArrayValue, Cell, Type, type Value } from './value.ts';

const Field = { string: 1, bool: 2, int: 3, double: 4, array: 5 } as const;

export function decodeAnyValue(bytes: Uint8Array): Value {
  // A copy: dictionary bytes are shared memory, and arrays keep theirs.
  return decode(new Uint8Array(bytes));
}

function decode(bytes: Uint8Array): Value {
  const cell = new Cell();
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    switch (reader.field) {
      case Field.string:
        cell.setString(reader.string());
        break;
      case Field.bool:
        cell.setBool(reader.bool());
        break;
      case Field.int:
        cell.setBigInt(reader.int64());
        break;
      case Field.double:
        cell.setNumber(Type.float, reader.double());
        break;
      case Field.array:
        setArray(cell, reader.message(), bytes);
        break;
      default:
        reader.skip();
        cell.type = Type.opaque;
        cell.ref = bytes;
    }
  }
  return cell;
}

function setArray(cell: Cell, reader: ProtoReader, anyValue: Uint8Array): void {
  const elements: Value[] = [];
  while (reader.next()) {
    if (reader.field === 1) elements.push(decode(reader.bytes()));
    else reader.skip();
  }
  if (elements.length === 0) cell.setNil();
  else if (elements.length === 1) cell.copy(elements[0]!);
  else {
    cell.type = Type.array;
    cell.ref = { elements, anyValue } satisfies ArrayValue;
  }
}

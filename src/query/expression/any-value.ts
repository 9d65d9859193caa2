/**
 * Values of `any` columns (OTLP AnyValue protobuf) as query values. An array of one element is that element, an empty
 * array and an empty AnyValue are nil, nested arrays, maps and bytes can only be asked for existence.
 */
import { type AnyValue, decodeAnyValue, encodeAnyValue } from '../../model/any-value.ts';
import { type ArrayValue, Cell, Type, type Value } from './value.ts';

export function anyValue(bytes: Uint8Array): Value {
  return valueOfAny(decodeAnyValue(bytes));
}

function valueOfAny(any: AnyValue): Value {
  const cell = new Cell();
  switch (any.type) {
    case 'empty':
      break;
    case 'string':
      cell.setString(any.value);
      break;
    case 'bool':
      cell.setBool(any.value);
      break;
    case 'int':
      cell.setBigInt(any.value);
      break;
    case 'double':
      cell.setNumber(Type.float, any.value);
      break;
    case 'array':
      return arrayOf(any.value);
    case 'bytes':
    case 'kvlist':
      cell.type = Type.opaque;
      cell.ref = encodeAnyValue(any);
  }
  return cell;
}

function arrayOf(anyValues: readonly AnyValue[]): Value {
  const elements = anyValues.map(valueOfAny);
  if (elements.length === 1) return elements[0]!;
  const cell = new Cell();
  if (elements.length > 1) {
    cell.type = Type.array;
    cell.ref = {
      elements,
      anyValues,
      encoded: encodeAnyValue({ type: 'array', value: anyValues }),
    } satisfies ArrayValue;
  }
  return cell;
}

/** The array of those elements that `keep` accepts. */
export function filterArray({ elements, anyValues }: ArrayValue, keep: (element: Value) => boolean): Value {
  return arrayOf(anyValues.filter((_, i) => keep(elements[i]!)));
}

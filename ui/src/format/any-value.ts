import type { AnyValueJson } from '../../../src/api/contract/index.ts';

/** A value as people read it; lists and maps as JSON. */
export function anyValueText(value: AnyValueJson): string {
  const plain = plainValue(value);
  return typeof plain === 'string' ? plain : JSON.stringify(plain);
}

type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };

function plainValue(value: AnyValueJson): Plain {
  if (value.stringValue !== undefined) return value.stringValue;
  // int64 may be larger than a number is exact; it is shown, never computed with.
  if (value.intValue !== undefined) return value.intValue;
  if (value.doubleValue !== undefined) return value.doubleValue;
  if (value.boolValue !== undefined) return value.boolValue;
  if (value.bytesValue !== undefined) return value.bytesValue;
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(plainValue);
  if (value.kvlistValue === undefined) return '';
  return Object.fromEntries((value.kvlistValue.values ?? []).map((item) => [item.key, plainValue(item.value)]));
}

/** Attributes as they are added to a resource: OTLP KeyValue fields, encoded once for many requests. */
import { ProtoWriter } from '../base/protobuf.ts';
import { type AnyValue, writeKeyValue } from '../model/any-value.ts';

export interface AddedAttribute {
  readonly key: string;
  readonly value: AnyValue;
  /** `attributes` of the Resource message: field 1, length, KeyValue. */
  readonly field: Uint8Array;
}

export function addedAttribute(key: string, given: string | readonly string[]): AddedAttribute {
  const value: AnyValue =
    typeof given === 'string'
      ? { type: 'string', value: given }
      : { type: 'array', value: given.map((text) => ({ type: 'string', value: text })) };
  const writer = new ProtoWriter(64);
  writer.message(1, () => writeKeyValue(writer, { key, value }));
  return { key, value, field: writer.finish() };
}

/**
 * What a column is, in the words of the Parquet specification (flat schemas only: required or optional leaves), and
 * the two shapes in which values travel: plain values and codes into them.
 */

export type PhysicalType = 'boolean' | 'int32' | 'int64' | 'double' | 'byteArray' | 'fixed';
export type LogicalType = 'string' | 'json' | 'uuid' | 'timestampNanos' | 'uint32' | 'uint64';

export interface ColumnSchema {
  readonly name: string;
  readonly physical: PhysicalType;
  /** Bytes a value, for 'fixed' only. */
  readonly width?: number;
  readonly logical?: LogicalType;
  readonly optional: boolean;
}

/**
 * Distinct or plain values. byteArray: value i is bytes[offsets[i] .. offsets[i + 1]). Other types: so many bytes each
 * (boolean 1, as 0 or 1; int32 4; int64 and double 8, little endian; fixed its width) and no offsets.
 */
export interface PlainValues {
  readonly count: number;
  readonly bytes: Uint8Array;
  readonly offsets: Uint32Array;
}

/** One code a row: 0 is null, else 1 + index of the value. */
export type CodeArray = Uint8Array | Uint16Array | Uint32Array;

/** The dictionary of every boolean column: code 1 is false, code 2 is true. It is not stored. */
export const BOOLEAN_DICTIONARY: PlainValues = {
  count: 2,
  bytes: Uint8Array.of(0, 1),
  offsets: new Uint32Array(0),
};

/** Bytes of one value in {@link PlainValues}; 0 for byteArray, whose values differ in length. */
export function valueWidth(schema: ColumnSchema): number {
  switch (schema.physical) {
    case 'boolean':
      return 1;
    case 'int32':
      return 4;
    case 'int64':
    case 'double':
      return 8;
    case 'byteArray':
      return 0;
    case 'fixed':
      return schema.width ?? 0;
  }
}

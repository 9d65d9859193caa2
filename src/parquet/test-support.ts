/** For tests: tables of JavaScript values to and from Parquet bytes. Slow and plain on purpose. */

import {
  type ColumnChunk,
  decodeCodes,
  decodeDictionary,
  decodeFixed,
  decodeInt32,
  decodeInt64,
  locatePages,
  type ParquetFile,
  parseFile,
  tailBytesNeeded,
} from './read-file.ts';
import { BOOLEAN_DICTIONARY, type CodeArray, type ColumnSchema, type PlainValues, valueWidth } from './schema.ts';
import { type ColumnValues, ParquetWriter, type WriteOptions } from './write-file.ts';

export type Value = null | boolean | number | bigint | string | Uint8Array;

export interface TestColumn {
  readonly schema: ColumnSchema;
  /** Not 'codes': the encoding of required int32 and int64 columns, or 'fixed'. */
  readonly as?: 'codes' | 'delta' | 'byteStreamSplit' | 'plain' | 'fixed';
  readonly values: readonly Value[];
}

function valueBytes(schema: ColumnSchema, value: Value): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return new TextEncoder().encode(value);
  const bytes = new Uint8Array(valueWidth(schema));
  const view = new DataView(bytes.buffer);
  if (typeof value === 'boolean') bytes[0] = value ? 1 : 0;
  else if (typeof value === 'bigint') view.setBigInt64(0, BigInt.asIntN(64, value), true);
  else if (schema.physical === 'int32') view.setInt32(0, Number(value) | 0, true);
  else view.setFloat64(0, Number(value), true);
  return bytes;
}

export function makeDictionary(
  schema: ColumnSchema,
  values: readonly Value[],
): { codes: CodeArray; dictionary: PlainValues } {
  const parts: Uint8Array[] = [];
  const index = new Map<string, number>();
  const numbers = values.map((value) => {
    if (value === null) return 0;
    const bytes = valueBytes(schema, value);
    const key = Buffer.from(bytes).toString('latin1');
    const known = index.get(key);
    if (known !== undefined) return known;
    parts.push(bytes);
    index.set(key, parts.length);
    return parts.length;
  });
  const offsets = new Uint32Array(schema.physical === 'byteArray' ? parts.length + 1 : 0);
  let at = 0;
  for (const [i, part] of parts.entries()) {
    at += part.length;
    if (offsets.length > 0) offsets[i + 1] = at;
  }
  const codes =
    parts.length < 256
      ? Uint8Array.from(numbers)
      : parts.length < 65536
        ? Uint16Array.from(numbers)
        : Uint32Array.from(numbers);
  return { codes, dictionary: { count: parts.length, bytes: new Uint8Array(Buffer.concat(parts)), offsets } };
}

export function makeColumn(column: TestColumn, from: number, to: number): ColumnValues {
  const { schema, as } = column;
  const values = column.values.slice(from, to);
  if (as === undefined || as === 'codes') return { kind: 'codes', ...makeDictionary(schema, values) };
  if (as === 'fixed')
    return { kind: 'fixed', bytes: new Uint8Array(Buffer.concat(values.map((v) => v as Uint8Array))) };
  if (schema.physical === 'int32') return { kind: 'int32', values: Int32Array.from(values as number[]), encoding: as };
  const words = new Uint32Array(values.length * 2);
  for (const [i, value] of values.entries()) {
    words[2 * i] = Number(BigInt.asUintN(32, value as bigint));
    words[2 * i + 1] = Number(BigInt.asUintN(32, (value as bigint) >> 32n));
  }
  return { kind: 'int64', words, encoding: as };
}

/** Writes a file whose row groups have the given numbers of rows. */
export function writeTable(
  columns: readonly TestColumn[],
  rowGroups: readonly number[],
  options: WriteOptions,
): { bytes: Uint8Array; tailBytes: number } {
  const writer = new ParquetWriter(
    columns.map((column) => column.schema),
    options,
  );
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const rows of rowGroups) {
    writer.startRowGroup(rows);
    for (const column of columns) writer.column(makeColumn(column, from, from + rows));
    writer.finishRowGroup();
    parts.push(...writer.takeChunks());
    from += rows;
  }
  parts.push(...writer.finish());
  return { bytes: new Uint8Array(Buffer.concat(parts)), tailBytes: writer.tailBytes };
}

/** As one who has the file only in ranges. */
export function openFile(bytes: Uint8Array): ParquetFile {
  let tail = bytes.subarray(bytes.length - 8);
  for (;;) {
    const need = tailBytesNeeded(tail, bytes.length);
    if (need <= tail.length) return parseFile(tail, bytes.length);
    tail = bytes.subarray(bytes.length - need);
  }
}

function toValue(schema: ColumnSchema, values: PlainValues, index: number): Value {
  const width = valueWidth(schema);
  const start = width > 0 ? index * width : values.offsets[index]!;
  const end = width > 0 ? start + width : values.offsets[index + 1]!;
  const bytes = values.bytes.slice(start, end);
  const view = new DataView(bytes.buffer);
  switch (schema.physical) {
    case 'boolean':
      return bytes[0] === 1;
    case 'int32':
      return view.getInt32(0, true);
    case 'int64':
      return view.getBigInt64(0, true);
    case 'double':
      return view.getFloat64(0, true);
    case 'byteArray':
      return schema.logical === 'string' || schema.logical === 'json' ? new TextDecoder().decode(bytes) : bytes;
    case 'fixed':
      return bytes;
  }
}

/** All values of a chunk. */
export function readChunkValues(bytes: Uint8Array, chunk: ColumnChunk): Value[] {
  const { schema, values: rows } = chunk;
  const pages =
    chunk.pages.length > 0 ? chunk.pages : locatePages(bytes.subarray(chunk.offset, chunk.offset + chunk.size), chunk);
  const slices = pages.map((page) => ({ ...page, bytes: bytes.subarray(page.offset, page.offset + page.size) }));
  const asCodes =
    chunk.encoding === 'dictionary' ||
    (chunk.encoding === 'plain' &&
      (schema.optional || schema.physical === 'byteArray' || schema.physical === 'double'));
  if (!asCodes) {
    if (schema.physical === 'int64') {
      const words = new Uint32Array(rows * 2);
      for (const page of slices) decodeInt64(page.bytes, words, page.firstRow);
      return [...new BigInt64Array(words.buffer)];
    }
    if (schema.physical === 'int32') {
      const values = new Int32Array(rows);
      for (const page of slices) decodeInt32(page.bytes, values, page.firstRow);
      return [...values];
    }
    const width = valueWidth(schema);
    const out = new Uint8Array(rows * width);
    for (const page of slices) decodeFixed(page.bytes, width, out, page.firstRow);
    return Array.from({ length: rows }, (_, i) => out.slice(i * width, (i + 1) * width));
  }
  const parts: PlainValues[] = [];
  let count = 0;
  const add = (values: PlainValues): void => {
    parts.push(values);
    count += values.count;
  };
  if (schema.physical === 'boolean') add(BOOLEAN_DICTIONARY);
  else if (chunk.dictionaryOffset !== undefined)
    add(
      decodeDictionary(bytes.subarray(chunk.dictionaryOffset, chunk.dictionaryOffset + chunk.dictionarySize!), schema),
    );
  const codes =
    count < 256 && chunk.encoding === 'dictionary'
      ? new Uint8Array(rows)
      : count < 65536 && rows < 30000
        ? new Uint16Array(rows)
        : new Uint32Array(rows);
  for (const page of slices) {
    const values = decodeCodes(page.bytes, schema, codes, page.firstRow, count);
    if (values !== undefined) add(values);
  }
  const all = parts.flatMap((values) => Array.from({ length: values.count }, (_, i) => toValue(schema, values, i)));
  return Array.from(codes, (code) => (code === 0 ? null : all[code - 1]!));
}

/** All values of a file, by column. */
export function readTable(bytes: Uint8Array): Value[][] {
  const file = openFile(bytes);
  return file.schema.map((_, i) => file.rowGroups.flatMap((group) => readChunkValues(bytes, group.columns[i]!)));
}

/**
 * Writes what stands behind the pages of a file: column indexes, offset indexes and the footer. Field numbers are
 * those of parquet.thrift (https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift).
 */
import type { EncodedColumn, EncodedPage } from './encode-column.ts';
import { Encoding } from './page.ts';
import type { ColumnSchema, LogicalType, PhysicalType } from './schema.ts';
import { type Bounds, compareBounds, orderOf } from './statistics.ts';
import { ThriftType, type ThriftWriter } from './thrift.ts';

/** enum Type. */
export const PhysicalNumber: Readonly<Record<PhysicalType, number>> = {
  boolean: 0,
  int32: 1,
  int64: 2,
  double: 5,
  byteArray: 6,
  fixed: 7,
};

/** enum ConvertedType, which readers that do not know logical types look at. The others have none. */
export const ConvertedNumber: Readonly<Partial<Record<LogicalType, number>>> = {
  string: 0,
  uint32: 13,
  uint64: 14,
  json: 19,
};

/** union LogicalType: the field that is set. */
export const LogicalField = { string: 1, timestamp: 8, integer: 10, json: 12, uuid: 14 } as const;

/** union TimeUnit: the field for nanoseconds. */
export const TIME_UNIT_NANOS = 3;

const Repetition = { required: 0, optional: 1 } as const;
const BoundaryOrder = { unordered: 0, ascending: 1, descending: 2 } as const;

/** An encoded column chunk where it lies in the file; the pages themselves are gone. */
export interface PlacedChunk {
  readonly schema: ColumnSchema;
  readonly encoding: number;
  readonly codec: number;
  readonly values: number;
  readonly nulls: number;
  readonly distinct: number | undefined;
  readonly bounds: Bounds | undefined;
  readonly pages: readonly PlacedPage[];
  readonly offset: number;
  readonly size: number;
  readonly uncompressedBytes: number;
  readonly hasDictionary: boolean;
  /** Where the first data page starts, also when there is none. */
  readonly dataOffset: number;
  columnIndex: { readonly offset: number; readonly size: number } | undefined;
  offsetIndex: { readonly offset: number; readonly size: number } | undefined;
}

export type PlacedPage = Pick<EncodedPage, 'firstRow' | 'rows' | 'nulls' | 'bounds'> & {
  readonly offset: number;
  /** With its header. */
  readonly size: number;
};

/** Says where a column's pages lie when the first one starts at `offset`. */
export function placeChunk(column: EncodedColumn, offset: number): PlacedChunk {
  const { schema, encoding, codec, values, nulls, distinct, bounds, uncompressedBytes, dictionary } = column;
  const dataOffset = offset + (dictionary ? dictionary.header.length + dictionary.body.length : 0);
  let at = dataOffset;
  const pages: PlacedPage[] = [];
  for (const page of column.pages) {
    const size = page.header.length + page.body.length;
    pages.push({
      firstRow: page.firstRow,
      rows: page.rows,
      nulls: page.nulls,
      bounds: page.bounds,
      offset: at,
      size,
    });
    at += size;
  }
  return {
    schema,
    encoding,
    codec,
    values,
    nulls,
    distinct,
    bounds,
    pages,
    offset,
    size: at - offset,
    uncompressedBytes,
    hasDictionary: dictionary !== undefined,
    dataOffset,
    columnIndex: undefined,
    offsetIndex: undefined,
  };
}

/**
 * Writes a chunk's ColumnIndex, unless it would say nothing new (one page: the footer has the same numbers) or could
 * not be written (a page of nothing but NaN has no bounds). Returns whether it did.
 */
export function writeColumnIndex(chunk: PlacedChunk, writer: ThriftWriter): boolean {
  const { pages } = chunk;
  if (pages.length < 2 || pages.some((page) => page.bounds === undefined && page.nulls < page.rows)) return false;
  const none = new Uint8Array(0);
  writer.begin();
  writer.list(1, ThriftType.true, pages.length);
  for (const page of pages) writer.sink.byte(page.bounds === undefined ? ThriftType.true : ThriftType.false);
  writer.list(2, ThriftType.binary, pages.length);
  for (const page of pages) writer.binaryElement(page.bounds?.min ?? none);
  writer.list(3, ThriftType.binary, pages.length);
  for (const page of pages) writer.binaryElement(page.bounds?.max ?? none);
  writer.i32(4, boundaryOrder(chunk));
  writer.list(5, ThriftType.i64, pages.length);
  for (const page of pages) writer.i64Element(page.nulls);
  writer.end();
  return true;
}

function boundaryOrder(chunk: PlacedChunk): number {
  const order = orderOf(chunk.schema);
  let ascending = true;
  let descending = true;
  let before: Bounds | undefined;
  for (const { bounds } of chunk.pages) {
    if (bounds === undefined) continue;
    if (before !== undefined) {
      const min = compareBounds(order, before.min, bounds.min);
      const max = compareBounds(order, before.max, bounds.max);
      if (min > 0 || max > 0) ascending = false;
      if (min < 0 || max < 0) descending = false;
    }
    before = bounds;
  }
  return ascending ? BoundaryOrder.ascending : descending ? BoundaryOrder.descending : BoundaryOrder.unordered;
}

export function writeOffsetIndex(chunk: PlacedChunk, writer: ThriftWriter): void {
  writer.begin();
  writer.list(1, ThriftType.struct, chunk.pages.length);
  for (const page of chunk.pages) {
    writer.begin();
    writer.i64(1, page.offset);
    writer.i32(2, page.size);
    writer.i64(3, page.firstRow);
    writer.end();
  }
  writer.end();
}

export interface PlacedRowGroup {
  readonly rows: number;
  readonly chunks: readonly PlacedChunk[];
}

/** FileMetaData. */
export function writeFooter(
  schema: readonly ColumnSchema[],
  rowGroups: readonly PlacedRowGroup[],
  metadata: Readonly<Record<string, string>>,
  writer: ThriftWriter,
): void {
  writer.begin();
  writer.i32(1, 2);
  writer.list(2, ThriftType.struct, schema.length + 1);
  writer.begin();
  writer.string(4, 'schema');
  writer.i32(5, schema.length);
  writer.end();
  for (const column of schema) writeSchemaElement(column, writer);
  writer.i64(
    3,
    rowGroups.reduce((sum, group) => sum + group.rows, 0),
  );
  writer.list(4, ThriftType.struct, rowGroups.length);
  for (const [index, group] of rowGroups.entries()) writeRowGroup(group, index, writer);
  const entries = Object.entries(metadata);
  if (entries.length > 0) {
    writer.list(5, ThriftType.struct, entries.length);
    for (const [key, value] of entries) {
      writer.begin();
      writer.string(1, key);
      writer.string(2, value);
      writer.end();
    }
  }
  writer.string(6, 'rubato');
  // Without column orders readers must not use min_value and max_value.
  writer.list(7, ThriftType.struct, schema.length);
  for (let i = 0; i < schema.length; i++) {
    writer.begin();
    writer.emptyStruct(1);
    writer.end();
  }
  writer.end();
}

function writeSchemaElement(column: ColumnSchema, writer: ThriftWriter): void {
  writer.begin();
  writer.i32(1, PhysicalNumber[column.physical]);
  if (column.physical === 'fixed') writer.i32(2, column.width ?? 0);
  writer.i32(3, column.optional ? Repetition.optional : Repetition.required);
  writer.string(4, column.name);
  const converted = column.logical && ConvertedNumber[column.logical];
  if (converted !== undefined) writer.i32(6, converted);
  if (column.logical) writeLogicalType(column.logical, writer);
  writer.end();
}

function writeLogicalType(logical: LogicalType, writer: ThriftWriter): void {
  writer.begin(10);
  switch (logical) {
    case 'string':
      writer.emptyStruct(LogicalField.string);
      break;
    case 'json':
      writer.emptyStruct(LogicalField.json);
      break;
    case 'uuid':
      writer.emptyStruct(LogicalField.uuid);
      break;
    case 'timestampNanos':
      writer.begin(LogicalField.timestamp);
      writer.bool(1, true);
      writer.begin(2);
      writer.emptyStruct(TIME_UNIT_NANOS);
      writer.end();
      writer.end();
      break;
    case 'uint32':
    case 'uint64':
      writer.begin(LogicalField.integer);
      writer.int8(1, logical === 'uint32' ? 32 : 64);
      writer.bool(2, false);
      writer.end();
      break;
  }
  writer.end();
}

function writeRowGroup(group: PlacedRowGroup, ordinal: number, writer: ThriftWriter): void {
  writer.begin();
  writer.list(1, ThriftType.struct, group.chunks.length);
  let uncompressed = 0;
  let compressed = 0;
  for (const chunk of group.chunks) {
    writeChunk(chunk, writer);
    uncompressed += chunk.uncompressedBytes;
    compressed += chunk.size;
  }
  writer.i64(2, uncompressed);
  writer.i64(3, group.rows);
  const first = group.chunks[0];
  if (first !== undefined) writer.i64(5, first.offset);
  writer.i64(6, compressed);
  writer.i16(7, ordinal);
  writer.end();
}

function writeChunk(chunk: PlacedChunk, writer: ThriftWriter): void {
  writer.begin();
  // file_offset: to be 0 since the format stopped using it.
  writer.i64(2, 0);
  writer.begin(3);
  writer.i32(1, PhysicalNumber[chunk.schema.physical]);
  const encodings = new Set<number>([chunk.encoding]);
  if (chunk.hasDictionary) encodings.add(Encoding.plain);
  if (chunk.schema.optional) encodings.add(Encoding.rle);
  writer.list(2, ThriftType.i32, encodings.size);
  for (const encoding of encodings) writer.i32Element(encoding);
  writer.list(3, ThriftType.binary, 1);
  writer.stringElement(chunk.schema.name);
  writer.i32(4, chunk.codec);
  writer.i64(5, chunk.values);
  writer.i64(6, chunk.uncompressedBytes);
  writer.i64(7, chunk.size);
  writer.i64(9, chunk.dataOffset);
  if (chunk.hasDictionary) writer.i64(11, chunk.offset);
  writer.begin(12);
  writer.i64(3, chunk.nulls);
  if (chunk.distinct !== undefined) writer.i64(4, chunk.distinct);
  if (chunk.bounds !== undefined) {
    writer.binary(5, chunk.bounds.max);
    writer.binary(6, chunk.bounds.min);
    writer.bool(7, chunk.bounds.maxExact);
    writer.bool(8, chunk.bounds.minExact);
  }
  writer.end();
  writer.end();
  if (chunk.offsetIndex !== undefined) {
    writer.i64(4, chunk.offsetIndex.offset);
    writer.i32(5, chunk.offsetIndex.size);
  }
  if (chunk.columnIndex !== undefined) {
    writer.i64(6, chunk.columnIndex.offset);
    writer.i32(7, chunk.columnIndex.size);
  }
  writer.end();
}

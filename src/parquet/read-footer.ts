/** Reads the footer (FileMetaData) of a file; writeFooter in metadata.ts is its other half. */
import { corrupt } from '../base/errors.ts';
import { ConvertedNumber, LogicalField, PhysicalNumber, TIME_UNIT_NANOS } from './metadata.ts';
import type { ColumnSchema, LogicalType, PhysicalType } from './schema.ts';
import { ThriftReader, ThriftType } from './thrift.ts';

/** Length of the footer's own length and the magic, which end a file. */
export const TRAILER_BYTES = 8;
/** "PAR1". */
const MAGIC = 0x31524150;
/** Names the place in errors. */
export const FOOTER = 'parquet footer';

/** A column chunk as the footer has it. */
export interface ChunkMetadata {
  encodings: number[];
  path: string[];
  type: number;
  codec: number;
  values: number;
  size: number;
  dataOffset: number;
  dictionaryOffset: number;
  nulls: number;
  min: Uint8Array | undefined;
  max: Uint8Array | undefined;
  offsetIndexOffset: number;
  offsetIndexSize: number;
  columnIndexOffset: number;
  columnIndexSize: number;
}

export interface Footer {
  schema: ColumnSchema[];
  rowGroups: { rows: number; chunks: ChunkMetadata[] }[];
  metadata: Record<string, string>;
  rows: number;
}

/** Bytes of the footer without its trailer. @throws RubatoError corrupt */
export function footerLength(tail: Uint8Array, fileSize: number): number {
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  if (tail.length > fileSize || tail.length < TRAILER_BYTES) throw corrupt(FOOTER, `${tail.length} bytes are no file`);
  if (view.getUint32(tail.length - 4, true) !== MAGIC) throw corrupt(`${FOOTER}, byte ${fileSize - 4}`, 'no magic');
  const length = view.getUint32(tail.length - TRAILER_BYTES, true);
  if (length > fileSize - TRAILER_BYTES) throw corrupt(`${FOOTER}, byte ${fileSize - 8}`, 'longer than the file');
  return length;
}

/** `tail` is the end of the file, with the whole footer. @throws RubatoError corrupt */
export function readFooter(tail: Uint8Array, fileSize: number): Footer {
  const length = footerLength(tail, fileSize);
  const start = tail.length - TRAILER_BYTES - length;
  if (start < 0) throw corrupt(FOOTER, `${length + TRAILER_BYTES} bytes needed, ${tail.length} given`);
  const end = tail.length - TRAILER_BYTES;
  const reader = new ThriftReader(tail.subarray(0, end), start, FOOTER, fileSize - tail.length);
  const footer: Footer = { schema: [], rowGroups: [], metadata: {}, rows: -1 };
  const outer = reader.begin();
  for (let id = reader.next(); id !== 0; id = reader.next()) {
    if (id === 2) footer.schema = readSchema(reader);
    else if (id === 3) footer.rows = reader.size();
    else if (id === 4) {
      for (let left = reader.list(ThriftType.struct); left > 0; left--) footer.rowGroups.push(readRowGroup(reader));
    } else if (id === 5) footer.metadata = readKeyValues(reader);
    else reader.skip();
  }
  reader.end(outer);
  if (footer.rows !== footer.rowGroups.reduce((sum, group) => sum + group.rows, 0))
    reader.fail('the row groups do not add up to the rows of the file');
  return footer;
}

function readKeyValues(reader: ThriftReader): Record<string, string> {
  const entries: [string, string][] = [];
  for (let left = reader.list(ThriftType.struct); left > 0; left--) {
    let key = '';
    let value = '';
    const outer = reader.begin();
    for (let id = reader.next(); id !== 0; id = reader.next()) {
      if (id === 1) key = reader.string();
      else if (id === 2) value = reader.string();
      else reader.skip();
    }
    reader.end(outer);
    entries.push([key, value]);
  }
  return Object.fromEntries(entries);
}

const physicalByNumber = new Map(Object.entries(PhysicalNumber).map(([name, n]) => [n, name as PhysicalType]));
const logicalByConverted = new Map(Object.entries(ConvertedNumber).map(([name, n]) => [n, name as LogicalType]));

function readSchema(reader: ThriftReader): ColumnSchema[] {
  const size = reader.list(ThriftType.struct);
  const columns: ColumnSchema[] = [];
  for (let i = 0; i < size; i++) {
    let type = -1;
    let width = 0;
    let repetition = 0;
    let name = '';
    let children = 0;
    let logical: LogicalType | undefined;
    const outer = reader.begin();
    for (let id = reader.next(); id !== 0; id = reader.next()) {
      if (id === 1) type = reader.i32();
      else if (id === 2) width = reader.i32();
      else if (id === 3) repetition = reader.i32();
      else if (id === 4) name = reader.string();
      else if (id === 5) children = reader.i32();
      else if (id === 6) logical ??= logicalByConverted.get(reader.i32());
      else if (id === 10) logical = readLogicalType(reader) ?? logical;
      else reader.skip();
    }
    reader.end(outer);
    if (i === 0) {
      if (children !== size - 1) reader.fail('nested columns are not supported');
      continue;
    }
    const physical = physicalByNumber.get(type);
    if (children !== 0 || repetition > 1) reader.fail(`column ${name}: nested columns are not supported`);
    if (physical === undefined) reader.fail(`column ${name}: type ${type} is not supported`);
    if (physical === 'fixed' && width <= 0) reader.fail(`column ${name}: width ${width}`);
    columns.push({
      name,
      physical,
      ...(physical === 'fixed' ? { width } : {}),
      ...(logical === undefined ? {} : { logical }),
      optional: repetition === 1,
    });
  }
  return columns;
}

/** undefined for the many types that are read as what they are physically. */
function readLogicalType(reader: ThriftReader): LogicalType | undefined {
  let logical: LogicalType | undefined;
  reader.expectStruct();
  const outer = reader.begin();
  for (let id = reader.next(); id !== 0; id = reader.next()) {
    if (id === LogicalField.timestamp) logical = readsNanos(reader) ? 'timestampNanos' : undefined;
    else if (id === LogicalField.integer) logical = readInteger(reader);
    else {
      reader.skip();
      if (id === LogicalField.string) logical = 'string';
      else if (id === LogicalField.json) logical = 'json';
      else if (id === LogicalField.uuid) logical = 'uuid';
    }
  }
  reader.end(outer);
  return logical;
}

function readsNanos(reader: ThriftReader): boolean {
  let nanos = false;
  reader.expectStruct();
  const outer = reader.begin();
  for (let id = reader.next(); id !== 0; id = reader.next()) {
    if (id !== 2) {
      reader.skip();
      continue;
    }
    reader.expectStruct();
    const unit = reader.begin();
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      nanos = field === TIME_UNIT_NANOS;
      reader.skip();
    }
    reader.end(unit);
  }
  reader.end(outer);
  return nanos;
}

function readInteger(reader: ThriftReader): LogicalType | undefined {
  let bits = 0;
  let signed = true;
  reader.expectStruct();
  const outer = reader.begin();
  for (let id = reader.next(); id !== 0; id = reader.next()) {
    if (id === 1) bits = reader.int8();
    else if (id === 2) signed = reader.bool();
    else reader.skip();
  }
  reader.end(outer);
  return signed ? undefined : bits === 64 ? 'uint64' : bits === 32 ? 'uint32' : undefined;
}

function readRowGroup(reader: ThriftReader): { rows: number; chunks: ChunkMetadata[] } {
  const chunks: ChunkMetadata[] = [];
  let rows = -1;
  const outer = reader.begin();
  for (let id = reader.next(); id !== 0; id = reader.next()) {
    if (id === 1) {
      for (let left = reader.list(ThriftType.struct); left > 0; left--) chunks.push(readChunk(reader));
    } else if (id === 3) rows = reader.size();
    else reader.skip();
  }
  reader.end(outer);
  if (rows < 0) reader.fail('a row group without rows');
  return { rows, chunks };
}

function readChunk(reader: ThriftReader): ChunkMetadata {
  const chunk: ChunkMetadata = {
    encodings: [],
    path: [],
    type: -1,
    codec: -1,
    values: -1,
    size: -1,
    dataOffset: -1,
    dictionaryOffset: 0,
    nulls: 0,
    min: undefined,
    max: undefined,
    offsetIndexOffset: 0,
    offsetIndexSize: 0,
    columnIndexOffset: 0,
    columnIndexSize: 0,
  };
  const outer = reader.begin();
  for (let id = reader.next(); id !== 0; id = reader.next()) {
    if (id === 3) readChunkMetadata(reader, chunk);
    else if (id === 4) chunk.offsetIndexOffset = reader.size();
    else if (id === 5) chunk.offsetIndexSize = reader.i32();
    else if (id === 6) chunk.columnIndexOffset = reader.size();
    else if (id === 7) chunk.columnIndexSize = reader.i32();
    else reader.skip();
  }
  reader.end(outer);
  if (chunk.values < 0 || chunk.size < 0 || chunk.dataOffset < 0) reader.fail('a column chunk lacks its numbers');
  return chunk;
}

function readChunkMetadata(reader: ThriftReader, chunk: ChunkMetadata): void {
  reader.expectStruct();
  const outer = reader.begin();
  for (let id = reader.next(); id !== 0; id = reader.next()) {
    if (id === 1) chunk.type = reader.i32();
    else if (id === 2) {
      for (let left = reader.list(ThriftType.i32); left > 0; left--) chunk.encodings.push(reader.i32Element());
    } else if (id === 3) {
      for (let left = reader.list(ThriftType.binary); left > 0; left--) chunk.path.push(reader.stringElement());
    } else if (id === 4) chunk.codec = reader.i32();
    else if (id === 5) chunk.values = reader.size();
    else if (id === 7) chunk.size = reader.size();
    else if (id === 9) chunk.dataOffset = reader.size();
    else if (id === 11) chunk.dictionaryOffset = reader.size();
    else if (id === 12) readStatistics(reader, chunk);
    else reader.skip();
  }
  reader.end(outer);
}

function readStatistics(reader: ThriftReader, chunk: ChunkMetadata): void {
  reader.expectStruct();
  const outer = reader.begin();
  for (let id = reader.next(); id !== 0; id = reader.next()) {
    if (id === 3) chunk.nulls = reader.size();
    else if (id === 5) chunk.max = reader.binary();
    else if (id === 6) chunk.min = reader.binary();
    else reader.skip();
  }
  reader.end(outer);
}

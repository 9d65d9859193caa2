/**
 * A Parquet file of flat columns, written front to back:
 *
 *   "PAR1" | row group: column chunk (dictionary page, data pages) … | … | column indexes | offset indexes | footer |
 *   footer length | "PAR1"
 *
 * The tail a reader wants (indexes and footer) is one range, {@link ParquetWriter.tailBytes} from the end.
 */
import { assert } from '../base/assert.ts';
import { ByteSink } from './byte-sink.ts';
import { type ColumnValues, type EncodedColumn, EncodeScratch, encodeColumn } from './encode-column.ts';
import {
  type PlacedChunk,
  type PlacedRowGroup,
  placeChunk,
  writeColumnIndex,
  writeFooter,
  writeOffsetIndex,
} from './metadata.ts';
import type { ColumnSchema } from './schema.ts';
import { ThriftWriter } from './thrift.ts';

export type { ColumnValues } from './encode-column.ts';

export interface WriteOptions {
  /** Rows a page; pages of sparse columns cover a multiple of it. */
  readonly pageRows: number;
  /** zstd level. */
  readonly level: number;
  /** Key-value pairs for the footer. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** "PAR1", at both ends of a file. */
export const MAGIC = Uint8Array.of(0x50, 0x41, 0x52, 0x31);

/** Between startRowGroup and finishRowGroup every column is given once, in the order of the schema. */
export class ParquetWriter {
  readonly #schema: readonly ColumnSchema[];
  readonly #options: WriteOptions;
  readonly #scratch = new EncodeScratch();
  readonly #rowGroups: PlacedRowGroup[] = [];
  #chunks: Uint8Array[] = [MAGIC];
  #bytesWritten = MAGIC.length;
  #tailBytes = 0;
  #open: { readonly rows: number; readonly chunks: PlacedChunk[] } | undefined;

  constructor(schema: readonly ColumnSchema[], options: WriteOptions) {
    assert(options.pageRows > 0, 'pages have rows');
    this.#schema = schema;
    this.#options = options;
  }

  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** After finish(): length of the end of the file that parseFile needs. */
  get tailBytes(): number {
    return this.#tailBytes;
  }

  startRowGroup(rows: number): void {
    assert(this.#open === undefined && this.#tailBytes === 0, 'the row group before is finished, the file is not');
    this.#open = { rows, chunks: [] };
  }

  /** The next column of the row group. The arrays may be reused once it returns. */
  column(values: ColumnValues): void {
    const group = this.#open;
    assert(group !== undefined, 'a row group is open');
    const schema = this.#schema[group.chunks.length];
    assert(schema !== undefined, 'a row group has no more columns than the schema');
    const column = encodeColumn(schema, values, group.rows, this.#options, this.#scratch);
    group.chunks.push(placeChunk(column, this.#bytesWritten));
    this.#push(joinColumn(column));
  }

  finishRowGroup(): void {
    const group = this.#open;
    assert(
      group !== undefined && group.chunks.length === this.#schema.length,
      'all columns of the row group are given',
    );
    this.#rowGroups.push(group);
    this.#open = undefined;
  }

  /** Bytes made since the last call, in the order of the file. */
  takeChunks(): Uint8Array[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks;
  }

  /** Ends the file and returns what takeChunks() has not given yet. */
  finish(): Uint8Array[] {
    assert(this.#open === undefined && this.#tailBytes === 0, 'the last row group is finished, the file is not');
    const tail = new ByteSink(1 << 14);
    const writer = new ThriftWriter(tail);
    const start = this.#bytesWritten;
    const chunks = this.#rowGroups.flatMap((group) => group.chunks);
    for (const chunk of chunks) {
      const at = tail.length;
      if (writeColumnIndex(chunk, writer)) chunk.columnIndex = { offset: start + at, size: tail.length - at };
    }
    for (const chunk of chunks) {
      const at = tail.length;
      writeOffsetIndex(chunk, writer);
      chunk.offsetIndex = { offset: start + at, size: tail.length - at };
    }
    const footerAt = tail.length;
    writeFooter(this.#schema, this.#rowGroups, this.#options.metadata ?? {}, writer);
    tail.uint32(tail.length - footerAt);
    tail.append(MAGIC);
    this.#tailBytes = tail.length;
    this.#push(tail.copy());
    return this.takeChunks();
  }

  #push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#bytesWritten += bytes.length;
  }
}

function joinColumn(column: EncodedColumn): Uint8Array {
  const pages = column.dictionary === undefined ? column.pages : [column.dictionary, ...column.pages];
  const joined = new Uint8Array(pages.reduce((sum, page) => sum + page.header.length + page.body.length, 0));
  let at = 0;
  for (const { header, body } of pages) {
    joined.set(header, at);
    joined.set(body, at + header.length);
    at += header.length + body.length;
  }
  return joined;
}

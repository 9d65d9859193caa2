/**
 * Writes ordered tables as the files of a block, one row group after the other:
 *
 *   OrderedTable ──► resources, events, links in order ──► columns one by one ──► ParquetWriter of each table ──► chunks
 *
 * Attribute values stay codes all the way; a value's bytes are copied once, into its column's dictionary. At any time
 * memory holds one table's values by column (8 bytes each) and one column's codes.
 */
import { crc32 } from 'node:zlib';
import { assert } from '../base/assert.ts';
import { ProtoWriter } from '../base/protobuf.ts';
import { readPageHeader } from '../parquet/page.ts';
import type { PlainValues } from '../parquet/schema.ts';
import { type ColumnValues, ParquetWriter } from '../parquet/write-file.ts';
import { codeArray, codedInts, joinValues } from './dictionary.ts';
import { gatherIds, rootNames, rootServices } from './gather.ts';
import { encodeIndex, type RowGroupDescription, type TableIndex } from './index-file.ts';
import {
  type BlockLayout,
  type BlockTable,
  blockTables,
  columnKey,
  type FixedName,
  fixedColumns,
  INDEX_FILE,
  kindNames,
  type OverflowColumn,
  PAGE_ROWS,
  statusNames,
  tableFile,
  tableSchema,
} from './layout.ts';
import type { OrderedTable } from './order.ts';
import { encodeOverflow } from './overflow.ts';
import { type SpanNumbers, spanNumbers, type TraceNumbers, traceNumbers } from './row-numbers.ts';
import {
  type ChildRows,
  type CodedColumn,
  Coder,
  orderedEvents,
  orderedLinks,
  type Transposed,
  transpose,
  type UsedResources,
  usedResources,
} from './table-columns.ts';

export interface BlockWriterOptions {
  /** zstd level of pages. Default 3: 1 costs 1 % more bytes, 9 saves 2 % for three times the time. */
  readonly level?: number;
  readonly pageRows?: number;
}

/** Bytes of one file, in order. */
export interface FileChunk {
  readonly file: string;
  readonly bytes: Uint8Array;
}

export interface BlockSummary {
  readonly spanCount: number;
  readonly traceCount: number;
  readonly rowGroups: number;
  /** Bounds of all starts and ends. */
  readonly minStartUnixNano: bigint;
  readonly maxEndUnixNano: bigint;
  /** Size in bytes by file name. */
  readonly files: Readonly<Record<string, number>>;
  /** Sum of the files. */
  readonly sizeBytes: number;
}

/** Rows of all tables that went into earlier row groups. */
type RowCounts = Record<BlockTable, number>;

const noRows = (): RowCounts => ({ traces: 0, spans: 0, resources: 0, events: 0, links: 0 });

export class BlockWriter {
  readonly #layout: BlockLayout;
  readonly #writers: Readonly<Record<BlockTable, ParquetWriter>>;
  readonly #checksums: Record<BlockTable, number[]> = { traces: [], spans: [], resources: [], events: [], links: [] };
  readonly #sizes: Record<string, number> = {};
  readonly #rowGroups: RowGroupDescription[] = [];
  readonly #written = noRows();
  #chunks: FileChunk[] = [];
  #minStart: bigint | undefined;
  #maxEnd: bigint | undefined;

  constructor(layout: BlockLayout, options: BlockWriterOptions = {}) {
    this.#layout = layout;
    const level = options.level ?? 3;
    const pageRows = options.pageRows ?? PAGE_ROWS;
    const writer = (table: BlockTable) => {
      const metadata = { 'rubato.format': '1', 'rubato.table': table, 'rubato.columns': JSON.stringify(layout[table]) };
      const made = new ParquetWriter(tableSchema(table, layout[table]), { pageRows, level, metadata });
      this.#take(table, made.takeChunks(), false);
      return made;
    };
    this.#writers = {
      traces: writer('traces'),
      spans: writer('spans'),
      resources: writer('resources'),
      events: writer('events'),
      links: writer('links'),
    };
  }

  /** Spans of all row groups so far. */
  get spanCount(): number {
    return this.#written.spans;
  }

  /** Files made since the last call, in pieces. */
  takeChunks(): FileChunk[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks;
  }

  /** Adds the table as a row group. It must hold traces, and no column that the layout lacks. */
  add(table: OrderedTable): void {
    assert(table.traceCount > 0, 'a row group has traces');
    const group = new RowGroupSource(table, this.#written);
    this.#minStart = lower(this.#minStart, group.traces.minStart);
    this.#maxEnd = higher(this.#maxEnd, group.traces.maxEnd);
    const overflowCounts: Record<string, readonly number[]> = {};
    for (const name of blockTables) {
      const rows = group.rows[name];
      if (rows === 0) continue;
      const writer = this.#writers[name];
      writer.startRowGroup(rows);
      for (const column of fixedColumns[name]) this.#column(name, group.fixed(name, column.name));
      if (name !== 'traces') this.#attributeColumns(name, group, overflowCounts);
      writer.finishRowGroup();
    }
    this.#rowGroups.push({
      baseUnixNano: String(table.baseUnixNano),
      minStart: table.traceStart[0]!,
      maxEnd: table.traceEnd.reduce((highest, end) => Math.max(highest, end)),
      rows: group.rows,
      overflowCounts,
    });
    for (const name of blockTables) this.#written[name] += group.rows[name];
  }

  /** Ends all files and adds the index. What takeChunks() gives then completes the block. */
  finish(): BlockSummary {
    assert(this.#minStart !== undefined && this.#maxEnd !== undefined, 'a block has row groups');
    const tables: Partial<Record<BlockTable, TableIndex>> = {};
    for (const name of blockTables) {
      const writer = this.#writers[name];
      const last = writer.finish();
      this.#take(name, last, false);
      // The tail is made as one piece.
      const tail = last.at(-1)!;
      tables[name] = {
        tail: tail.subarray(tail.length - writer.tailBytes),
        pageChecksums: Uint32Array.from(this.#checksums[name]),
      };
    }
    const description = { version: 1, rowGroups: this.#rowGroups, layout: this.#layout } as const;
    this.#push(INDEX_FILE, encodeIndex({ description, tables: tables as Record<BlockTable, TableIndex> }));
    return {
      spanCount: this.#written.spans,
      traceCount: this.#written.traces,
      rowGroups: this.#rowGroups.length,
      minStartUnixNano: this.#minStart,
      maxEndUnixNano: this.#maxEnd,
      files: this.#sizes,
      sizeBytes: Object.values(this.#sizes).reduce((sum, size) => sum + size, 0),
    };
  }

  #attributeColumns(
    name: Exclude<BlockTable, 'traces'>,
    group: RowGroupSource,
    overflowCounts: Record<string, readonly number[]>,
  ): void {
    const columns = group.attributes(name);
    const { layout } = { layout: this.#layout[name] };
    let stored = 0;
    for (const column of layout.columns) {
      const coded = columns.coded(columnKey(column));
      stored += columns.count(columnKey(column));
      this.#column(name, { kind: 'codes', ...coded });
    }
    for (const overflow of layout.overflow) {
      const counts = overflow.keys.map((column) => columns.count(columnKey(column)));
      overflowCounts[overflow.name] = counts;
      stored += counts.reduce((sum, count) => sum + count, 0);
      this.#column(name, { kind: 'codes', ...columns.overflow(overflow) });
    }
    assert(stored === columns.valueCount, `every value of ${name} has a column in the layout`);
  }

  #column(table: BlockTable, values: ColumnValues): void {
    const writer = this.#writers[table];
    writer.column(values);
    this.#take(table, writer.takeChunks(), true);
  }

  #take(table: BlockTable, chunks: readonly Uint8Array[], arePages: boolean): void {
    for (const chunk of chunks) {
      this.#push(tableFile(table), chunk);
      if (arePages) addChecksums(chunk, this.#checksums[table]);
    }
  }

  #push(file: string, bytes: Uint8Array): void {
    this.#sizes[file] = (this.#sizes[file] ?? 0) + bytes.length;
    this.#chunks.push({ file, bytes });
  }
}

const lower = (a: bigint | undefined, b: bigint): bigint => (a === undefined || b < a ? b : a);
const higher = (a: bigint | undefined, b: bigint): bigint => (a === undefined || b > a ? b : a);

/** Adds the checksum of each of the pages that fill `chunk`. */
function addChecksums(chunk: Uint8Array, checksums: number[]): void {
  for (let at = 0; at < chunk.length; ) {
    const header = readPageHeader(chunk, at, 'page just written');
    const end = at + header.headerBytes + header.storedBytes;
    checksums.push(crc32(chunk.subarray(at, end)));
    at = end;
  }
}

/** The columns of one row group, made from a table when they are asked for. */
class RowGroupSource {
  readonly rows: RowCounts;
  readonly traces: TraceNumbers;
  readonly #table: OrderedTable;
  readonly #before: Readonly<RowCounts>;
  readonly #spans: SpanNumbers;
  readonly #coder: Coder;
  readonly #resources: UsedResources;
  readonly #events: ChildRows;
  readonly #links: ChildRows;

  constructor(table: OrderedTable, before: Readonly<RowCounts>) {
    this.#table = table;
    this.#before = { ...before };
    this.traces = traceNumbers(table);
    this.#spans = spanNumbers(table, this.traces);
    this.#coder = new Coder(table.data);
    this.#resources = usedResources(table);
    this.#events = orderedEvents(table);
    this.#links = orderedLinks(table);
    this.rows = {
      traces: table.traceCount,
      spans: table.spanCount,
      resources: this.#resources.source.length,
      events: this.#events.source.length,
      links: this.#links.source.length,
    };
  }

  fixed<T extends BlockTable>(table: T, name: FixedName<T>): ColumnValues {
    switch (table) {
      case 'traces':
        return this.#traceColumn(name as FixedName<'traces'>);
      case 'spans':
        return this.#spanColumn(name as FixedName<'spans'>);
      case 'events':
        return this.#eventColumn(name as FixedName<'events'>);
      case 'links':
        return this.#linkColumn(name as FixedName<'links'>);
      default:
        return int32(sequence(this.#before.resources, this.rows.resources));
    }
  }

  attributes(table: Exclude<BlockTable, 'traces'>): AttributeColumns {
    const { data, rows } = this.#table;
    const source = {
      spans: () => transpose(data, rows, { ends: data.attrEnd, attrs: data.attrs }),
      events: () => transpose(data, this.#events.source, { ends: data.eventAttrEnd, attrs: data.eventAttrs }),
      links: () => transpose(data, this.#links.source, { ends: data.linkAttrEnd, attrs: data.linkAttrs }),
      resources: () =>
        transpose(data, this.#resources.source, { ends: data.resourceAttrEnd, attrs: data.resourceAttrs }),
    };
    return new AttributeColumns(this.#table, this.#coder, source[table]());
  }

  #traceColumn(name: FixedName<'traces'>): ColumnValues {
    const { data, traceFirstSpan, traceCount } = this.#table;
    const { traces } = this;
    switch (name) {
      case 'trace':
        return int32(sequence(this.#before.traces, traceCount));
      case 'trace_id':
        return { kind: 'fixed', bytes: gatherIds(data.traceIds, this.#table.traces, 4) };
      case 'start_unix_nano':
        return { kind: 'int64', words: traces.startWords, encoding: 'delta' };
      case 'duration_nano':
        return { kind: 'int64', words: traces.durationWords, encoding: 'delta' };
      case 'root_span':
        return int32(shifted(this.#table.traceRoot, this.#before.spans));
      case 'root_name':
        return this.#strings(rootNames(this.#table));
      case 'root_service':
        return this.#strings(rootServices(this.#table));
      case 'first_span':
        return int32(shifted(traceFirstSpan.subarray(0, traceCount), this.#before.spans));
      case 'span_count':
        return int32(traces.spanCount);
      case 'error_count':
        return int32(traces.errorCount);
      case 'first_event':
        return int32(shifted(this.#events.traceFirst.subarray(0, traceCount), this.#before.events));
      case 'first_link':
        return int32(shifted(this.#links.traceFirst.subarray(0, traceCount), this.#before.links));
    }
  }

  #spanColumn(name: FixedName<'spans'>): ColumnValues {
    const { data, rows } = this.#table;
    const spans = this.#spans;
    switch (name) {
      case 'span':
        return int32(sequence(this.#before.spans, rows.length));
      case 'trace':
        return int32(shifted(spans.trace, this.#before.traces));
      case 'span_id':
        return { kind: 'fixed', bytes: gatherIds(data.spanId, rows, 2) };
      case 'parent_distance':
        return { kind: 'codes', ...codedInts(spans.parentDistance) };
      case 'unlinked_parent_id':
        return { kind: 'codes', ...spans.unlinkedParents };
      case 'subtree_size':
        return { kind: 'codes', ...codedInts(this.#table.subtreeSize) };
      case 'start_offset_nano':
        return { kind: 'int64', words: spans.startOffsetWords, encoding: 'delta' };
      case 'duration_nano':
        return { kind: 'int64', words: spans.durationWords, encoding: 'delta' };
      case 'name':
        return { kind: 'codes', ...this.#coder.gather(data.name, rows) };
      case 'kind':
        return { kind: 'codes', codes: spans.kindCodes, dictionary: kindValues };
      case 'status':
        return { kind: 'codes', codes: spans.statusCodes, dictionary: statusValues };
      case 'resource':
        return this.#resourceColumn();
    }
  }

  #resourceColumn(): ColumnValues {
    const { ofSpan } = this.#resources;
    const count = this.rows.resources;
    const codes = codeArray(ofSpan.length, count);
    for (let i = 0; i < codes.length; i++) codes[i] = ofSpan[i]! + 1;
    const bytes = new Uint8Array(sequence(this.#before.resources, count).buffer);
    return { kind: 'codes', codes, dictionary: { count, bytes, offsets: new Uint32Array(0) } };
  }

  #eventColumn(name: FixedName<'events'>): ColumnValues {
    const { data } = this.#table;
    switch (name) {
      case 'span':
        return int32(shifted(this.#events.span, this.#before.spans));
      case 'time_offset_nano':
        return { kind: 'int64', words: eventOffsets(this.#table, this.#events), encoding: 'delta' };
      case 'name':
        return { kind: 'codes', ...this.#coder.gather(data.eventName, this.#events.source) };
    }
  }

  #linkColumn(name: FixedName<'links'>): ColumnValues {
    const { data } = this.#table;
    switch (name) {
      case 'span':
        return int32(shifted(this.#links.span, this.#before.spans));
      case 'trace_id':
        return { kind: 'fixed', bytes: gatherIds(data.linkTraceId, this.#links.source, 4) };
      case 'span_id':
        return { kind: 'fixed', bytes: gatherIds(data.linkSpanId, this.#links.source, 2) };
    }
  }

  /** One value id a row, 0 for none. */
  #strings(ids: Uint32Array): ColumnValues {
    return {
      kind: 'codes',
      ...this.#coder.gather(
        ids,
        Uint32Array.from({ length: ids.length }, (_, i) => i),
      ),
    };
  }
}

/** Field and attribute columns of one table of a row group. */
class AttributeColumns {
  readonly #table: OrderedTable;
  readonly #coder: Coder;
  readonly #transposed: Transposed;
  readonly #index = new Map<string, number>();

  constructor(table: OrderedTable, coder: Coder, transposed: Transposed) {
    this.#table = table;
    this.#coder = coder;
    this.#transposed = transposed;
    table.data.columns.forEach((column, i) => {
      this.#index.set(columnKey(column), i);
    });
  }

  get valueCount(): number {
    return this.#transposed.rows.length;
  }

  count(key: string): number {
    const column = this.#index.get(key);
    return column === undefined ? 0 : this.#transposed.first[column + 1]! - this.#transposed.first[column]!;
  }

  coded(key: string): CodedColumn {
    return this.#coder.column(this.#transposed, this.#index.get(key));
  }

  /** The overflow values of each row, equal ones once. */
  overflow({ keys }: OverflowColumn): CodedColumn {
    const { data } = this.#table;
    const { first, rows, values, rowCount } = this.#transposed;
    const idsOfRow = new Map<number, number[]>();
    for (const key of keys) {
      const column = this.#index.get(columnKey(key));
      if (column === undefined) continue;
      for (let i = first[column]!; i < first[column + 1]!; i++) {
        const ids = idsOfRow.get(rows[i]!);
        if (ids === undefined) idsOfRow.set(rows[i]!, [values[i]!]);
        else ids.push(values[i]!);
      }
    }
    const codeOf = new Map<string, number>();
    const distinct: Uint8Array[] = [];
    const wide = new Uint32Array(rowCount);
    const writer = new ProtoWriter();
    for (const [row, ids] of idsOfRow) {
      const text = ids.join();
      let code = codeOf.get(text);
      if (code === undefined) {
        const entries = ids.map((id) => {
          const { key, type } = data.columns[data.valueColumn[id]!]!;
          const from = data.valueOffset[id]!;
          return { key, type, bytes: data.arena.subarray(from, from + data.valueLength[id]!) };
        });
        code = distinct.push(encodeOverflow(writer, entries));
        codeOf.set(text, code);
      }
      wide[row] = code;
    }
    const codes = codeArray(rowCount, distinct.length);
    codes.set(wide);
    return { codes, dictionary: joinValues(distinct) };
  }
}

const words = (list: readonly string[]): PlainValues => joinValues(list.map((word) => Buffer.from(word, 'utf8')));
const kindValues = words(kindNames);
const statusValues = words(statusNames);

// BYTE_STREAM_SPLIT would save 0.7 bytes a span, but few readers know it for integers yet (DuckDB 1.5 does not).
const int32 = (values: Int32Array): ColumnValues => ({ kind: 'int32', values, encoding: 'delta' });

function sequence(first: number, count: number): Int32Array<ArrayBuffer> {
  const out = new Int32Array(count);
  for (let i = 0; i < count; i++) out[i] = first + i;
  return out;
}

/** Row numbers in the file from row numbers in the row group; negative ones stay. */
function shifted(rows: Uint32Array | Int32Array, by: number): Int32Array {
  const out = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = rows[i]! < 0 ? rows[i]! : rows[i]! + by;
  return out;
}

function eventOffsets({ data, rows }: OrderedTable, events: ChildRows): Uint32Array {
  const { eventTime, start } = data;
  const out = new Uint32Array(events.source.length * 2);
  for (let i = 0; i < events.source.length; i++) {
    const event = events.source[i]! * 2;
    const span = rows[events.span[i]!]! * 2;
    const low = eventTime[event]! - start[span]!;
    out[i * 2] = low;
    out[i * 2 + 1] = eventTime[event + 1]! - start[span + 1]! - (low < 0 ? 1 : 0);
  }
  return out;
}

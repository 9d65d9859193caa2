/**
 * The columns of one row group, made from an ordered table when the writer asks for them: fixed ones from the table's
 * numbers, attributes from its values by column (`table-columns.ts`).
 */
import { ProtoWriter } from '../base/protobuf.ts';
import type { PlainValues } from '../parquet/schema.ts';
import type { ColumnValues } from '../parquet/write-file.ts';
import { codeArray, codedInts, joinValues } from './dictionary.ts';
import { gatherIds, rootNames, rootServices } from './gather.ts';
import {
  type BlockTable,
  columnKey,
  type FixedName,
  kindNames,
  type OverflowColumn,
  type RowCounts,
  statusNames,
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

export class RowGroupSource {
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

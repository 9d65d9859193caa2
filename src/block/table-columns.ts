/**
 * From rows that list their values to columns that list their rows.
 *
 * A span table keeps one run of value ids per row. For a given order of rows this counts the values of every column,
 * lays the columns out one behind the other and scatters (row, value id) pairs into them:
 *
 *   first    [ 0, 3, 3, 7 ]         column c has the pairs first[c] … first[c + 1]
 *   rows     [ 0, 1, 4, 1, 2, 3, 4 ]  ascending in each column
 *   values   [ 17, 17, 4, … ]
 *
 * which costs eight bytes a value however many columns there are. A single column then becomes codes and a dictionary of
 * the values that occur, in order of first appearance.
 */
import type { SpanTableData } from '../model/span-table.ts';
import type { PlainValues } from '../parquet/schema.ts';
import type { CodeArray } from '../traceql/storage.ts';
import { codeArray, noValues } from './dictionary.ts';
import type { OrderedTable } from './order.ts';
import { runStart } from './span-content.ts';

/** A column's codes (0 = no value) and the values behind them. */
export interface CodedColumn {
  readonly codes: CodeArray;
  readonly dictionary: PlainValues;
}

export interface Transposed {
  readonly rowCount: number;
  /** Length: columns of the table + 1. */
  readonly first: Uint32Array;
  readonly rows: Uint32Array;
  readonly values: Uint32Array;
}

/** `source[row]` is where the values of `row` stand in `ends`. */
export function transpose(
  data: SpanTableData,
  source: Uint32Array,
  { ends, attrs }: { ends: Uint32Array; attrs: Uint32Array },
): Transposed {
  const { valueColumn } = data;
  const columnCount = data.columns.length;
  const first = new Uint32Array(columnCount + 1);
  for (let row = 0; row < source.length; row++) {
    const at = source[row]!;
    const end = ends[at]!;
    for (let i = at === 0 ? 0 : ends[at - 1]!; i < end; i++) first[valueColumn[attrs[i]!]! + 1]!++;
  }
  for (let c = 0; c < columnCount; c++) first[c + 1]! += first[c]!;
  const next = first.slice();
  const rows = new Uint32Array(first[columnCount]!);
  const values = new Uint32Array(first[columnCount]!);
  for (let row = 0; row < source.length; row++) {
    const at = source[row]!;
    const end = ends[at]!;
    for (let i = at === 0 ? 0 : ends[at - 1]!; i < end; i++) {
      const id = attrs[i]!;
      const to = next[valueColumn[id]!]!++;
      rows[to] = row;
      values[to] = id;
    }
  }
  return { rowCount: source.length, first, rows, values };
}

/** Value id that each row of the table, in arrival order, has in one column; 0 for none. Valid until the next call. */
export function valuesOfColumn(
  { valueColumn }: SpanTableData,
  column: number,
  { rowCount, ends, attrs }: { rowCount: number; ends: Uint32Array; attrs: Uint32Array },
): Uint32Array {
  if (valueScratch.length < rowCount) valueScratch = new Uint32Array(rowCount);
  const values = valueScratch;
  let i = 0;
  for (let row = 0; row < rowCount; row++) {
    let value = 0;
    for (const end = ends[row]!; i < end; i++) if (valueColumn[attrs[i]!] === column) value = attrs[i]!;
    values[row] = value;
  }
  return values;
}

let valueScratch = new Uint32Array(0);

/** Turns value ids into codes; keeps one scratch array over all columns of a table. */
export class Coder {
  readonly #data: SpanTableData;
  /** Place of a value in its column → its code in the column under way, else 0. */
  readonly #codeOf: Uint32Array;

  constructor(data: SpanTableData) {
    this.#data = data;
    const sizes = new Uint32Array(data.columns.length);
    for (let id = 1; id < data.valueCount; id++) sizes[data.valueColumn[id]!]!++;
    let largest = 0;
    for (const size of sizes) largest = Math.max(largest, size);
    this.#codeOf = new Uint32Array(largest);
  }

  /** A column of a transposed table; without a column all rows are empty. */
  column({ first, rows, values, rowCount }: Transposed, column: number | undefined): CodedColumn {
    if (column === undefined) return { codes: codeArray(rowCount, 0), dictionary: noValues };
    const from = first[column]!;
    const ids = values.subarray(from, first[column + 1]!);
    const { codes, dictionary } = this.#encode(ids);
    const dense = codeArray(rowCount, dictionary.count);
    for (let i = 0; i < codes.length; i++) dense[rows[from + i]!] = codes[i]!;
    return { codes: dense, dictionary };
  }

  /** One value id of the same column for each source row; 0 for none. */
  gather(ids: Uint32Array, source: Uint32Array): CodedColumn {
    const gathered = new Uint32Array(source.length);
    for (let row = 0; row < source.length; row++) gathered[row] = ids[source[row]!]!;
    const { codes, dictionary } = this.#encode(gathered);
    const narrow = codeArray(source.length, dictionary.count);
    narrow.set(codes);
    return { codes: narrow, dictionary };
  }

  #encode(ids: Uint32Array): { codes: Uint32Array; dictionary: PlainValues } {
    const { valueLocal } = this.#data;
    const codeOf = this.#codeOf;
    const codes = new Uint32Array(ids.length);
    const used: number[] = [];
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      if (id === 0) continue;
      const local = valueLocal[id]!;
      let code = codeOf[local]!;
      if (code === 0) {
        code = used.push(id);
        codeOf[local] = code;
      }
      codes[i] = code;
    }
    for (const id of used) codeOf[valueLocal[id]!] = 0;
    return { codes, dictionary: copyValues(this.#data, used) };
  }
}

/** The bytes of some values, copied out of the arena. */
function copyValues({ arena, valueOffset, valueLength }: SpanTableData, ids: readonly number[]): PlainValues {
  const offsets = new Uint32Array(ids.length + 1);
  let total = 0;
  for (let i = 0; i < ids.length; i++) {
    total += valueLength[ids[i]!]!;
    offsets[i + 1] = total;
  }
  const bytes = new Uint8Array(total);
  for (let i = 0; i < ids.length; i++) {
    const from = valueOffset[ids[i]!]!;
    const length = valueLength[ids[i]!]!;
    const to = offsets[i]!;
    if (length < 48) for (let k = 0; k < length; k++) bytes[to + k] = arena[from + k]!;
    else bytes.set(arena.subarray(from, from + length), to);
  }
  return { count: ids.length, bytes, offsets };
}

/** Rows of events or links in the order of a fragment: source row and owning span of each. */
export interface ChildRows {
  readonly source: Uint32Array;
  readonly span: Uint32Array;
  /** First child of each trace; length traceCount + 1. */
  readonly traceFirst: Uint32Array;
}

export function orderedEvents(table: OrderedTable): ChildRows {
  const events = childRows(table, table.data.eventEnd, table.eventCount);
  const { source, span } = events;
  const { eventTime } = table.data;
  const compare = (a: number, b: number) =>
    eventTime[a * 2 + 1]! - eventTime[b * 2 + 1]! || eventTime[a * 2]! - eventTime[b * 2]!;
  for (let i = 0; i < source.length; ) {
    let end = i + 1;
    let sorted = true;
    for (; end < source.length && span[end] === span[i]; end++)
      if (compare(source[end - 1]!, source[end]!) > 0) sorted = false;
    if (!sorted) source.subarray(i, end).sort(compare);
    i = end;
  }
  return events;
}

/** Links keep the order in which the span lists them. */
export const orderedLinks = (table: OrderedTable): ChildRows => childRows(table, table.data.linkEnd, table.linkCount);

function childRows(table: OrderedTable, ends: Uint32Array, count: number): ChildRows {
  const source = new Uint32Array(count);
  const span = new Uint32Array(count);
  const traceFirst = new Uint32Array(table.traceCount + 1);
  let out = 0;
  for (let t = 0; t < table.traceCount; t++) {
    traceFirst[t] = out;
    for (let row = table.traceFirstSpan[t]!; row < table.traceFirstSpan[t + 1]!; row++) {
      const from = table.rows[row]!;
      for (let i = runStart(ends, from); i < ends[from]!; i++) {
        source[out] = i;
        span[out++] = row;
      }
    }
  }
  traceFirst[table.traceCount] = out;
  return { source, span, traceFirst };
}

/** Resource rows that spans name: source row of each, in order of first use, and each span's row among them. */
export interface UsedResources {
  readonly source: Uint32Array;
  readonly ofSpan: Uint32Array;
}

export function usedResources({ data, rows }: OrderedTable): UsedResources {
  const newRow = new Uint32Array(data.resourceCount);
  const ofSpan = new Uint32Array(rows.length);
  const source: number[] = [];
  for (let i = 0; i < rows.length; i++) {
    const resource = data.resource[rows[i]!]!;
    if (newRow[resource] === 0) newRow[resource] = source.push(resource);
    ofSpan[i] = newRow[resource]! - 1;
  }
  return { source: Uint32Array.from(source), ofSpan };
}

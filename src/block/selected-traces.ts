/**
 * Some traces of a row group as if they were a row group: reading one trace needs neither memory for 131,072 rows of a
 * hundred columns, nor the unpacking of pages of which it wants thirty rows. Buffers hold the selected rows only;
 * dictionaries and resources are shared with the whole row group and stay in the cache.
 */
import { assert } from '../base/assert.ts';
import { corrupt } from '../base/errors.ts';
import type { TableColumn } from '../model/span-table.ts';
import type { TableColumnScope, ValueType } from '../traceql/storage.ts';
import type { BlockSource } from './block-source.ts';
import type { ColumnBuffer } from './column-buffer.ts';
import type { CodesBuffer, Convert } from './column-buffers.ts';
import { codeArray } from './dictionary.ts';
import { type FixedTable, hasDictionary, makeFixedBuffer } from './fixed-buffers.ts';
import type { CountedLayoutColumn, FragmentRows } from './fragment-rows.ts';
import type { BlockTable, FixedName } from './layout.ts';
import type { OverflowValues } from './overflow-values.ts';
import type { RowGroup } from './row-group.ts';
import { RowSelection } from './row-selection.ts';
import { SelectedCodes } from './selected-codes.ts';
import type { CodedRows, TraceArrays } from './trace-arrays.ts';
import { wordsOf } from './trace-id-set.ts';
import { TraceIndex } from './trace-index.ts';

/** Arrays that hold at least the selected traces and their successors; `placeOf` tells where. */
interface TraceSource {
  readonly arrays: TraceArrays;
  placeOf(trace: number): number;
}

export class SelectedTraces implements FragmentRows {
  readonly source: BlockSource;
  readonly id: string;
  readonly sizeBytes = 0;
  readonly baseUnixNano: bigint;
  readonly minStart: number;
  readonly maxEnd: number;
  readonly isSelection = true;
  readonly #group: RowGroup;
  readonly #traces: TraceArrays;
  readonly #selections: Readonly<Record<FixedTable, RowSelection>>;
  readonly #buffers = new Map<string, ColumnBuffer>();
  #traceIndex: TraceIndex | undefined;

  constructor(group: RowGroup, traces: readonly number[], from: TraceSource) {
    this.#group = group;
    this.source = group.source;
    this.id = `${group.id}#${traces.join('.')}`;
    this.baseUnixNano = group.baseUnixNano;
    this.#selections = {
      spans: rowsOf(traces, from, 'firstSpan', group),
      events: rowsOf(traces, from, 'firstEvent', group),
      links: rowsOf(traces, from, 'firstLink', group),
    };
    this.#traces = copyTraces(traces, from, this.#selections);
    this.minStart = this.#traces.start.reduce((lowest, start) => Math.min(lowest, start));
    this.maxEnd = this.#traces.end.reduce((highest, end) => Math.max(highest, end));
  }

  get traceIndex(): TraceIndex {
    this.#traceIndex ??= TraceIndex.of(wordsOf(this.#traces.ids));
    return this.#traceIndex;
  }

  rows(table: BlockTable): number {
    if (table === 'traces') return this.#traces.root.length;
    return table === 'resources' ? this.#group.rows(table) : this.#selections[table].count;
  }

  traces(): Promise<TraceArrays> {
    return Promise.resolve(this.#traces);
  }

  fixed<T extends FixedTable>(table: T, name: FixedName<T>): ColumnBuffer | undefined {
    return this.#buffer(table, name, (selection) => {
      const place = { ...this.source.chunk(table, this.#group.number, name)!, rows: selection.count, selection };
      const whole = hasDictionary(name) ? this.#group.fixed(table, name, this.#traces) : undefined;
      const { firstSpan, ...context } = this.#group.fixedContext(this.#traces);
      const spanRow = (where: string) => selectedRows(where, firstSpan, this.#selections.spans);
      return makeFixedBuffer(name, place, { ...context, spanRow, ...(whole !== undefined && { whole }) });
    });
  }

  codes(table: BlockTable, name: string, type: ValueType): CodesBuffer | undefined {
    if (table === 'resources' || table === 'traces') return this.#group.codes(table, name, type);
    return this.#buffer(table, name, (selection) => {
      const place = { ...this.source.chunk(table, this.#group.number, name)!, rows: selection.count, selection };
      return new SelectedCodes(place, type, this.#group.codes(table, name, type)!);
    }) as CodesBuffer | undefined;
  }

  columns(scope: TableColumnScope): readonly CountedLayoutColumn[] {
    return this.#group.columns(scope);
  }

  overflowColumns(scope: TableColumnScope): readonly { name: string; column: TableColumn; count: number }[] {
    return this.#group.overflowColumns(scope);
  }

  overflowValues(buffer: CodesBuffer): OverflowValues {
    return this.#group.overflowValues(buffer);
  }

  groupRows(table: BlockTable, rows: readonly number[]): readonly number[] {
    if (table === 'resources' || table === 'traces') return rows;
    return this.#selections[table].ranges;
  }

  select(): Promise<FragmentRows> {
    assert(false, 'selected traces are not selected from again');
  }

  #buffer(table: FixedTable, name: string, make: (selection: RowSelection) => ColumnBuffer): ColumnBuffer | undefined {
    const selection = this.#selections[table];
    if (selection.count === 0) return undefined;
    const key = `${table}/${name}`;
    let buffer = this.#buffers.get(key);
    if (buffer === undefined) this.#buffers.set(key, (buffer = make(selection)));
    return buffer;
  }
}

function rowsOf(
  traces: readonly number[],
  { arrays, placeOf }: TraceSource,
  which: 'firstSpan' | 'firstEvent' | 'firstLink',
  group: RowGroup,
): RowSelection {
  const firsts = arrays[which];
  const ranges: number[] = [];
  for (const trace of traces) {
    const first = firsts[placeOf(trace)]!;
    const end = firsts[placeOf(trace + 1)]!;
    if (end < first || (ranges.length > 0 && first < ranges.at(-1)!))
      throw corrupt(`block ${group.source.blockId}, traces, row ${trace}`, `rows ${first} .. ${end} are not in order`);
    if (ranges.length > 0 && ranges.at(-1) === first) ranges[ranges.length - 1] = end;
    else if (first < end) ranges.push(first, end);
  }
  return new RowSelection(ranges);
}

function copyTraces(
  traces: readonly number[],
  { arrays, placeOf }: TraceSource,
  { spans, events, links }: Readonly<Record<FixedTable, RowSelection>>,
): TraceArrays {
  const count = traces.length;
  const copy = {
    ids: new Uint8Array(count * 16),
    firstSpan: new Uint32Array(count + 1),
    firstEvent: new Uint32Array(count + 1),
    firstLink: new Uint32Array(count + 1),
    startWords: new Uint32Array(count * 2),
    start: new Float64Array(count),
    end: new Float64Array(count),
    root: new Int32Array(count),
  };
  const places = traces.map(placeOf);
  for (let t = 0; t < count; t++) {
    const at = places[t]!;
    const next = placeOf(traces[t]! + 1);
    copy.ids.set(arrays.ids.subarray(at * 16, at * 16 + 16), t * 16);
    copy.startWords.set(arrays.startWords.subarray(at * 2, at * 2 + 2), t * 2);
    copy.start[t] = arrays.start[at]!;
    copy.end[t] = arrays.end[at]!;
    copy.root[t] = arrays.root[at]! < 0 ? -1 : spans.localOf(arrays.root[at]!);
    copy.firstSpan[t + 1] = copy.firstSpan[t]! + arrays.firstSpan[next]! - arrays.firstSpan[at]!;
    copy.firstEvent[t + 1] = copy.firstEvent[t]! + arrays.firstEvent[next]! - arrays.firstEvent[at]!;
    copy.firstLink[t + 1] = copy.firstLink[t]! + arrays.firstLink[next]! - arrays.firstLink[at]!;
  }
  assert(copy.firstSpan[count] === spans.count, 'spans of the traces are selected');
  assert(copy.firstEvent[count] === events.count && copy.firstLink[count] === links.count, 'and what belongs to them');
  return { ...copy, rootName: codesAt(arrays.rootName, places), rootService: codesAt(arrays.rootService, places) };
}

function codesAt({ codes, dictionary }: CodedRows, places: readonly number[]): CodedRows {
  const own = codeArray(places.length, dictionary.size);
  for (let i = 0; i < places.length; i++) own[i] = codes[places[i]!]!;
  return { codes: own, dictionary };
}

/** Span rows in the file become those among the selected ones. @throws RubatoError corrupt */
function selectedRows(where: string, firstInFile: number, selection: RowSelection): Convert {
  return (values, first, end) => {
    for (let i = first; i < end; i++) {
      const row = selection.localOf(values[i]! - firstInFile);
      if (row < 0) throw corrupt(where, `${values[i]} is no span of the trace`);
      values[i] = row;
    }
  };
}

/** The `traces` table of a row group: read as a whole, or only some rows of it. */
import { corrupt } from '../base/errors.ts';
import type { CodeArray, ReadCost } from '../traceql/storage.ts';
import type { BlockSource } from './block-source.ts';
import type { ColumnBuffer } from './column-buffer.ts';
import { CodesBuffer, FixedBuffer, Int32Buffer, Int64Buffer, localRows } from './column-buffers.ts';
import type { PlainDictionary } from './dictionary.ts';
import type { FixedName } from './layout.ts';
import { loadPages } from './page-loader.ts';
import { RowSelection } from './row-selection.ts';
import { SelectedCodes } from './selected-codes.ts';

export interface TraceArrays {
  readonly ids: Uint8Array;
  /** Length: traces + 1, as the two below. */
  readonly firstSpan: Uint32Array;
  readonly firstEvent: Uint32Array;
  readonly firstLink: Uint32Array;
  /** Exact Unix ns: low and high word. */
  readonly startWords: Uint32Array;
  /** ns since the base. */
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly root: Int32Array;
  readonly rootName: CodedRows;
  readonly rootService: CodedRows;
}

export interface CodedRows {
  readonly codes: CodeArray;
  readonly dictionary: PlainDictionary;
}

/** Rows of earlier row groups, by which row numbers in the file and in the row group differ. */
export interface FirstRows {
  readonly spans: number;
  readonly events: number;
  readonly links: number;
  readonly resources: number;
}

export interface TraceTable {
  readonly source: BlockSource;
  readonly rowGroup: number;
  readonly first: FirstRows;
  readonly base: { low: number; high: number };
}

/** Reads all rows. */
export async function readTraces(table: TraceTable, cost: ReadCost, signal?: AbortSignal): Promise<TraceArrays> {
  const { rows } = table.source.rowGroups[table.rowGroup]!;
  const columns = new TraceColumns(table, undefined);
  await columns.load(cost, signal);
  const arrays = columns.arrays(rows);
  for (const [name, first] of [
    ['first_span', arrays.firstSpan],
    ['first_event', arrays.firstEvent],
    ['first_link', arrays.firstLink],
  ] as const) {
    const where = columns.place(name).where;
    if (rows.traces > 0 && first[0] !== 0) throw corrupt(where, `starts with row ${first[0]}`);
    for (let i = 0; i < rows.traces; i++) if (first[i]! > first[i + 1]!) throw corrupt(where, `row ${i}: not in order`);
  }
  return arrays;
}

/**
 * Reads some rows. The arrays hold these and, since a trace ends where the next one begins, their successors;
 * `selection` tells where. Nothing is checked that concerns several rows.
 */
export async function readTraceRows(
  table: TraceTable,
  traces: readonly number[],
  whole: { readonly rootName: CodesBuffer; readonly rootService: CodesBuffer },
  cost: ReadCost,
  signal?: AbortSignal,
): Promise<{ arrays: TraceArrays; selection: RowSelection }> {
  const { rows } = table.source.rowGroups[table.rowGroup]!;
  const ranges: number[] = [];
  for (const trace of traces) {
    const end = Math.min(trace + 2, rows.traces);
    if (ranges.length > 0 && ranges.at(-1)! >= trace) ranges[ranges.length - 1] = end;
    else ranges.push(trace, end);
  }
  const selection = new RowSelection(ranges);
  const columns = new TraceColumns(table, { selection, ...whole });
  await columns.load(cost, signal);
  return { arrays: columns.arrays(rows), selection };
}

/** The columns that readers need. */
class TraceColumns {
  readonly #table: TraceTable;
  readonly #selection: RowSelection | undefined;
  readonly #ids: FixedBuffer;
  readonly #start: Int64Buffer;
  readonly #duration: Int64Buffer;
  readonly #root: Int32Buffer;
  readonly #rootName: CodesBuffer;
  readonly #rootService: CodesBuffer;
  readonly #firstSpan: Int32Buffer;
  readonly #firstEvent: Int32Buffer;
  readonly #firstLink: Int32Buffer;

  constructor(
    table: TraceTable,
    selected:
      | { readonly selection: RowSelection; readonly rootName: CodesBuffer; readonly rootService: CodesBuffer }
      | undefined,
  ) {
    this.#table = table;
    this.#selection = selected?.selection;
    const { first } = table;
    const { rows } = table.source.rowGroups[table.rowGroup]!;
    const text = (name: 'root_name' | 'root_service', whole: CodesBuffer | undefined) => {
      const { selection, ...place } = this.place(name);
      return selection === undefined || whole === undefined
        ? new CodesBuffer(place, 'string')
        : new SelectedCodes({ ...place, selection }, 'string', whole);
    };
    this.#ids = new FixedBuffer(this.place('trace_id'));
    this.#start = new Int64Buffer(this.place('start_unix_nano'));
    this.#duration = new Int64Buffer(this.place('duration_nano'));
    this.#root = new Int32Buffer(this.place('root_span'));
    this.#rootName = text('root_name', selected?.rootName);
    this.#rootService = text('root_service', selected?.rootService);
    // A trace without events has the number of the next event, which may be behind the last.
    this.#firstSpan = this.#numbers('first_span', first.spans, rows.spans);
    this.#firstEvent = this.#numbers('first_event', first.events, rows.events + 1);
    this.#firstLink = this.#numbers('first_link', first.links, rows.links + 1);
  }

  place(name: FixedName<'traces'>) {
    const place = this.#table.source.chunk('traces', this.#table.rowGroup, name)!;
    const selection = this.#selection;
    return selection === undefined ? place : { ...place, rows: selection.count, selection };
  }

  #numbers(name: FixedName<'traces'>, firstInFile: number, count: number): Int32Buffer {
    const place = this.place(name);
    return new Int32Buffer(place, localRows(place.where, firstInFile, count));
  }

  async load(cost: ReadCost, signal: AbortSignal | undefined): Promise<void> {
    const { source, rowGroup } = this.#table;
    const rows = this.#selection?.ranges ?? [0, source.rowGroups[rowGroup]!.rows.traces];
    const buffers: ColumnBuffer[] = [
      this.#ids,
      this.#start,
      this.#duration,
      this.#root,
      this.#rootName,
      this.#rootService,
      this.#firstSpan,
      this.#firstEvent,
      this.#firstLink,
    ];
    await loadPages(
      buffers.map((buffer) => ({ buffer, rows, dictionaryOnly: false })),
      source.loadContext(cost, signal, this.#selection !== undefined),
    );
  }

  arrays(ends: { readonly spans: number; readonly events: number; readonly links: number }): TraceArrays {
    const { first, base } = this.#table;
    const root = this.#root.values;
    for (let t = 0; t < root.length; t++) root[t] = root[t]! < 0 ? -1 : root[t]! - first.spans;
    return {
      ids: this.#ids.bytes,
      firstSpan: withEnd(this.#firstSpan.values, ends.spans),
      firstEvent: withEnd(this.#firstEvent.values, ends.events),
      firstLink: withEnd(this.#firstLink.values, ends.links),
      startWords: this.#start.words,
      ...traceTimes(this.#start.words, this.#duration.words, base),
      root,
      rootName: this.#rootName,
      rootService: this.#rootService,
    };
  }
}

/** Bytes that the arrays take in memory. */
export function traceArraysBytes({ root, rootName, rootService }: TraceArrays): number {
  return root.length * 68 + rootName.dictionary.byteLength + rootService.dictionary.byteLength;
}

function traceTimes(
  startWords: Uint32Array,
  durationWords: Uint32Array,
  base: { low: number; high: number },
): { start: Float64Array; end: Float64Array } {
  const start = new Float64Array(startWords.length / 2);
  const end = new Float64Array(start.length);
  for (let t = 0; t < start.length; t++) {
    const low = startWords[t * 2]!;
    const high = startWords[t * 2 + 1]!;
    start[t] = (high - base.high) * 4294967296 + (low - base.low);
    const endLow = low + durationWords[t * 2]!;
    const endHigh = (high + durationWords[t * 2 + 1]! + (endLow > 0xffffffff ? 1 : 0)) >>> 0;
    end[t] = (endHigh - base.high) * 4294967296 + ((endLow >>> 0) - base.low);
  }
  return { start, end };
}

function withEnd(values: Int32Array, end: number): Uint32Array {
  const out = new Uint32Array(values.length + 1);
  out.set(values);
  out[values.length] = end;
  return out;
}

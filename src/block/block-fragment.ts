/**
 * A row group of a block, or some traces of it, behind the storage port, for one query: what it has loaded it holds, and can read on whatever the
 * cache drops meanwhile.
 */
import { assert } from '../base/assert.ts';
import type { TableColumn } from '../model/span-table.ts';
import type {
  CodeArray,
  Column,
  Dictionary,
  FixedColumn,
  LoadRequest,
  ReadCost,
  TableColumnScope,
  ValueType,
} from '../traceql/storage.ts';
import type { ColumnBuffer } from './column-buffer.ts';
import { CodesBuffer, FixedBuffer, Int32Buffer, LookupBuffer } from './column-buffers.ts';
import { noValues, PlainDictionary } from './dictionary.ts';
import type { FixedTable } from './fixed-buffers.ts';
import type { FragmentRows } from './fragment-rows.ts';
import type { BlockTable, FixedName } from './layout.ts';
import { loadPages, type Want } from './page-loader.ts';
import { ParentIds } from './parent-ids.ts';
import { isPortField, tableOfScope } from './scopes.ts';
import type { StoredColumn, StoredFragment, StoredTraces } from './stored-fragment.ts';
import { TimesBuffer } from './times-buffer.ts';
import type { TraceArrays } from './trace-arrays.ts';
import type { TraceIndex } from './trace-index.ts';

/** Columns of the tables behind each fixed column of the port. */
const behindFixed: Readonly<Record<FixedColumn, readonly (readonly [FixedTable, string])[]>> = {
  start: [['spans', 'start_offset_nano']],
  duration: [['spans', 'duration_nano']],
  kind: [['spans', 'kind']],
  status: [['spans', 'status']],
  name: [],
  statusMessage: [],
  resource: [['spans', 'resource']],
  parent: [['spans', 'parent_distance']],
  subtreeSize: [['spans', 'subtree_size']],
  spanId: [['spans', 'span_id']],
  parentSpanId: [
    ['spans', 'span_id'],
    ['spans', 'parent_distance'],
    ['spans', 'unlinked_parent_id'],
  ],
  events: [
    ['events', 'span'],
    ['events', 'time_offset_nano'],
  ],
  links: [
    ['links', 'span'],
    ['links', 'trace_id'],
    ['links', 'span_id'],
  ],
};

/** A column of a view. */
class BlockColumn implements StoredColumn {
  readonly scope: TableColumnScope | 'fixed';
  readonly key: string;
  readonly type: ValueType;
  readonly valueCount: number;
  readonly table: BlockTable;
  /** Name of the Parquet column; undefined when no row has a value. */
  readonly name: string | undefined;
  readonly #rows: number;
  #values: { readonly codes: CodeArray; readonly dictionary: Dictionary } | undefined;

  constructor(options: {
    column: { scope: TableColumnScope | 'fixed'; key: string; type: ValueType };
    table: BlockTable;
    name: string | undefined;
    valueCount: number;
    rows: number;
  }) {
    this.scope = options.column.scope;
    this.key = options.column.key;
    this.type = options.column.type;
    this.table = options.table;
    this.name = options.name;
    this.valueCount = options.valueCount;
    this.#rows = options.rows;
  }

  get storedType(): ValueType {
    return this.type;
  }

  /** `values`: a buffer, or what was taken out of one; undefined when there is nothing to load. */
  settle(values: { readonly codes: CodeArray; readonly dictionary: Dictionary } | undefined): void {
    if (values !== undefined) this.#values = values;
    else this.#values ??= { codes: new Uint8Array(this.#rows), dictionary: new PlainDictionary(this.type, noValues) };
  }

  get codes(): CodeArray {
    assert(this.#values !== undefined, `column ${this.key} is loaded`);
    return this.#values.codes;
  }

  get dictionary(): Dictionary {
    assert(this.#values !== undefined, `column ${this.key} is loaded`);
    return this.#values.dictionary;
  }
}

/** One key of an overflow column. */
class OverflowKeyColumn extends BlockColumn {
  override get storedType(): ValueType {
    return 'any';
  }
}

export class BlockFragment implements StoredFragment {
  readonly #group: FragmentRows;
  readonly hiddenTraces: Uint8Array | undefined;
  readonly id: string;
  readonly sourceId: string;
  readonly spanCount: number;
  readonly traceCount: number;
  readonly eventCount: number;
  readonly linkCount: number;
  readonly resourceCount: number;
  readonly baseUnixNano: bigint;
  readonly minStart: number;
  readonly maxEnd: number;
  readonly sizeBytes: number;
  readonly isLive = false;
  readonly #columns = new Map<TableColumnScope, readonly BlockColumn[]>();
  readonly #fixedColumns = new Map<string, BlockColumn>();
  /** What this view has loaded, by table and name. */
  readonly #held = new Map<string, ColumnBuffer>();
  #traces: TraceArrays | undefined;
  #parentIds: ParentIds | undefined;

  constructor(group: FragmentRows, hiddenTraces?: Uint8Array) {
    this.#group = group;
    this.hiddenTraces = hiddenTraces;
    this.id = group.id;
    this.sourceId = group.source.blockId;
    this.spanCount = group.rows('spans');
    this.traceCount = group.rows('traces');
    this.eventCount = group.rows('events');
    this.linkCount = group.rows('links');
    this.resourceCount = group.rows('resources');
    this.baseUnixNano = group.baseUnixNano;
    this.minStart = group.minStart;
    this.maxEnd = group.maxEnd;
    this.sizeBytes = group.sizeBytes;
  }

  get traceIndex(): TraceIndex {
    return this.#group.traceIndex;
  }

  // Columns that every fragment has are made when first asked for: most queries name few, and a view costs nothing.
  get name(): Column {
    return this.#fixedColumn('name', 'spans', () => 'name');
  }
  get eventName(): Column {
    return this.#fixedColumn('eventName', 'events', () => 'name');
  }
  get traceRootName(): Column {
    return this.#fixedColumn('rootName', 'traces', () => 'root_name');
  }
  get traceRootService(): Column {
    return this.#fixedColumn('rootService', 'traces', () => 'root_service');
  }
  get statusMessage(): Column {
    return this.#fieldColumn('spanField', 'statusMessage');
  }
  get scopeName(): Column {
    return this.#fieldColumn('resourceField', 'scopeName');
  }
  get scopeVersion(): Column {
    return this.#fieldColumn('resourceField', 'scopeVersion');
  }

  view(hiddenTraces?: Uint8Array): StoredFragment {
    return new BlockFragment(this.#group, hiddenTraces);
  }

  async pick(traces: readonly number[], cost: ReadCost, signal?: AbortSignal): Promise<StoredTraces> {
    const rows = await this.#group.select(traces, cost, signal);
    const fragment = new BlockFragment(rows);
    await fragment.loadTraces(cost, signal);
    return { fragment, traces: traces.map((_, i) => i) };
  }

  async loadTraces(cost: ReadCost, signal?: AbortSignal): Promise<void> {
    if (this.#traces !== undefined) return;
    const traces = await this.#group.traces(cost, signal);
    this.#traces = traces;
    (this.traceRootName as BlockColumn).settle(traces.rootName);
    (this.traceRootService as BlockColumn).settle(traces.rootService);
  }

  columns(scope: TableColumnScope, key?: string): readonly StoredColumn[] {
    let all = this.#columns.get(scope);
    if (all === undefined) {
      all = this.#listColumns(scope);
      this.#columns.set(scope, all);
    }
    return key === undefined ? all : all.filter((column) => column.key === key);
  }

  async load(
    request: LoadRequest,
    firstTrace: number,
    endTrace: number,
    cost: ReadCost,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.loadRanges(request, [firstTrace, endTrace], cost, signal);
  }

  async loadRanges(
    request: LoadRequest,
    ranges: readonly number[],
    cost: ReadCost,
    signal?: AbortSignal,
  ): Promise<void> {
    const group = this.#group;
    const dictionaryOnly = request.dictionariesOnly ?? false;
    const columns = [...request.columns, ...request.fixed.flatMap((name) => this.#columnsOfFixed(name))];
    const rowsOf = this.#rowRanges(ranges);
    const wants: Want[] = [];
    const buffers = new Map<BlockColumn, CodesBuffer>();
    for (const name of request.fixed) {
      for (const [table, column] of behindFixed[name]) {
        const buffer = group.fixed(table, column as FixedName<FixedTable>, this.#loadedTraces());
        if (buffer === undefined) continue;
        this.#held.set(`${table}/${column}`, buffer);
        wants.push({ buffer, rows: group.groupRows(table, rowsOf[table]), dictionaryOnly });
      }
    }
    for (const column of columns) {
      assert(column instanceof BlockColumn, 'the column was returned by columns()');
      if (column.name === undefined || column.table === 'traces') continue;
      const buffer = group.codes(column.table, column.name, column.storedType);
      if (buffer === undefined) continue;
      buffers.set(column, buffer);
      wants.push({
        buffer,
        rows: group.groupRows(column.table, rowsOf[column.table]),
        dictionaryOnly: dictionaryOnly && !(column instanceof OverflowKeyColumn),
      });
    }
    await loadPages(wants, group.source.loadContext(cost, signal, group.isSelection));
    for (const column of columns as BlockColumn[]) {
      if (column.table === 'traces') continue;
      const buffer = buffers.get(column);
      if (buffer === undefined || !(column instanceof OverflowKeyColumn)) column.settle(buffer);
      else column.settle(group.overflowValues(buffer).column(column as TableColumn));
    }
    if (request.fixed.includes('parentSpanId') && !dictionaryOnly) this.#fillParentIds(rowsOf.spans);
  }

  #columnsOfFixed(name: FixedColumn): readonly Column[] {
    if (name === 'name') return [this.name];
    if (name === 'statusMessage') return [this.statusMessage];
    if (name === 'events') return [this.eventName];
    if (name === 'resource') return [this.scopeName, this.scopeVersion];
    return [];
  }

  /** Rows of each table that belong to ranges of traces. */
  #rowRanges(ranges: readonly number[]): Record<BlockTable, number[]> {
    const traces = this.#loadedTraces();
    return {
      traces: [],
      spans: rowsOfTraces(traces.firstSpan, ranges),
      events: rowsOfTraces(traces.firstEvent, ranges),
      links: rowsOfTraces(traces.firstLink, ranges),
      resources: [0, this.resourceCount],
    };
  }

  #listColumns(scope: TableColumnScope): BlockColumn[] {
    const table = tableOfScope[scope];
    const rows = this.#group.rows(table);
    const own = this.#group
      .columns(scope)
      .filter(({ column }) => !isPortField(scope, column.key))
      .map(({ column, count }) => new BlockColumn({ column, table, name: column.name, valueCount: count, rows }));
    const rare = this.#group
      .overflowColumns(scope)
      .map(({ column, name, count }) => new OverflowKeyColumn({ column, table, name, valueCount: count, rows }));
    return [...own, ...rare];
  }

  #fieldColumn(scope: 'spanField' | 'resourceField', key: string): BlockColumn {
    const nameOf = () => this.#group.columns(scope).find(({ column }) => column.key === key)?.column.name;
    return this.#fixedColumn(key, tableOfScope[scope], nameOf);
  }

  /** A string column of the port; `nameOf` tells the Parquet column, undefined when no row has a value. */
  #fixedColumn(key: string, table: BlockTable, nameOf: () => string | undefined): BlockColumn {
    let column = this.#fixedColumns.get(key);
    if (column === undefined) {
      const rows = this.#group.rows(table);
      const fixed = { scope: 'fixed', key, type: 'string' } as const;
      column = new BlockColumn({ column: fixed, table, name: nameOf(), valueCount: rows, rows });
      this.#fixedColumns.set(key, column);
    }
    return column;
  }

  #fillParentIds(rows: readonly number[]): void {
    this.#parentIds ??= new ParentIds(this.spanCount);
    this.#parentIds.fill(rows, {
      spanId: this.spanId,
      parent: this.parent,
      unlinked: this.#buffer('spans', 'unlinked_parent_id', CodesBuffer),
    });
  }

  #loadedTraces(): TraceArrays {
    assert(this.#traces !== undefined, 'loadTraces came first');
    return this.#traces;
  }

  #buffer<T extends ColumnBuffer>(table: BlockTable, name: string, kind: abstract new (...args: never[]) => T): T {
    const buffer = this.#held.get(`${table}/${name}`);
    assert(buffer instanceof kind, `${table} ${name} is loaded`);
    return buffer;
  }

  get traceIds(): Uint8Array {
    return this.#loadedTraces().ids;
  }
  get traceFirstSpan(): Uint32Array {
    return this.#loadedTraces().firstSpan;
  }
  get traceFirstEvent(): Uint32Array {
    return this.#loadedTraces().firstEvent;
  }
  get traceFirstLink(): Uint32Array {
    return this.#loadedTraces().firstLink;
  }
  get traceStart(): Float64Array {
    return this.#loadedTraces().start;
  }
  get traceEnd(): Float64Array {
    return this.#loadedTraces().end;
  }
  get traceRoot(): Int32Array {
    return this.#loadedTraces().root;
  }
  get start(): Float64Array {
    return this.#times('spans', 'start_offset_nano').values;
  }
  get duration(): Float64Array {
    return this.#times('spans', 'duration_nano').values;
  }
  get kind(): Uint8Array {
    return this.#buffer('spans', 'kind', LookupBuffer<Uint8Array>).values;
  }
  get status(): Uint8Array {
    return this.#buffer('spans', 'status', LookupBuffer<Uint8Array>).values;
  }
  get resource(): Uint32Array {
    return asUnsigned(this.#buffer('spans', 'resource', LookupBuffer<Int32Array<ArrayBuffer>>).values);
  }
  get parent(): Int32Array {
    return this.#buffer('spans', 'parent_distance', LookupBuffer<Int32Array>).values;
  }
  get subtreeSize(): Uint32Array {
    return this.#buffer('spans', 'subtree_size', LookupBuffer<Uint32Array>).values;
  }
  get spanId(): Uint8Array {
    return this.#buffer('spans', 'span_id', FixedBuffer).bytes;
  }
  get parentSpanId(): Uint8Array {
    assert(this.#parentIds !== undefined, 'parentSpanId is loaded');
    return this.#parentIds.bytes;
  }
  get eventSpan(): Uint32Array {
    if (this.eventCount === 0) return new Uint32Array(0);
    return asUnsigned(this.#buffer('events', 'span', Int32Buffer).values);
  }
  get eventTime(): Float64Array {
    return this.eventCount === 0 ? new Float64Array(0) : this.#times('events', 'time_offset_nano').values;
  }
  get linkSpan(): Uint32Array {
    return this.linkCount === 0 ? new Uint32Array(0) : asUnsigned(this.#buffer('links', 'span', Int32Buffer).values);
  }
  get linkTraceId(): Uint8Array {
    return this.linkCount === 0 ? new Uint8Array(0) : this.#buffer('links', 'trace_id', FixedBuffer).bytes;
  }
  get linkSpanId(): Uint8Array {
    return this.linkCount === 0 ? new Uint8Array(0) : this.#buffer('links', 'span_id', FixedBuffer).bytes;
  }

  startUnixNano(spanRow: number): bigint {
    const { far, values } = this.#times('spans', 'start_offset_nano');
    return far.get(spanRow) ?? this.baseUnixNano + BigInt(values[spanRow]!);
  }

  endUnixNano(spanRow: number): bigint {
    return BigInt.asUintN(64, this.startUnixNano(spanRow) + exact(this.#times('spans', 'duration_nano'), spanRow));
  }

  eventUnixNano(eventRow: number): bigint {
    const start = this.startUnixNano(this.eventSpan[eventRow]!);
    return BigInt.asUintN(64, start + exact(this.#times('events', 'time_offset_nano'), eventRow));
  }

  startWords(spanRow: number, out: Uint32Array, at: number): void {
    const { far, values } = this.#times('spans', 'start_offset_nano');
    setBigWords(this.baseUnixNano, out, at);
    const exactStart = far.get(spanRow);
    if (exactStart === undefined) addToWords(out, at, values[spanRow]!);
    else setBigWords(exactStart, out, at);
  }

  endWords(spanRow: number, out: Uint32Array, at: number): void {
    const { far, values } = this.#times('spans', 'duration_nano');
    if (far.has(spanRow)) setBigWords(this.endUnixNano(spanRow), out, at);
    else {
      this.startWords(spanRow, out, at);
      addToWords(out, at, values[spanRow]!);
    }
  }

  eventWords(eventRow: number, out: Uint32Array, at: number): void {
    const { far, values } = this.#times('events', 'time_offset_nano');
    if (far.has(eventRow)) setBigWords(this.eventUnixNano(eventRow), out, at);
    else {
      this.startWords(this.eventSpan[eventRow]!, out, at);
      addToWords(out, at, values[eventRow]!);
    }
  }

  #times(table: FixedTable, name: string): TimesBuffer {
    return this.#buffer(table, name, TimesBuffer);
  }
}

/** Rows [first, end) of ranges of traces; ranges without rows are left out. */
function rowsOfTraces(first: Uint32Array, ranges: readonly number[]): number[] {
  const rows: number[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    const from = first[ranges[i]!]!;
    const to = first[ranges[i + 1]!]!;
    if (from < to) rows.push(from, to);
  }
  return rows;
}

const exact = ({ far, values }: TimesBuffer, row: number): bigint => far.get(row) ?? BigInt(values[row]!);

function setBigWords(value: bigint, out: Uint32Array, at: number): void {
  out[at] = Number(value & 0xffffffffn);
  out[at + 1] = Number(value >> 32n);
}

/** Adds a whole number of less than 2^53 to a 64-bit number. */
function addToWords(out: Uint32Array, at: number, value: number): void {
  const high = Math.floor(value / 4294967296);
  const low = out[at]! + (value - high * 4294967296);
  out[at] = low;
  out[at + 1] = out[at + 1]! + high + (low > 0xffffffff ? 1 : 0);
}

const asUnsigned = (values: Int32Array<ArrayBuffer>): Uint32Array =>
  new Uint32Array(values.buffer, values.byteOffset, values.length);

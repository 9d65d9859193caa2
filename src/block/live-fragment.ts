/**
 * A fragment over a table that another thread may still append to: rows below the counts of `data` never change, and
 * only those are read. The table is ordered once, when the fragment is made; columns are gathered when first asked for.
 */
import { throwIfAborted } from '../base/abort.ts';
import { assert } from '../base/assert.ts';
import type { SpanTableData } from '../model/span-table.ts';
import type { Column, FixedColumn, LoadRequest, ReadCost, TableColumnScope } from '../traceql/storage.ts';
import { LiveColumn, LiveTable } from './live-table.ts';
import { orderTable } from './order.ts';
import type { StoredColumn, StoredFragment, StoredTraces } from './stored-fragment.ts';
import type { TraceIndex } from './trace-index.ts';

/**
 * Makes a fragment of everything in the table from row `firstSpan` on. `id` must change when the content does.
 * `baseUnixNano`: see `orderTable`.
 */
export function liveFragment(id: string, data: SpanTableData, baseUnixNano?: bigint, firstSpan = 0): StoredFragment {
  return new LiveFragment(new LiveTable(id, orderTable(data, baseUnixNano, firstSpan)), undefined);
}

/** A fragment over a {@link LiveTable}. */
export abstract class TableFragment implements StoredFragment {
  readonly hiddenTraces: Uint8Array | undefined;
  readonly sizeBytes = 0;
  readonly isLive = true;

  constructor(hiddenTraces: Uint8Array | undefined) {
    this.hiddenTraces = hiddenTraces;
  }

  protected abstract get table(): LiveTable;

  abstract view(hiddenTraces?: Uint8Array): StoredFragment;

  get id(): string {
    return this.table.id;
  }
  get sourceId(): string {
    return this.table.id;
  }
  get spanCount(): number {
    return this.table.ordered.spanCount;
  }
  get traceCount(): number {
    return this.table.ordered.traceCount;
  }
  get eventCount(): number {
    return this.table.ordered.eventCount;
  }
  get linkCount(): number {
    return this.table.ordered.linkCount;
  }
  get baseUnixNano(): bigint {
    return this.table.ordered.baseUnixNano;
  }
  get minStart(): number {
    return this.table.ordered.traceStart[0] ?? 0;
  }
  get maxEnd(): number {
    return this.table.maxEnd();
  }

  get traceIndex(): TraceIndex {
    return this.table.traceIndex();
  }

  /** One trace gets a fragment of its own, so that nobody goes through the rows of the others. */
  async pick(traces: readonly number[], cost: ReadCost, signal?: AbortSignal): Promise<StoredTraces> {
    const [first] = traces;
    const isOne = first !== undefined && traces.length === 1;
    const fragment = isOne ? new LiveFragment(this.table.slice(first), undefined) : this.view();
    await fragment.loadTraces(cost, signal);
    return { fragment, traces: isOne ? [0] : traces };
  }

  async loadTraces(_cost: ReadCost, signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    this.table.traceRootName.load();
    this.table.traceRootService.load();
  }

  columns(scope: TableColumnScope, key?: string): readonly StoredColumn[] {
    const all = this.table.columns().get(scope) ?? [];
    return key === undefined ? all : all.filter((column) => column.key === key);
  }

  async load(
    request: LoadRequest,
    _firstTrace: number,
    _endTrace: number,
    cost: ReadCost,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.loadRanges(request, [], cost, signal);
  }

  async loadRanges(
    request: LoadRequest,
    _ranges: readonly number[],
    _cost: ReadCost,
    signal?: AbortSignal,
  ): Promise<void> {
    throwIfAborted(signal);
    for (const name of request.fixed) this.#loadFixed(name);
    for (const column of request.columns) this.loadColumn(column);
  }

  protected loadColumn(column: Column): void {
    assert(column instanceof LiveColumn, 'the column was returned by columns()');
    column.load();
  }

  #loadFixed(name: FixedColumn): void {
    const table = this.table;
    if (name === 'name') table.name.load();
    else if (name === 'statusMessage') table.statusMessage.load();
    else if (name === 'events') table.eventName.load();
    else if (name === 'resource') {
      table.scopeName.load();
      table.scopeVersion.load();
    }
  }

  get traceIds(): Uint8Array {
    return this.table.traceIds();
  }
  get traceFirstSpan(): Uint32Array {
    return this.table.ordered.traceFirstSpan;
  }
  get traceStart(): Float64Array {
    return this.table.ordered.traceStart;
  }
  get traceEnd(): Float64Array {
    return this.table.ordered.traceEnd;
  }
  get traceRoot(): Int32Array {
    return this.table.ordered.traceRoot;
  }
  get traceRootName(): Column {
    return this.table.traceRootName;
  }
  get traceRootService(): Column {
    return this.table.traceRootService;
  }
  get traceFirstEvent(): Uint32Array {
    return this.table.events().traceFirst;
  }
  get traceFirstLink(): Uint32Array {
    return this.table.links().traceFirst;
  }
  get start(): Float64Array {
    return this.table.ordered.start;
  }
  get duration(): Float64Array {
    return this.table.duration();
  }
  get kind(): Uint8Array {
    return this.table.kindStatus().kind;
  }
  get status(): Uint8Array {
    return this.table.kindStatus().status;
  }
  get name(): Column {
    return this.table.name;
  }
  get statusMessage(): Column {
    return this.table.statusMessage;
  }
  get resource(): Uint32Array {
    return this.table.resources().ofSpan;
  }
  get resourceCount(): number {
    return this.table.resources().source.length;
  }
  get parent(): Int32Array {
    return this.table.ordered.parent;
  }
  get subtreeSize(): Uint32Array {
    return this.table.ordered.subtreeSize;
  }
  get spanId(): Uint8Array {
    return this.table.spanId();
  }
  get parentSpanId(): Uint8Array {
    return this.table.parentSpanId();
  }
  get eventSpan(): Uint32Array {
    return this.table.events().span;
  }
  get eventTime(): Float64Array {
    return this.table.eventTime();
  }
  get eventName(): Column {
    return this.table.eventName;
  }
  get linkSpan(): Uint32Array {
    return this.table.links().span;
  }
  get linkTraceId(): Uint8Array {
    return this.table.linkIds().trace;
  }
  get linkSpanId(): Uint8Array {
    return this.table.linkIds().span;
  }
  get scopeName(): Column {
    return this.table.scopeName;
  }
  get scopeVersion(): Column {
    return this.table.scopeVersion;
  }

  startUnixNano(spanRow: number): bigint {
    const { data, rows } = this.table.ordered;
    return bigWord(data.start, rows[spanRow]!);
  }
  endUnixNano(spanRow: number): bigint {
    const { data, rows } = this.table.ordered;
    return bigWord(data.end, rows[spanRow]!);
  }
  eventUnixNano(eventRow: number): bigint {
    return bigWord(this.table.ordered.data.eventTime, this.table.events().source[eventRow]!);
  }
  startWords(spanRow: number, out: Uint32Array, at: number): void {
    const { data, rows } = this.table.ordered;
    copyWords(data.start, rows[spanRow]!, out, at);
  }
  endWords(spanRow: number, out: Uint32Array, at: number): void {
    const { data, rows } = this.table.ordered;
    copyWords(data.end, rows[spanRow]!, out, at);
  }
  eventWords(eventRow: number, out: Uint32Array, at: number): void {
    copyWords(this.table.ordered.data.eventTime, this.table.events().source[eventRow]!, out, at);
  }
}

class LiveFragment extends TableFragment {
  protected readonly table: LiveTable;

  constructor(table: LiveTable, hiddenTraces: Uint8Array | undefined) {
    super(hiddenTraces);
    this.table = table;
  }

  view(hiddenTraces?: Uint8Array): StoredFragment {
    return new LiveFragment(this.table, hiddenTraces);
  }
}

const bigWord = (words: Uint32Array, row: number): bigint =>
  (BigInt(words[row * 2 + 1]!) << 32n) | BigInt(words[row * 2]!);

function copyWords(words: Uint32Array, row: number, out: Uint32Array, at: number): void {
  out[at] = words[row * 2]!;
  out[at + 1] = words[row * 2 + 1]!;
}

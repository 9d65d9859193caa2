/**
 * Traces that lie in several fragments, put together when they are first read. A snapshot of hundreds of blocks has many
 * of these, and a query that wants the newest traces looks at one or two.
 *
 * Before loadTraces() counts and times are bounds, and columns are those that the pieces have: the copy may have no value
 * in some of them.
 */
import { assert } from '../base/assert.ts';
import type {
  CodeArray,
  Column,
  Dictionary,
  LoadRequest,
  ReadCost,
  TableColumnScope,
  ValueType,
} from '../traceql/storage.ts';
import { noValues, PlainDictionary } from './dictionary.ts';
import { columnKey } from './layout.ts';
import { TableFragment } from './live-fragment.ts';
import type { LiveColumn, LiveTable } from './live-table.ts';
import type { StoredColumn, StoredFragment } from './stored-fragment.ts';

/** What all views of merged traces share. */
export interface MergedTraces {
  readonly id: string;
  /** Where pieces come from. */
  readonly fragments: readonly StoredFragment[];
  /** Pieces: no more traces than that. */
  readonly pieceCount: number;
  /** What times count from. */
  readonly baseUnixNano: bigint;
  readonly minStart: number;
  readonly maxEnd: number;
  /** The traces whole, with times that count from the base. */
  load(cost: ReadCost, signal?: AbortSignal): Promise<LiveTable>;
}

/** A column of the copy, named before the copy is there. */
class DeferredColumn implements StoredColumn {
  readonly scope: TableColumnScope | 'fixed';
  readonly key: string;
  readonly type: ValueType;
  readonly valueCount: number;
  /** The column of the copy; undefined when it has none. */
  readonly resolve: () => LiveColumn | undefined;
  readonly #rows: () => number;
  #empty: { readonly codes: CodeArray; readonly dictionary: Dictionary } | undefined;

  constructor(
    { scope, key, type, valueCount }: Omit<StoredColumn, 'codes' | 'dictionary'>,
    resolve: () => LiveColumn | undefined,
    rows: () => number,
  ) {
    this.scope = scope;
    this.key = key;
    this.type = type;
    this.valueCount = valueCount;
    this.resolve = resolve;
    this.#rows = rows;
  }

  get codes(): CodeArray {
    return (this.resolve() ?? this.#nothing).codes;
  }

  get dictionary(): Dictionary {
    return (this.resolve() ?? this.#nothing).dictionary;
  }

  get #nothing(): { readonly codes: CodeArray; readonly dictionary: Dictionary } {
    this.#empty ??= { codes: new Uint8Array(this.#rows()), dictionary: new PlainDictionary(this.type, noValues) };
    return this.#empty;
  }
}

export class MergedFragment extends TableFragment {
  readonly #traces: MergedTraces;
  readonly #columns = new Map<TableColumnScope, readonly StoredColumn[]>();
  readonly #fixedColumns = new Map<string, DeferredColumn>();
  #table: LiveTable | undefined;

  constructor(traces: MergedTraces, hiddenTraces?: Uint8Array) {
    super(hiddenTraces);
    this.#traces = traces;
  }

  protected get table(): LiveTable {
    assert(this.#table !== undefined, 'loadTraces came first');
    return this.#table;
  }

  view(hiddenTraces?: Uint8Array): StoredFragment {
    return new MergedFragment(this.#traces, hiddenTraces);
  }

  override async loadTraces(cost: ReadCost, signal?: AbortSignal): Promise<void> {
    this.#table ??= await this.#traces.load(cost, signal);
    await super.loadTraces(cost, signal);
  }

  override get id(): string {
    return this.#traces.id;
  }
  override get sourceId(): string {
    return this.#traces.id;
  }
  override get spanCount(): number {
    return this.#table?.ordered.spanCount ?? this.#sum((fragment) => fragment.spanCount);
  }
  override get traceCount(): number {
    return this.#table?.ordered.traceCount ?? this.#traces.pieceCount;
  }
  override get eventCount(): number {
    return this.#table?.ordered.eventCount ?? this.#sum((fragment) => fragment.eventCount);
  }
  override get linkCount(): number {
    return this.#table?.ordered.linkCount ?? this.#sum((fragment) => fragment.linkCount);
  }
  override get baseUnixNano(): bigint {
    return this.#traces.baseUnixNano;
  }
  override get minStart(): number {
    return this.#traces.minStart;
  }
  override get maxEnd(): number {
    return this.#traces.maxEnd;
  }
  override get name(): Column {
    return this.#fixed('name', (table) => table.name);
  }
  override get statusMessage(): Column {
    return this.#fixed('statusMessage', (table) => table.statusMessage);
  }
  override get eventName(): Column {
    return this.#fixed('eventName', (table) => table.eventName);
  }
  override get scopeName(): Column {
    return this.#fixed('scopeName', (table) => table.scopeName);
  }
  override get scopeVersion(): Column {
    return this.#fixed('scopeVersion', (table) => table.scopeVersion);
  }
  override get traceRootName(): Column {
    return this.#fixed('rootName', (table) => table.traceRootName);
  }
  override get traceRootService(): Column {
    return this.#fixed('rootService', (table) => table.traceRootService);
  }

  override columns(scope: TableColumnScope, key?: string): readonly StoredColumn[] {
    let all = this.#columns.get(scope);
    if (all === undefined) this.#columns.set(scope, (all = this.#listColumns(scope)));
    return key === undefined ? all : all.filter((column) => column.key === key);
  }

  override async loadRanges(
    request: LoadRequest,
    ranges: readonly number[],
    cost: ReadCost,
    signal?: AbortSignal,
  ): Promise<void> {
    const columns = request.columns.map((column) => (column as DeferredColumn).resolve());
    await super.loadRanges({ ...request, columns: columns.filter((c) => c !== undefined) }, ranges, cost, signal);
  }

  #listColumns(scope: TableColumnScope): StoredColumn[] {
    const found = new Map<string, StoredColumn>();
    for (const fragment of this.#traces.fragments)
      for (const column of fragment.columns(scope)) found.set(columnKey({ ...column, scope }), column);
    return [...found.values()].map((column) => {
      const { key, type, valueCount } = column;
      const resolve = () => this.table.column(scope, key, type);
      return new DeferredColumn({ scope, key, type, valueCount }, resolve, () => this.table.rowsOf(scope));
    });
  }

  #fixed(key: string, of: (table: LiveTable) => LiveColumn): Column {
    let column = this.#fixedColumns.get(key);
    if (column === undefined) {
      const fixed = { scope: 'fixed', key, type: 'string', valueCount: this.spanCount } as const;
      column = new DeferredColumn(
        fixed,
        () => of(this.table),
        () => 0,
      );
      this.#fixedColumns.set(key, column);
    }
    return column;
  }

  #sum(count: (fragment: StoredFragment) => number): number {
    return this.#traces.fragments.reduce((sum, fragment) => sum + count(fragment), 0);
  }
}

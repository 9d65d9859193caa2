/** The columns of a live fragment, each gathered from the ordered table when first asked for and then kept. */
import { assert } from '../base/assert.ts';
import type { TableColumn } from '../model/span-table.ts';
import type { CodeArray, TableColumnScope, ValueType } from '../traceql/storage.ts';
import { noValues, PlainDictionary } from './dictionary.ts';
import { durations, eventTimes, gatherIds, rootNames, rootServices, splitKindStatus } from './gather.ts';
import { type OrderedTable, sliceTable } from './order.ts';
import { isPortField, type RowTable, tableOfScope } from './scopes.ts';
import { runStart } from './span-content.ts';
import type { StoredColumn } from './stored-fragment.ts';
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
  valuesOfColumn,
} from './table-columns.ts';
import { wordsOf } from './trace-id-set.ts';
import { TraceIndex } from './trace-index.ts';

export class LiveColumn implements StoredColumn {
  readonly scope: TableColumnScope | 'fixed';
  readonly key: string;
  readonly type: ValueType;
  readonly valueCount: number;
  readonly #make: () => CodedColumn;
  #coded: { codes: CodeArray; dictionary: PlainDictionary } | undefined;

  constructor(
    column: Omit<TableColumn, 'scope'> & { scope: TableColumnScope | 'fixed' },
    valueCount: number,
    make: () => CodedColumn,
  ) {
    this.scope = column.scope;
    this.key = column.key;
    this.type = column.type;
    this.valueCount = valueCount;
    this.#make = make;
  }

  load(): void {
    if (this.#coded !== undefined) return;
    const { codes, dictionary } = this.#make();
    this.#coded = { codes, dictionary: new PlainDictionary(this.type, dictionary) };
  }

  get codes(): CodeArray {
    assert(this.#coded !== undefined, `column ${this.key} is loaded`);
    return this.#coded.codes;
  }

  get dictionary(): PlainDictionary {
    assert(this.#coded !== undefined, `column ${this.key} is loaded`);
    return this.#coded.dictionary;
  }
}

/** Runs `make` when first called. */
function lazy<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** What all views of a live fragment share. */
export class LiveTable {
  readonly id: string;
  readonly ordered: OrderedTable;
  readonly coder: () => Coder;
  readonly resources: () => UsedResources;
  readonly events: () => ChildRows;
  readonly links: () => ChildRows;
  readonly columns: () => ReadonlyMap<string, readonly LiveColumn[]>;
  readonly traceIds: () => Uint8Array;
  readonly traceIndex: () => TraceIndex;
  readonly maxEnd: () => number;
  readonly traceRootName: LiveColumn;
  readonly traceRootService: LiveColumn;
  readonly name: LiveColumn;
  readonly statusMessage: LiveColumn;
  readonly eventName: LiveColumn;
  readonly scopeName: LiveColumn;
  readonly scopeVersion: LiveColumn;
  readonly duration: () => Float64Array;
  readonly kindStatus: () => { kind: Uint8Array; status: Uint8Array };
  readonly spanId: () => Uint8Array;
  readonly parentSpanId: () => Uint8Array;
  readonly eventTime: () => Float64Array;
  readonly linkIds: () => { trace: Uint8Array; span: Uint8Array };

  constructor(id: string, ordered: OrderedTable) {
    this.id = id;
    this.ordered = ordered;
    const { data } = ordered;
    this.coder = lazy(() => new Coder(data));
    this.resources = lazy(() => usedResources(ordered));
    this.events = lazy(() => orderedEvents(ordered));
    this.links = lazy(() => orderedLinks(ordered));
    this.traceIds = lazy(() => gatherIds(data.traceIds, ordered.traces, 4));
    this.maxEnd = lazy(() =>
      ordered.traceEnd.reduce((highest, end) => Math.max(highest, end), ordered.traceStart[0] ?? 0),
    );
    this.traceIndex = lazy(() => TraceIndex.of(wordsOf(this.traceIds())));
    this.columns = lazy(() => this.#listColumns());
    this.spanId = lazy(() => gatherIds(data.spanId, ordered.rows, 2));
    this.parentSpanId = lazy(() => gatherIds(data.parentId, ordered.rows, 2));
    this.duration = lazy(() => durations(ordered));
    this.kindStatus = lazy(() => splitKindStatus(ordered));
    this.eventTime = lazy(() => eventTimes(ordered, this.events()));
    this.linkIds = lazy(() => ({
      trace: gatherIds(data.linkTraceId, this.links().source, 4),
      span: gatherIds(data.linkSpanId, this.links().source, 2),
    }));
    this.name = fixedString('name', ordered.spanCount, () => this.coder().gather(data.name, ordered.rows));
    this.eventName = fixedString('eventName', ordered.eventCount, () =>
      this.coder().gather(data.eventName, this.events().source),
    );
    this.statusMessage = this.#field('spanField', 'statusMessage');
    this.scopeName = this.#field('resourceField', 'scopeName');
    this.scopeVersion = this.#field('resourceField', 'scopeVersion');
    this.traceRootName = fixedString('rootName', ordered.traceCount, () => this.#ofRoots(rootNames(ordered)));
    this.traceRootService = fixedString('rootService', ordered.traceCount, () => this.#ofRoots(rootServices(ordered)));
  }

  /** Where the values of a table's rows stand, and the order of its rows. */
  readonly #attributes: Readonly<Record<RowTable, () => RowAttributes>> = {
    spans: () => {
      const { data, rows } = this.ordered;
      return { source: rows, rowCount: data.spanCount, ends: data.attrEnd, attrs: data.attrs };
    },
    events: () => {
      const { data } = this.ordered;
      const { eventCount: rowCount, eventAttrEnd: ends, eventAttrs: attrs } = data;
      return { source: this.events().source, rowCount, ends, attrs };
    },
    links: () => {
      const { data } = this.ordered;
      const { linkCount: rowCount, linkAttrEnd: ends, linkAttrs: attrs } = data;
      return { source: this.links().source, rowCount, ends, attrs };
    },
    resources: () => {
      const { data } = this.ordered;
      const { resourceCount: rowCount, resourceAttrEnd: ends, resourceAttrs: attrs } = data;
      return { source: this.resources().source, rowCount, ends, attrs };
    },
  };

  readonly #transposed: Readonly<Record<RowTable, () => Transposed>> = {
    spans: lazy(() => this.#transpose('spans')),
    events: lazy(() => this.#transpose('events')),
    links: lazy(() => this.#transpose('links')),
    resources: lazy(() => this.#transpose('resources')),
  };

  #transpose(table: RowTable): Transposed {
    const { source, ...values } = this.#attributes[table]();
    return transpose(this.ordered.data, source, values);
  }

  /** Few of the table's rows: going through all of them is not worth it. */
  get #isSlice(): boolean {
    return this.ordered.spanCount * SLICE_SHARE < this.ordered.data.spanCount;
  }

  /** Values of each column. Spans that were sent twice may count twice. */
  readonly #counts = lazy(() => {
    const { data } = this.ordered;
    const counts = new Uint32Array(data.columns.length);
    if (this.#isSlice) {
      for (const transposed of Object.values(this.#transposed)) {
        const { first } = transposed();
        for (let c = 0; c < counts.length; c++) counts[c]! += first[c + 1]! - first[c]!;
      }
      return counts;
    }
    const count = (attrs: Uint32Array, from: number, end: number): void => {
      for (let i = from; i < end; i++) counts[data.valueColumn[attrs[i]!]!]!++;
    };
    count(data.attrs, 0, data.attrCount);
    count(data.eventAttrs, 0, data.eventAttrCount);
    count(data.linkAttrs, 0, data.linkAttrCount);
    // Not all that are there are in use.
    for (const row of this.resources().source)
      count(data.resourceAttrs, runStart(data.resourceAttrEnd, row), data.resourceAttrEnd[row]!);
    return counts;
  });

  /** A pass over the values of all columns for one, or for all of them when many are wanted. */
  #coded(column: number): CodedColumn {
    const { data } = this.ordered;
    const table = tableOfScope[data.columns[column]!.scope];
    if (this.#isSlice || this.#gathered[table]++ >= GATHERED_MAX)
      return this.coder().column(this.#transposed[table](), column);
    const { source, ...values } = this.#attributes[table]();
    return this.coder().gather(valuesOfColumn(data, column, values), source);
  }

  readonly #gathered: Record<RowTable, number> = { spans: 0, events: 0, links: 0, resources: 0 };

  column(scope: TableColumnScope, key: string, type: ValueType): LiveColumn | undefined {
    return this.columns()
      .get(scope)
      ?.find((column) => column.key === key && column.type === type);
  }

  /** Rows of the table that a scope's columns are of. */
  rowsOf(scope: TableColumnScope): number {
    const { ordered } = this;
    const counts = {
      spans: ordered.spanCount,
      events: ordered.eventCount,
      links: ordered.linkCount,
      resources: this.resources().source.length,
    };
    return counts[tableOfScope[scope]];
  }

  /** One of the traces as a table of its own. */
  slice(trace: number): LiveTable {
    return new LiveTable(`${this.id}#${trace}`, sliceTable(this.ordered, trace, trace + 1));
  }

  #listColumns(): ReadonlyMap<string, readonly LiveColumn[]> {
    const byScope = new Map<string, LiveColumn[]>();
    const { columns } = this.ordered.data;
    const counts = this.#counts();
    for (let c = 0; c < columns.length; c++) {
      const column = columns[c]!;
      if (counts[c] === 0 || isPortField(column.scope, column.key)) continue;
      const list = byScope.get(column.scope) ?? [];
      list.push(new LiveColumn(column, counts[c]!, () => this.#coded(c)));
      byScope.set(column.scope, list);
    }
    return byScope;
  }

  /** A string field that the port keeps in a place of its own. */
  #field(scope: 'spanField' | 'resourceField', key: string): LiveColumn {
    const { columns } = this.ordered.data;
    const index = columns.findIndex((column) => column.scope === scope && column.key === key);
    return fixedString(key, 0, () =>
      index < 0 ? { codes: new Uint8Array(this.rowsOf(scope)), dictionary: noValues } : this.#coded(index),
    );
  }

  /** Codes one value id a trace; 0 for none. */
  #ofRoots(ids: Uint32Array): CodedColumn {
    return this.coder().gather(ids, identity(ids.length));
  }
}

/** Columns of a table that are gathered one by one: as long as a pass for each costs less than one for all. */
const GATHERED_MAX = 16;
/** A table with less than one of so many of the rows of its data is a slice. */
const SLICE_SHARE = 8;

interface RowAttributes {
  /** Rows in the order of the fragment. */
  readonly source: Uint32Array;
  /** Of the table. */
  readonly rowCount: number;
  readonly ends: Uint32Array;
  readonly attrs: Uint32Array;
}

const fixedString = (key: string, count: number, make: () => CodedColumn): LiveColumn =>
  new LiveColumn({ scope: 'fixed', key, type: 'string' }, count, make);

const identity = (length: number): Uint32Array => Uint32Array.from({ length }, (_, i) => i);

/** The columns of a live fragment, each gathered from the ordered table when first asked for and then kept. */
import { assert } from '../base/assert.ts';
import type { TableColumn } from '../model/span-table.ts';
import type { CodeArray, TableColumnScope, ValueType } from '../traceql/storage.ts';
import { PlainDictionary } from './dictionary.ts';
import { durations, eventTimes, gatherIds, rootNames, rootServices, splitKindStatus } from './gather.ts';
import type { OrderedTable } from './order.ts';
import { isPortField, type RowTable, tableOfScope } from './scopes.ts';
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

  readonly transposed: Readonly<Record<RowTable, () => Transposed>> = {
    spans: lazy(() => {
      const { data, rows } = this.ordered;
      return transpose(data, rows, { ends: data.attrEnd, attrs: data.attrs });
    }),
    events: lazy(() => {
      const { data } = this.ordered;
      return transpose(data, this.events().source, { ends: data.eventAttrEnd, attrs: data.eventAttrs });
    }),
    links: lazy(() => {
      const { data } = this.ordered;
      return transpose(data, this.links().source, { ends: data.linkAttrEnd, attrs: data.linkAttrs });
    }),
    resources: lazy(() => {
      const { data } = this.ordered;
      return transpose(data, this.resources().source, { ends: data.resourceAttrEnd, attrs: data.resourceAttrs });
    }),
  };

  #listColumns(): ReadonlyMap<string, readonly LiveColumn[]> {
    const byScope = new Map<string, LiveColumn[]>();
    const { columns } = this.ordered.data;
    for (let c = 0; c < columns.length; c++) {
      const column = columns[c]!;
      if (isPortField(column.scope, column.key)) continue;
      const transposed = this.transposed[tableOfScope[column.scope]];
      const { first } = transposed();
      const count = first[c + 1]! - first[c]!;
      if (count === 0) continue;
      const list = byScope.get(column.scope) ?? [];
      list.push(new LiveColumn(column, count, () => this.coder().column(transposed(), c)));
      byScope.set(column.scope, list);
    }
    return byScope;
  }

  /** A string field that the port keeps in a place of its own. */
  #field(scope: 'spanField' | 'resourceField', key: string): LiveColumn {
    const { columns } = this.ordered.data;
    const transposed = this.transposed[tableOfScope[scope]];
    const index = columns.findIndex((column) => column.scope === scope && column.key === key);
    return fixedString(key, 0, () => this.coder().column(transposed(), index < 0 ? undefined : index));
  }

  /** Codes one value id a trace; 0 for none. */
  #ofRoots(ids: Uint32Array): CodedColumn {
    return this.coder().gather(ids, identity(ids.length));
  }
}

const fixedString = (key: string, count: number, make: () => CodedColumn): LiveColumn =>
  new LiveColumn({ scope: 'fixed', key, type: 'string' }, count, make);

const identity = (length: number): Uint32Array => Uint32Array.from({ length }, (_, i) => i);

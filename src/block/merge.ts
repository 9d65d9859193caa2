/**
 * Copies traces out of fragments into one span table: to put together a trace whose pieces lie in several places, and to
 * make larger blocks of smaller ones. A dictionary value is looked up in the new table once, when it is first met; rows are
 * then copied as numbers. Spans that several pieces have are dropped when the table is ordered.
 */
import { SpanTable } from '../model/span-table.ts';
import type {
  CodeArray,
  Column,
  Dictionary,
  FixedColumn,
  ReadCost,
  TableColumnScope,
  ValueType,
} from '../traceql/storage.ts';
import { isPortField } from './scopes.ts';
import type { StoredFragment } from './stored-fragment.ts';
import { wordsOf } from './trace-id-set.ts';

/** Traces of a fragment, ascending. */
export interface Piece {
  readonly fragment: StoredFragment;
  readonly traces: readonly number[];
}

/** Everything about the given traces, in a new table. */
export async function mergeTraces(pieces: readonly Piece[], cost: ReadCost, signal?: AbortSignal): Promise<SpanTable> {
  const loaded = await Promise.all(pieces.map((piece) => loadPiece(piece, cost, signal)));
  let spans = 0;
  for (const { fragment, traces } of loaded) {
    for (const t of traces) spans += fragment.traceFirstSpan[t + 1]! - fragment.traceFirstSpan[t]!;
  }
  const target = new MergeTarget(new SpanTable(Math.max(spans, 64)));
  for (const piece of loaded) new PieceCopier(piece, target).copy();
  return target.table;
}

const spanFixed: readonly FixedColumn[] = [
  'start',
  'duration',
  'kind',
  'status',
  'name',
  'statusMessage',
  'resource',
  'spanId',
  'parentSpanId',
  'parent',
  'events',
  'links',
];

const scopes = {
  spans: ['spanField', 'span'],
  events: ['eventField', 'event'],
  links: ['linkField', 'link'],
  resources: ['resourceField', 'resource', 'instrumentation'],
} as const satisfies Record<string, readonly TableColumnScope[]>;

/** Of a fragment that has more than so many times the traces that are copied, the others are not read. */
const PICKED_SHARE = 8;

async function loadPiece(piece: Piece, cost: ReadCost, signal?: AbortSignal): Promise<Piece> {
  const isSmall = piece.traces.length * PICKED_SHARE < piece.fragment.traceCount;
  const picked = isSmall ? await piece.fragment.pick(piece.traces, cost, signal) : piece;
  const { traces } = picked;
  const view = picked.fragment.view();
  await view.loadTraces(cost, signal);
  const columns = Object.values(scopes).flatMap((list) => list.flatMap((scope) => view.columns(scope)));
  await view.loadRanges({ fixed: spanFixed, columns }, runsOf(traces), cost, signal);
  return { fragment: view, traces };
}

/** [first, end) pairs. */
function runsOf(traces: readonly number[]): number[] {
  const runs: number[] = [];
  for (const t of traces) {
    if (runs.length > 0 && runs.at(-1) === t) runs[runs.length - 1] = t + 1;
    else runs.push(t, t + 1);
  }
  return runs;
}

/** The table that is made, and which resource rows it has. */
class MergeTarget {
  readonly table: SpanTable;
  readonly #resources = new Map<string, number>();

  constructor(table: SpanTable) {
    this.table = table;
  }

  resource(valueIds: number[]): number {
    valueIds.sort((a, b) => a - b);
    const key = valueIds.join();
    let row = this.#resources.get(key);
    if (row === undefined) {
      row = this.table.addResource(valueIds);
      this.#resources.set(key, row);
    }
    return row;
  }
}

/** A column of a piece with the value ids that its values have in the target. */
class CopiedColumn {
  readonly codes: CodeArray;
  readonly #dictionary: Dictionary;
  readonly #table: SpanTable;
  readonly #column: number;
  /** By code; 0 while not looked up. */
  readonly #ids: Uint32Array;

  constructor(column: Column, table: SpanTable, target: { scope: TableColumnScope; key: string; type: ValueType }) {
    this.codes = column.codes;
    this.#dictionary = column.dictionary;
    this.#table = table;
    this.#column = table.column(target.scope, target.key, target.type);
    this.#ids = new Uint32Array(column.dictionary.size + 1);
  }

  /** Value id of a code that is not 0. */
  id(code: number): number {
    const known = this.#ids[code]!;
    if (known !== 0) return known;
    const bytes = this.#dictionary.bytes(code - 1);
    const id = this.#table.value(this.#column, bytes, 0, bytes.length);
    this.#ids[code] = id;
    return id;
  }
}

class PieceCopier {
  readonly #piece: Piece;
  readonly #target: MergeTarget;
  readonly #table: SpanTable;
  readonly #name: CopiedColumn;
  readonly #eventName: CopiedColumn;
  readonly #spans: readonly CopiedColumn[];
  readonly #events: readonly CopiedColumn[];
  readonly #links: readonly CopiedColumn[];
  readonly #resources: readonly CopiedColumn[];
  readonly #spanIds: Uint32Array;
  readonly #parentIds: Uint32Array;
  readonly #kind: Uint8Array;
  readonly #status: Uint8Array;
  readonly #resourceOf: Uint32Array;
  /** Row in the target + 1 by resource row. */
  readonly #resourceRows: Uint32Array;

  constructor(piece: Piece, target: MergeTarget) {
    const { fragment } = piece;
    this.#piece = piece;
    this.#target = target;
    this.#table = target.table;
    this.#name = this.#field(fragment.name, 'spanField', 'name');
    this.#eventName = this.#field(fragment.eventName, 'eventField', 'name');
    this.#spans = [...this.#columns(scopes.spans), this.#field(fragment.statusMessage, 'spanField', 'statusMessage')];
    this.#events = this.#columns(scopes.events);
    this.#links = this.#columns(scopes.links);
    this.#resources = [
      ...this.#columns(scopes.resources),
      this.#field(fragment.scopeName, 'resourceField', 'scopeName'),
      this.#field(fragment.scopeVersion, 'resourceField', 'scopeVersion'),
    ];
    this.#spanIds = wordsOf(fragment.spanId);
    this.#parentIds = wordsOf(fragment.parentSpanId);
    this.#kind = fragment.kind;
    this.#status = fragment.status;
    this.#resourceOf = fragment.resource;
    this.#resourceRows = new Uint32Array(fragment.resourceCount);
  }

  copy(): void {
    const { fragment, traces } = this.#piece;
    const eventWords = new Uint32Array(2);
    for (const t of traces) {
      const trace = this.#table.traceIndex(fragment.traceIds, t * 16);
      let event = fragment.traceFirstEvent[t]!;
      let link = fragment.traceFirstLink[t]!;
      const eventEnd = fragment.traceFirstEvent[t + 1]!;
      const linkEnd = fragment.traceFirstLink[t + 1]!;
      const { eventSpan, linkSpan } = fragment;
      for (let row = fragment.traceFirstSpan[t]!; row < fragment.traceFirstSpan[t + 1]!; row++) {
        const to = this.#copySpan(row, trace);
        for (; event < eventEnd && eventSpan[event] === row; event++) this.#copyEvent(event, eventWords);
        for (; link < linkEnd && linkSpan[link] === row; link++) this.#copyLink(link);
        this.#table.eventEnd[to] = this.#table.eventCount;
        this.#table.linkEnd[to] = this.#table.linkCount;
        this.#table.spanCount++;
      }
    }
  }

  #copySpan(row: number, trace: number): number {
    const { fragment } = this.#piece;
    const table = this.#table;
    const to = table.reserveSpan();
    const spanId = this.#spanIds;
    const parentId = this.#parentIds;
    const kind = this.#kind;
    const status = this.#status;
    table.trace[to] = trace;
    table.spanId[to * 2] = spanId[row * 2]!;
    table.spanId[to * 2 + 1] = spanId[row * 2 + 1]!;
    table.parentId[to * 2] = parentId[row * 2]!;
    table.parentId[to * 2 + 1] = parentId[row * 2 + 1]!;
    fragment.startWords(row, table.start, to * 2);
    fragment.endWords(row, table.end, to * 2);
    table.name[to] = this.#name.id(this.#name.codes[row]!);
    table.kindStatus[to] = kind[row]! | (status[row]! << 4);
    table.resource[to] = this.#resource(this.#resourceOf[row]!);
    for (const column of this.#spans) {
      const code = column.codes[row]!;
      if (code !== 0) table.pushAttr(column.id(code));
    }
    table.attrEnd[to] = table.attrCount;
    return to;
  }

  #copyEvent(row: number, words: Uint32Array): void {
    const table = this.#table;
    const to = table.reserveEvent();
    this.#piece.fragment.eventWords(row, words, 0);
    table.eventTime.set(words, to * 2);
    table.eventName[to] = this.#eventName.id(this.#eventName.codes[row]!);
    for (const column of this.#events) {
      const code = column.codes[row]!;
      if (code !== 0) table.pushEventAttr(column.id(code));
    }
    table.eventAttrEnd[to] = table.eventAttrCount;
    table.eventCount++;
  }

  #copyLink(row: number): void {
    const { fragment } = this.#piece;
    const table = this.#table;
    const to = table.reserveLink();
    table.linkTraceId.set(wordsOf(fragment.linkTraceId).subarray(row * 4, row * 4 + 4), to * 4);
    table.linkSpanId.set(wordsOf(fragment.linkSpanId).subarray(row * 2, row * 2 + 2), to * 2);
    for (const column of this.#links) {
      const code = column.codes[row]!;
      if (code !== 0) table.pushLinkAttr(column.id(code));
    }
    table.linkAttrEnd[to] = table.linkAttrCount;
    table.linkCount++;
  }

  #resource(row: number): number {
    const known = this.#resourceRows[row]!;
    if (known !== 0) return known - 1;
    const ids: number[] = [];
    for (const column of this.#resources) {
      const code = column.codes[row]!;
      if (code !== 0) ids.push(column.id(code));
    }
    const to = this.#target.resource(ids);
    this.#resourceRows[row] = to + 1;
    return to;
  }

  #columns(list: readonly TableColumnScope[]): CopiedColumn[] {
    const { fragment } = this.#piece;
    return list.flatMap((scope) =>
      fragment
        .columns(scope)
        .filter(({ key }) => !isPortField(scope, key))
        .map((column) => new CopiedColumn(column, this.#table, { scope, key: column.key, type: column.type })),
    );
  }

  #field(column: Column, scope: TableColumnScope, key: string): CopiedColumn {
    return new CopiedColumn(column, this.#table, { scope, key, type: 'string' });
  }
}

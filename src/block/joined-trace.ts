/**
 * A trace whose pieces lie in several fragments, as a fragment that copies only what is asked for. Putting it in order
 * takes ids, starts and resources; a page that draws a million spans then reads six columns of them, and not everything
 * that somebody ever said about each. `merge.ts` makes a copy of everything, for many traces at once.
 */
import { assert } from '../base/assert.ts';
import type {
  Column,
  FixedColumn,
  Fragment,
  LoadRequest,
  ReadCost,
  TableColumnScope,
  ValueType,
} from '../traceql/storage.ts';
import { noValues, PlainDictionary } from './dictionary.ts';
import { JoinedColumn, type PieceRows } from './joined-columns.ts';
import { type JoinedChildren, type JoinedOrder, orderChildren, orderPieces } from './joined-order.ts';
import { type JoinedResources, joinResources } from './joined-resources.ts';
import { mergedId } from './merged-cache.ts';
import { type RowTable, tableOfScope } from './scopes.ts';
import type { StoredFragment } from './stored-fragment.ts';
import type { TracePlace } from './torn-traces.ts';
import { wordsOf } from './trace-id-set.ts';

const orderFixed: readonly FixedColumn[] = ['start', 'kind', 'resource', 'spanId', 'parentSpanId'];
const resourceScopes: readonly TableColumnScope[] = ['resource', 'instrumentation', 'resourceField'];

/** A piece, its order columns loaded. */
interface Piece {
  readonly fragment: StoredFragment;
  readonly trace: number;
  readonly spans: Run;
  readonly events: Run;
  readonly links: Run;
  /** Its base less that of the trace, ns. */
  readonly offset: number;
}

/** Rows of a piece's fragment, and the number of the first among those of all pieces. */
interface Run {
  readonly first: number;
  readonly count: number;
  readonly at: number;
}

/**
 * The trace that lies in these places, two at least; undefined when spans may have been sent twice, which only a copy of
 * everything can tell.
 */
export async function joinTrace(
  places: readonly TracePlace[],
  cost: ReadCost,
  signal?: AbortSignal,
): Promise<Fragment | undefined> {
  const views = await Promise.all(
    places.map(async ({ fragment, trace }) => {
      const view = fragment.view();
      await view.loadTraces(cost, signal);
      const columns = resourceScopes.flatMap((scope) => view.columns(scope));
      await view.load({ fixed: orderFixed, columns }, trace, trace + 1, cost, signal);
      return { fragment: view, trace };
    }),
  );
  const pieces = piecesOf(views);
  const order = orderPieces(unorderedSpans(pieces));
  return order === undefined ? undefined : new JoinedTrace(mergedId(places), pieces, order);
}

function piecesOf(places: readonly TracePlace[]): Piece[] {
  const { baseUnixNano } = places[0]!.fragment;
  const next = { spans: 0, events: 0, links: 0 };
  const run = (table: keyof typeof next, firsts: Uint32Array, trace: number): Run => {
    const first = firsts[trace]!;
    const count = firsts[trace + 1]! - first;
    const at = next[table];
    next[table] += count;
    return { first, count, at };
  };
  return places.map(({ fragment, trace }) => ({
    fragment,
    trace,
    spans: run('spans', fragment.traceFirstSpan, trace),
    events: run('events', fragment.traceFirstEvent, trace),
    links: run('links', fragment.traceFirstLink, trace),
    offset: Number(fragment.baseUnixNano - baseUnixNano),
  }));
}

const total = (pieces: readonly Piece[], table: 'spans' | 'events' | 'links'): number =>
  pieces.reduce((sum, piece) => sum + piece[table].count, 0);

function unorderedSpans(pieces: readonly Piece[]) {
  const count = total(pieces, 'spans');
  const spanId = new Uint32Array(count * 2);
  const parentId = new Uint32Array(count * 2);
  const kindStatus = new Uint8Array(count);
  const start = new Float64Array(count);
  for (const { fragment, spans, offset } of pieces) {
    const { first, at } = spans;
    const end = first + spans.count;
    spanId.set(wordsOf(fragment.spanId).subarray(first * 2, end * 2), at * 2);
    parentId.set(wordsOf(fragment.parentSpanId).subarray(first * 2, end * 2), at * 2);
    kindStatus.set(fragment.kind.subarray(first, end), at);
    const pieceStart = fragment.start;
    for (let i = 0; i < spans.count; i++) start[at + i] = pieceStart[first + i]! + offset;
  }
  return { spanId, parentId, kindStatus, start };
}

class JoinedTrace implements Fragment {
  readonly id: string;
  readonly traceCount = 1;
  readonly spanCount: number;
  readonly eventCount: number;
  readonly linkCount: number;
  readonly baseUnixNano: bigint;
  readonly sizeBytes = 0;
  readonly hiddenTraces = undefined;
  readonly traceFirstSpan: Uint32Array;
  readonly traceFirstEvent: Uint32Array;
  readonly traceFirstLink: Uint32Array;
  readonly traceEnd: Float64Array;
  readonly traceRoot: Int32Array;
  readonly start: Float64Array;
  readonly parent: Int32Array;
  readonly subtreeSize: Uint32Array;
  readonly resource: Uint32Array;
  readonly name: JoinedColumn;
  readonly statusMessage: JoinedColumn;
  readonly eventName: JoinedColumn;
  readonly scopeName: JoinedColumn;
  readonly scopeVersion: JoinedColumn;
  readonly #pieces: readonly Piece[];
  readonly #order: JoinedOrder;
  readonly #resources: JoinedResources;
  readonly #columns = new Map<TableColumnScope, readonly JoinedColumn[]>();
  readonly #made = new Map<string, unknown>();

  constructor(id: string, pieces: readonly Piece[], order: JoinedOrder) {
    this.id = id;
    this.#pieces = pieces;
    this.#order = order;
    this.baseUnixNano = pieces[0]!.fragment.baseUnixNano;
    this.spanCount = total(pieces, 'spans');
    this.eventCount = total(pieces, 'events');
    this.linkCount = total(pieces, 'links');
    this.traceFirstSpan = Uint32Array.of(0, this.spanCount);
    this.traceFirstEvent = Uint32Array.of(0, this.eventCount);
    this.traceFirstLink = Uint32Array.of(0, this.linkCount);
    this.traceEnd = Float64Array.of(
      Math.max(...pieces.map(({ fragment, trace, offset }) => fragment.traceEnd[trace]! + offset)),
    );
    this.traceRoot = Int32Array.of(order.root);
    this.start = order.start;
    this.parent = order.parent;
    this.subtreeSize = order.subtreeSize;
    this.name = this.#fixedColumn('name', (fragment) => fragment.name);
    this.statusMessage = this.#fixedColumn('statusMessage', (fragment) => fragment.statusMessage);
    this.eventName = this.#fixedColumn('eventName', (fragment) => fragment.eventName);
    this.scopeName = this.#fixedColumn('scopeName', (fragment) => fragment.scopeName);
    this.scopeVersion = this.#fixedColumn('scopeVersion', (fragment) => fragment.scopeVersion);
    const used = pieces.map(({ fragment, spans }) => usedRows(fragment.resource, spans));
    const ofResources = resourceScopes.flatMap((scope) => this.columns(scope));
    this.#resources = joinResources([...ofResources, this.scopeName, this.scopeVersion], used);
    this.resource = this.#resourceOfSpans();
  }

  get resourceCount(): number {
    return this.#resources.count;
  }
  get traceIds(): Uint8Array {
    const { fragment, trace } = this.#pieces[0]!;
    return fragment.traceIds.subarray(trace * 16, trace * 16 + 16);
  }
  get traceStart(): Float64Array {
    return Float64Array.of(this.minStart);
  }
  get minStart(): number {
    return Math.min(...this.#pieces.map(({ fragment, trace, offset }) => fragment.traceStart[trace]! + offset));
  }
  get maxEnd(): number {
    return this.traceEnd[0]!;
  }
  get traceRootName(): Column {
    return this.#ofRoot('rootName', (fragment, trace) => ({ column: fragment.traceRootName, row: trace }));
  }
  get traceRootService(): Column {
    return this.#ofRoot('rootService', (fragment, trace) => ({ column: fragment.traceRootService, row: trace }));
  }

  async loadTraces(): Promise<void> {
    // Was made of loaded traces.
  }

  columns(scope: TableColumnScope, key?: string): readonly JoinedColumn[] {
    let all = this.#columns.get(scope);
    if (all === undefined) this.#columns.set(scope, (all = this.#listColumns(scope)));
    return key === undefined ? all : all.filter((column) => column.key === key);
  }

  async load(
    request: LoadRequest,
    _firstTrace: number,
    _endTrace: number,
    cost: ReadCost,
    signal?: AbortSignal,
  ): Promise<void> {
    const columns = request.columns.map((column) => {
      assert(column instanceof JoinedColumn, 'the column was returned by columns()');
      return column;
    });
    const missing = columns.filter((column) => !column.isLoaded);
    await Promise.all(
      this.#pieces.map(({ fragment, trace }, piece) => {
        const own = missing.map((column) => column.pieces[piece]).filter((column) => column !== undefined);
        return fragment.load({ fixed: request.fixed, columns: own }, trace, trace + 1, cost, signal);
      }),
    );
    for (const column of missing) column.join(this.#rowsOf(tableOfScope[column.scope as TableColumnScope]));
    for (const name of request.fixed) this.#joinFixed(name);
  }

  #joinFixed(name: FixedColumn): void {
    if (name === 'name' && !this.name.isLoaded) this.name.join(this.#rowsOf('spans'));
    if (name === 'statusMessage' && !this.statusMessage.isLoaded) this.statusMessage.join(this.#rowsOf('spans'));
    if (name === 'events' && !this.eventName.isLoaded) this.eventName.join(this.#rowsOf('events'));
  }

  get duration(): Float64Array {
    return this.#once('duration', () => this.#gather(new Float64Array(this.spanCount), (piece) => piece.duration));
  }
  get kind(): Uint8Array {
    return this.#once('kind', () => this.#gather(new Uint8Array(this.spanCount), (piece) => piece.kind));
  }
  get status(): Uint8Array {
    return this.#once('status', () => this.#gather(new Uint8Array(this.spanCount), (piece) => piece.status));
  }
  get spanId(): Uint8Array {
    return this.#once('spanId', () => this.#gatherIds('spans', 2, (piece) => piece.spanId));
  }
  get parentSpanId(): Uint8Array {
    return this.#once('parentSpanId', () => this.#gatherIds('spans', 2, (piece) => piece.parentSpanId));
  }
  get eventSpan(): Uint32Array {
    return this.#events.span;
  }
  get eventTime(): Float64Array {
    return this.#once('eventTime', () =>
      this.#gather(new Float64Array(this.eventCount), (piece) => piece.eventTime, 'events'),
    );
  }
  get linkSpan(): Uint32Array {
    return this.#links.span;
  }
  get linkTraceId(): Uint8Array {
    return this.#once('linkTraceId', () => this.#gatherIds('links', 4, (piece) => piece.linkTraceId));
  }
  get linkSpanId(): Uint8Array {
    return this.#once('linkSpanId', () => this.#gatherIds('links', 2, (piece) => piece.linkSpanId));
  }

  startUnixNano(spanRow: number): bigint {
    const { fragment, row } = this.#source('spans', this.#order.rows[spanRow]!);
    return fragment.startUnixNano(row);
  }
  endUnixNano(spanRow: number): bigint {
    const { fragment, row } = this.#source('spans', this.#order.rows[spanRow]!);
    return fragment.endUnixNano(row);
  }
  eventUnixNano(eventRow: number): bigint {
    const { fragment, row } = this.#source('events', this.#events.rows[eventRow]!);
    return fragment.eventUnixNano(row);
  }

  get #events(): JoinedChildren {
    return this.#once('events', () => this.#children('events', (fragment) => fragment.eventSpan));
  }

  get #links(): JoinedChildren {
    return this.#once('links', () => this.#children('links', (fragment) => fragment.linkSpan));
  }

  #children(table: 'events' | 'links', spanOf: (fragment: Fragment) => Uint32Array): JoinedChildren {
    const owner = new Uint32Array(total(this.#pieces, table));
    for (const piece of this.#pieces) {
      const { first, count, at } = piece[table];
      const span = spanOf(piece.fragment);
      for (let i = 0; i < count; i++) owner[at + i] = span[first + i]! - piece.spans.first + piece.spans.at;
    }
    return orderChildren(owner, this.#order);
  }

  #resourceOfSpans(): Uint32Array {
    const out = new Uint32Array(this.spanCount);
    const { places } = this.#order;
    for (const [i, { fragment, spans }] of this.#pieces.entries()) {
      const rowOf = this.#resources.rowOf[i]!;
      const of = fragment.resource;
      for (let k = 0; k < spans.count; k++) out[places[spans.at + k]!] = rowOf[of[spans.first + k]!]! - 1;
    }
    return out;
  }

  #gather<Values extends Float64Array | Uint8Array>(
    out: Values,
    of: (fragment: Fragment) => Values,
    table: 'spans' | 'events' = 'spans',
  ): Values {
    for (const [i, { first, count, places }] of this.#rowsOf(table).entries()) {
      const values = of(this.#pieces[i]!.fragment);
      for (let k = 0; k < count; k++) out[places[k]!] = values[first + k]!;
    }
    return out;
  }

  #gatherIds(table: 'spans' | 'links', width: 2 | 4, of: (fragment: Fragment) => Uint8Array): Uint8Array {
    const out = new Uint32Array(total(this.#pieces, table) * width);
    for (const [i, { first, count, places }] of this.#rowsOf(table).entries()) {
      const words = wordsOf(of(this.#pieces[i]!.fragment));
      for (let k = 0; k < count; k++) {
        const to = places[k]! * width;
        const from = (first + k) * width;
        for (let w = 0; w < width; w++) out[to + w] = words[from + w]!;
      }
    }
    return new Uint8Array(out.buffer);
  }

  /** By piece: where its rows go. Resources are joined when the trace is made. */
  #rowsOf(table: RowTable): readonly PieceRows[] {
    assert(table !== 'resources', 'resources are loaded from the start');
    const { places } = table === 'spans' ? this.#order : table === 'events' ? this.#events : this.#links;
    return this.#pieces.map((piece) => {
      const { first, count, at } = piece[table];
      return { first, count, places: places.subarray(at, at + count) };
    });
  }

  #source(table: 'spans' | 'events', row: number): { readonly fragment: StoredFragment; readonly row: number } {
    for (const piece of this.#pieces) {
      const { first, count, at } = piece[table];
      if (row < at + count) return { fragment: piece.fragment, row: first + row - at };
    }
    assert(false, 'a piece has the row');
  }

  #listColumns(scope: TableColumnScope): JoinedColumn[] {
    const found = new Map<string, { type: ValueType; key: string; pieces: (Column | undefined)[] }>();
    for (const [piece, { fragment }] of this.#pieces.entries()) {
      for (const column of fragment.columns(scope)) {
        const name = `${column.type} ${column.key}`;
        let known = found.get(name);
        if (known === undefined) {
          known = { type: column.type, key: column.key, pieces: this.#pieces.map(() => undefined) };
          found.set(name, known);
        }
        known.pieces[piece] = column;
      }
    }
    return [...found.values()].map(({ type, key, pieces }) => new JoinedColumn({ scope, key, type }, pieces));
  }

  #fixedColumn(key: string, of: (fragment: StoredFragment) => Column): JoinedColumn {
    const pieces = this.#pieces.map(({ fragment }) => of(fragment));
    return new JoinedColumn({ scope: 'fixed', key, type: 'string' }, pieces);
  }

  /** A column over the one trace, from the piece that has its root. */
  #ofRoot(key: string, of: (fragment: Fragment, trace: number) => { column: Column; row: number }): Column {
    return this.#once(key, () => {
      const column = new JoinedColumn({ scope: 'fixed', key, type: 'string' }, []);
      const root = this.traceRoot[0]!;
      const piece = root < 0 ? undefined : this.#pieceOf(this.#order.rows[root]!);
      const from = piece === undefined ? undefined : of(piece.fragment, piece.trace);
      const code = from?.column.codes[from.row] ?? 0;
      const bytes = code === 0 ? undefined : from!.column.dictionary.bytes(code - 1);
      const values = bytes === undefined ? noValues : { count: 1, bytes, offsets: Uint32Array.of(0, bytes.length) };
      column.settle(Uint8Array.of(bytes === undefined ? 0 : 1), new PlainDictionary('string', values));
      return column;
    });
  }

  #pieceOf(row: number): Piece {
    return this.#pieces.find(({ spans }) => row < spans.at + spans.count)!;
  }

  #once<Made>(key: string, make: () => Made): Made {
    if (!this.#made.has(key)) this.#made.set(key, make());
    return this.#made.get(key) as Made;
  }
}

function usedRows(resource: Uint32Array, { first, count }: Run): Set<number> {
  const used = new Set<number>();
  let last = -1;
  for (let row = first; row < first + count; row++) {
    if (resource[row] === last) continue;
    last = resource[row]!;
    used.add(last);
  }
  return used;
}

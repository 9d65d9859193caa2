/**
 * Spans as plain objects for tests: what goes into a table, and what a fragment must give back. Attribute values are
 * compared as the bytes that tables keep (hex), so that types, NaN, -0 and empty strings cannot be confused.
 */

import type { TableColumnScope, ValueType } from '../../model/columns.ts';
import { SpanTable, type SpanTableData } from '../../model/span-table.ts';
import type { Column, FixedColumn, Fragment } from '../../traceql/storage.ts';

/** `scope/type/key` → bytes in hex. */
export type PlainAttrs = Readonly<Record<string, string>>;

export interface PlainEvent {
  readonly time: bigint;
  readonly name: string;
  readonly attrs: PlainAttrs;
}

export interface PlainLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly attrs: PlainAttrs;
}

export interface PlainSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** 16 hex digits, zeros for none. */
  readonly parentId: string;
  readonly start: bigint;
  readonly end: bigint;
  readonly name: string;
  readonly kind: number;
  readonly status: number;
  readonly attrs: PlainAttrs;
  readonly resource: PlainAttrs;
  readonly events: readonly PlainEvent[];
  readonly links: readonly PlainLink[];
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export function valueHex(value: string | bigint | number | boolean | Uint8Array): string {
  if (typeof value === 'string') return Buffer.from(value, 'utf8').toString('hex');
  if (typeof value === 'boolean') return value ? '01' : '00';
  if (value instanceof Uint8Array) return hex(value);
  const out = Buffer.alloc(8);
  if (typeof value === 'bigint') out.writeBigInt64LE(value);
  else out.writeDoubleLE(value);
  return out.toString('hex');
}

export const attrName = (scope: TableColumnScope, type: ValueType, key: string): string => `${scope}/${type}/${key}`;

function parseAttrName(name: string): { scope: TableColumnScope; type: ValueType; key: string } {
  const [scope, type] = name.split('/', 2) as [TableColumnScope, ValueType];
  return { scope, type, key: name.slice(scope.length + type.length + 2) };
}

/** Appends spans in the given order, as a wire scanner would. */
export class TableFiller {
  readonly table: SpanTable;
  readonly #resources = new Map<string, number>();

  constructor(table = new SpanTable(64)) {
    this.table = table;
  }

  add(span: PlainSpan): void {
    const { table } = this;
    const row = table.reserveSpan();
    table.trace[row] = table.traceIndex(Buffer.from(span.traceId, 'hex'), 0);
    setWords(table.spanId, row * 2, Buffer.from(span.spanId, 'hex'));
    setWords(table.parentId, row * 2, Buffer.from(span.parentId, 'hex'));
    setBig(table.start, row, span.start);
    setBig(table.end, row, span.end);
    table.name[row] = this.#value('spanField/string/name', valueHex(span.name));
    table.kindStatus[row] = span.kind | (span.status << 4);
    table.resource[row] = this.#resource(span.resource);
    for (const name in span.attrs) table.pushAttr(this.#value(name, span.attrs[name]!));
    table.attrEnd[row] = table.attrCount;
    for (const event of span.events) this.#event(event);
    table.eventEnd[row] = table.eventCount;
    for (const link of span.links) this.#link(link);
    table.linkEnd[row] = table.linkCount;
    table.spanCount++;
  }

  #event(event: PlainEvent): void {
    const { table } = this;
    const row = table.reserveEvent();
    setBig(table.eventTime, row, event.time);
    table.eventName[row] = this.#value('eventField/string/name', valueHex(event.name));
    for (const name in event.attrs) table.pushEventAttr(this.#value(name, event.attrs[name]!));
    table.eventAttrEnd[row] = table.eventAttrCount;
    table.eventCount++;
  }

  #link(link: PlainLink): void {
    const { table } = this;
    const row = table.reserveLink();
    setWords(table.linkTraceId, row * 4, Buffer.from(link.traceId, 'hex'));
    setWords(table.linkSpanId, row * 2, Buffer.from(link.spanId, 'hex'));
    for (const name in link.attrs) table.pushLinkAttr(this.#value(name, link.attrs[name]!));
    table.linkAttrEnd[row] = table.linkAttrCount;
    table.linkCount++;
  }

  #value(name: string, valueInHex: string): number {
    const { scope, type, key } = parseAttrName(name);
    const bytes = Buffer.from(valueInHex, 'hex');
    return this.table.value(this.table.column(scope, key, type), bytes, 0, bytes.length);
  }

  #resource(attrs: PlainAttrs): number {
    const text = canonical(attrs);
    let row = this.#resources.get(text);
    if (row === undefined) {
      row = this.table.addResource(Object.keys(attrs).map((name) => this.#value(name, attrs[name]!)));
      this.#resources.set(text, row);
    }
    return row;
  }
}

export function tableOf(spans: readonly PlainSpan[]): SpanTableData {
  const filler = new TableFiller();
  for (const span of spans) filler.add(span);
  return filler.table.share();
}

const canonical = (attrs: PlainAttrs): string => JSON.stringify(Object.entries(attrs).sort());

function setWords(words: Uint32Array, at: number, bytes: Uint8Array): void {
  new Uint8Array(words.buffer, words.byteOffset + at * 4, bytes.length).set(bytes);
}

function setBig(words: Uint32Array, row: number, value: bigint): void {
  words[row * 2] = Number(value & 0xffffffffn);
  words[row * 2 + 1] = Number(value >> 32n);
}

/** A span as a fragment gives it, with what only a fragment knows. */
export interface FragmentSpan extends PlainSpan {
  /** Row of the parent counted from the trace's first span; -1 and -2 as in the port. */
  readonly parentInTrace: number;
  readonly subtreeSize: number;
}

/** Unix ns; times far from the base of random tables, which fragments round, in units of 1024 s. */
export type TraceTime = bigint | string;

export function traceTime(unixNano: bigint): TraceTime {
  const fromBase = Number(unixNano - 1_700_000_000_000_000_000n);
  return Math.abs(fromBase) < 2 ** 52 ? unixNano : `about ${Math.round(Number(unixNano) / 1.024e12)}`;
}

export interface FragmentTrace {
  readonly traceId: string;
  readonly start: TraceTime;
  readonly end: TraceTime;
  readonly rootName: string | undefined;
  readonly rootService: string | undefined;
  readonly spans: readonly FragmentSpan[];
}

const allFixed: readonly FixedColumn[] = [
  'start',
  'duration',
  'kind',
  'status',
  'name',
  'statusMessage',
  'resource',
  'parent',
  'subtreeSize',
  'spanId',
  'parentSpanId',
  'events',
  'links',
];

const allScopes: readonly TableColumnScope[] = [
  'span',
  'spanField',
  'event',
  'eventField',
  'link',
  'linkField',
  'resource',
  'instrumentation',
  'resourceField',
];

/** Reads traces [first, end) of a fragment through the port, hidden ones left out. */
export async function readFragment(fragment: Fragment, first = 0, to?: number): Promise<FragmentTrace[]> {
  const cost = { requests: 0, bytes: 0, pages: 0 };
  await fragment.loadTraces(cost);
  const end = to ?? fragment.traceCount;
  const columns = allScopes.flatMap((scope) => fragment.columns(scope));
  await fragment.load({ fixed: allFixed, columns }, first, end, cost);
  const of = (...scopes: TableColumnScope[]) => columns.filter((c) => scopes.includes(c.scope as TableColumnScope));
  const spanColumns = of('span', 'spanField');
  const resourceColumns = of('resource', 'instrumentation', 'resourceField');
  const eventColumns = of('event', 'eventField');
  const linkColumns = of('link', 'linkField');

  const resources = Array.from({ length: fragment.resourceCount }, (_, row) => ({
    ...attrsOf(resourceColumns, row),
    ...fieldOf(fragment.scopeName, 'resourceField', 'scopeName', row),
    ...fieldOf(fragment.scopeVersion, 'resourceField', 'scopeVersion', row),
  }));
  const readEvent = (row: number): PlainEvent => ({
    time: fragment.eventUnixNano(row),
    name: stringOf(fragment.eventName, row) ?? '(none)',
    attrs: attrsOf(eventColumns, row),
  });
  const readLink = (row: number): PlainLink => ({
    traceId: hex(fragment.linkTraceId.subarray(row * 16, row * 16 + 16)),
    spanId: hex(fragment.linkSpanId.subarray(row * 8, row * 8 + 8)),
    attrs: attrsOf(linkColumns, row),
  });
  const eventsOf = rowsBySpan(fragment.eventSpan, fragment.traceFirstEvent[first]!, fragment.traceFirstEvent[end]!);
  const linksOf = rowsBySpan(fragment.linkSpan, fragment.traceFirstLink[first]!, fragment.traceFirstLink[end]!);

  const traces: FragmentTrace[] = [];
  for (let t = first; t < end; t++) {
    if (fragment.hiddenTraces?.[t] === 1) continue;
    const traceId = hex(fragment.traceIds.subarray(t * 16, t * 16 + 16));
    const from = fragment.traceFirstSpan[t]!;
    const spans: FragmentSpan[] = [];
    for (let row = from; row < fragment.traceFirstSpan[t + 1]!; row++) {
      const parent = fragment.parent[row]!;
      spans.push({
        traceId,
        spanId: hex(fragment.spanId.subarray(row * 8, row * 8 + 8)),
        parentId: hex(fragment.parentSpanId.subarray(row * 8, row * 8 + 8)),
        start: fragment.startUnixNano(row),
        end: fragment.endUnixNano(row),
        name: stringOf(fragment.name, row) ?? '(none)',
        kind: fragment.kind[row]!,
        status: fragment.status[row]!,
        attrs: { ...attrsOf(spanColumns, row), ...fieldOf(fragment.statusMessage, 'spanField', 'statusMessage', row) },
        resource: resources[fragment.resource[row]!]!,
        events: (eventsOf.get(row) ?? []).map(readEvent),
        links: (linksOf.get(row) ?? []).map(readLink),
        parentInTrace: parent >= 0 ? parent - from : parent,
        subtreeSize: fragment.subtreeSize[row]!,
      });
    }
    traces.push({
      traceId,
      start: traceTime(fragment.baseUnixNano + BigInt(fragment.traceStart[t]!)),
      end: traceTime(fragment.baseUnixNano + BigInt(fragment.traceEnd[t]!)),
      rootName: stringOf(fragment.traceRootName, t),
      rootService: stringOf(fragment.traceRootService, t),
      spans,
    });
  }
  return traces;
}

function rowsBySpan(span: Uint32Array, first: number, end: number): Map<number, number[]> {
  const rows = new Map<number, number[]>();
  for (let i = first; i < end; i++) {
    const list = rows.get(span[i]!);
    if (list === undefined) rows.set(span[i]!, [i]);
    else list.push(i);
  }
  return rows;
}

function stringOf({ codes, dictionary }: Column, row: number): string | undefined {
  const code = codes[row]!;
  return code === 0 ? undefined : dictionary.strings()[code - 1]!;
}

function fieldOf(column: Column, scope: TableColumnScope, key: string, row: number): PlainAttrs {
  const text = stringOf(column, row);
  return text === undefined ? {} : { [attrName(scope, 'string', key)]: valueHex(text) };
}

function attrsOf(columns: readonly Column[], row: number): PlainAttrs {
  const attrs: Record<string, string> = {};
  for (const { scope, key, type, codes, dictionary } of columns) {
    const code = codes[row]!;
    if (code !== 0) attrs[attrName(scope as TableColumnScope, type, key)] = hex(dictionary.bytes(code - 1));
  }
  return attrs;
}

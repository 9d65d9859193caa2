/**
 * One row group of a block, shared by all queries: makes the buffers of its columns when they are first wanted, and
 * forgets them when the cache says so. Queries hold views of it (`block-fragment.ts`).
 */

import { throwIfAborted } from '../base/abort.ts';
import type { TableColumn } from '../model/span-table.ts';
import type { ReadCost, TableColumnScope, ValueType } from '../traceql/storage.ts';
import type { BlockSource } from './block-source.ts';
import type { BufferOwner, ChunkPlace, ColumnBuffer } from './column-buffer.ts';
import { CodesBuffer, localRows } from './column-buffers.ts';
import { type FixedContext, type FixedTable, makeFixedBuffer } from './fixed-buffers.ts';
import type { CountedLayoutColumn, FragmentRows } from './fragment-rows.ts';
import type { RowGroupDescription } from './index-file.ts';
import type { BlockTable, FixedName } from './layout.ts';
import { OverflowValues } from './overflow-values.ts';
import { tableOfScope } from './scopes.ts';
import { SelectedTraces } from './selected-traces.ts';
import {
  type FirstRows,
  readTraceRows,
  readTraces,
  type TraceArrays,
  type TraceTable,
  traceArraysBytes,
} from './trace-arrays.ts';
import type { TraceIndex } from './trace-index.ts';

export class RowGroup implements BufferOwner, FragmentRows {
  readonly source: BlockSource;
  readonly number: number;
  readonly description: RowGroupDescription;
  readonly id: string;
  readonly sizeBytes: number;
  readonly baseUnixNano: bigint;
  readonly minStart: number;
  readonly maxEnd: number;
  readonly isSelection = false;
  readonly #table: TraceTable;
  readonly #buffers = new Map<string, ColumnBuffer>();
  readonly #names = new Map<ColumnBuffer, string>();
  readonly #columns = new Map<TableColumnScope, readonly CountedLayoutColumn[]>();
  readonly #overflow = new WeakMap<CodesBuffer, OverflowValues>();
  #traces: TraceArrays | undefined;
  #tracesPending: Promise<TraceArrays> | undefined;
  readonly #tracesEntry = {
    drop: () => {
      this.#traces = undefined;
    },
  };

  constructor(source: BlockSource, number: number, first: FirstRows) {
    this.source = source;
    this.number = number;
    this.description = source.rowGroups[number]!;
    this.id = `${source.blockId}/${number}`;
    this.minStart = this.description.minStart;
    this.maxEnd = this.description.maxEnd;
    this.baseUnixNano = BigInt(this.description.baseUnixNano);
    const base = {
      low: Number(this.baseUnixNano & 0xffffffffn),
      high: Number(this.baseUnixNano >> 32n),
    };
    this.#table = { source, rowGroup: number, first, base };
    this.sizeBytes = shareOf(source, number);
  }

  rows(table: BlockTable): number {
    return this.description.rows[table];
  }

  /** The traces table. Many callers share one read; who waits for one that fails reads by itself. */
  async traces(cost: ReadCost, signal?: AbortSignal): Promise<TraceArrays> {
    const { cache } = this.source;
    while (this.#traces === undefined) {
      if (this.#tracesPending !== undefined) {
        await Promise.allSettled([this.#tracesPending]);
        throwIfAborted(signal);
        continue;
      }
      this.#tracesPending = readTraces(this.#table, cost, signal);
      try {
        this.#traces = await this.#tracesPending;
      } finally {
        this.#tracesPending = undefined;
      }
      cache.touch(this.#tracesEntry);
      const traces = this.#traces;
      cache.grow(this.#tracesEntry, traceArraysBytes(traces));
      return traces;
    }
    cache.touch(this.#tracesEntry);
    return this.#traces;
  }

  get traceIndex(): TraceIndex {
    return this.source.traceIndex(this.number);
  }

  /** Some of the traces (ascending, one at least) as rows of their own. Reads no other rows of the traces table. */
  async select(traces: readonly number[], cost: ReadCost, signal?: AbortSignal): Promise<SelectedTraces> {
    if (this.#traces !== undefined) {
      this.source.cache.touch(this.#tracesEntry);
      return new SelectedTraces(this, traces, { arrays: this.#traces, placeOf: (trace) => trace });
    }
    const whole = {
      rootName: this.codes('traces', 'root_name', 'string')!,
      rootService: this.codes('traces', 'root_service', 'string')!,
    };
    const { arrays, selection } = await readTraceRows(this.#table, traces, whole, cost, signal);
    const end = selection.count;
    const placeOf = (trace: number) => (trace === this.rows('traces') ? end : selection.localOf(trace));
    return new SelectedTraces(this, traces, { arrays, placeOf });
  }

  /** All of it: ranges of rows of the fragment are ranges of the row group. */
  groupRows(_table: BlockTable, rows: readonly number[]): readonly number[] {
    return rows;
  }

  fixed<T extends FixedTable>(table: T, name: FixedName<T>, traces: TraceArrays): ColumnBuffer | undefined {
    return this.#buffer(table, name, (place) => {
      const { firstSpan, ...context } = this.fixedContext(traces);
      const spanRow = (where: string) => localRows(where, firstSpan, this.rows('spans'));
      return makeFixedBuffer(name, place, { ...context, spanRow, owner: this });
    });
  }

  fixedContext(traces: TraceArrays): Omit<FixedContext, 'spanRow' | 'whole'> & { readonly firstSpan: number } {
    const { base, first } = this.#table;
    const { spans: firstSpan, resources: firstResource } = first;
    return { traces, base, firstResource, resourceCount: this.rows('resources'), firstSpan };
  }

  /** Buffer of a field or attribute column; undefined when the table has no rows here. */
  codes(table: BlockTable, name: string, type: ValueType): CodesBuffer | undefined {
    return this.#buffer(table, name, (place) => new CodesBuffer(place, type, this)) as CodesBuffer | undefined;
  }

  /** Field and attribute columns of a scope that have values here, with how many. */
  columns(scope: TableColumnScope): readonly CountedLayoutColumn[] {
    let columns = this.#columns.get(scope);
    if (columns === undefined) {
      columns = this.#listColumns(scope);
      this.#columns.set(scope, columns);
    }
    return columns;
  }

  #listColumns(scope: TableColumnScope): CountedLayoutColumn[] {
    const table = tableOfScope[scope];
    if (this.rows(table) === 0) return [];
    const out: CountedLayoutColumn[] = [];
    for (const column of this.source.details.layout[table].columns) {
      if (column.scope !== scope) continue;
      const count = this.#valueCount(table, column.name);
      if (count > 0) out.push({ column, count });
    }
    return out;
  }

  /** Keys of a scope that share an overflow column and have values here. */
  overflowColumns(scope: TableColumnScope): { name: string; column: TableColumn; count: number }[] {
    const overflow = this.source.details.layout[tableOfScope[scope]].overflow.find((o) => o.scope === scope);
    if (overflow === undefined) return [];
    const counts = this.source.details.overflowCounts[this.number]![overflow.name] ?? [];
    return overflow.keys
      .map((column, i) => ({ name: overflow.name, column, count: counts[i] ?? 0 }))
      .filter(({ count }) => count > 0);
  }

  /** What is loaded of an overflow column, by key. */
  overflowValues(buffer: CodesBuffer): OverflowValues {
    let values = this.#overflow.get(buffer);
    if (values?.version !== buffer.version) {
      values = new OverflowValues(buffer);
      this.#overflow.set(buffer, values);
    }
    return values;
  }

  grew(buffer: ColumnBuffer, bytes: number): void {
    this.source.cache.grow(buffer, bytes);
  }

  dropped(buffer: ColumnBuffer): void {
    const name = this.#names.get(buffer);
    if (name === undefined) return;
    this.#names.delete(buffer);
    this.#buffers.delete(name);
  }

  #valueCount(table: BlockTable, column: string): number {
    const { values, nulls } = this.source.chunk(table, this.number, column)!.chunk;
    return values - nulls;
  }

  #buffer(table: BlockTable, name: string, make: (place: ChunkPlace) => ColumnBuffer): ColumnBuffer | undefined {
    const key = `${table}/${name}`;
    let buffer = this.#buffers.get(key);
    if (buffer === undefined) {
      const place = this.source.chunk(table, this.number, name);
      if (place === undefined) return undefined;
      buffer = make(place);
      this.#buffers.set(key, buffer);
      this.#names.set(buffer, key);
    }
    this.source.cache.touch(buffer);
    return buffer;
  }
}

/** Part of the block's bytes by spans; the last row group has what is left. */
function shareOf({ sizeBytes, rowGroups }: BlockSource, number: number): number {
  const spans = rowGroups.reduce((sum, group) => sum + group.rows.spans, 0);
  const share = (group: RowGroupDescription) => Math.floor((sizeBytes * group.rows.spans) / spans);
  if (number < rowGroups.length - 1) return share(rowGroups[number]!);
  return sizeBytes - rowGroups.slice(0, -1).reduce((sum, group) => sum + share(group), 0);
}

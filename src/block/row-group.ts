/**
 * One row group of a block, shared by all queries: makes the buffers of its columns when they are first wanted, and
 * forgets them when the cache says so. Queries hold views of it (`block-fragment.ts`).
 */

import { throwIfAborted } from '../base/abort.ts';
import type { TableColumn } from '../model/span-table.ts';
import type { ReadCost, TableColumnScope, ValueType } from '../traceql/storage.ts';
import type { BlockSource } from './block-source.ts';
import type { BufferOwner, ChunkPlace, ColumnBuffer } from './column-buffer.ts';
import {
  CodesBuffer,
  durationDoubles,
  FixedBuffer,
  Int32Buffer,
  int32Values,
  LookupBuffer,
  localRows,
  parentRows,
  signedDoubles,
  startDoubles,
  TimesBuffer,
  wordNumbers,
} from './column-buffers.ts';
import type { RowGroupDescription } from './index-file.ts';
import { type BlockTable, type FixedName, kindNames, type LayoutColumn, statusNames } from './layout.ts';
import { OverflowValues } from './overflow-values.ts';
import { tableOfScope } from './scopes.ts';
import { type FirstRows, readTraces, type TraceArrays, type TraceTable } from './trace-arrays.ts';

interface CountedLayoutColumn {
  readonly column: LayoutColumn;
  readonly count: number;
}

export class RowGroup implements BufferOwner {
  readonly source: BlockSource;
  readonly number: number;
  readonly description: RowGroupDescription;
  readonly id: string;
  readonly sizeBytes: number;
  readonly baseUnixNano: bigint;
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
    this.description = source.description.rowGroups[number]!;
    this.id = `${source.blockId}/${number}`;
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
      cache.grow(this.#tracesEntry, traces.byteLength);
      return traces;
    }
    cache.touch(this.#tracesEntry);
    return this.#traces;
  }

  /** Buffer of a fixed column. `traces` belongs to this row group. */
  fixed<T extends 'spans' | 'events' | 'links'>(
    table: T,
    name: FixedName<T>,
    traces: TraceArrays,
  ): ColumnBuffer | undefined {
    return this.#buffer(table, name, (place) => this.#makeFixed(name, place, traces));
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
    for (const column of this.source.description.layout[table].columns) {
      if (column.scope !== scope) continue;
      const count = this.#valueCount(table, column.name);
      if (count > 0) out.push({ column, count });
    }
    return out;
  }

  /** Keys of a scope that share an overflow column and have values here. */
  overflowColumns(scope: TableColumnScope): { name: string; column: TableColumn; count: number }[] {
    const overflow = this.source.description.layout[tableOfScope[scope]].overflow.find((o) => o.scope === scope);
    if (overflow === undefined) return [];
    const counts = this.description.overflowCounts[overflow.name] ?? [];
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

  #makeFixed(name: string, place: ChunkPlace, traces: TraceArrays): ColumnBuffer {
    const { first, base } = this.#table;
    const { rows, where } = place;
    switch (name) {
      case 'span_id':
      case 'trace_id':
        return new FixedBuffer(place, this);
      case 'parent_distance': {
        const values = new Int32Array(rows);
        return new LookupBuffer(place, { values, numbersOf: int32Values, convert: parentRows(where) }, this);
      }
      case 'unlinked_parent_id':
        // Eight bytes a value, as an int has.
        return new CodesBuffer(place, 'int', this);
      case 'subtree_size':
        return new LookupBuffer(place, { values: new Uint32Array(rows), numbersOf: int32Values }, this);
      case 'start_offset_nano':
        return new TimesBuffer(place, startDoubles(traces, base), this);
      case 'duration_nano':
        return new TimesBuffer(place, durationDoubles, this);
      case 'time_offset_nano':
        return new TimesBuffer(place, signedDoubles, this);
      case 'kind':
      case 'status': {
        const numbersOf = wordNumbers(where, name === 'kind' ? kindNames : statusNames);
        return new LookupBuffer(place, { values: new Uint8Array(rows), numbersOf }, this);
      }
      case 'resource': {
        const convert = localRows(where, first.resources, this.rows('resources'));
        return new LookupBuffer(place, { values: new Int32Array(rows), numbersOf: int32Values, convert }, this);
      }
      case 'span':
        return new Int32Buffer(place, localRows(where, first.spans, this.rows('spans')), this);
      default:
        return new CodesBuffer(place, 'string', this);
    }
  }
}

/** Part of the block's bytes by spans; the last row group has what is left. */
function shareOf({ sizeBytes, description: { rowGroups } }: BlockSource, number: number): number {
  const spans = rowGroups.reduce((sum, group) => sum + group.rows.spans, 0);
  const share = (group: RowGroupDescription) => Math.floor((sizeBytes * group.rows.spans) / spans);
  if (number < rowGroups.length - 1) return share(rowGroups[number]!);
  return sizeBytes - rowGroups.slice(0, -1).reduce((sum, group) => sum + share(group), 0);
}

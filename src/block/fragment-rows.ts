/** What stands behind a fragment of a block: all rows of a row group, or those of some traces. */
import type { TableColumn } from '../model/span-table.ts';
import type { ReadCost, TableColumnScope, ValueType } from '../traceql/storage.ts';
import type { BlockSource } from './block-source.ts';
import type { ColumnBuffer } from './column-buffer.ts';
import type { CodesBuffer } from './column-buffers.ts';
import type { FixedTable } from './fixed-buffers.ts';
import type { BlockTable, FixedName, LayoutColumn } from './layout.ts';
import type { OverflowValues } from './overflow-values.ts';
import type { TraceArrays } from './trace-arrays.ts';
import type { TraceIndex } from './trace-index.ts';

export interface CountedLayoutColumn {
  readonly column: LayoutColumn;
  readonly count: number;
}

export interface FragmentRows {
  readonly source: BlockSource;
  readonly id: string;
  readonly sizeBytes: number;
  readonly baseUnixNano: bigint;
  /** ns since the base. */
  readonly minStart: number;
  readonly maxEnd: number;
  readonly traceIndex: TraceIndex;
  /** Pages are read for a few rows of each: see {@link BlockSource.loadContext}. */
  readonly isSelection: boolean;

  rows(table: BlockTable): number;
  traces(cost: ReadCost, signal?: AbortSignal): Promise<TraceArrays>;
  /** Buffer of a fixed column; undefined when the table has no rows here. `traces` are those of these rows. */
  fixed<T extends FixedTable>(table: T, name: FixedName<T>, traces: TraceArrays): ColumnBuffer | undefined;
  /** Buffer of a field or attribute column; undefined when the table has no rows here. */
  codes(table: BlockTable, name: string, type: ValueType): CodesBuffer | undefined;
  /** Field and attribute columns of a scope that may have values here, with how many at most. */
  columns(scope: TableColumnScope): readonly CountedLayoutColumn[];
  /** Keys of a scope that share an overflow column and may have values here. */
  overflowColumns(scope: TableColumnScope): readonly { name: string; column: TableColumn; count: number }[];
  /** What is loaded of an overflow column, by key. */
  overflowValues(buffer: CodesBuffer): OverflowValues;
  /** Rows of the row group to load, as [first, end) pairs, so that these rows of the fragment are there. */
  groupRows(table: BlockTable, rows: readonly number[]): readonly number[];
  /** Some of the traces (ascending, one at least) as rows of their own. Reads what it needs of the traces table. */
  select(traces: readonly number[], cost: ReadCost, signal?: AbortSignal): Promise<FragmentRows>;
}

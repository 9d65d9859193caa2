/** Builds a block from tables that are in memory. */
import { assert } from '../base/assert.ts';
import type { SpanTableData } from '../model/span-table.ts';
import { type BlockSummary, BlockWriter, type BlockWriterOptions, type FileChunk } from './block-writer.ts';
import { ATTRIBUTE_COLUMNS_MAX, type CountedColumn, chooseLayout, ROW_GROUP_SPANS_MAX } from './layout.ts';
import { type OrderedTable, orderTable, sliceTable } from './order.ts';

export interface BuildOptions extends BlockWriterOptions {
  /** Spans a row group may hold unless a single trace has more. Default {@link ROW_GROUP_SPANS_MAX}. */
  readonly rowGroupSpansMax?: number;
  /** Default {@link ATTRIBUTE_COLUMNS_MAX}. */
  readonly attributeColumnsMax?: number;
}

export interface BuiltBlock extends BlockSummary {
  /** The bytes of each file, in pieces. */
  readonly parts: ReadonlyMap<string, readonly Uint8Array[]>;
}

/**
 * Makes the files of a block that holds all spans of the tables, at least one. The tables become row groups one after the
 * other, split at traces. Runs without a break: about 2 µs a span.
 */
export function buildBlock(tables: readonly OrderedTable[], options: BuildOptions = {}): BuiltBlock {
  const layout = chooseLayout(tables.flatMap(countColumns), options.attributeColumnsMax ?? ATTRIBUTE_COLUMNS_MAX);
  const writer = new BlockWriter(layout, options);
  const parts = new Map<string, Uint8Array[]>();
  for (const table of tables) {
    for (const slice of rowGroups(table, options.rowGroupSpansMax ?? ROW_GROUP_SPANS_MAX)) {
      writer.add(slice);
      collect(writer.takeChunks(), parts);
    }
  }
  const summary = writer.finish();
  collect(writer.takeChunks(), parts);
  return { ...summary, parts };
}

/** Like {@link buildBlock}, for a table in arrival order. */
export function buildBlockOf(data: SpanTableData, options: BuildOptions = {}): BuiltBlock {
  assert(data.spanCount > 0, 'a block has spans');
  return buildBlock([orderTable(data)], options);
}

function collect(chunks: readonly FileChunk[], parts: Map<string, Uint8Array[]>): void {
  for (const { file, bytes } of chunks) {
    const list = parts.get(file);
    if (list === undefined) parts.set(file, [bytes]);
    else list.push(bytes);
  }
}

/** Cuts a table at traces. */
function* rowGroups(table: OrderedTable, spansMax: number): Generator<OrderedTable> {
  const { traceFirstSpan, traceCount } = table;
  let first = 0;
  for (let t = 1; t <= traceCount; t++) {
    if (t < traceCount && traceFirstSpan[t + 1]! - traceFirstSpan[first]! <= spansMax) continue;
    yield sliceTable(table, first, t);
    first = t;
  }
}

/**
 * How many rows have a value in each column. Rows that were dropped as duplicates, or rolled back behind the table's counts,
 * may be counted too: the counts only choose which columns are rare.
 */
function countColumns({ data }: OrderedTable): CountedColumn[] {
  const counts = new Uint32Array(data.columns.length);
  const count = (values: Uint32Array, length: number) => {
    for (let i = 0; i < length; i++) counts[data.valueColumn[values[i]!]!]!++;
  };
  count(data.attrs, data.attrCount);
  count(data.eventAttrs, data.eventAttrCount);
  count(data.linkAttrs, data.linkAttrCount);
  count(data.resourceAttrs, data.resourceAttrCount);
  return data.columns.map((column, i) => ({ ...column, count: counts[i]! }));
}

/**
 * Which Parquet columns the tables of a block have. `docs/format/block.md` describes them for other readers; the names
 * here are what SQL users see.
 *
 * Every table has its fixed columns, then one column for each rarely set field and each attribute key and type that
 * occurs. When a table has more attribute columns than {@link ATTRIBUTE_COLUMNS_MAX}, the rarest share one overflow
 * column a scope (`overflow.ts`).
 */
import type { TableColumn } from '../model/span-table.ts';
import type { ColumnSchema } from '../parquet/schema.ts';
import type { ColumnScope, TableColumnScope, ValueType } from '../traceql/storage.ts';
import { tableOfScope } from './scopes.ts';

export const blockTables = ['traces', 'spans', 'resources', 'events', 'links'] as const;
export type BlockTable = (typeof blockTables)[number];

/** Rows of each table. */
export type RowCounts = Record<BlockTable, number>;

export const INDEX_FILE = 'index';
export const tableFile = (table: BlockTable): string => `${table}.parquet`;

/**
 * Attribute columns a table has at most; beyond it the rarest go to the overflow column. Every column costs about 150
 * bytes a row group in footer and page index and a pass over the rows when traces are put together.
 */
export const ATTRIBUTE_COLUMNS_MAX = 800;

/**
 * Rows of a page of a dense column. Against 16,384 this costs 1.7 % more bytes and halves what must be decompressed to
 * read one trace; 4,096 would cost 3 % more.
 */
export const PAGE_ROWS = 8_192;

/** A row group ends before the trace that would exceed this; only a larger single trace does. */
export const ROW_GROUP_SPANS_MAX = 131_072;

type Named<N extends string> = ColumnSchema & { readonly name: N };

const int32 = <N extends string>(name: N): Named<N> => ({ name, physical: 'int32', optional: false });
const int64 = <N extends string>(name: N): Named<N> => ({ name, physical: 'int64', optional: false });
const id = <N extends string>(name: N, width: number, optional = false): Named<N> => ({
  name,
  physical: 'fixed',
  width,
  optional,
});
const text = <N extends string>(name: N, optional: boolean): Named<N> => ({
  name,
  physical: 'byteArray',
  logical: 'string',
  optional,
});

export const fixedColumns = {
  traces: [
    int32('trace'),
    id('trace_id', 16),
    int64('start_unix_nano'),
    int64('duration_nano'),
    int32('root_span'),
    text('root_name', true),
    text('root_service', true),
    int32('first_span'),
    int32('span_count'),
    int32('error_count'),
    int32('first_event'),
    int32('first_link'),
  ],
  spans: [
    int32('span'),
    int32('trace'),
    id('span_id', 8),
    int32('parent_distance'),
    id('unlinked_parent_id', 8, true),
    int32('subtree_size'),
    int64('start_offset_nano'),
    int64('duration_nano'),
    text('name', false),
    text('kind', false),
    text('status', false),
    int32('resource'),
  ],
  resources: [int32('resource')],
  events: [int32('span'), int64('time_offset_nano'), text('name', false)],
  links: [int32('span'), id('trace_id', 16), id('span_id', 8)],
} as const satisfies Record<BlockTable, readonly ColumnSchema[]>;

export type FixedName<T extends BlockTable> = (typeof fixedColumns)[T][number]['name'];

/** Words for OTLP's numbers; the index is the number. */
export const kindNames = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
export const statusNames = ['unset', 'ok', 'error'] as const;

/** A field or attribute column of a block. */
export interface LayoutColumn extends TableColumn {
  /** Name of the Parquet column. */
  readonly name: string;
}

/** A column that holds the rare keys of a scope together. */
export interface OverflowColumn {
  readonly scope: ColumnScope;
  readonly name: string;
  readonly keys: readonly TableColumn[];
}

export interface TableLayout {
  readonly columns: readonly LayoutColumn[];
  readonly overflow: readonly OverflowColumn[];
}

export type BlockLayout = Readonly<Record<BlockTable, TableLayout>>;

export interface CountedColumn extends TableColumn {
  /** Rows that have a value. */
  readonly count: number;
}

export const columnKey = (c: TableColumn): string => `${c.scope}\0${c.type}\0${c.key}`;

/** Decides the columns of a block that holds these. Counts of the same column add up. */
export function chooseLayout(
  counted: Iterable<CountedColumn>,
  attributeColumnsMax = ATTRIBUTE_COLUMNS_MAX,
): BlockLayout {
  const merged = new Map<string, CountedColumn>();
  for (const column of counted) {
    if (column.count === 0 || isFixed(column)) continue;
    const key = columnKey(column);
    const { scope, key: name, type, count } = column;
    merged.set(key, { scope, key: name, type, count: count + (merged.get(key)?.count ?? 0) });
  }
  const byTable = (table: BlockTable) => [...merged.values()].filter((c) => tableOfScope[c.scope] === table);
  return {
    traces: { columns: [], overflow: [] },
    spans: tableLayout(byTable('spans'), attributeColumnsMax),
    resources: tableLayout(byTable('resources'), attributeColumnsMax),
    events: tableLayout(byTable('events'), attributeColumnsMax),
    links: tableLayout(byTable('links'), attributeColumnsMax),
  };
}

/** Names of spans and events are fixed columns. */
const isFixed = ({ scope, key }: TableColumn): boolean =>
  key === 'name' && (scope === 'spanField' || scope === 'eventField');

function tableLayout(columns: readonly CountedColumn[], attributeColumnsMax: number): TableLayout {
  const fields = columns.filter((c) => isField(c.scope)).sort(byName);
  const attributes = columns.filter((c) => !isField(c.scope)).sort((a, b) => b.count - a.count || byName(a, b));
  const own = attributes.slice(0, attributeColumnsMax).sort(byName);
  const rare = attributes.slice(attributeColumnsMax).sort(byName);
  const scopes = [...new Set(rare.map((c) => c.scope as ColumnScope))];
  return {
    columns: nameColumns([...fields, ...own]),
    overflow: scopes.map((scope) => ({
      scope,
      name: `more_${scope}_attributes`,
      keys: rare.filter((c) => c.scope === scope).map(({ key, type }) => ({ scope, key, type })),
    })),
  };
}

const isField = (scope: TableColumnScope): boolean => scope.endsWith('Field');

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const byName = (a: TableColumn, b: TableColumn): number =>
  compare(a.scope, b.scope) || compare(a.key, b.key) || compare(a.type, b.type);

/**
 * Fields are called by their name in snake case. Attributes are called `<scope>.<key>`, and `<scope>.<key>:<type>` when the
 * table has the key with several types, or when another key is called like that already.
 */
function nameColumns(columns: readonly TableColumn[]): LayoutColumn[] {
  const types = new Map<string, number>();
  const plain = ({ scope, key }: TableColumn) =>
    isField(scope) ? key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : `${scope}.${key}`;
  for (const column of columns) types.set(plain(column), (types.get(plain(column)) ?? 0) + 1);
  const taken = new Set<string>();
  return columns.map(({ scope, key, type }) => {
    let name = plain({ scope, key, type });
    if (types.get(name)! > 1) name += `:${type}`;
    while (taken.has(name)) name += `:${type}`;
    taken.add(name);
    return { scope, key, type, name };
  });
}

const physicalOf: Readonly<Record<ValueType, ColumnSchema['physical']>> = {
  string: 'byteArray',
  int: 'int64',
  double: 'double',
  bool: 'boolean',
  any: 'byteArray',
};

/** The Parquet schema of a table. */
export function tableSchema(table: BlockTable, layout: TableLayout): ColumnSchema[] {
  return [
    ...fixedColumns[table],
    ...layout.columns.map(
      ({ name, type }): ColumnSchema =>
        type === 'string' ? text(name, true) : { name, physical: physicalOf[type], optional: true },
    ),
    ...layout.overflow.map(({ name }): ColumnSchema => ({ name, physical: 'byteArray', optional: true })),
  ];
}

/** A plain table for up to a few hundred rows, with sortable heads. Longer lists are virtualised by their pages. */
import type { ComponentChildren } from 'preact';
import { Icon } from './icons.tsx';

export interface Column<Row> {
  readonly key: string;
  readonly head: string;
  readonly cell: (row: Row) => ComponentChildren;
  readonly number?: boolean;
  readonly sortable?: boolean;
}

export interface TableProps<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  readonly sort?: { readonly key: string; readonly descending: boolean };
  /** Another column, or the other direction. */
  readonly onSort?: (key: string) => void;
}

export function Table<Row>({ label, columns, rows, rowKey, sort, onSort }: TableProps<Row>) {
  return (
    <table class="table" aria-label={label}>
      <thead>
        <tr>
          {columns.map((column) => {
            const sorted = sort?.key === column.key ? (sort.descending ? 'descending' : 'ascending') : undefined;
            return (
              <th key={column.key} class={column.number === true ? 'number' : undefined} aria-sort={sorted} scope="col">
                {column.sortable === true ? (
                  <button type="button" class="sort-button" onClick={() => onSort?.(column.key)}>
                    {column.head}
                    {sorted !== undefined && <SortMark descending={sorted === 'descending'} />}
                  </button>
                ) : (
                  column.head
                )}
              </th>
            );
          })}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={rowKey(row)}>
            {columns.map((column) => (
              <td key={column.key} class={column.number === true ? 'number' : undefined}>
                {column.cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function SortMark({ descending }: { readonly descending: boolean }) {
  return (
    <span class="sort-mark">
      <Icon name={descending ? 'down' : 'up'} />
    </span>
  );
}

/** Tables for people: columns as wide as their content, the flexible ones cut so that a row fits the terminal. */
import type { Paint } from './paint.ts';
import { cut, fit, printable, textWidth } from './width.ts';

export interface TableColumn {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** May be cut, down to a few characters. */
  readonly flexible?: boolean;
}

export type Cell = string | { readonly text: string; readonly paint: (text: string) => string };

const gap = '  ';
const flexibleWidthMin = 8;

/** Lines of head and rows. `width` undefined: nothing is cut. */
export function table(
  columns: readonly TableColumn[],
  rows: readonly (readonly Cell[])[],
  { width, paint }: { readonly width: number | undefined; readonly paint: Paint },
): string {
  const texts = rows.map((row) => row.map((cell) => printable(typeof cell === 'string' ? cell : cell.text)));
  const widths = columns.map(({ title }, i) =>
    texts.reduce((max, row) => Math.max(max, textWidth(row[i] ?? '')), textWidth(title)),
  );
  if (width !== undefined) shrink(columns, widths, width);
  const line = (cells: readonly string[], painted: (text: string, column: number) => string): string =>
    columns
      .map((column, i) => {
        const text = cells[i] ?? '';
        // Nothing stands behind the last column, so it needs no filling.
        const last = i === columns.length - 1 && column.align !== 'right';
        return painted(last ? cut(text, widths[i]!) : fit(text, widths[i]!, column.align), i);
      })
      .join(gap)
      .trimEnd();
  const head = line(
    columns.map(({ title }) => title),
    (text) => text,
  );
  const body = texts.map((cells, row) =>
    line(cells, (text, column) => {
      const cell = rows[row]![column];
      return cell === undefined || typeof cell === 'string' ? text : cell.paint(text);
    }),
  );
  return [paint.bold(head), ...body].join('\n');
}

/** Takes from the widest flexible column until the row fits, or nothing more can be taken. */
function shrink(columns: readonly TableColumn[], widths: number[], width: number): void {
  let excess = widths.reduce((sum, w) => sum + w, 0) + gap.length * (widths.length - 1) - width;
  while (excess > 0) {
    let widest = -1;
    for (const [i, { flexible }] of columns.entries()) {
      if (flexible === true && widths[i]! > flexibleWidthMin && (widest === -1 || widths[i]! > widths[widest]!))
        widest = i;
    }
    if (widest === -1) return;
    widths[widest]!--;
    excess--;
  }
}

/**
 * Resource rows of a trace that lies in several fragments: those that its spans name, each once, however many pieces have
 * it. They are few, so they are compared as text.
 */
import type { Column } from '../traceql/storage.ts';
import { codeArray, joinValues, PlainDictionary } from './dictionary.ts';
import type { JoinedColumn } from './joined-columns.ts';

export interface JoinedResources {
  readonly count: number;
  /** By piece: row here + 1 of each of the piece's resource rows; 0 for those that no span names. */
  readonly rowOf: readonly Uint32Array[];
}

/** Settles the columns, whose pieces are loaded. `used`: by piece, the resource rows of its spans. */
export function joinResources(columns: readonly JoinedColumn[], used: readonly Set<number>[]): JoinedResources {
  const makers = columns.map((column) => new ColumnMaker(column));
  const known = new Map<string, number>();
  const rowOf = used.map((rows, piece) => {
    const numbers = new Uint32Array(rows.size === 0 ? 0 : Math.max(...rows) + 1);
    for (const row of rows) {
      const codes = makers.map((maker) => maker.code(piece, row));
      const key = codes.join();
      let number = known.get(key);
      if (number === undefined) {
        number = known.size + 1;
        known.set(key, number);
        for (const [i, maker] of makers.entries()) maker.codes.push(codes[i]!);
      }
      numbers[row] = number;
    }
    return numbers;
  });
  for (const maker of makers) maker.settle();
  return { count: known.size, rowOf };
}

class ColumnMaker {
  /** By resource row. */
  readonly codes: number[] = [];
  readonly #column: JoinedColumn;
  readonly #values: Uint8Array[] = [];
  readonly #codeOf = new Map<string, number>();

  constructor(column: JoinedColumn) {
    this.#column = column;
  }

  code(piece: number, row: number): number {
    const column: Column | undefined = this.#column.pieces[piece];
    const code = column?.codes[row] ?? 0;
    if (column === undefined || code === 0) return 0;
    const bytes = column.dictionary.bytes(code - 1);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    let known = this.#codeOf.get(text);
    if (known === undefined) {
      known = this.#values.push(bytes);
      this.#codeOf.set(text, known);
    }
    return known;
  }

  settle(): void {
    const codes = codeArray(this.codes.length, this.#values.length);
    codes.set(this.codes);
    this.#column.settle(codes, new PlainDictionary(this.#column.type, joinValues(this.#values)));
  }
}

/** What a block's columns take up, out of the footers of its files: for people who wonder where the bytes are. */
import { parseFile, tailBytesNeeded } from '../parquet/read-file.ts';
import { type BlockTable, blockTables, tableFile } from './layout.ts';

export interface ColumnSize {
  readonly column: string;
  readonly type: string;
  readonly encoding: string;
  /** Rows, nulls included. */
  readonly values: number;
  readonly nulls: number;
  /** Pages with their headers and dictionaries, over all row groups. */
  readonly bytes: number;
}

export interface TableSize {
  readonly table: BlockTable;
  readonly rows: number;
  readonly columns: readonly ColumnSize[];
}

/** Most footers are shorter. */
const tailBytesGuess = 64 * 1024;

/**
 * `sizes` are those of the block's files, `readTail` gives the last `length` bytes of one.
 * @throws RubatoError corrupt, or whatever reading throws
 */
export async function describeBlock(
  sizes: Readonly<Record<string, number>>,
  readTail: (file: string, length: number) => Promise<Uint8Array>,
): Promise<readonly TableSize[]> {
  const tables: TableSize[] = [];
  for (const table of blockTables) {
    const file = tableFile(table);
    const size = sizes[file] ?? 0;
    if (size === 0) continue;
    let tail = await readTail(file, Math.min(size, tailBytesGuess));
    // The footer is there after one more read at most, the indexes before it after another one.
    for (let needed = tailBytesNeeded(tail, size); needed > tail.length; needed = tailBytesNeeded(tail, size))
      tail = await readTail(file, needed);
    tables.push(describeTable(table, tail, size));
  }
  return tables;
}

function describeTable(table: BlockTable, tail: Uint8Array, size: number): TableSize {
  const { schema, rowGroups } = parseFile(tail, size);
  const columns = schema.map(({ name, physical }, i): ColumnSize => {
    const chunks = rowGroups.map((group) => group.columns[i]!);
    const sum = (read: (chunk: (typeof chunks)[number]) => number): number =>
      chunks.reduce((total, chunk) => total + read(chunk), 0);
    return {
      column: name,
      type: physical,
      encoding: [...new Set(chunks.map((chunk) => chunk.encoding))].join(),
      values: sum((chunk) => chunk.values),
      nulls: sum((chunk) => chunk.nulls),
      bytes: sum((chunk) => chunk.size),
    };
  });
  return { table, rows: rowGroups.reduce((rows, group) => rows + group.rows, 0), columns };
}

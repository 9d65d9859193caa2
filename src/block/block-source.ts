/** An opened block: its index, and where to read its tables from. */
import { corrupt } from '../base/errors.ts';
import { type ParquetFile, parseFile } from '../parquet/read-file.ts';
import type { ChunkPlace } from './column-buffer.ts';
import type { ColumnCache } from './column-cache.ts';
import type { BlockDescription, BlockIndex } from './index-file.ts';
import { type BlockTable, tableFile } from './layout.ts';
import type { ReadRange } from './page-loader.ts';

interface OpenTable {
  readonly file: ParquetFile;
  readonly columnIndex: ReadonlyMap<string, number>;
  /** Index of the first checksum of each chunk, row groups one after the other. */
  readonly firstChecksum: Uint32Array;
}

export class BlockSource {
  readonly blockId: string;
  readonly description: BlockDescription;
  readonly readRange: ReadRange;
  readonly cache: ColumnCache;
  /** Of all files. */
  readonly sizeBytes: number;
  readonly #index: BlockIndex;
  readonly #sizes: Readonly<Record<string, number>>;
  readonly #tables = new Map<BlockTable, OpenTable>();

  constructor(options: {
    blockId: string;
    index: BlockIndex;
    sizes: Readonly<Record<string, number>>;
    readRange: ReadRange;
    cache: ColumnCache;
  }) {
    this.blockId = options.blockId;
    this.description = options.index.description;
    this.readRange = options.readRange;
    this.cache = options.cache;
    this.#index = options.index;
    this.#sizes = options.sizes;
    this.sizeBytes = Object.values(options.sizes).reduce((sum, size) => sum + size, 0);
  }

  /** A column of a row group; undefined when the table has no rows there. @throws RubatoError corrupt */
  chunk(table: BlockTable, rowGroup: number, column: string): ChunkPlace | undefined {
    const { rowGroups } = this.description;
    const rows = rowGroups[rowGroup]!.rows[table];
    if (rows === 0) return undefined;
    const open = this.#open(table);
    // Row groups without rows are not in the file.
    let group = 0;
    for (let i = 0; i < rowGroup; i++) if (rowGroups[i]!.rows[table] > 0) group++;
    const where = `block ${this.blockId}, ${tableFile(table)}, column ${column}`;
    const index = open.columnIndex.get(column);
    const chunk = index === undefined ? undefined : open.file.rowGroups[group]?.columns[index];
    if (chunk === undefined || chunk.values !== rows) throw corrupt(where, 'not as the index describes it');
    const first = open.firstChecksum[group * open.file.schema.length + index!]!;
    const count = chunk.pages.length + (chunk.dictionaryOffset === undefined ? 0 : 1);
    const checksums = this.#index.tables[table].pageChecksums.subarray(first, first + count);
    return { where, table, chunk, checksums, rows };
  }

  #open(table: BlockTable): OpenTable {
    let open = this.#tables.get(table);
    if (open === undefined) {
      open = this.#parse(table);
      this.#tables.set(table, open);
    }
    return open;
  }

  #parse(table: BlockTable): OpenTable {
    const { tail, pageChecksums } = this.#index.tables[table];
    const file = parseFile(tail, this.#sizes[tableFile(table)] ?? 0);
    const firstChecksum = new Uint32Array(file.rowGroups.length * file.schema.length);
    let pages = 0;
    let at = 0;
    for (const group of file.rowGroups) {
      for (const chunk of group.columns) {
        firstChecksum[at++] = pages;
        pages += chunk.pages.length + (chunk.dictionaryOffset === undefined ? 0 : 1);
      }
    }
    if (pages !== pageChecksums.length)
      throw corrupt(`block ${this.blockId}, index`, `${pageChecksums.length} checksums for ${pages} pages of ${table}`);
    return { file, columnIndex: new Map(file.schema.map(({ name }, i) => [name, i])), firstChecksum };
  }
}

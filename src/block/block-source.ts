/**
 * A stored block: its index, and where to read its tables from. The index's details, some hundred kilobytes in memory, are
 * unpacked when they are first needed and dropped by the cache like columns are.
 */
import { corrupt } from '../base/errors.ts';
import { type ParquetFile, parseFile } from '../parquet/read-file.ts';
import type { ReadCost } from '../traceql/storage.ts';
import type { ChunkPlace } from './column-buffer.ts';
import type { CacheEntry, ColumnCache } from './column-cache.ts';
import type { BlockDetails, OpenIndex, RowGroupDescription } from './index-file.ts';
import { KeptPages } from './kept-pages.ts';
import { type BlockTable, INDEX_FILE, tableFile } from './layout.ts';
import type { LoadContext, ReadRange } from './page-loader.ts';
import type { TraceIndex } from './trace-index.ts';

interface OpenTable {
  readonly file: ParquetFile;
  readonly columnIndex: ReadonlyMap<string, number>;
  /** Index of the first checksum of each chunk, row groups one after the other. */
  readonly firstChecksum: Uint32Array;
}

/** Parsed page locations take about so many times the bytes that they are parsed from. */
const PARSED_RATIO = 4;

/** Unpacked details and what has been parsed of them. */
class Details implements CacheEntry {
  readonly stored: BlockDetails;
  readonly tables = new Map<BlockTable, OpenTable>();
  readonly #forget: () => void;

  constructor(stored: BlockDetails, forget: () => void) {
    this.stored = stored;
    this.#forget = forget;
  }

  drop(): void {
    this.#forget();
  }
}

export class BlockSource {
  readonly blockId: string;
  readonly readRange: ReadRange;
  readonly cache: ColumnCache;
  /** Of all files. */
  readonly sizeBytes: number;
  /** Bytes between two pages of a trace that are rather read than paid for with another request. */
  readonly traceGapBytesMax: number;
  readonly #index: OpenIndex;
  readonly #sizes: Readonly<Record<string, number>>;
  readonly #keptPages: KeptPages;
  #details: Details | undefined;

  constructor(options: {
    blockId: string;
    index: OpenIndex;
    sizes: Readonly<Record<string, number>>;
    readRange: ReadRange;
    cache: ColumnCache;
    traceGapBytesMax: number;
  }) {
    this.blockId = options.blockId;
    this.readRange = options.readRange;
    this.cache = options.cache;
    this.#keptPages = new KeptPages(options.cache);
    this.traceGapBytesMax = options.traceGapBytesMax;
    this.#index = options.index;
    this.#sizes = options.sizes;
    this.sizeBytes = Object.values(options.sizes).reduce((sum, size) => sum + size, 0);
  }

  get rowGroups(): readonly RowGroupDescription[] {
    return this.#index.rowGroups;
  }

  traceIndex(rowGroup: number): TraceIndex {
    return this.#index.traces[rowGroup]!;
  }

  /** What loading pages needs. `ofTraces`: a few rows of many columns are wanted, which lie far apart. */
  loadContext(cost: ReadCost, signal: AbortSignal | undefined, ofTraces: boolean): LoadContext {
    const inline = (file: string) => this.#index.inline.get(file);
    const { readRange } = this;
    const base = { readRange, inline, cost, signal };
    return ofTraces ? { ...base, gapBytesMax: this.traceGapBytesMax, kept: this.#keptPages } : base;
  }

  /** @throws RubatoError corrupt */
  get details(): BlockDetails {
    return this.#open().stored;
  }

  /** A column of a row group; undefined when the table has no rows there. @throws RubatoError corrupt */
  chunk(table: BlockTable, rowGroup: number, column: string): ChunkPlace | undefined {
    const { rowGroups } = this;
    const rows = rowGroups[rowGroup]!.rows[table];
    if (rows === 0) return undefined;
    const { stored } = this.#open();
    const open = this.#table(table);
    // Row groups without rows are not in the file.
    let group = 0;
    for (let i = 0; i < rowGroup; i++) if (rowGroups[i]!.rows[table] > 0) group++;
    const where = `block ${this.blockId}, ${tableFile(table)}, column ${column}`;
    const index = open.columnIndex.get(column);
    const chunk = index === undefined ? undefined : open.file.rowGroups[group]?.columns[index];
    if (chunk === undefined || chunk.values !== rows) throw corrupt(where, 'not as the index describes it');
    const first = open.firstChecksum[group * open.file.schema.length + index!]!;
    const count = chunk.pages.length + (chunk.dictionaryOffset === undefined ? 0 : 1);
    const checksums = stored.tables[table].pageChecksums.subarray(first, first + count);
    return { where, table, chunk, checksums, rows };
  }

  #open(): Details {
    if (this.#details === undefined) {
      const details = new Details(this.#index.details(), () => {
        this.#details = undefined;
      });
      this.#details = details;
      this.cache.touch(details);
      this.cache.grow(details, details.stored.byteLength * PARSED_RATIO);
      return details;
    }
    this.cache.touch(this.#details);
    return this.#details;
  }

  #table(table: BlockTable): OpenTable {
    const { tables, stored } = this.#open();
    let open = tables.get(table);
    if (open === undefined) {
      open = this.#parse(table, stored);
      tables.set(table, open);
    }
    return open;
  }

  #parse(table: BlockTable, details: BlockDetails): OpenTable {
    const { tail, pageChecksums } = details.tables[table];
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
      throw corrupt(
        `block ${this.blockId}, ${INDEX_FILE}`,
        `${pageChecksums.length} checksums for ${pages} pages of ${table}`,
      );
    return { file, columnIndex: new Map(file.schema.map(({ name }, i) => [name, i])), firstChecksum };
  }
}

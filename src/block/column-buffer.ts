/**
 * A column of a row group in memory: arrays for all its rows or some selected ones, filled page by page. Which pages are there, and which are on
 * their way, is kept here; reading them is `page-loader.ts`.
 *
 * A buffer may be dropped by the cache while queries hold it. It then still works and is freed with them.
 */
import { corrupt, RubatoError } from '../base/errors.ts';
import type { ColumnChunk, PageLocation } from '../parquet/read-file.ts';
import type { CacheEntry } from './column-cache.ts';
import type { BlockTable } from './layout.ts';
import type { RowSelection } from './row-selection.ts';

/** Where a column chunk lies. */
export interface ChunkPlace {
  /** Names block, file and column in errors. */
  readonly where: string;
  readonly table: BlockTable;
  readonly chunk: ColumnChunk;
  /** CRC-32 of the dictionary page, if there is one, and of each data page. */
  readonly checksums: Uint32Array;
  /** Rows of the column in memory: those of the row group, or the selected ones. */
  readonly rows: number;
  /** Undefined: all rows. */
  readonly selection?: RowSelection;
}

/** How a buffer tells what memory it took and that it was dropped. */
export interface BufferOwner {
  grew(buffer: ColumnBuffer, bytes: number): void;
  dropped(buffer: ColumnBuffer): void;
}

export abstract class ColumnBuffer implements CacheEntry {
  readonly place: ChunkPlace;
  /** 1 for pages that are decoded. */
  readonly loaded: Uint8Array;
  /** Settles when whoever reads the page is done; undefined when nobody does. */
  readonly pending: (Promise<void> | undefined)[];
  dictionaryLoaded: boolean;
  dictionaryPending: Promise<void> | undefined;
  readonly #owner: BufferOwner | undefined;

  constructor(place: ChunkPlace, owner?: BufferOwner) {
    const { chunk } = place;
    this.place = place;
    this.#owner = owner;
    this.pending = new Array(chunk.pages.length);
    // Pages without values are what the arrays are made of: nothing to read.
    this.loaded = Uint8Array.from(chunk.pages, (page) => (page.nulls === page.rows ? 1 : 0));
    this.dictionaryLoaded = chunk.dictionaryOffset === undefined || chunk.nulls === chunk.values;
  }

  /** The buffer that holds the dictionary of this one's codes. */
  get dictionaryOwner(): ColumnBuffer {
    return this;
  }

  /** Takes a whole page. The bytes are not kept. @throws RubatoError corrupt */
  acceptPage(index: number, bytes: Uint8Array): void {
    const page = this.place.chunk.pages[index]!;
    this.#checked(page.offset, () => this.decodePage(page, bytes));
    this.loaded[index] = 1;
  }

  acceptDictionary(bytes: Uint8Array): void {
    this.#checked(this.place.chunk.dictionaryOffset!, () => this.decodeDictionary(bytes));
    this.dictionaryLoaded = true;
  }

  drop(): void {
    this.#owner?.dropped(this);
  }

  protected abstract decodePage(page: PageLocation, bytes: Uint8Array): void;

  protected decodeDictionary(_bytes: Uint8Array): void {
    throw corrupt(this.place.where, 'a dictionary where none belongs');
  }

  protected grew(bytes: number): void {
    this.#owner?.grew(this, bytes);
  }

  /** @throws RubatoError corrupt unless a page had the rows that the index says. */
  protected expectRows(page: PageLocation, rows: number): void {
    if (rows !== page.rows) throw corrupt(this.place.where, `${rows} rows instead of ${page.rows}`);
  }

  #checked(offset: number, decode: () => void): void {
    try {
      decode();
    } catch (cause) {
      if (!(cause instanceof RubatoError)) throw cause;
      throw corrupt(`${this.place.where}, page at byte ${offset}`, cause.message, cause);
    }
  }
}

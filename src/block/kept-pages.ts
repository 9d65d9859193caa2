/**
 * Pages of traces, decompressed, for the next trace of which they hold rows: traces that are looked at one after another
 * lie close together, and reading their pages again would take longer than decoding them. Kept by stretches of a file, so
 * that the cache drops those that nobody looks at any more.
 */
import { unpackedPage } from '../parquet/page.ts';
import type { CacheEntry, ColumnCache } from './column-cache.ts';

const STRETCH_BYTES = 1 << 18;
/** Memory of a page beside its bytes, about. */
const PAGE_OVERHEAD_BYTES = 150;

class Stretch implements CacheEntry {
  /** By their place in the file. */
  readonly pages = new Map<number, Uint8Array>();
  readonly #forget: () => void;

  constructor(forget: () => void) {
    this.#forget = forget;
  }

  drop(): void {
    this.#forget();
  }
}

export class KeptPages {
  readonly #cache: ColumnCache;
  readonly #stretches = new Map<string, Stretch>();

  constructor(cache: ColumnCache) {
    this.#cache = cache;
  }

  get(file: string, offset: number): Uint8Array | undefined {
    const stretch = this.#stretches.get(stretchOf(file, offset));
    if (stretch === undefined) return undefined;
    this.#cache.touch(stretch);
    return stretch.pages.get(offset);
  }

  /** Keeps a copy of a data page. */
  keep(file: string, offset: number, page: Uint8Array): void {
    const key = stretchOf(file, offset);
    let stretch = this.#stretches.get(key);
    if (stretch === undefined) {
      stretch = new Stretch(() => this.#stretches.delete(key));
      this.#stretches.set(key, stretch);
      // Only a later trace that finds it marks it as used: pages that no other trace wanted go first.
      this.#cache.touch(stretch);
    }
    if (stretch.pages.has(offset)) return;
    const unpacked = unpackedPage(page, file);
    stretch.pages.set(offset, unpacked);
    this.#cache.grow(stretch, unpacked.length + PAGE_OVERHEAD_BYTES);
  }
}

const stretchOf = (file: string, offset: number): string => `${file}/${Math.floor(offset / STRETCH_BYTES)}`;

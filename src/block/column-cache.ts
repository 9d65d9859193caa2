/**
 * Bounds the memory of decoded columns over all fragments. What was used longest ago is dropped first; dropping only lets
 * go of a reference, so a query that still holds a column can read on, and the memory is freed when it is done.
 */
export interface CacheEntry {
  /** The owner forgets the entry. */
  drop(): void;
}

export class ColumnCache {
  readonly #budgetBytes: number;
  /** In order of last use. */
  readonly #bytes = new Map<CacheEntry, number>();
  #usedBytes = 0;

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Adds an entry, or makes it the last used. */
  touch(entry: CacheEntry): void {
    const bytes = this.#bytes.get(entry) ?? 0;
    this.#bytes.delete(entry);
    this.#bytes.set(entry, bytes);
  }

  /** The entry grew. Does nothing for entries that were dropped. */
  grow(entry: CacheEntry, bytes: number): void {
    const before = this.#bytes.get(entry);
    if (before === undefined) return;
    this.#bytes.set(entry, before + bytes);
    this.#usedBytes += bytes;
    if (this.#usedBytes > this.#budgetBytes) this.#shrink(entry);
  }

  /** Forgets an entry without telling it. */
  remove(entry: CacheEntry): void {
    this.#usedBytes -= this.#bytes.get(entry) ?? 0;
    this.#bytes.delete(entry);
  }

  #shrink(keep: CacheEntry): void {
    for (const entry of this.#bytes.keys()) {
      if (this.#usedBytes <= this.#budgetBytes) return;
      if (entry === keep) continue;
      this.remove(entry);
      entry.drop();
    }
  }
}

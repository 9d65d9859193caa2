/**
 * Bounds the memory of decoded columns over all fragments. What has not been used for long is dropped first; dropping only
 * lets go of a reference, so a query that still holds a column can read on, and the memory is freed when it is done.
 *
 * A use only sets a mark, since a query uses a hundred columns and the order is rarely needed: who looks for something to
 * drop goes through the entries in the order of their last visit, takes a mark away and visits again later, or drops what
 * has none ("second chance").
 */
export interface CacheEntry {
  /** The owner forgets the entry. */
  drop(): void;
}

interface Held {
  bytes: number;
  used: boolean;
}

export class ColumnCache {
  readonly #budgetBytes: number;
  readonly #held = new Map<CacheEntry, Held>();
  #usedBytes = 0;

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Adds an entry, or notes that it is used. */
  touch(entry: CacheEntry): void {
    const held = this.#held.get(entry);
    if (held === undefined) this.#held.set(entry, { bytes: 0, used: false });
    else held.used = true;
  }

  /** The entry grew. Does nothing for entries that were dropped. */
  grow(entry: CacheEntry, bytes: number): void {
    const held = this.#held.get(entry);
    if (held === undefined) return;
    held.bytes += bytes;
    this.#usedBytes += bytes;
    if (this.#usedBytes > this.#budgetBytes) this.#shrink(entry);
  }

  /** Forgets an entry without telling it. */
  remove(entry: CacheEntry): void {
    this.#usedBytes -= this.#held.get(entry)?.bytes ?? 0;
    this.#held.delete(entry);
  }

  #shrink(keep: CacheEntry): void {
    // Entries that are put back are met again, now without a mark; each is seen twice at most.
    let left = this.#held.size * 2;
    for (const [entry, held] of this.#held) {
      if (this.#usedBytes <= this.#budgetBytes || left-- === 0) return;
      if (held.used || entry === keep) {
        this.#held.delete(entry);
        this.#held.set(entry, held);
        held.used = false;
        continue;
      }
      this.remove(entry);
      entry.drop();
    }
  }
}

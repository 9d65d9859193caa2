/** Values by key, bounded by bytes; what was used longest ago goes first. A key must say what kind of value it is for. */
export class LruCache {
  readonly #bytesMax: number;
  /** In order of last use. */
  readonly #entries = new Map<string, { readonly value: object; readonly bytes: number }>();
  #bytes = 0;

  /** 0 keeps nothing. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What was kept under a key. */
  get(key: string): object | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Keeps a value that nobody changes any more. One that is larger than a quarter of the cache is not kept. */
  set(key: string, value: object, valueBytes: number): void {
    const bytes = valueBytes + key.length * 2 + 128;
    const old = this.#entries.get(key);
    if (old !== undefined) {
      this.#entries.delete(key);
      this.#bytes -= old.bytes;
    }
    if (bytes * 4 > this.#bytesMax) return;
    this.#entries.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#entries.delete(oldest);
      this.#bytes -= entry.bytes;
    }
  }
}

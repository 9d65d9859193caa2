/** Counts what a store is asked for: tests assert the cost of a read, metrics report it. */
import {
  byteLength,
  type ListedObject,
  type ListOptions,
  type ObjectStore,
  type ObjectStoreOperation,
  type ObjectTail,
  type PutOptions,
} from './object-store.ts';

export interface OperationCount {
  /** Started. A listing counts once, however many pages a bucket makes of it. */
  requests: number;
  /** Of objects' contents, of those that succeeded. */
  bytes: number;
  errors: number;
}

export type OperationCounts = Record<ObjectStoreOperation, OperationCount>;

function zeroCounts(): OperationCounts {
  const zero = (): OperationCount => ({ requests: 0, bytes: 0, errors: 0 });
  return { put: zero(), get: zero(), getRange: zero(), getTail: zero(), list: zero(), delete: zero() };
}

export class CountingObjectStore implements ObjectStore {
  readonly #inner: ObjectStore;
  counts: OperationCounts = zeroCounts();

  constructor(inner: ObjectStore) {
    this.#inner = inner;
  }

  reset(): void {
    this.counts = zeroCounts();
  }

  get requestCount(): number {
    let total = 0;
    for (const count of Object.values(this.counts)) total += count.requests;
    return total;
  }

  async put(key: string, body: Uint8Array | readonly Uint8Array[], options?: PutOptions): Promise<void> {
    await this.#count('put', () => this.#inner.put(key, body, options));
    this.counts.put.bytes += byteLength(body);
  }

  async get(key: string, signal?: AbortSignal): Promise<Uint8Array> {
    const bytes = await this.#count('get', () => this.#inner.get(key, signal));
    this.counts.get.bytes += bytes.length;
    return bytes;
  }

  async getRange(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    const bytes = await this.#count('getRange', () => this.#inner.getRange(key, offset, length, signal));
    this.counts.getRange.bytes += bytes.length;
    return bytes;
  }

  async getTail(key: string, length: number, signal?: AbortSignal): Promise<ObjectTail> {
    const tail = await this.#count('getTail', () => this.#inner.getTail(key, length, signal));
    this.counts.getTail.bytes += tail.bytes.length;
    return tail;
  }

  async *list(prefix: string, options?: ListOptions, signal?: AbortSignal): AsyncGenerator<ListedObject> {
    this.counts.list.requests++;
    try {
      yield* this.#inner.list(prefix, options, signal);
    } catch (error) {
      this.counts.list.errors++;
      throw error;
    }
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    await this.#count('delete', () => this.#inner.delete(key, signal));
  }

  async #count<T>(operation: ObjectStoreOperation, run: () => Promise<T>): Promise<T> {
    const count = this.counts[operation];
    count.requests++;
    try {
      return await run();
    } catch (error) {
      count.errors++;
      throw error;
    }
  }
}

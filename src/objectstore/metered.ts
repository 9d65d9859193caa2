/** Counts and times every request to a store in a {@link StoreMeter}. A listing counts once, whatever its pages. */
import { ErrorKind, RubatoError } from '../base/errors.ts';
import {
  byteLength,
  type ListedObject,
  type ListOptions,
  type ObjectStore,
  type ObjectStoreOperation,
  type ObjectTail,
  type PutOptions,
} from './object-store.ts';
import type { StoreMeter } from './store-meter.ts';

export class MeteredObjectStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #meter: StoreMeter;

  constructor(inner: ObjectStore, meter: StoreMeter) {
    this.#inner = inner;
    this.#meter = meter;
  }

  put(key: string, body: Uint8Array | readonly Uint8Array[], options?: PutOptions): Promise<void> {
    return this.#time('put', this.#inner.put(key, body, options), () => byteLength(body));
  }

  get(key: string, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#time('get', this.#inner.get(key, signal), (bytes) => bytes.length);
  }

  getRange(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#time('getRange', this.#inner.getRange(key, offset, length, signal), (bytes) => bytes.length);
  }

  getTail(key: string, length: number, signal?: AbortSignal): Promise<ObjectTail> {
    return this.#time('getTail', this.#inner.getTail(key, length, signal), (tail) => tail.bytes.length);
  }

  /** Only the store's time: what the caller does with a result in between is not counted. */
  async *list(prefix: string, options?: ListOptions, signal?: AbortSignal): AsyncGenerator<ListedObject> {
    const results = this.#inner.list(prefix, options, signal)[Symbol.asyncIterator]();
    let durationMs = 0;
    let kind: ErrorKind | undefined;
    try {
      for (;;) {
        const started = performance.now();
        const next = await results.next().finally(() => {
          durationMs += performance.now() - started;
        });
        if (next.done === true) return;
        yield next.value;
      }
    } catch (error) {
      kind = kindOf(error);
      throw error;
    } finally {
      this.#meter.request('list', kind, durationMs, 0);
      await results.return?.();
    }
  }

  delete(key: string, signal?: AbortSignal): Promise<void> {
    return this.#time('delete', this.#inner.delete(key, signal), () => 0);
  }

  async #time<T>(operation: ObjectStoreOperation, result: Promise<T>, bytesOf: (value: T) => number): Promise<T> {
    const started = performance.now();
    try {
      const value = await result;
      this.#meter.request(operation, undefined, performance.now() - started, bytesOf(value));
      return value;
    } catch (error) {
      this.#meter.request(operation, kindOf(error), performance.now() - started, 0);
      throw error;
    }
  }
}

function kindOf(error: unknown): ErrorKind {
  return error instanceof RubatoError ? error.kind : ErrorKind.unavailable;
}

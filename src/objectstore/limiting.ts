/**
 * Bounds the requests in flight; more wait in the order in which they came. A read that brings a thousand ranges then does
 * not open a thousand connections. Listings pass: whoever lists may read in between, and would wait for themselves.
 */
import { canceled, throwIfAborted } from '../base/abort.ts';
import type { ListedObject, ListOptions, ObjectStore, ObjectTail, PutOptions } from './object-store.ts';

export class LimitingObjectStore implements ObjectStore {
  readonly #inner: ObjectStore;
  #free: number;
  /** In the order of arrival. */
  readonly #waiting = new Set<() => void>();

  constructor(inner: ObjectStore, inFlightMax: number) {
    this.#inner = inner;
    this.#free = inFlightMax;
  }

  put(key: string, body: Uint8Array | readonly Uint8Array[], options?: PutOptions): Promise<void> {
    return this.#run(options?.signal, () => this.#inner.put(key, body, options));
  }

  get(key: string, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#run(signal, () => this.#inner.get(key, signal));
  }

  getRange(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#run(signal, () => this.#inner.getRange(key, offset, length, signal));
  }

  getTail(key: string, length: number, signal?: AbortSignal): Promise<ObjectTail> {
    return this.#run(signal, () => this.#inner.getTail(key, length, signal));
  }

  list(prefix: string, options?: ListOptions, signal?: AbortSignal): AsyncIterable<ListedObject> {
    return this.#inner.list(prefix, options, signal);
  }

  delete(key: string, signal?: AbortSignal): Promise<void> {
    return this.#run(signal, () => this.#inner.delete(key, signal));
  }

  async #run<T>(signal: AbortSignal | undefined, run: () => Promise<T>): Promise<T> {
    throwIfAborted(signal);
    if (this.#free > 0) this.#free--;
    else await this.#turn(signal);
    try {
      return await run();
    } finally {
      const [next] = this.#waiting;
      if (next === undefined) this.#free++;
      else next();
    }
  }

  /** Resolves when somebody hands their place on. */
  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(take);
        reject(canceled(signal!));
      };
      const take = (): void => {
        this.#waiting.delete(take);
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(take);
    });
  }
}

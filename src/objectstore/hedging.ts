/**
 * Reads that get no answer for a while are asked again while the first request goes on; the first answer wins and the
 * others are given up. Cuts the slowest percents of a bucket's reads for as many more requests. Writes and listings pass.
 */
import type { Clock } from '../base/clock.ts';
import { ErrorKind } from '../base/errors.ts';
import {
  isKind,
  type ListedObject,
  type ListOptions,
  type ObjectStore,
  type ObjectTail,
  type PutOptions,
} from './object-store.ts';

export interface HedgingOptions {
  readonly clock: Clock;
  /** Without an answer for so long, another request is sent. */
  readonly afterMs: number;
  /** Of one read, the first included. */
  readonly requestsMax: number;
  readonly onHedge?: () => void;
}

export class HedgingObjectStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #options: HedgingOptions;

  constructor(inner: ObjectStore, options: HedgingOptions) {
    this.#inner = inner;
    this.#options = options;
  }

  put(key: string, body: Uint8Array | readonly Uint8Array[], options?: PutOptions): Promise<void> {
    return this.#inner.put(key, body, options);
  }

  get(key: string, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#hedge(signal, (one) => this.#inner.get(key, one));
  }

  getRange(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#hedge(signal, (one) => this.#inner.getRange(key, offset, length, one));
  }

  getTail(key: string, length: number, signal?: AbortSignal): Promise<ObjectTail> {
    return this.#hedge(signal, (one) => this.#inner.getTail(key, length, one));
  }

  list(prefix: string, options?: ListOptions, signal?: AbortSignal): AsyncIterable<ListedObject> {
    return this.#inner.list(prefix, options, signal);
  }

  delete(key: string, signal?: AbortSignal): Promise<void> {
    return this.#inner.delete(key, signal);
  }

  async #hedge<T>(signal: AbortSignal | undefined, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock, afterMs, requestsMax, onHedge } = this.#options;
    const over = new AbortController();
    const all = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let running = 0;
    const start = (): void => {
      running++;
      run(all).then(resolve, (error: unknown) => {
        running--;
        // What another request may still answer is waited for; what the store is sure of is not.
        if (running === 0 || !isKind(error, ErrorKind.unavailable)) reject(error);
      });
    };
    const hedge = async (): Promise<void> => {
      for (let sent = 1; sent < requestsMax; sent++) {
        await clock.sleep(afterMs, all);
        onHedge?.();
        start();
      }
    };
    start();
    hedge().catch(() => {
      // Answered, or given up by the caller: the requests themselves tell.
    });
    try {
      return await promise;
    } finally {
      over.abort();
    }
  }
}

/**
 * Tries again what may pass: errors of kind `unavailable` and `exhausted`, a bounded number of times, with full jitter
 * (a uniform wait up to a doubling bound) so that many clients of one slow bucket do not come back in step.
 *
 * A conditional put that failed with its outcome open and is then refused has perhaps been refused because of itself. So
 * the object is read back: the same bytes mean that the first try had worked. Bodies that must tell their authors apart
 * therefore carry something random.
 */
import { canceled } from '../base/abort.ts';
import type { Clock } from '../base/clock.ts';
import { ErrorKind } from '../base/errors.ts';
import type { Rng } from '../base/random.ts';
import {
  byteLength,
  isKind,
  type ListedObject,
  type ListOptions,
  type ObjectStore,
  type ObjectTail,
  type PutOptions,
  unavailable,
} from './object-store.ts';

export interface RetryingOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  /** The first one included. Default 5. More hides longer outages, and makes callers wait longer for bad news. */
  readonly triesMax?: number;
  /** Bound of the first wait; doubles with each try. Default 50. */
  readonly firstWaitMs?: number;
  /** No wait is longer. Default 2000. */
  readonly waitMsMax?: number;
  /** One try may take so long; unset: as long as the store lets it. Size it for the largest object. */
  readonly tryTimeoutMs?: number;
}

export class RetryingObjectStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #triesMax: number;
  readonly #firstWaitMs: number;
  readonly #waitMsMax: number;
  readonly #tryTimeoutMs: number | undefined;

  constructor(inner: ObjectStore, options: RetryingOptions) {
    this.#inner = inner;
    this.#clock = options.clock;
    this.#rng = options.rng;
    this.#triesMax = options.triesMax ?? 5;
    this.#firstWaitMs = options.firstWaitMs ?? 50;
    this.#waitMsMax = options.waitMsMax ?? 2000;
    this.#tryTimeoutMs = options.tryTimeoutMs;
  }

  put(key: string, body: Uint8Array | readonly Uint8Array[], options: PutOptions = {}): Promise<void> {
    let outcomeOpen = false;
    return this.#retry(`put ${key}`, options.signal, async (signal) => {
      try {
        await this.#inner.put(key, body, { ...options, signal });
      } catch (error) {
        if (!isKind(error, ErrorKind.conflict)) outcomeOpen = true;
        else if (outcomeOpen && sameBytes(await this.#inner.get(key, signal), body)) return;
        throw error;
      }
    });
  }

  get(key: string, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#retry(`get ${key}`, signal, (trySignal) => this.#inner.get(key, trySignal));
  }

  getRange(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#retry(`get ${key}`, signal, (trySignal) => this.#inner.getRange(key, offset, length, trySignal));
  }

  getTail(key: string, length: number, signal?: AbortSignal): Promise<ObjectTail> {
    return this.#retry(`get ${key}`, signal, (trySignal) => this.#inner.getTail(key, length, trySignal));
  }

  /** Goes on behind the last result that arrived. A result resets the number of tries, since it is progress. */
  async *list(prefix: string, options: ListOptions = {}, signal?: AbortSignal): AsyncGenerator<ListedObject> {
    let rest = options;
    for (let tries = 1; ; tries++) {
      try {
        for await (const object of this.#inner.list(prefix, rest, signal)) {
          yield object;
          rest = { ...rest, startAfter: object.key };
          if (rest.limit !== undefined) rest = { ...rest, limit: rest.limit - 1 };
          tries = 1;
        }
        return;
      } catch (error) {
        if (tries >= this.#triesMax || !mayPass(error)) throw error;
        await this.#wait(tries, signal);
      }
    }
  }

  delete(key: string, signal?: AbortSignal): Promise<void> {
    return this.#retry(`delete ${key}`, signal, (trySignal) => this.#inner.delete(key, trySignal));
  }

  async #retry<T>(
    what: string,
    signal: AbortSignal | undefined,
    run: (signal: AbortSignal | undefined) => Promise<T>,
  ): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#try(what, signal, run);
      } catch (error) {
        if (tries >= this.#triesMax || !mayPass(error)) throw error;
        await this.#wait(tries, signal);
      }
    }
  }

  async #try<T>(
    what: string,
    signal: AbortSignal | undefined,
    run: (signal: AbortSignal | undefined) => Promise<T>,
  ): Promise<T> {
    if (this.#tryTimeoutMs === undefined) return run(signal);
    const timeoutMs = this.#tryTimeoutMs;
    const finished = new AbortController();
    const timedOut = new AbortController();
    const timeout = this.#clock.sleep(timeoutMs, finished.signal).then(
      () => {
        timedOut.abort();
        throw unavailable('store_timeout', `${what}: no answer within ${timeoutMs} ms`);
      },
      // Finished in time: the race is over, this side never settles it.
      () => new Promise<never>(() => {}),
    );
    const both = signal === undefined ? timedOut.signal : AbortSignal.any([signal, timedOut.signal]);
    try {
      return await Promise.race([run(both), timeout]);
    } catch (error) {
      if (signal?.aborted === true) throw canceled(signal);
      throw error;
    } finally {
      finished.abort();
    }
  }

  async #wait(tries: number, signal: AbortSignal | undefined): Promise<void> {
    const boundMs = Math.min(this.#waitMsMax, this.#firstWaitMs * 2 ** (tries - 1));
    await this.#clock.sleep(this.#rng.float() * boundMs, signal);
  }
}

function mayPass(error: unknown): boolean {
  return isKind(error, ErrorKind.unavailable) || isKind(error, ErrorKind.exhausted);
}

function sameBytes(stored: Uint8Array, body: Uint8Array | readonly Uint8Array[]): boolean {
  if (stored.length !== byteLength(body)) return false;
  let at = 0;
  for (const part of body instanceof Uint8Array ? [body] : body) {
    for (let i = 0; i < part.length; i++) if (stored[at + i] !== part[i]) return false;
    at += part.length;
  }
  return true;
}

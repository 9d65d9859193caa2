/**
 * A store that misbehaves on purpose: slow, failing before or after the effect, cutting answers short. What goes wrong is
 * decided per call by a function, `seededFaults` gives one that repeats exactly for a seed.
 */
import type { Clock } from '../base/clock.ts';
import type { Rng } from '../base/random.ts';
import {
  type ListedObject,
  type ListOptions,
  type ObjectStore,
  type ObjectStoreOperation,
  type ObjectTail,
  type PutOptions,
  unavailable,
} from './object-store.ts';

export interface Fault {
  /** Waited before the call. */
  readonly latencyMs?: number;
  /** `before`: nothing happened. `after`: it happened, but the caller gets an error (a timeout on the way back). */
  readonly error?: 'before' | 'after';
  /** Only the beginning of the content arrives, unnoticed by the transport: 0 .. 1 of the bytes. For `get`. */
  readonly tornTo?: number;
}

export type FaultDecision = (operation: ObjectStoreOperation, key: string) => Fault | undefined;

export interface FaultProbabilities {
  readonly errorBefore?: number;
  readonly errorAfter?: number;
  readonly tornRead?: number;
  /** Uniform between 0 and this. */
  readonly latencyMsMax?: number;
}

export function seededFaults(rng: Rng, probabilities: FaultProbabilities): FaultDecision {
  const { errorBefore = 0, errorAfter = 0, tornRead = 0, latencyMsMax = 0 } = probabilities;
  return () => {
    // Every call draws the same number of times, so that one decision does not shift all later ones.
    const [latency, error, torn, tornTo] = [rng.float(), rng.float(), rng.float(), rng.float()];
    return {
      ...(latencyMsMax > 0 && { latencyMs: latency * latencyMsMax }),
      ...(error < errorBefore && { error: 'before' as const }),
      ...(error >= errorBefore && error < errorBefore + errorAfter && { error: 'after' as const }),
      ...(torn < tornRead && { tornTo }),
    };
  };
}

export class FailingObjectStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #clock: Clock;
  readonly #decide: FaultDecision;

  constructor(inner: ObjectStore, clock: Clock, decide: FaultDecision) {
    this.#inner = inner;
    this.#clock = clock;
    this.#decide = decide;
  }

  put(key: string, body: Uint8Array | readonly Uint8Array[], options?: PutOptions): Promise<void> {
    return this.#run('put', key, options?.signal, () => this.#inner.put(key, body, options));
  }

  get(key: string, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#run('get', key, signal, async (fault) => {
      const bytes = await this.#inner.get(key, signal);
      return fault?.tornTo === undefined ? bytes : bytes.subarray(0, Math.floor(bytes.length * fault.tornTo));
    });
  }

  getRange(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#run('getRange', key, signal, () => this.#inner.getRange(key, offset, length, signal));
  }

  getTail(key: string, length: number, signal?: AbortSignal): Promise<ObjectTail> {
    return this.#run('getTail', key, signal, () => this.#inner.getTail(key, length, signal));
  }

  /** An error `after` comes in the middle: behind the first result. */
  async *list(prefix: string, options?: ListOptions, signal?: AbortSignal): AsyncGenerator<ListedObject> {
    const fault = await this.#begin('list', prefix, signal);
    for await (const object of this.#inner.list(prefix, options, signal)) {
      yield object;
      if (fault?.error === 'after') throw injected('list', prefix, 'after');
    }
  }

  delete(key: string, signal?: AbortSignal): Promise<void> {
    return this.#run('delete', key, signal, () => this.#inner.delete(key, signal));
  }

  async #begin(
    operation: ObjectStoreOperation,
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<Fault | undefined> {
    const fault = this.#decide(operation, key);
    if (fault?.latencyMs !== undefined) await this.#clock.sleep(fault.latencyMs, signal);
    if (fault?.error === 'before') throw injected(operation, key, 'before');
    return fault;
  }

  async #run<T>(
    operation: ObjectStoreOperation,
    key: string,
    signal: AbortSignal | undefined,
    run: (fault: Fault | undefined) => Promise<T>,
  ): Promise<T> {
    const fault = await this.#begin(operation, key, signal);
    const result = await run(fault);
    if (fault?.error === 'after') throw injected(operation, key, 'after');
    return result;
  }
}

function injected(operation: ObjectStoreOperation, key: string, when: 'before' | 'after'): Error {
  return unavailable('injected', `injected fault: ${operation} ${key} failed ${when} its effect`);
}

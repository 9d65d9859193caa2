/**
 * What a process asks of its store: requests by operation and outcome, with their times, and bytes. The numbers lie in
 * shared memory, because every thread has a store of its own and one of them answers /metrics.
 */
import { ErrorKind } from '../base/errors.ts';
import type { ObjectStoreOperation } from './object-store.ts';

/** Upper bounds, seconds. */
export const meterBucketsSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

/** The requests that services bill by. */
export const meteredOperations = ['GET', 'PUT', 'LIST', 'DELETE'] as const;
export type MeteredOperation = (typeof meteredOperations)[number];

const operationOf: Record<ObjectStoreOperation, MeteredOperation> = {
  get: 'GET',
  getRange: 'GET',
  getTail: 'GET',
  put: 'PUT',
  list: 'LIST',
  delete: 'DELETE',
};

/** As an HTTP status says it, whatever the store. */
export const meteredStatuses = [200, 404, 412, 416, 429, 499, 503] as const;

const statusOfKind: Partial<Record<ErrorKind, (typeof meteredStatuses)[number]>> = {
  [ErrorKind.notFound]: 404,
  [ErrorKind.conflict]: 412,
  [ErrorKind.invalid]: 416,
  [ErrorKind.exhausted]: 429,
  [ErrorKind.canceled]: 499,
};

const bucketCount = meterBucketsSeconds.length + 1;
/** Buckets of a histogram, and the sum of its times in microseconds. */
const seriesSlots = bucketCount + 1;
const bytesAt = meteredOperations.length * meteredStatuses.length * seriesSlots;
const hedgedAt = bytesAt + meteredOperations.length;
const slotCount = hedgedAt + 1;

export interface MeterSeries {
  readonly operation: MeteredOperation;
  readonly status: number;
  /** Requests by bucket; the last one is for everything slower. */
  readonly buckets: readonly number[];
  readonly sumSeconds: number;
}

export class StoreMeter {
  readonly memory: SharedArrayBuffer;
  readonly #slots: BigInt64Array;

  /** @param memory of a meter in another thread; unset: a new one */
  constructor(memory = new SharedArrayBuffer(slotCount * 8)) {
    this.memory = memory;
    this.#slots = new BigInt64Array(memory);
  }

  /** @param kind of the error; undefined: it worked */
  request(operation: ObjectStoreOperation, kind: ErrorKind | undefined, durationMs: number, bytes: number): void {
    const op = meteredOperations.indexOf(operationOf[operation]);
    const status = kind === undefined ? 200 : (statusOfKind[kind] ?? 503);
    const at = (op * meteredStatuses.length + meteredStatuses.indexOf(status)) * seriesSlots;
    let bucket = 0;
    while (bucket < meterBucketsSeconds.length && durationMs > meterBucketsSeconds[bucket]! * 1000) bucket++;
    Atomics.add(this.#slots, at + bucket, 1n);
    Atomics.add(this.#slots, at + bucketCount, BigInt(Math.round(durationMs * 1000)));
    if (bytes > 0) Atomics.add(this.#slots, bytesAt + op, BigInt(bytes));
  }

  hedged(): void {
    Atomics.add(this.#slots, hedgedAt, 1n);
  }

  get hedgedCount(): number {
    return Number(Atomics.load(this.#slots, hedgedAt));
  }

  bytes(operation: MeteredOperation): number {
    return Number(Atomics.load(this.#slots, bytesAt + meteredOperations.indexOf(operation)));
  }

  /** Of every operation and outcome that occurred. */
  *series(): Generator<MeterSeries> {
    let at = 0;
    for (const operation of meteredOperations) {
      for (const status of meteredStatuses) {
        const buckets: number[] = [];
        for (let i = 0; i < bucketCount; i++) buckets.push(Number(Atomics.load(this.#slots, at + i)));
        const sumSeconds = Number(Atomics.load(this.#slots, at + bucketCount)) / 1e6;
        if (buckets.some((requests) => requests > 0)) yield { operation, status, buckets, sumSeconds };
        at += seriesSlots;
      }
    }
  }
}

/** What one engine's queries share and what one query may use. */
import { ErrorKind, RubatoError } from '../base/errors.ts';
import type { QueryCost } from '../traceql/result.ts';
import type { LoadRequest, ReadCost, Snapshot } from '../traceql/storage.ts';

/** Queries give way to other work of the process after so long. */
const turnMs = 10;

/**
 * Lets the event loop turn while queries run. Of all that wait, one goes on in each turn: together they would be as long
 * in the way as a single query that never waits.
 */
export class Turns {
  #sinceMs = performance.now();
  readonly #waiting: (() => void)[] = [];

  /**
   * undefined unless the event loop has stood still for too long. Go on at once then: whoever awaits something in between
   * lets others see the same time, and all of them go on.
   */
  pause(): Promise<void> | undefined {
    if (performance.now() - this.#sinceMs < turnMs) return undefined;
    return new Promise((resolve) => {
      if (this.#waiting.push(resolve) === 1) setImmediate(this.#turn);
    });
  }

  readonly #turn = (): void => {
    this.#sinceMs = performance.now();
    this.#waiting.shift()!();
    if (this.#waiting.length > 0) setImmediate(this.#turn);
  };
}

/** Memory that a query holds, as far as it grows with the data. Estimates, good to a factor of two. */
export class MemoryBudget {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** False, and nothing is charged, when so much is not left. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#bytesMax) return false;
    this.#bytes += bytes;
    return true;
  }

  /** @throws RubatoError of kind `exhausted` */
  charge(bytes: number): void {
    if (this.take(bytes)) return;
    throw new RubatoError(
      ErrorKind.exhausted,
      'query_memory',
      `the query needs more than the ${Math.ceil(this.#bytesMax / 2 ** 20)} MiB of memory that one query may use: ` +
        'shorten the time range, lower the limit or select fewer attributes',
    );
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** Bytes that the loaded values of so many span rows take, about. */
export function loadedBytes(request: LoadRequest, rows: number): number {
  return rows * (request.columns.length * 2 + request.fixed.length * 6);
}

/** Times of the stages of a query. */
export class Stopwatch {
  readonly milliseconds: Record<string, number> = {};
  #atMs = performance.now();

  /** Counts the time since the last call for a stage. */
  lap(stage: string): void {
    const nowMs = performance.now();
    this.milliseconds[stage] = (this.milliseconds[stage] ?? 0) + nowMs - this.#atMs;
    this.#atMs = nowMs;
  }
}

export interface Progress {
  readonly inspectedTraces: number;
  readonly inspectedSpans: number;
  readonly totalJobs: number;
  readonly completedJobs: number;
}

export function totalBytes(snapshot: Snapshot): number {
  let bytes = 0;
  for (const fragment of snapshot.fragments) bytes += fragment.sizeBytes;
  return bytes;
}

export function queryCost(
  totals: { readonly totalBlocks: number; readonly totalBlockBytes: number },
  read: ReadCost,
  progress: Progress,
  milliseconds: Readonly<Record<string, number>>,
): QueryCost {
  return {
    ...progress,
    ...totals,
    inspectedBytes: read.bytes,
    requests: read.requests,
    pages: read.pages,
    milliseconds: { ...milliseconds },
  };
}

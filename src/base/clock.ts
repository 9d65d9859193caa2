/**
 * Time comes in from outside, so that tests and simulations own it. `systemClock` is the real one; `ManualClock` stands
 * still until it is told to move.
 */
import { canceled, throwIfAborted } from './abort.ts';

export interface Clock {
  /** Wall clock, Unix milliseconds. May step when the machine's clock is set: clamp differences. */
  nowMs(): number;
  /** Wall clock, Unix nanoseconds; no finer than the platform's clock (1 ms). */
  nowUnixNano(): bigint;
  /** Resolves after `ms`. @throws RubatoError of kind `canceled` as soon as the signal fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  nowUnixNano: () => BigInt(Date.now()) * 1_000_000n,
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(canceled(signal));
        return;
      }
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(canceled(signal!));
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  },
};

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** For tests: time moves only by `advance`, which wakes sleepers in the order of their times. */
export class ManualClock implements Clock {
  #nowMs: number;
  #sleepers: Sleeper[] = [];

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  nowUnixNano(): bigint {
    return BigInt(Math.trunc(this.#nowMs * 1000)) * 1000n;
  }

  /** How many sleep now. */
  get sleeperCount(): number {
    return this.#sleepers.length;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sleeper: Sleeper = { atMs: this.#nowMs + Math.max(0, ms), wake: resolve };
    const onAbort = (): void => {
      this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
      reject(canceled(signal!));
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#sleepers.push(sleeper);
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Moves time on. Sleepers that become due are woken one after another, each with the time it waited for. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      let next: Sleeper | undefined;
      for (const sleeper of this.#sleepers) {
        if (sleeper.atMs <= endMs && (next === undefined || sleeper.atMs < next.atMs)) next = sleeper;
      }
      if (next === undefined) break;
      this.#sleepers = this.#sleepers.filter((other) => other !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.wake();
      // Whatever was woken may go to sleep again within the same span of time.
      for (let turn = 0; turn < 8; turn++) await Promise.resolve();
    }
    this.#nowMs = endMs;
  }
}

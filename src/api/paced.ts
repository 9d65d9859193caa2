import type { Clock } from '../base/clock.ts';

/** A reason of our own: without one every query would make an exception with a stack. */
const ended = 'ended';

export interface Part<Result> {
  readonly result: Result;
  /** The whole answer; nothing follows. */
  readonly final: boolean;
}

/**
 * Runs a query and gives its partial answers at a steady pace, then its answer. The first part comes `intervalMs` after
 * the start at the earliest, so a fast query has none. A reader that is slower than that gets the newest part, never a
 * queue of old ones.
 */
export async function* paced<Result>(
  run: (onPartial: (partial: Result) => void) => Promise<Result>,
  clock: Clock,
  intervalMs: number,
): AsyncGenerator<Part<Result>> {
  const over = new AbortController();
  let latest: { partial: Result } | undefined;
  let news = Promise.withResolvers<void>();
  let dueMs = clock.nowMs() + intervalMs;
  const answer = run((partial) => {
    latest = { partial };
    news.resolve();
  });
  const end = (): void => {
    over.abort(ended);
    news.resolve();
  };
  answer.then(end, end);
  try {
    for (;;) {
      await news.promise;
      if (over.signal.aborted) break;
      const waitMs = dueMs - clock.nowMs();
      // Rejects when there is nothing to wait for any more.
      if (waitMs > 0) await clock.sleep(waitMs, over.signal).catch(() => undefined);
      if (over.signal.aborted || latest === undefined) break;
      const { partial } = latest;
      latest = undefined;
      news = Promise.withResolvers();
      dueMs = clock.nowMs() + intervalMs;
      yield { result: partial, final: false };
    }
  } finally {
    over.abort(ended);
  }
  yield { result: await answer, final: true };
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock, systemClock } from './clock.ts';
import { ErrorKind, RubatoError } from './errors.ts';

const isCanceled = (error: unknown): boolean => error instanceof RubatoError && error.kind === ErrorKind.canceled;

test('the system clock sleeps at least as long as asked and tells the same time in both units', async () => {
  const before = performance.now();
  await systemClock.sleep(20);
  assert.ok(performance.now() - before >= 18);
  assert.ok(Math.abs(Number(systemClock.nowUnixNano() / 1_000_000n) - systemClock.nowMs()) < 1000);
});

test('an abort ends a sleep at once, before and during it', async () => {
  for (const clock of [systemClock, new ManualClock()]) {
    await assert.rejects(clock.sleep(60_000, AbortSignal.abort()), isCanceled);
    const abort = new AbortController();
    const slept = assert.rejects(clock.sleep(60_000, abort.signal), isCanceled);
    abort.abort();
    await slept;
  }
});

test('a manual clock wakes sleepers in the order of their times, at their times', async () => {
  const clock = new ManualClock(1000);
  const woken: [string, number][] = [];
  const sleeper = async (name: string, ms: number): Promise<void> => {
    await clock.sleep(ms);
    woken.push([name, clock.nowMs()]);
  };
  const all = [sleeper('c', 30), sleeper('a', 10), sleeper('b', 20), sleeper('d', 31)];
  await clock.advance(9);
  assert.deepEqual(woken, []);
  await clock.advance(21);
  assert.deepEqual(woken, [
    ['a', 1010],
    ['b', 1020],
    ['c', 1030],
  ]);
  assert.equal(clock.sleeperCount, 1);
  assert.equal(clock.nowUnixNano(), 1_030_000_000n);
  await clock.advance(100);
  await Promise.all(all);
});

test('who sleeps again during one advance is woken again', async () => {
  const clock = new ManualClock(0);
  let ticks = 0;
  const ticking = (async () => {
    while (ticks < 10) {
      await clock.sleep(10);
      ticks++;
    }
  })();
  await clock.advance(100);
  await ticking;
  assert.equal(ticks, 10);
});

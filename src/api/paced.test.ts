import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../base/clock.ts';
import { type Part, paced } from './paced.ts';

/** A query whose parts and end come when the test says so. */
function manualQuery(clock: ManualClock) {
  const end = Promise.withResolvers<string>();
  let tell: (partial: string) => void = () => assert.fail('the query has not begun');
  const parts = paced<string>(
    (onPartial) => {
      tell = onPartial;
      return end.promise;
    },
    clock,
    500,
  );
  const next = parts.next();
  return { parts, next, tell: (partial: string) => tell(partial), end };
}

async function value(result: Promise<IteratorResult<Part<string>>>): Promise<Part<string>> {
  return (await result).value as Part<string>;
}

test('a fast query has no parts, only its answer', async () => {
  const { parts, next, tell, end } = manualQuery(new ManualClock());
  tell('early');
  end.resolve('all');
  assert.deepEqual(await value(next), { result: 'all', final: true });
  assert.equal((await parts.next()).done, true);
});

test('parts keep their distance, and the newest is given', async () => {
  const clock = new ManualClock();
  const { parts, next, tell, end } = manualQuery(clock);
  tell('a');
  tell('b');
  let seen = false;
  next.then(() => (seen = true));
  await clock.advance(499);
  assert.equal(seen, false);
  await clock.advance(1);
  assert.deepEqual(await value(next), { result: 'b', final: false });

  const second = parts.next();
  await clock.advance(2000);
  tell('c');
  assert.deepEqual(await value(second), { result: 'c', final: false });

  const third = parts.next();
  tell('d');
  end.resolve('all');
  assert.deepEqual(await value(third), { result: 'all', final: true });
});

test('a query that fails fails the stream', async () => {
  const { next, end } = manualQuery(new ManualClock());
  end.reject(new Error('no'));
  await assert.rejects(next, /no/);
});

test('a reader that leaves while a query runs is let go, and the failure of the query hurts nobody', async () => {
  const clock = new ManualClock();
  const { parts, next, tell, end } = manualQuery(clock);
  await clock.advance(500);
  tell('a');
  await next;
  await parts.return(undefined);
  end.reject(new Error('canceled'));
});

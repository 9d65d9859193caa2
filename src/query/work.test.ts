import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { MemoryBudget, Turns } from './work.ts';

function work(ms: number): void {
  for (const endMs = performance.now() + ms; performance.now() < endMs; );
}

test('however many work, the event loop turns about every 10 ms', async () => {
  const turns = new Turns();
  let slices = 0;
  let most = 0;
  let working = true;
  const watch = async (): Promise<void> => {
    for (let before = 0; working; before = slices) {
      await turn();
      most = Math.max(most, slices - before);
    }
  };
  const worker = async (): Promise<void> => {
    for (let k = 0; k < 5; k++) {
      const wait = turns.pause();
      if (wait !== undefined) await wait;
      work(8);
      slices++;
    }
  };
  const watched = watch();
  await Promise.all(Array.from({ length: 10 }, worker));
  working = false;
  await watched;
  assert.equal(slices, 50);
  assert.ok(most <= 2, `${most} pieces of 8 ms in one turn`);
});

test('a budget refuses what is over it and takes back what is released', () => {
  const budget = new MemoryBudget(100);
  assert.equal(budget.take(60), true);
  assert.equal(budget.take(60), false);
  assert.throws(() => budget.charge(60), { kind: 'exhausted', code: 'query_memory' });
  budget.release(30);
  assert.equal(budget.take(60), true);
});

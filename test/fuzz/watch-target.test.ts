import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { SeededRng } from '../../src/base/random.ts';
import { targets } from './faulty-targets.ts';
import { mutate } from './mutate.ts';
import { watchTarget } from './watch-target.ts';

/** The failure's text, the input's number in it, and the file that it names. */
async function failureOf(target: string, hangMs: number): Promise<{ message: string; n: number; input: Buffer }> {
  const options = { target, seed: 7, batches: 1, hangMs, heapMegabytesMax: 32, onBatch: () => {} };
  const list = new URL('./faulty-targets.ts', import.meta.url);
  const message = await watchTarget({ ...options, list }).then(
    () => assert.fail('it ended well'),
    (error: Error) => error.message,
  );
  const [, n, file] = /input (\d+) of seed 7 is in (\S+)$/.exec(message)!;
  const input = readFileSync(file!);
  rmSync(file!);
  return { message, n: Number(n), input };
}

function inputOf(seed: number, n: number): Buffer {
  const rng = new SeededRng(seed);
  for (let before = 0; before < n; before++) mutate(rng, targets[0]!.seeds, []);
  return mutate(rng, targets[0]!.seeds, []);
}

for (const [target, reason, which, hangMs] of [
  ['endless', /no end after \d+ ms/, 99, 1000],
  ['never answers', /the thread ended/, 0, 60_000],
  ['hungry', /out of memory|memory limit/i, 0, 60_000],
  ['crash', /x is undefined/, 0, 60_000],
] as const) {
  test(`an input that makes a target "${target}" is told and kept`, async () => {
    const { message, n, input } = await failureOf(target, hangMs);
    assert.match(message, reason);
    assert.equal(n, which);
    assert.deepEqual(input, inputOf(7, which));
  });
}

/**
 * Runs one target over inputs made of a seed; fails on anything but an answer or a refusal, saying how to see it again.
 *
 * Inputs come in batches: batch k of seed s is batch 0 of seed s + k. So any place of a long run is reached at once, to
 * go on from there or to see a failure again.
 */
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { RubatoError } from '../../src/base/errors.ts';
import { SeededRng } from '../../src/base/random.ts';
import { mutate } from './mutate.ts';
import type { Target } from './targets.ts';

export interface Outcome {
  readonly inputs: number;
  readonly refused: number;
  readonly tookMs: number;
  readonly slowestMs: number;
}

export const batchInputs = 10_000;

/** One input of 4 KiB. A loaded machine stops processes for as long: slow is only what is slow again. */
const inputMsMax = 5000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/**
 * What stays. One collection is not enough: memory outside the heap is given back when its owner's end is noticed, which
 * is after the collection that found it.
 */
export async function heapBytes(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 4; round++) {
    collect();
    await setImmediate();
    const { heapUsed, external } = process.memoryUsage();
    least = Math.min(least, heapUsed + external);
  }
  return least;
}

/** Millions of refusals are made only to be counted; what fails is run again from its seed. */
Error.stackTraceLimit = 0;

/**
 * The first `count` inputs of the batch that begins with `seed`.
 *
 * @param onInput is told each input before it is run
 * @throws Error when an input fails, or takes longer than 5 s whenever it is run
 */
export async function runBatch(
  target: Target,
  seed: number,
  count: number,
  onInput?: (input: Buffer) => void,
): Promise<Outcome> {
  const rng = new SeededRng(seed);
  const words = (target.words ?? []).map((word) => Buffer.from(word));
  const startMs = performance.now();
  let refused = 0;
  let slowestMs = 0;
  for (let n = 0; n < count; n++) {
    const input = mutate(rng, target.seeds, words);
    onInput?.(input);
    const beganMs = performance.now();
    try {
      const done = target.run(input);
      if (done !== undefined) await done;
    } catch (error) {
      if (!(error instanceof RubatoError)) {
        const shown = input.toString('base64');
        throw new Error(`${target.name}: input ${n} of seed ${seed} (base64 ${shown}): ${String(error)}`, {
          cause: error,
        });
      }
      refused++;
    }
    const tookMs = performance.now() - beganMs;
    if (tookMs > slowestMs) slowestMs = tookMs;
    if (tookMs > inputMsMax) {
      const againMs = await leastMs(target, input);
      assert.ok(againMs < inputMsMax, `${target.name}: input ${n} of seed ${seed} took ${againMs} ms`);
    }
  }
  return { inputs: count, refused, tookMs: performance.now() - startMs, slowestMs };
}

/** The best of three times that the input takes. */
async function leastMs(target: Target, input: Buffer): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let time = 0; time < 3; time++) {
    const beganMs = performance.now();
    await Promise.resolve()
      .then(() => target.run(input))
      .catch(() => {});
    least = Math.min(least, performance.now() - beganMs);
  }
  return least;
}

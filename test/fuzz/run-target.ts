/** Runs one target over inputs made of a seed; fails on anything but an answer or a refusal, saying how to see it again. */
import assert from 'node:assert/strict';
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
  /** Heap after a full collection, against that after the first tenth. */
  readonly grownBytes: number;
}

/** One input of 4 KiB; loaded machines stop processes for a while. */
const inputMsMax = 5000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapBytes(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Millions of refusals are made only to be counted; what fails is run again from its seed. */
Error.stackTraceLimit = 0;

export async function runTarget(target: Target, seed: number, count: number): Promise<Outcome> {
  const rng = new SeededRng(seed);
  const words = (target.words ?? []).map((word) => Buffer.from(word));
  const startMs = performance.now();
  let refused = 0;
  let slowestMs = 0;
  let settledBytes = 0;
  for (let n = 0; n < count; n++) {
    const input = mutate(rng, target.seeds, words);
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
    slowestMs = Math.max(slowestMs, performance.now() - beganMs);
    if (n === Math.floor(count / 10)) settledBytes = heapBytes();
  }
  assert.ok(slowestMs < inputMsMax, `${target.name}: one input took ${slowestMs} ms`);
  const tookMs = performance.now() - startMs;
  return { inputs: count, refused, tookMs, slowestMs, grownBytes: heapBytes() - settledBytes };
}

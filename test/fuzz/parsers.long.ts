/**
 * Ten million inputs over all parsers; docs/fuzzing.md says how to steer it.
 *
 *   FUZZ_INPUTS  how many, instead of ten million
 *   FUZZ_SEED    sees a failure again; without it every run has other inputs
 *   FUZZ_STATE   a file that keeps what is done, so that a run that was stopped goes on
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { batchInputs, type Outcome } from './run-target.ts';
import { targets } from './targets.ts';
import { watchTarget } from './watch-target.ts';

interface RunState {
  readonly seed: number;
  /** What each target has behind it. */
  readonly done: Record<string, Outcome>;
}

const { FUZZ_INPUTS, FUZZ_SEED, FUZZ_STATE } = process.env;
const inputCount = Number(FUZZ_INPUTS ?? 10_000_000);
/** What warm caches may still take; a leak of ten bytes an input is five times that. */
const grownBytesMax = 16 << 20;
/** One input of 4 KiB takes microseconds. */
const hangMs = 20_000;

const state: RunState =
  FUZZ_STATE !== undefined && existsSync(FUZZ_STATE)
    ? JSON.parse(readFileSync(FUZZ_STATE, 'utf8'))
    : { seed: Number(FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31)), done: {} };

function keep(): void {
  if (FUZZ_STATE === undefined) return;
  writeFileSync(`${FUZZ_STATE}.new`, JSON.stringify(state));
  renameSync(`${FUZZ_STATE}.new`, FUZZ_STATE);
}

const nothing: Outcome = { inputs: 0, refused: 0, tookMs: 0, slowestMs: 0 };

function add(a: Outcome, b: Outcome): Outcome {
  return {
    inputs: a.inputs + b.inputs,
    refused: a.refused + b.refused,
    tookMs: a.tookMs + b.tookMs,
    slowestMs: Math.max(a.slowestMs, b.slowestMs),
  };
}

function summary({ inputs, refused, tookMs, slowestMs }: Outcome): string {
  const each = ((tookMs * 1000) / inputs).toFixed(1);
  const share = ((refused * 100) / inputs).toFixed(0);
  return `${inputs} inputs in ${(tookMs / 1000).toFixed(0)} s, ${each} µs each, ${share} % refused, slowest ${slowestMs.toFixed(0)} ms`;
}

const weights = targets.reduce((sum, { weight = 1 }) => sum + weight, 0);

for (const { name, weight = 1 } of targets) {
  const batches = Math.ceil((inputCount * weight) / weights / batchInputs);
  test(`${name}: ${batches * batchInputs} inputs`, { timeout: 3_600_000 }, async (context) => {
    let total = state.done[name] ?? nothing;
    const first = total.inputs / batchInputs;
    const heaps: number[] = [];
    await watchTarget({
      target: name,
      seed: state.seed + first,
      batches: batches - first,
      hangMs,
      onBatch({ outcome, heapBytes }, seed) {
        total = add(total, outcome);
        state.done[name] = total;
        keep();
        if (heapBytes === undefined) return;
        heaps.push(heapBytes);
        console.log(`${name}: ${summary(total)}, heap ${(heapBytes / 1e6).toFixed(1)} MB, seed ${seed}`);
      },
    });
    const grownBytes = heaps.length === 0 ? 0 : heaps.at(-1)! - heaps[0]!;
    context.diagnostic(`seed ${state.seed}: ${summary(total)}, heap ${(grownBytes / 1e6).toFixed(1)} MB larger`);
    assert.ok(grownBytes < grownBytesMax, `the heap grew by ${grownBytes} bytes`);
  });
}

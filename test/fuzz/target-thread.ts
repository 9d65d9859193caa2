/** The thread that runs a target's batches. What it is at stands in shared memory, where the watching thread sees it. */
import { parentPort, workerData } from 'node:worker_threads';
import { batchInputs, heapBytes, type Outcome, runBatch } from './run-target.ts';
import type { Target } from './targets.ts';

export interface ThreadWork {
  /** The module that has the target, as URL. */
  readonly list: string;
  readonly target: string;
  /** Of the first batch. */
  readonly seed: number;
  readonly batches: number;
  /** How many inputs were begun; how many bytes the last one has. */
  readonly progress: Int32Array<SharedArrayBuffer>;
  /** The last input. */
  readonly input: Uint8Array<SharedArrayBuffer>;
}

/** Posted after each batch. */
export interface BatchReport {
  readonly outcome: Outcome;
  /** What stays in memory, after every tenth of the batches. */
  readonly heapBytes?: number;
}

const { list, target: name, seed, batches, progress, input: shared } = workerData as ThreadWork;
const { targets } = (await import(list)) as { targets: readonly Target[] };
const target = targets.find((one) => one.name === name);
if (target === undefined) throw new Error(`there is no target ${name}`);

const note = (input: Buffer): void => {
  shared.set(input);
  progress[1] = input.length;
  Atomics.add(progress, 0, 1);
};

const measureEvery = Math.ceil(batches / 10);
for (let batch = 0; batch < batches; batch++) {
  const outcome = await runBatch(target, seed + batch, batchInputs, note);
  const measured = (batch + 1) % measureEvery === 0 || batch + 1 === batches;
  const report: BatchReport = { outcome, ...(measured && { heapBytes: await heapBytes() }) };
  parentPort!.postMessage(report);
}

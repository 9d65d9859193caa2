/**
 * Runs a target's batches in a thread of their own and watches it: an endless loop, memory without end or a crash ends
 * the thread, and the input that did it is written to a file.
 */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { inputBytesMax } from './mutate.ts';
import { batchInputs } from './run-target.ts';
import type { BatchReport, ThreadWork } from './target-thread.ts';

export interface WatchOptions {
  readonly target: string;
  /** The module that has the target. */
  readonly list?: URL;
  readonly seed: number;
  readonly batches: number;
  /** An input that used as much CPU time hangs. A loaded machine may take ten times as long. */
  readonly hangMs: number;
  /** Of the thread; the parsers' tables and caches need a tenth of the default. */
  readonly heapMegabytesMax?: number;
  readonly onBatch: (report: BatchReport, seed: number) => void;
}

const parsers = new URL('./targets.ts', import.meta.url);

/** @throws Error that names the file with the input, and the seed that makes it again */
export async function watchTarget(options: WatchOptions): Promise<void> {
  const { target, list = parsers, seed, batches, hangMs, heapMegabytesMax = 512, onBatch } = options;
  const progress = new Int32Array(new SharedArrayBuffer(8));
  const input = new Uint8Array(new SharedArrayBuffer(inputBytesMax));
  const workerData: ThreadWork = { list: list.href, target, seed, batches, progress, input };
  const thread = new Worker(new URL('./target-thread.ts', import.meta.url), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: heapMegabytesMax },
  });
  let done = 0;
  let lastCount = 0;
  let lastChangeMs = cpuMs();
  let failure: string | undefined;
  const fail = (reason: string): void => {
    failure ??= reason;
  };
  const watch = setInterval(() => {
    const nowMs = cpuMs();
    const count = Atomics.load(progress, 0);
    // Before the first input the thread only starts.
    if (count === 0 || count !== lastCount) [lastCount, lastChangeMs] = [count, nowMs];
    else if (nowMs - lastChangeMs > hangMs) {
      fail(`no end after ${Math.round(nowMs - lastChangeMs)} ms`);
      void thread.terminate();
    }
  }, hangMs / 10);
  thread.on('message', (report: BatchReport) => onBatch(report, seed + done++));
  thread.on('error', (error) => fail(error instanceof Error ? error.message : String(error)));
  await new Promise((resolve) => thread.once('exit', resolve));
  clearInterval(watch);
  if (failure === undefined && done < batches) fail('the thread ended');
  if (failure !== undefined) {
    const file = path.join(tmpdir(), `rubato-fuzz-${target.replaceAll(' ', '-')}-${seed + done}.bin`);
    writeFileSync(file, input.slice(0, progress[1]));
    const which = Math.max(0, Atomics.load(progress, 0) - 1 - done * batchInputs);
    throw new Error(`${target}: ${failure}; input ${which} of seed ${seed + done} is in ${file}`);
  }
}

/** Of the process, in which nothing else works. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

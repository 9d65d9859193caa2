/**
 * Lets a thread of background work give way to the other threads of the process. Two means, since neither is enough:
 *
 * * the thread is nice: where threads compete for a processor, it gets what the others leave;
 * * between pieces of its work it waits for as long as the others are busy, because they also compete for memory
 *   bandwidth, and a container's quota of processor time does not know nice.
 *
 * The wait is bounded, so that work goes on slowly under load that does not end: blocks that are never compacted cost more
 * than a tenth of a processor.
 */
import { readlinkSync } from 'node:fs';
import os from 'node:os';
import type { Clock } from '../base/clock.ts';

const niceness = 10;
/** Share of all processors that others may use before they count as busy. */
const busyShare = 0.6;
const lookMs = 250;
const waitMsMax = 5_000;

/** Makes the thread that calls it nice. On Linux alone, where a thread has a priority of its own. */
export function lowerThreadPriority(): boolean {
  try {
    const threadId = Number(/\/task\/(\d+)$/.exec(readlinkSync('/proc/thread-self'))?.[1]);
    if (!(threadId > 0)) return false;
    os.setPriority(threadId, niceness);
    return true;
  } catch {
    return false;
  }
}

/** Resolves when the process's other threads are not busy, or after 5 s. For the thread that creates it. */
export function createPace(clock: Clock): (signal?: AbortSignal) => Promise<void> {
  const processors = os.availableParallelism();
  let seen = usage();
  /** Processor time of the other threads since the last look, as a share of what there was. */
  const look = (): number => {
    const now = usage();
    const share = (now.othersMs - seen.othersMs) / (now.wallMs - seen.wallMs) / processors;
    seen = now;
    return share;
  };
  return async (signal) => {
    for (let waitedMs = 0; look() >= busyShare && waitedMs < waitMsMax; waitedMs += lookMs)
      await clock.sleep(lookMs, signal);
  };
}

function usage(): { othersMs: number; wallMs: number } {
  const all = process.cpuUsage();
  const own = process.threadCpuUsage();
  return { othersMs: (all.user + all.system - own.user - own.system) / 1000, wallMs: performance.now() };
}

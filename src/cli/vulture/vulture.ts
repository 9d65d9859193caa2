/**
 * Writes traces and reads them back, for ever or for a number of cycles.
 *
 *   write    every writeBackoffMs a trace; some are completed by a second write longWriteBackoffMs later
 *   read     every readBackoffMs a trace by id        ┐ of those that are complete and not older than the
 *   search   … by tags, TraceQL, tag names and values ├ retention: one that was written lately, and one
 *   metrics  … by a count                             ┘ from before, by chance
 *
 * A write that was not acknowledged is counted and its trace never asked for: it may be there, or not, or half.
 */
import type { Clock } from '../../base/clock.ts';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import type { Rng } from '../../base/random.ts';
import { plainSpansToOtlp } from '../../protocol/otlp/encode-plain.ts';
import type { Check, Checks, Failure } from './checks.ts';
import { type MadeTrace, madeTrace } from './made-trace.ts';
import type { Pusher } from './push.ts';
import type { VultureMetrics } from './vulture-metrics.ts';

export interface VultureOptions {
  readonly pusher: Pusher;
  readonly checks: Checks;
  readonly metrics: VultureMetrics;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly signal: AbortSignal;
  /** Hears of failures, and of progress in validation. */
  readonly report: (line: string) => void;
  /** 0: none of that kind. */
  readonly writeBackoffMs: number;
  readonly longWriteBackoffMs: number;
  readonly readBackoffMs: number;
  readonly searchBackoffMs: number;
  readonly metricsBackoffMs: number;
  readonly retentionMs: number;
  /** Traces are recent for so long. */
  readonly recentMs: number;
  /** Only recent traces are read. */
  readonly onlyRecent: boolean;
}

interface Written {
  readonly writtenMs: number;
  /** When its last write was acknowledged. */
  readonly completeMs: number;
}

/** Resolves when the signal fires. */
export async function circle(options: VultureOptions): Promise<void> {
  const written: Written[] = [];
  const { checks, readBackoffMs, searchBackoffMs, metricsBackoffMs } = options;
  await Promise.all([
    writeLoop(options, written),
    readLoop(options, written, readBackoffMs, checks.byId),
    readLoop(options, written, searchBackoffMs, checks.search),
    readLoop(options, written, metricsBackoffMs, checks.metrics),
  ]);
}

/**
 * Writes `cycles` traces, one after another, and makes every check of each, and of all once more at the end.
 * @returns whether all was well. @throws RubatoError canceled when the signal fires before that
 */
export async function validate(options: VultureOptions, cycles: number): Promise<boolean> {
  const { checks, clock, signal, report, writeBackoffMs, longWriteBackoffMs } = options;
  const all = [...checks.byId, ...checks.search, ...checks.metrics];
  const traces: MadeTrace[] = [];
  let failures = 0;
  for (let cycle = 1; cycle <= cycles; cycle++) {
    const trace = madeTrace(Math.max(clock.nowMs(), (traces.at(-1)?.writtenMs ?? 0) + 1));
    for (const [write, spans] of trace.writes.entries()) {
      if (write > 0) await clock.sleep(longWriteBackoffMs, signal);
      await options.pusher.push(plainSpansToOtlp(spans));
    }
    await clock.sleep(writeBackoffMs, signal);
    traces.push(trace);
    const failed = await runChecks(options, trace, all);
    failures += failed;
    const spans = trace.writes.reduce((sum, { length }) => sum + length, 0);
    report(`cycle ${cycle} of ${cycles}: trace ${trace.traceId}, ${spans} spans: ${failed === 0 ? 'ok' : 'FAILED'}`);
  }
  for (const trace of traces) failures += await runChecks(options, trace, all);
  return failures === 0;
}

async function writeLoop(options: VultureOptions, written: Written[]): Promise<void> {
  const { clock, signal, writeBackoffMs, longWriteBackoffMs, retentionMs } = options;
  const underway = new Set<Promise<void>>();
  const write = async (trace: MadeTrace): Promise<void> => {
    for (const [count, spans] of trace.writes.entries()) {
      if (count > 0) await clock.sleep(longWriteBackoffMs, signal);
      await options.pusher.push(plainSpansToOtlp(spans));
    }
    written.push({ writtenMs: trace.writtenMs, completeMs: clock.nowMs() });
  };
  await everyTime(options, writeBackoffMs, async () => {
    const oldestMs = clock.nowMs() - retentionMs;
    while (written.length > 0 && written[0]!.writtenMs < oldestMs) written.shift();
    const done = write(madeTrace(clock.nowMs())).catch((error: unknown) => {
      if (signal.aborted) return;
      options.metrics.writeFailed();
      options.report(reasonOf(error));
    });
    underway.add(done);
    void done.finally(() => underway.delete(done));
  });
  await Promise.all(underway);
}

async function readLoop(
  options: VultureOptions,
  written: readonly Written[],
  backoffMs: number,
  checks: readonly Check[],
): Promise<void> {
  const { clock, rng, recentMs, writeBackoffMs, onlyRecent } = options;
  await everyTime(options, backoffMs, async () => {
    const nowMs = clock.nowMs();
    const settled = written.filter(({ completeMs }) => completeMs + writeBackoffMs <= nowMs);
    const isRecent = ({ writtenMs }: Written): boolean => writtenMs > nowMs - recentMs;
    const pools = [settled.filter(isRecent), onlyRecent ? [] : settled.filter((each) => !isRecent(each))];
    for (const pool of pools) {
      const chosen = pool[Math.floor(rng.float() * pool.length)];
      if (chosen !== undefined) await runChecks(options, madeTrace(chosen.writtenMs), checks);
    }
  });
}

/** Until the signal fires. 0: never. */
async function everyTime(options: VultureOptions, backoffMs: number, work: () => Promise<void>): Promise<void> {
  const { clock, signal } = options;
  if (backoffMs === 0) return;
  try {
    for (;;) {
      await clock.sleep(backoffMs, signal);
      await work();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Returns how many failed. */
async function runChecks(options: VultureOptions, trace: MadeTrace, checks: readonly Check[]): Promise<number> {
  let failures = 0;
  for (const check of checks) {
    options.metrics.checked();
    const failure = await check(trace, options.signal);
    if (failure === undefined) continue;
    failures++;
    options.metrics.failed(failure.name);
    options.report(failureLine(failure));
  }
  return failures;
}

function failureLine({ name, traceId, detail }: Failure): string {
  return `${name}: trace ${traceId}: ${detail}`;
}

function reasonOf(error: unknown): string {
  if (error instanceof RubatoError && error.kind !== ErrorKind.corrupt) return error.message;
  throw error;
}

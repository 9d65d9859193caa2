/**
 * The bench that lies beside the project and runs against any Tempo-compatible server: loads generated traces, then asks.
 * Beside its figures stand ratios to those of Tempo on the same kind of machine.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { temporaryFolder } from '../test/support/server.ts';
import { missing, sharedPath } from '../test/support/shared.ts';
import { type Bench, type BenchResult, type Figure, runIfMain } from './measure.ts';
import { startServer, untilIdle } from './server.ts';

/** What its result file says, as far as it is read here. */
interface SharedResult {
  readonly figures: Readonly<Record<string, number>>;
  readonly queries: Readonly<Record<string, { first: number; p50: number; p99?: number; answer: string }>>;
}

const unitOf: Readonly<Record<string, string>> = {
  ackedSpansPerSecond: 'spans/s',
  cpuMicrosPerSpanAcked: 'µs/span',
  cpuMicrosPerSpanStored: 'µs/span',
  peakMemoryMB: 'MB',
  bytesPerSpan: 'B/span',
};

export const bench: Bench = async (size) => {
  const skipped = missing('bench/bench.mjs');
  if (skipped !== false) return { figures: [], skipped };
  const folder = temporaryFolder('shared-bench');
  const { server } = await startServer(folder.path);
  try {
    await untilIdle(server);
    const out = path.join(folder.path, 'result.json');
    const flags = {
      http: server.http,
      otlp: server.otlpHttp,
      pid: server.pid,
      data: path.join(folder.path, 'data'),
      out,
      ...(size === 'quick' ? { traces: 300, runs: 2, settle: 5, spread: 10 } : {}),
    };
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
    // Its tables go where progress goes: standard output is for figures.
    const child = spawn(process.execPath, [sharedPath('bench/bench.mjs'), ...args], { stdio: ['ignore', 2, 2] });
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    if (code !== 0) return { figures: [], problems: [`the shared bench ended with code ${code}`] };
    return resultOf(
      JSON.parse(readFileSync(out, 'utf8')) as SharedResult,
      size === 'quick' ? undefined : tempoResult(),
    );
  } finally {
    await server.stop();
    folder.remove();
  }
};

function tempoResult(): SharedResult | undefined {
  const file = 'bench/tempo-3.0.3.json';
  return missing(file) === false ? (JSON.parse(readFileSync(sharedPath(file), 'utf8')) as SharedResult) : undefined;
}

function resultOf(ours: SharedResult, tempo: SharedResult | undefined): BenchResult {
  const figures: Figure[] = [];
  const problems: string[] = [];
  for (const [name, unit] of Object.entries(unitOf)) {
    const value = ours.figures[name];
    if (value !== undefined) figures.push({ name, value, unit });
  }
  if ((ours.figures['failedRequests'] ?? 0) > 0) problems.push(`${ours.figures['failedRequests']} requests failed`);
  const ratios: number[] = [];
  for (const [name, { first, p50, p99, answer }] of Object.entries(ours.queries)) {
    figures.push(
      { name: `${name}, first`, value: first, unit: 'ms' },
      { name: `${name}, p50`, value: p50, unit: 'ms' },
    );
    if (p99 !== undefined) figures.push({ name: `${name}, p99`, value: p99, unit: 'ms' });
    const theirs = tempo?.queries[name];
    if (theirs === undefined) continue;
    ratios.push(theirs.p50 / p50);
    figures.push({ name: `${name}, Tempo's first / ours`, value: theirs.first / first, unit: 'times' });
    figures.push({ name: `${name}, Tempo's p50 / ours`, value: theirs.p50 / p50, unit: 'times' });
    if (theirs.answer !== answer) problems.push(`${name}: ${answer}, Tempo found ${theirs.answer}`);
  }
  if (ratios.length > 0) {
    const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
    figures.push({ name: "Tempo's p50 / ours, geometric mean", value: mean, unit: 'times' });
    figures.push({ name: "Tempo's p50 / ours, lowest", value: Math.min(...ratios), unit: 'times' });
  }
  return { figures, problems };
}

await runIfMain(import.meta, bench);

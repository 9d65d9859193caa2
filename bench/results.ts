/** A run of the bench as a file: what was measured, of which commit, on which machine; and two of them side by side. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { type BenchResult, formatValue, moreIsBetter, type Size } from './measure.ts';

export interface RunResults {
  readonly commit: string;
  /** Files differed from the commit. */
  readonly changed: boolean;
  readonly date: string;
  readonly size: Size;
  readonly node: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryMb: number;
    readonly system: string;
  };
  /** Processes that wanted to run, before the run began: above 1 somebody else was at work. */
  readonly loadAtStart: number;
  readonly benchmarks: Readonly<Record<string, BenchResult>>;
}

const root = `${import.meta.dirname}/..`;

const git = (...args: string[]): string => {
  try {
    return execFileSync('git', args, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .trim();
  } catch {
    return '';
  }
};

export function describeRun(size: Size): Omit<RunResults, 'benchmarks'> {
  return {
    commit: git('rev-parse', 'HEAD') || 'unknown',
    changed: git('status', '--porcelain') !== '',
    date: new Date().toISOString(),
    size,
    node: process.version,
    machine: {
      cpu: os.cpus()[0]?.model ?? 'unknown',
      cores: os.availableParallelism(),
      memoryMb: Math.round(os.totalmem() / 2 ** 20),
      system: `${os.platform()} ${os.arch()} ${os.release()}`,
    },
    loadAtStart: os.loadavg()[0]!,
  };
}

/** @throws Error with a sentence */
export function readResults(file: string): RunResults {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`cannot read ${file}: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || !('benchmarks' in value))
    throw new Error(`${file} is not a result of this bench`);
  return value as RunResults;
}

/** Every figure that both have, with how many times better (above 1) or worse the second is. */
export function compareResults(before: RunResults, after: RunResults): string[] {
  const title = ({ commit, changed, date, size, loadAtStart }: RunResults): string =>
    `${commit.slice(0, 8)}${changed ? ' with changes' : ''}, ${date}, ${size}, load ${loadAtStart.toFixed(1)} at the start`;
  const lines = [`before: ${title(before)}`, `after:  ${title(after)}`];
  if (before.size !== after.size) lines.push('! the sizes differ: these figures cannot be compared');
  if (before.machine.cpu !== after.machine.cpu || before.machine.cores !== after.machine.cores)
    lines.push('! the machines differ');
  if (before.node !== after.node) lines.push(`! Node ${before.node} and ${after.node}`);
  for (const [name, { figures }] of Object.entries(after.benchmarks)) {
    const earlier = new Map(before.benchmarks[name]?.figures.map((figure) => [figure.name, figure]));
    const both = figures.filter((figure) => earlier.get(figure.name)?.unit === figure.unit);
    if (both.length === 0) continue;
    const width = Math.max(...both.map((figure) => figure.name.length));
    lines.push('', name);
    let logarithms = 0;
    let counted = 0;
    for (const { name: figure, value, unit } of both) {
      const was = earlier.get(figure)!.value;
      const ratio = moreIsBetter(unit) ? value / was : was / value;
      if (Number.isFinite(ratio) && ratio > 0) {
        logarithms += Math.log(ratio);
        counted++;
      }
      const times = Number.isFinite(ratio) ? ratio.toFixed(2).padStart(7) : '      –';
      lines.push(`  ${figure.padEnd(width)} ${formatValue(was)} ${formatValue(value)} ${unit.padEnd(10)} ${times}`);
    }
    if (counted > 1)
      lines.push(`  geometric mean: ${Math.exp(logarithms / counted).toFixed(2)} (above 1: the second is better)`);
  }
  return lines;
}

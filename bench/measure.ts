/**
 * What every benchmark is made of. A `*.bench.ts` file exports `bench`, which measures, checks what it measured (a wrong
 * result has no speed) and returns figures; it stands beside the code it measures, or here when it measures everything
 * together. `bench.ts` runs all of them, each in a process of its own, and each can be run alone:
 *
 *   node src/parquet/parquet.bench.ts [--quick | --full] [--json]
 */
import { parseArgs } from 'node:util';

/** `quick`: seconds at most, only shows that it works; what `npm test` runs. `full`: what takes many minutes as well. */
export type Size = 'quick' | 'normal' | 'full';

export interface Figure {
  /** Unique in its benchmark, and the same from commit to commit: results are compared by it. */
  readonly name: string;
  readonly value: number;
  /** `ms`, `ns/row`, `B/span` … less is better, except for rates: those end with `/s` or are `times`. */
  readonly unit: string;
}

export interface BenchResult {
  readonly figures: readonly Figure[];
  /** What should not be: the run fails. */
  readonly problems?: readonly string[];
  /** Why there is nothing to measure here. */
  readonly skipped?: string;
}

export type Bench = (size: Size) => BenchResult | Promise<BenchResult>;

export const moreIsBetter = (unit: string): boolean => unit.endsWith('/s') || unit === 'times';

/** Last line of every benchmark: runs it when its file is the program. */
export async function runIfMain(meta: ImportMeta, bench: Bench): Promise<void> {
  if (!meta.main) return;
  const options = { quick: { type: 'boolean' }, full: { type: 'boolean' }, json: { type: 'boolean' } } as const;
  const { values: flags } = parseArgs({ options });
  const result = await bench(flags.quick ? 'quick' : flags.full ? 'full' : 'normal');
  if (flags.json) console.log(JSON.stringify(result));
  else printResult(result);
  process.exitCode = (result.problems ?? []).length > 0 ? 1 : 0;
}

export function printResult({ figures, problems = [], skipped }: BenchResult): void {
  if (skipped !== undefined) console.log(skipped);
  const width = Math.max(0, ...figures.map(({ name }) => name.length));
  for (const { name, value, unit } of figures) console.log(`  ${name.padEnd(width)} ${formatValue(value)} ${unit}`);
  for (const problem of problems) console.log(`! ${problem}`);
}

/** Three digits that count, aligned at the point. */
export function formatValue(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  const [whole, fraction] = value.toFixed(digits).split('.');
  return `${whole!.padStart(9)}${fraction === undefined ? '' : `.${fraction}`}`.padEnd(13);
}

/**
 * Time of one run, the lowest of several: ms by the clock. Other work on the machine makes some runs longer, but hardly
 * all of them; CPU time would be counted in steps of milliseconds.
 */
export function lowestMs(rounds: number, run: () => void): number {
  let lowest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const before = performance.now();
    run();
    lowest = Math.min(lowest, performance.now() - before);
  }
  return lowest;
}

/** {@link lowestMs} of what waits. */
export async function lowestMsAsync(rounds: number, run: (round: number) => Promise<unknown>): Promise<number> {
  let lowest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const before = performance.now();
    await run(round);
    lowest = Math.min(lowest, performance.now() - before);
  }
  return lowest;
}

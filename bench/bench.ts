/** `npm run bench`: runs the benchmarks, each in a process of its own, and keeps or compares their figures. */
import { spawn } from 'node:child_process';
import { globSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type BenchResult, printResult, type Size } from './measure.ts';
import { compareResults, describeRun, readResults } from './results.ts';

const usage = `usage: npm run bench -- [NAME…] [--quick | --full] [--out FILE]
       npm run bench -- --compare BEFORE.json AFTER.json

Measures this project on this machine; leave it alone meanwhile. NAME: only the benchmarks whose names contain it.

  --quick      a small run that shows that everything works; its figures mean little
  --full       also what takes many minutes
  --out FILE   where the figures go, as JSON with commit, Node version, machine and date
               (default: bench/results/<date>-<commit>.json)
  --compare    print two such files side by side; above 1, the second is better
  --list       print the names
  --help`;

const root = path.resolve(import.meta.dirname, '..');

class UsageError extends Error {}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (!(error instanceof UsageError) && !code.startsWith('ERR_PARSE_ARGS')) throw error;
  console.error(`bench: ${(error as Error).message}\n\n${usage}`);
  process.exitCode = 2;
}

async function main(argv: string[]): Promise<void> {
  const { values: flags, positionals } = parseArgs({
    args: argv,
    options: {
      quick: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      out: { type: 'string' },
      compare: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  if (flags.help) return console.log(usage);
  if (flags.compare) {
    if (positionals.length !== 2) throw new UsageError('--compare takes two files');
    const [before, after] = positionals.map((file) => {
      try {
        return readResults(file);
      } catch (error) {
        throw new UsageError((error as Error).message);
      }
    });
    for (const line of compareResults(before!, after!)) console.log(line);
    return;
  }
  if (flags.quick && flags.full) throw new UsageError('either --quick or --full');
  const files = benchFiles();
  const unknown = positionals.find((part) => !files.some(({ name }) => name.includes(part)));
  if (unknown !== undefined) throw new UsageError(`no benchmark is called ${unknown}; --list prints their names`);
  const chosen = files.filter(
    ({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
  );
  if (flags.list) {
    for (const { name } of chosen) console.log(name);
    return;
  }
  const size: Size = flags.quick ? 'quick' : flags.full ? 'full' : 'normal';
  const about = describeRun(size);
  const out =
    flags.out ?? path.join(root, 'bench/results', `${about.date.replaceAll(':', '')}-${about.commit.slice(0, 8)}.json`);
  mkdirSync(path.dirname(out), { recursive: true });
  const benchmarks: Record<string, BenchResult> = {};
  for (const { name, file } of chosen) {
    console.log(`\n${name}`);
    const result = await runFile(file, size);
    printResult(result);
    benchmarks[name] = result;
    // After each: what was measured is kept when a later one is interrupted.
    writeFileSync(out, `${JSON.stringify({ ...about, benchmarks }, undefined, 1)}\n`);
  }
  console.log(`\nwritten to ${path.relative(process.cwd(), out)}`);
  if (Object.values(benchmarks).some(({ problems = [] }) => problems.length > 0)) process.exitCode = 1;
}

/** Those of single parts first, in the order of their names. */
function benchFiles(): { name: string; file: string }[] {
  return ['src/**/*.bench.ts', 'bench/*.bench.ts'].flatMap((pattern) =>
    globSync(pattern, { cwd: root })
      .sort()
      .map((file) => ({
        name: file
          .split(path.sep)
          .join('/')
          .replace(/\.bench\.ts$/, ''),
        file,
      })),
  );
}

/** The last line of its output is the result. */
async function runFile(file: string, size: Size): Promise<BenchResult> {
  const args = [file, '--json', ...(size === 'normal' ? [] : [`--${size}`])];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  try {
    return JSON.parse(output.trimEnd().split('\n').at(-1)!) as BenchResult;
  } catch {
    return { figures: [], problems: [`${file} ended with code ${code} and without a result`] };
  }
}

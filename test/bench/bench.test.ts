/** The benchmarks beside the code run and check what they measure; the command runs, keeps and compares. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Bench } from '../../bench/measure.ts';
import type { RunResults } from '../../bench/results.ts';
import { temporaryFolder } from '../support/server.ts';

const root = path.resolve(import.meta.dirname, '../..');
const folder = temporaryFolder('bench');
test.after(folder.remove);

function run(...args: string[]): { code: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bench/bench.ts', ...args], { cwd: root });
  return { code: status, output: `${stdout}${stderr}` };
}

const files = globSync('src/**/*.bench.ts', { cwd: root });

test('there are benchmarks of the scanner, pages, predicates and replies', () => {
  for (const part of ['otlp/scan', 'parquet/parquet', 'expression/predicate', 'encode/reply'])
    assert(
      files.some((file) => file.endsWith(`${part}.bench.ts`)),
      part,
    );
});

for (const file of files) {
  test(`${file} measures what is right`, async () => {
    const { bench } = (await import(path.join(root, file))) as { bench: Bench };
    const { figures, problems = [], skipped } = await bench('quick');
    assert.equal(skipped, undefined);
    assert.deepEqual(problems, []);
    assert(figures.length > 0);
    for (const { name, value } of figures) assert(Number.isFinite(value), name);
    assert.equal(new Set(figures.map(({ name }) => name)).size, figures.length, 'every figure has a name of its own');
  });
}

test('a run keeps its figures with commit, Node version and machine, and two runs can be compared', () => {
  const before = path.join(folder.path, 'before.json');
  const after = path.join(folder.path, 'after.json');
  const { code, output } = run('manifest', '--quick', '--out', before);
  assert.equal(code, 0, output);
  const results = JSON.parse(readFileSync(before, 'utf8')) as RunResults;
  assert.deepEqual(Object.keys(results.benchmarks), ['src/block/manifest']);
  assert.equal(results.node, process.version);
  assert(results.machine.cores > 0 && results.commit !== '' && !Number.isNaN(Date.parse(results.date)));
  const measured = results.benchmarks['src/block/manifest']!.figures;
  assert(measured.some(({ name, unit }) => name === 'commit one block' && unit === 'ms'));

  const benchmarks = {
    'src/block/manifest': { figures: measured.map((figure) => ({ ...figure, value: figure.value / 2 })) },
    'src/new': { figures: [{ name: 'rate', value: 3, unit: 'spans/s' }] },
  };
  writeFileSync(after, JSON.stringify({ ...results, benchmarks }));
  const compared = run('--compare', before, after);
  assert.equal(compared.code, 0);
  assert.match(compared.output, /commit one block .* ms +2\.00\n/);
  assert.match(compared.output, /geometric mean: 2\.00/);
  assert.doesNotMatch(compared.output, /src\/new/, 'what only one of them has cannot be compared');
});

test('more is better for rates', () => {
  const file = (name: string, value: number): string => {
    const out = path.join(folder.path, name);
    const benchmarks = { b: { figures: [{ name: 'rate', value, unit: 'spans/s' }] } };
    const machine = { cpu: 'c', cores: 2, memoryMb: 1, system: 's' };
    const about = { commit: name, changed: false, date: '2025-01-01', size: 'normal', node: 'v24', loadAtStart: 0 };
    writeFileSync(out, JSON.stringify({ ...about, machine, benchmarks }));
    return out;
  };
  assert.match(run('--compare', file('one', 100), file('two', 400)).output, /rate .* 4\.00\n/);
});

test('wrong flags are told', () => {
  for (const [args, reason] of [
    [['--fast'], /Unknown option '--fast'/],
    [['nothing-like-this'], /no benchmark is called nothing-like-this/],
    [['--compare', 'none.json', 'none.json'], /cannot read none\.json/],
  ] as const) {
    const { code, output } = run(...args);
    assert.equal(code, 2, args.join(' '));
    assert.match(output, reason);
    assert.match(output, /usage: npm run bench/);
  }
});

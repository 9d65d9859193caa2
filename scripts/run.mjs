// The door to every npm script: runs under any Node >= 20, installs what is missing, then works under the pinned Node.
//
//   up [-- server flags]   set up, then start the server
//   cli COMMAND [flags]    one of the other commands: search, trace, blocks, …; `cli help` lists them
//   test [files…]          set up, then all checks and the default test suite (or just the named test files)
//   test-long              the long suites (crash rounds, fuzzing, soak)
//   check                  types, lint, format, import directions
//   format                 let the formatter write
//   bench [flags]          the bench of this project
//   generate               write generated protocol code again
//   node FILE [args…]      run a file under the pinned Node
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { installTestServers } from './test-servers.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const stampFile = path.join(root, 'node_modules', '.rubato-installed');
const say = (text) => console.error(`rubato: ${text}`);

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
}

function install() {
  const want = lockHash();
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === want) return;
  say('installing dependencies from the lock file (once; a minute on a slow line) …');
  const started = Date.now();
  const npm = process.env.npm_execpath;
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const run = npm?.endsWith('.js')
    ? spawnSync(process.execPath, [npm, ...args], { cwd: root, stdio: ['ignore', 2, 2] })
    : spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (run.status !== 0) {
    say('npm ci failed; see above');
    process.exit(run.status ?? 1);
  }
  mkdirSync(path.dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, want);
  say(`dependencies installed in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

/** The Node that the lock file pins; where npm has no build of it for this machine, the running one if new enough. */
function pinnedNode() {
  const bundled = path.join(root, 'node_modules', `node-${process.platform}-${os.arch()}`, 'bin', 'node');
  if (existsSync(bundled)) return bundled;
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  say(`no Node 24 package for ${process.platform}-${os.arch()}; install Node >= 24 and run this again`);
  return process.exit(1);
}

/** Runs one command to its end, hands signals on, and exits with its code when it failed. */
function run(command, args, { always = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit' });
    const forward = (signal) => child.kill(signal);
    process.on('SIGINT', forward).on('SIGTERM', forward);
    child.on('exit', (code, signal) => {
      process.off('SIGINT', forward).off('SIGTERM', forward);
      const status = code ?? (signal ? 128 + (os.constants.signals[signal] ?? 1) : 1);
      if (status !== 0 || always) process.exit(status);
      resolve();
    });
  });
}

const bin = (name) => path.join(root, 'node_modules', '.bin', name);

async function check(node) {
  await run(bin('tsc'), ['-p', root]);
  await run(bin('tsc'), ['-p', path.join(root, 'ui')]);
  await run(bin('biome'), ['check', '--error-on-warnings', root]);
  await run(node, ['scripts/check-imports.ts']);
}

const [task = 'help', ...args] = process.argv.slice(2);
install();
const node = pinnedNode();
// Sources without their types, and compiled: a start takes half as long, and so do tests, which start many processes.
process.env.NODE_COMPILE_CACHE ??= path.join(root, 'node_modules', '.cache', 'rubato');
const buildUi = () => run(node, ['ui/build.ts']);

async function test(files, { long = false } = {}) {
  await installTestServers(say, { long });
  // Two files at a time: most of a test's time is waiting, and Node's default is one less than the cores.
  await run(node, [
    '--test',
    // What a failed test leaves running must not keep the whole run waiting.
    '--test-force-exit',
    '--test-timeout=300000',
    `--test-concurrency=${Math.max(2, os.availableParallelism() - 1)}`,
    ...files,
  ]);
}

switch (task) {
  case 'up':
    await buildUi();
    // Garbage of a request dies young: a small young generation is as fast and saves 100 to 200 MB over all threads.
    await run(node, ['--max-semi-space-size=4', 'src/cli/main.ts', ...args], { always: true });
    break;
  case 'cli':
    await run(node, ['src/cli/main.ts', ...(args.length > 0 ? args : ['help'])], { always: true });
    break;
  case 'check':
    await check(node);
    break;
  case 'test': {
    if (args.length > 0) {
      await test(args);
      break;
    }
    await check(node);
    await buildUi();
    await test(['src/**/*.test.ts', 'test/**/*.test.ts', 'ui/src/**/*.test.ts']);
    break;
  }
  case 'test-long':
    await test(['test/**/*.long.ts'], { long: true });
    break;
  case 'format':
    await run(bin('biome'), ['check', '--write', root]);
    break;
  case 'bench':
    await run(node, ['bench/bench.ts', ...args]);
    break;
  case 'generate':
    await run(bin('buf'), ['generate']);
    break;
  case 'node':
    await run(node, args, { always: true });
    break;
  default:
    console.log('usage: npm run up | rubato | test | test:long | check | format | bench | generate');
    process.exit(task === 'help' ? 0 : 2);
}

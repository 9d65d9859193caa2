/** The five commands of the README, as they stand there, and those for Prometheus in docs/logs-and-metrics.md. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { type Prometheus, startPrometheus, withoutPrometheus } from '../generator/prometheus.ts';
import { freePort, temporaryFolder } from '../support/server.ts';

const root = path.resolve(import.meta.dirname, '../..');
const folder = temporaryFolder('metric-to-logs');
const logFile = path.join(folder.path, 'shop.log');
const withoutCurl = spawnSync('curl', ['--version']).status === 0 ? false : 'SKIPPED: there is no curl on the PATH';
let httpPort: number;
let server: ChildProcess | undefined;
let prometheus: Prometheus | undefined;

/** The shell block that holds `marker`, a command a line, comments left out. */
function commandsOf(file: string, marker: string): string[] {
  const text = readFileSync(path.join(root, file), 'utf8');
  const block = [...text.matchAll(/```sh\n(.*?)```/gs)].map(([, body]) => body!).find((body) => body.includes(marker));
  assert.ok(block !== undefined, `${file} has the block with ${marker}`);
  return block.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

interface Shell {
  readonly output: string;
  readonly trace: string;
}

/** The commands in one shell; what each of them wrote, apart from assignments. */
function run(commands: readonly string[], at: Readonly<Record<string, string>>): Shell {
  let script = commands.map((line) => `${line}; echo`).join('\n');
  for (const [from, to] of Object.entries(at)) script = script.replaceAll(from, to);
  const done = spawnSync('bash', ['-c', `${script}\necho "trace=$trace"`], { encoding: 'utf8' });
  return { output: done.stdout, trace: /trace=(\w*)\n$/.exec(done.stdout)?.[1] ?? '' };
}

/** Until there is something in the metric, and a trace: the first traffic and the first collection take a moment. */
async function runUntil(commands: readonly string[], at: Record<string, string>): Promise<Shell> {
  for (let i = 0; i < 100; i++) {
    const shell = run(commands, at);
    if (shell.trace !== '' && !shell.output.includes('"series":[],')) return shell;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return run(commands, at);
}

before(async () => {
  if (withoutCurl) return;
  httpPort = await freePort();
  // As in deploy/compose, with what lies elsewhere there.
  const config = parse(readFileSync(path.join(root, 'deploy/compose/rubato.yaml'), 'utf8'));
  config.server = { http_listen_port: httpPort, grpc_listen_port: 0, log_level: 'error' };
  config.distributor.receivers.otlp.protocols = { http: { endpoint: '127.0.0.1:0' } };
  config.storage.trace.local.path = path.join(folder.path, 'data');
  config.metrics_generator.storage.path = path.join(folder.path, 'generator');
  config.metrics_generator.registry = { collection_interval: '1s' };
  if (withoutPrometheus) config.metrics_generator.storage.remote_write = [];
  else {
    const started = await startPrometheus(path.join(folder.path, 'prometheus'));
    prometheus = started;
    config.metrics_generator.storage.remote_write[0].url = `${started.url}/api/v1/write`;
  }
  const file = path.join(folder.path, 'rubato.yaml');
  writeFileSync(file, stringify(config));
  const main = path.join(root, 'src/cli/main.ts');
  const args = [main, `-config.file=${file}`, '--demo', `--demo.log-file=${logFile}`];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  server = child;
  let output = '';
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      if ((output += chunk.toString()).includes('demo  ')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
  });
});
after(async () => {
  server?.kill('SIGKILL');
  await prometheus?.kill();
  folder.remove();
});

test('metric → trace → logs, as the README has it', { skip: withoutCurl }, async () => {
  const [start, ...commands] = commandsOf('README.md', '--demo.log-file');
  assert.match(start ?? '', /^npm run up -- --demo --demo\.log-file=\/tmp\/shop\.log &$/);
  assert.equal(commands.length, 4);
  const { output, trace } = await runUntil(commands, {
    'localhost:3200': `127.0.0.1:${httpPort}`,
    '/tmp/shop.log': logFile,
  });
  assert.match(trace, /^[0-9a-f]{32}$/);
  const [metric, found, ...logs] = output.split('\n').filter((line) => line.startsWith('{'));
  assert.ok(JSON.parse(metric!).series.length > 0);
  assert.ok(JSON.parse(found!).trace.resourceSpans.length > 0);
  assert.ok(logs.length > 0, 'log lines');
  for (const line of logs) {
    const { trace_id, namespace, pod, service_name, msg } = JSON.parse(line);
    assert.equal(trace_id, trace);
    assert.equal(namespace, 'shop');
    for (const value of [pod, service_name, msg]) assert.ok(value);
  }
});

test('from Prometheus: the series and its exemplar lead to the same trace', {
  skip: withoutCurl || withoutPrometheus,
}, async () => {
  const commands = commandsOf('docs/logs-and-metrics.md', 'docker compose').filter(
    (line) => !/docker|:3100/.test(line),
  );
  assert.equal(commands.length, 3);
  const { output, trace } = await runUntil(commands, {
    'localhost:3200': `127.0.0.1:${httpPort}`,
    'http://localhost:9090': prometheus!.url,
    'localhost:9090': new URL(prometheus!.url).host,
  });
  assert.match(trace, /^[0-9a-f]{32}$/);
  const [metric, found] = output.split('\n').filter((line) => line.startsWith('{'));
  assert.equal(JSON.parse(metric!).status, 'success');
  assert.ok(JSON.parse(found!).trace.resourceSpans.length > 0);
});

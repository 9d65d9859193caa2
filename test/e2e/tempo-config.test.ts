/** A configuration file of Tempo's starts the server without edits; flags go over it, a probe asks whether it is healthy. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { plainResource, plainSpan } from '../../src/model/plain-span.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { freePort, request, temporaryFolder } from '../support/server.ts';

const main = path.resolve(import.meta.dirname, '../../src/cli/main.ts');
const file = path.resolve(import.meta.dirname, '../support/tempo.yaml');
const folder = temporaryFolder('tempo-config');
let child: ChildProcess | undefined;
after(() => {
  child?.kill('SIGKILL');
  folder.remove();
});

const ports = [
  'HTTP_PORT',
  'GRPC_PORT',
  'OTLP_GRPC_PORT',
  'OTLP_HTTP_PORT',
  'JAEGER_GRPC_PORT',
  'JAEGER_HTTP_PORT',
  'JAEGER_COMPACT_PORT',
  'JAEGER_BINARY_PORT',
  'ZIPKIN_PORT',
];

async function environment(): Promise<Record<string, string>> {
  const env: Record<string, string> = { ...process.env, DATA: folder.path } as Record<string, string>;
  const free = await Promise.all(ports.map(freePort));
  for (const [i, name] of ports.entries()) env[name] = String(free[i]);
  return env;
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; ) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`not within 30 s: ${what}`);
}

const run = (args: readonly string[], env: NodeJS.ProcessEnv = process.env) =>
  spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', env, timeout: 30_000 });

test('a single-binary tempo.yaml starts the server, and keys that do nothing are named once', async () => {
  const env = await environment();
  writeFileSync(
    path.join(folder.path, 'overrides.yaml'),
    'overrides:\n  team-a:\n    ingestion:\n      rate_limit_bytes: 1\n',
  );
  const httpPort = await freePort();
  const args = [
    `-config.file=${file}`,
    '-config.expand-env=true',
    `-server.http-listen-port=${httpPort}`,
    '-shutdown-delay=2s',
  ];
  let output = '';
  child = spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const url = `http://127.0.0.1:${httpPort}`;
  await until('ready', async () => {
    assert.equal(child?.exitCode, null, output);
    return (await request(`${url}/ready`).catch(() => undefined))?.status === 200;
  });

  const [, list = ''] = /^rubato: these keys do nothing here: (.*)$/m.exec(output) ?? [];
  const named = list.split(', ').map((item) => item.replace(/ \(line \d+\)$/, ''));
  assert.equal(new Set(named).size, named.length);
  for (const key of ['memberlist', 'block_builder', 'storage.trace.wal.path', 'query_frontend.max_retries'])
    assert.ok(named.includes(key), key);
  for (const used of ['shutdown_delay', 'server.http_server_write_timeout', 'overrides.per_tenant_override_config'])
    assert.ok(!named.includes(used), used);

  const span = plainSpan({
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    name: 'GET /',
    startTimeUnixNano: BigInt(Date.now()) * 1_000_000n,
    endTimeUnixNano: BigInt(Date.now() + 5) * 1_000_000n,
    resource: plainResource({ attributes: [{ key: 'service.name', value: { type: 'string', value: 'shop' } }] }),
  });
  const send = async (tenant: string): Promise<number> => {
    const headers = { 'content-type': 'application/x-protobuf', 'x-scope-orgid': tenant };
    const otlp = `http://127.0.0.1:${env['OTLP_HTTP_PORT']}/v1/traces`;
    return (await request(otlp, { method: 'POST', headers, body: plainSpansToOtlp([span]) })).status;
  };
  assert.equal(await send('team-b'), 200);
  assert.equal(await send('team-a'), 429);
  const found = await request(`${url}/api/v2/traces/${span.traceId}`, { headers: { 'x-scope-orgid': 'team-b' } });
  assert.equal(found.status, 200);
  assert.match((await request(`${url}/usage_metrics`)).body.toString(), /service="shop",tenant="team-b"/);
  const page = (await request(`${url}/status/config`)).body.toString();
  assert.match(page, /max_search_duration: 172800000/);

  assert.equal(run(['-health', `-health.url=${url}/ready`]).status, 0);
  const ended = new Promise<number | null>((resolve) => child?.once('exit', (code) => resolve(code)));
  child.kill('SIGTERM');
  await until('balancers are told', async () => (await request(`${url}/ready`)).status === 503);
  assert.equal(await send('team-b'), 200, 'the ports are open until the delay is over');
  assert.equal(await ended, 0);
  assert.match(output, /^level=\w+ ts=\S+ msg=/m, 'logs are in the format that the file asks for');
  const unhealthy = run(['-health', `-health.url=${url}/ready`]);
  assert.equal(unhealthy.status, 1);
  assert.match(unhealthy.stderr, /ECONNREFUSED/);
});

test('-config.verify says whether both files can be used', async () => {
  const env = await environment();
  const args = [`-config.file=${file}`, '-config.expand-env', '-config.verify'];
  const warned = run(args, env);
  assert.equal(warned.status, 1, warned.stderr);
  assert.match(warned.stderr, /do nothing here/);
  writeFileSync(path.join(folder.path, 'overrides.yaml'), 'overrides:\n  team-a:\n    ingest: {}\n');
  const refused = run(args, env);
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /overrides\.yaml:3: unknown key overrides\.team-a\.ingest/);
  assert.equal(run(['-config.verify']).status, 0);
  assert.match(run(['-server.http-listen-port=70000', '-config.verify']).stderr, /server\.http_listen_port/);
});

/** The files under deploy/: readable, and in agreement with each other and with our own schemas. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { loadAgentConfig } from '../../src/app/agent/config.ts';
import { loadConfig } from '../../src/app/config/load.ts';
import { SeededRng } from '../../src/base/random.ts';
import { DemoLogFile } from '../../src/cli/demo/log-file.ts';
import { ShopTraffic } from '../../src/cli/demo/traffic.ts';
import { temporaryFolder } from '../support/server.ts';

const deploy = path.resolve(import.meta.dirname, '../../deploy');
const text = (file: string): string => readFileSync(path.join(deploy, file), 'utf8');

test('every data source that another refers to exists, and lives in the compose file', () => {
  const { datasources } = parse(text('grafana/provisioning/datasources/rubato.yaml'));
  const byUid = new Map<string, { type: string; url: string }>();
  for (const source of datasources) byUid.set(source.uid, source);
  assert.deepEqual(
    [...byUid].map(([uid, { type }]) => [uid, type]),
    [
      ['rubato', 'tempo'],
      ['prometheus', 'prometheus'],
      ['loki', 'loki'],
    ],
  );
  const referred = [...JSON.stringify(datasources).matchAll(/"datasourceUid":"([^"]+)"/g)].map(([, uid]) => uid!);
  assert.ok(referred.length >= 6);
  for (const uid of referred) assert.ok(byUid.has(uid), uid);
  const { services } = parse(text('compose/compose.yaml'), { merge: true });
  for (const { url } of byUid.values()) assert.ok(Object.hasOwn(services, new URL(url).hostname), url);
  assert.match(services.agent.command, /rubato agent/);
  const { metrics_generator } = parse(text('compose/rubato.yaml'));
  const [{ url, send_exemplars }] = metrics_generator.storage.remote_write;
  assert.equal(url, `${byUid.get('prometheus')!.url}/api/v1/write`);
  assert.equal(send_exemplars, true);
  assert.ok(services.prometheus.command.includes('--web.enable-remote-write-receiver'));
});

test('logs have the labels that Grafana looks for: the shop writes the file, Alloy ships it, spans name the same', () => {
  const alloy = text('compose/alloy.alloy');
  const { services } = parse(text('compose/compose.yaml'), { merge: true });
  const file = /--demo\.log-file=(\S+)/.exec(services.rubato.command)?.[1];
  assert.ok(file !== undefined && alloy.includes(`__path__ = "${file}"`), 'it reads what the shop writes');
  const shares = (service: string): boolean =>
    services[service].volumes.some((volume: string) => volume.startsWith('data:/data'));
  assert.ok(shares('rubato') && shares('alloy'));
  // Every component that another one sends to is there, and every block is closed.
  const components = [...alloy.matchAll(/^([a-z_.]+) "([a-z]+)" \{$/gm)].map(([, kind, name]) => `${kind}.${name}`);
  assert.equal(components.length, 4);
  const referred = [...alloy.matchAll(/\b((?:local|loki)\.[a-z_]+\.[a-z]+)\.(?:targets|receiver)\b/g)].map(
    ([, to]) => to!,
  );
  assert.equal(referred.length, 3);
  for (const to of referred) assert.ok(components.includes(to), to);
  assert.equal(alloy.split('{').length, alloy.split('}').length);

  const keysOf = (stage: string): string[] => {
    const block = new RegExp(`stage\\.${stage} \\{\\s*\\w+ = \\{([^}]*)\\}`).exec(alloy)?.[1] ?? '';
    return [...block.matchAll(/(\w+) = /g)].map(([, key]) => key!);
  };
  const labels = keysOf('labels');
  const folder = temporaryFolder('shop-log');
  try {
    const logFile = path.join(folder.path, 'shop.log');
    new DemoLogFile(logFile).write(new ShopTraffic(new SeededRng(1)).visit(1_700_000_000_000_000_000n));
    const lines = readFileSync(logFile, 'utf8').trim().split('\n');
    assert.ok(lines.length > 0);
    for (const line of lines)
      for (const key of keysOf('json')) assert.equal(typeof JSON.parse(line)[key], 'string', `${key} in ${line}`);
  } finally {
    folder.remove();
  }
  for (const key of [...labels, ...keysOf('structured_metadata')]) assert.ok(keysOf('json').includes(key), key);
  const { datasources } = parse(text('grafana/provisioning/datasources/rubato.yaml'));
  const { tags } = datasources[0].jsonData.tracesToLogsV2;
  assert.ok(tags.length >= 3);
  for (const { value } of tags) assert.ok(labels.includes(value), value);
});

test('the configurations of the server and the agent are valid', () => {
  assert.deepEqual(loadConfig(text('compose/rubato.yaml'), 'rubato.yaml').inapplicable, []);
  assert.equal(loadAgentConfig(text('compose/agent.yaml'), 'agent.yaml').remote.url, 'http://rubato:4318');
});

const noPromtool = spawnSync('promtool', ['--version']).error === undefined ? false : 'SKIPPED: there is no promtool';

test('promtool takes the Prometheus configuration', { skip: noPromtool }, () => {
  const checked = spawnSync('promtool', ['check', 'config', path.join(deploy, 'compose/prometheus.yaml')]);
  assert.equal(checked.status, 0, checked.stderr.toString());
});

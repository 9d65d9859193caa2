/** The files under deploy/: readable, and in agreement with each other and with our own schemas. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { loadAgentConfig } from '../../src/app/agent/config.ts';
import { loadConfig } from '../../src/app/config/load.ts';

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

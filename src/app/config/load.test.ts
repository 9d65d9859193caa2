import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RubatoError } from '../../base/errors.ts';
import { expandEnv, loadConfig } from './load.ts';

const mistakes = (text: string): string => {
  try {
    loadConfig(text, 'c.yaml');
  } catch (error) {
    assert.ok(error instanceof RubatoError && error.kind === 'config');
    return error.message;
  }
  throw new Error('accepted');
};

test('an empty file gives the defaults', () => {
  const { config, inapplicable } = loadConfig('', 'c.yaml');
  assert.equal(config.server.http_listen_port, 3200);
  assert.equal(config.storage.trace.local.path, './data');
  assert.equal(config.live_store.max_block_duration, 30_000);
  assert.deepEqual(inapplicable, []);
  assert.equal(config.distributor.receivers, undefined);
});

test('a single-binary tempo.yaml is accepted and keys that do nothing are named with their line', () => {
  const { config, inapplicable } = loadConfig(
    `server:
  http_listen_port: 3210
distributor:
  receivers:
    otlp:
      protocols:
        grpc:
        http:
          endpoint: "0.0.0.0:4318"
compactor:
  ring:
    kvstore:
      store: memberlist
  compaction:
    block_retention: 1h
storage:
  trace:
    backend: local
    wal:
      path: /var/tempo/wal
    local:
      path: /var/tempo/blocks
    pool:
      max_workers: 100
overrides:
  defaults:
    ingestion:
      rate_limit_bytes: 0
`,
    'tempo.yaml',
  );
  assert.equal(config.server.http_listen_port, 3210);
  assert.equal(config.distributor.receivers?.otlp?.protocols.http?.endpoint, '0.0.0.0:4318');
  assert.deepEqual(config.distributor.receivers?.otlp?.protocols.grpc, {});
  assert.equal(config.compactor.compaction.block_retention, 3_600_000);
  assert.equal(config.overrides.defaults.ingestion?.rate_limit_bytes, 0);
  assert.deepEqual(inapplicable, ['compactor.ring (line 11)', 'storage.trace.pool (line 23)']);
});

test('an unknown key is refused with its line', () => {
  assert.equal(mistakes('server:\n  http_listen_port: 1\n  htp_port: 2\n'), 'c.yaml:3: unknown key server.htp_port');
  assert.equal(mistakes('servr: {}\n'), 'c.yaml:1: unknown key servr');
});

test('a wrong value is refused with its line', () => {
  assert.match(mistakes('live_store:\n  max_block_duration: soon\n'), /^c\.yaml:2: live_store\.max_block_duration: /);
  assert.match(mistakes('server:\n  http_listen_port: 99999\n'), /^c\.yaml:2: server\.http_listen_port: /);
});

test('broken YAML is refused with its line', () => {
  assert.match(mistakes('server: {\n'), /line 1|line 2/);
  assert.match(mistakes('a: 1\na: 2\n'), /unique/);
  assert.match(mistakes('[1]'), /mapping/);
});

test('environment variables are put in with their defaults', () => {
  assert.equal(expandEnv('a: ${A} ${B:-b} ${C}.', { A: '1', B: '' }), 'a: 1 b .');
});

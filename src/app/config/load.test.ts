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
  assert.deepEqual(inapplicable, [
    'compactor.ring (line 11)',
    'storage.trace.pool (line 23)',
    'storage.trace.wal.path (line 20)',
  ]);
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

test('flags go over the file and are checked like it', () => {
  const flags = new Map<string, string | number>([
    ['server.http_listen_port', 3210],
    ['server.log_level', 'debug'],
  ]);
  const { config } = loadConfig('server:\n  http_listen_port: 1\n  grpc_listen_port: 2\n', 'c.yaml', flags);
  assert.deepEqual([config.server.http_listen_port, config.server.grpc_listen_port], [3210, 2]);
  assert.equal(config.server.log_level, 'debug');
  assert.equal(loadConfig('server:\n', 'c.yaml', flags).config.server.http_listen_port, 3210);
  assert.throws(() => loadConfig('', 'flags', new Map([['shutdown_delay', 'soon']])), /shutdown_delay: "soon" is not/);
});

test('what was called auth_enabled is multitenancy', () => {
  assert.equal(loadConfig('auth_enabled: true', 'c.yaml').config.multitenancy_enabled, true);
});

test('durations are in the notation of Go or of Prometheus, and not negative', () => {
  const retention = (text: string) =>
    loadConfig(`overrides: { defaults: { compaction: { block_retention: ${text} } } }`, 'c.yaml').config.overrides
      .defaults.compaction?.block_retention;
  assert.deepEqual([retention('1h30m'), retention('2w'), retention('0')], [5_400_000, 1_209_600_000, 0]);
  assert.throws(() => retention('-1s'), /is not a duration/);
});

test('limits that the defaults leave out keep their built-in values', () => {
  const { ingestion, read, global } = loadConfig(
    'overrides: { defaults: { ingestion: { rate_limit_bytes: 5 } } }',
    'c.yaml',
  ).config.overrides.defaults;
  assert.equal(ingestion?.rate_limit_bytes, 5);
  assert.equal(ingestion?.burst_size_bytes, 30_000_000);
  assert.equal(read?.max_bytes_per_tag_values_query, 1_000_000);
  assert.equal(global?.max_bytes_per_trace, 5_000_000);
});

test('flat limits of old versions are taken when that is asked for', () => {
  const flat = 'overrides:\n  ingestion_rate_limit_bytes: 7\n  block_retention: 1h\n';
  assert.match(mistakes(flat), /c\.yaml:2: unknown key overrides\.ingestion_rate_limit_bytes/);
  const { defaults } = loadConfig(`${flat}  enable_legacy_overrides: true\n`, 'c.yaml').config.overrides;
  assert.deepEqual([defaults.ingestion?.rate_limit_bytes, defaults.compaction?.block_retention], [7, 3_600_000]);
});

test('a pattern that Go does not take is refused', () => {
  assert.match(mistakes('query_frontend:\n  url_deny_list: ["(?!x)"]\n'), /c\.yaml:2: query_frontend\.url_deny_list/);
});

test('environment variables are put in with their defaults', () => {
  assert.equal(expandEnv('${A-x}${A=x}${B-x}${B:=x}${C-x}', { A: '1', B: '' }), '11xx');
  assert.equal(expandEnv('a: ${A} ${B:-b} ${C}.', { A: '1', B: '' }), 'a: 1 b .');
});

test('an alias without its anchor is a mistake of the file', () => {
  assert.throws(
    () => loadConfig('server: *nowhere\n', 'tempo.yaml'),
    (error) =>
      error instanceof RubatoError && error.kind === 'config' && /^tempo\.yaml: .*alias.*nowhere/.test(error.message),
  );
});

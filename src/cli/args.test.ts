import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseServeArguments } from './args.ts';

test('flags take one or two dashes, a space or an equals sign', () => {
  const a = parseServeArguments([
    '-config.file=a.yaml',
    '--target',
    'all',
    '-config.expand-env=true',
    '--demo',
    '--demo.rate=2.5',
  ]);
  assert.equal(a.configFile, 'a.yaml');
  assert.equal(a.configFlags.get('target'), 'all');
  assert.equal(a.expandEnv, true);
  assert.equal(a.demo, true);
  assert.equal(a.demoTracesPerSecond, 2.5);
  assert.equal(parseServeArguments(['-config.expand-env=false']).expandEnv, false);
});

test('what is not a flag is refused by name', () => {
  assert.throws(() => parseServeArguments(['-confg.file=x']), /unknown flag -confg\.file/);
  assert.throws(() => parseServeArguments(['up']), /unexpected argument "up"/);
  assert.throws(() => parseServeArguments(['-config.file']), /needs a value/);
  assert.throws(() => parseServeArguments(['-server.http-listen-port=http']), /needs a number/);
  assert.throws(() => parseServeArguments(['--demo=maybe']), /true or false/);
});

test('flags of the configuration set its keys', () => {
  const { configFlags } = parseServeArguments([
    '-multitenancy.enabled',
    '-server.http-listen-port=3210',
    '-log.level=debug',
    '-shutdown-delay',
    '5s',
  ]);
  assert.deepEqual(Object.fromEntries(configFlags), {
    multitenancy_enabled: true,
    'server.http_listen_port': 3210,
    'server.log_level': 'debug',
    shutdown_delay: '5s',
  });
  assert.equal(parseServeArguments(['-multitenancy.enabled=false']).configFlags.get('multitenancy_enabled'), false);
});

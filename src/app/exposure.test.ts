import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from './config/load.ts';
import { checkAccess, exposedListeners, isLoopback, warnOfExposure } from './exposure.ts';
import { receiverSpecs } from './receiver-specs.ts';
import { rolesOf } from './targets.ts';

const log = { info: () => undefined, error: () => undefined };

function exposed(text: string): string[] {
  const { config } = loadConfig(text, 'c.yaml');
  const found = exposedListeners(config, rolesOf(config.target), receiverSpecs(config, log));
  return found.map(({ name, address, tls }) => `${name} ${address}${tls ? ' tls' : ''}`);
}

test('without a word about addresses nothing is open to other machines', () => {
  assert.deepEqual(exposed(''), []);
  assert.deepEqual(exposed('distributor: { receivers: { otlp: { protocols: { grpc: , http: } }, zipkin: } }'), []);
  assert.deepEqual(
    exposed(
      'distributor: { receivers: { jaeger: { protocols: { grpc: , thrift_http: , thrift_compact: , thrift_binary: } } } }',
    ),
    [],
  );
});

test('every address that the configuration opens is listed', () => {
  assert.deepEqual(exposed('server: { http_listen_address: 0.0.0.0, grpc_listen_address: "::" }'), [
    'http 0.0.0.0:3200',
    'grpc :::9095',
  ]);
  assert.deepEqual(exposed('server: { http_listen_address: "" }'), ['http *:3200']);
  assert.deepEqual(exposed('distributor: { receivers: { zipkin: { endpoint: ":9411" } } }'), ['zipkin 0.0.0.0:9411']);
  assert.deepEqual(
    exposed('distributor: { receivers: { jaeger: { protocols: { thrift_compact: { endpoint: "0.0.0.0:1" } } } } }'),
    ['jaeger/thrift_compact 0.0.0.0:1'],
  );
  assert.deepEqual(
    exposed('target: backend\nserver: { http_listen_address: 10.0.0.1, grpc_listen_address: 10.0.0.1 }'),
    ['http 10.0.0.1:3200'],
  );
});

test('only names and addresses of the loopback interface are loopback', () => {
  for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '::1']) assert.ok(isLoopback(host), host);
  for (const host of ['', '0.0.0.0', '::', '127.0.0.1.example.org', '128.0.0.1', '::ffff:10.0.0.1'])
    assert.ok(!isLoopback(host), host);
});

const tokenHash = `sha256:${'0'.repeat(64)}`;

function refusal(text: string): string {
  const { config } = loadConfig(text, 'c.yaml');
  try {
    checkAccess(config, receiverSpecs(config, log));
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

test('who could do nothing is a mistake, and so are senders that cannot be asked', () => {
  const auth = (rights: string): string => `auth: { tokens: [{ name: x, token_hash: "${tokenHash}", ${rights} }] }\n`;
  assert.match(refusal(auth('tenants: [a]')), /token x has no roles/);
  assert.equal(refusal(auth('roles: [read]')), '', 'without multitenancy there is one tenant');
  assert.match(refusal(`multitenancy_enabled: true\n${auth('roles: [read]')}`), /token x has no tenants/);
  assert.equal(refusal(`multitenancy_enabled: true\n${auth('roles: [read], tenants: ["*"]')}`), '');
  const proxy = (more: string): string => `auth: { trusted_proxy: { cidrs: [10.0.0.0/8]${more} } }\n`;
  assert.match(refusal(proxy('')), /trusted_proxy has no roles/);
  assert.equal(refusal(proxy(', roles_header: X-Roles')), '');
  const udp = (at: string): string =>
    `distributor: { receivers: { jaeger: { protocols: { thrift_compact: { endpoint: "${at}" } } } } }\n`;
  assert.match(refusal(auth('roles: [write]') + udp('0.0.0.0:6831')), /cannot be asked who they are/);
  assert.equal(refusal(auth('roles: [write]') + udp('localhost:6831')), '');
  assert.equal(refusal(udp('0.0.0.0:6831')), '', 'without auth nobody is asked');
});

test('one warning says what is open, and another what crosses the network in plain text', () => {
  const warnings = (text: string): string[] => {
    const { config } = loadConfig(text, 'c.yaml');
    const said: string[] = [];
    const exposedHere = exposedListeners(config, rolesOf(config.target), receiverSpecs(config, log));
    warnOfExposure(config, exposedHere, { warn: (_fields, message) => said.push(message) });
    return said;
  };
  const open = 'server: { http_listen_address: 0.0.0.0 }\n';
  const auth = `auth: { tokens: [{ name: x, token_hash: "${tokenHash}", roles: [read] }] }\n`;
  assert.deepEqual(warnings(''), []);
  assert.match(warnings(open).join(), /^EVERYBODY WHO REACHES THESE ADDRESSES/);
  assert.match(warnings(open + auth).join(), /^credentials cross the network in plain text/);
  assert.deepEqual(warnings(auth), []);
});

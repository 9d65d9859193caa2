import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from './config/load.ts';
import { exposedListeners, isLoopback } from './exposure.ts';
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

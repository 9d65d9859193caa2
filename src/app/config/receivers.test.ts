import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RubatoError } from '../../base/errors.ts';
import { receiverSpecs } from '../receiver-specs.ts';
import { loadConfig } from './load.ts';

const log = { info: () => undefined, error: () => undefined };
const load = (receivers: string) => loadConfig(`distributor:\n  receivers:\n    ${receivers}\n`, 'c.yaml').config;

/** Types and addresses of what a configuration opens. */
const opened = (receivers: string): string[] =>
  receiverSpecs(load(receivers), log).map((spec) =>
    'host' in spec ? `${spec.type} ${spec.host}:${spec.port}` : spec.type,
  );

const mistake = (text: string): string => {
  try {
    loadConfig(text, 'c.yaml');
  } catch (error) {
    assert.ok(error instanceof RubatoError && error.kind === 'config');
    return error.message;
  }
  throw new Error('accepted');
};
const receiverMistake = (receivers: string): string => mistake(`distributor:\n  receivers:\n    ${receivers}\n`);

test('without the key OTLP and Jaeger listen, and Jaeger only where it can', () => {
  const specs = receiverSpecs(loadConfig('', 'c.yaml').config, log);
  assert.deepEqual(
    specs.map((spec) => [spec.type, 'implied' in spec && spec.implied]),
    [
      ['otlp/grpc', false],
      ['otlp/http', false],
      ['jaeger/grpc', true],
      ['jaeger/thrift_http', true],
    ],
  );
});

test('a protocol without a body has the default port, and one that is not named is not opened', () => {
  assert.deepEqual(opened('otlp: { protocols: { http: } }'), ['otlp/http 127.0.0.1:4318']);
  assert.deepEqual(opened('jaeger: { protocols: { grpc: , thrift_http: , thrift_compact: , thrift_binary: } }'), [
    'jaeger/grpc 127.0.0.1:14250',
    'jaeger/thrift_http 127.0.0.1:14268',
    'jaeger/thrift_compact 127.0.0.1:6831',
    'jaeger/thrift_binary 127.0.0.1:6832',
  ]);
  assert.deepEqual(opened('zipkin:'), ['zipkin 127.0.0.1:9411']);
  assert.deepEqual(opened('zipkin: { endpoint: "0.0.0.0:1234" }'), ['zipkin 0.0.0.0:1234']);
  assert.deepEqual(opened('zipkin: { endpoint: ":1234" }'), ['zipkin 0.0.0.0:1234']);
});

test("Kafka's keys have the collector's defaults", () => {
  const [kafka] = receiverSpecs(
    load('kafka: { auth: { sasl: { username: u, password: p, mechanism: SCRAM-SHA-512 } } }'),
    log,
  );
  assert.deepEqual(kafka, {
    type: 'kafka',
    brokers: ['localhost:9092'],
    topics: ['otlp_spans'],
    encoding: 'otlp_proto',
    groupId: 'otel-collector',
    clientId: 'otel-collector',
    fromBeginning: false,
    sessionTimeoutMs: 10_000,
    heartbeatIntervalMs: 3_000,
    sasl: { mechanism: 'scram-sha-512', username: 'u', password: 'p' },
    tls: undefined,
  });
});

test('what is not known or not supported is refused by its name', () => {
  assert.equal(
    receiverMistake('opencensus:'),
    'c.yaml:3: distributor.receivers.opencensus: receiver factory not found for type: opencensus',
  );
  assert.match(receiverMistake('otlp/2: { protocols: { grpc: } }'), /only one receiver of a type: otlp\/2/);
  assert.match(receiverMistake('otlp:'), /distributor\.receivers\.otlp\.protocols: must name at least one protocol/);
  assert.match(receiverMistake('zipkin: { auth: { authenticator: basicauth } }'), /zipkin\.auth: not supported/);
  assert.match(receiverMistake('zipkin: { tls: { cert_file: a } }'), /zipkin\.tls: needs cert_file and key_file/);
  assert.match(
    receiverMistake('zipkin: { tls: { cert_file: a, key_file: b, reload_interval: 1ms } }'),
    /reload_interval: must be at least 100ms/,
  );
  assert.match(receiverMistake('zipkin: { parse_string_tags: true }'), /parse_string_tags: not supported/);
  assert.match(receiverMistake('kafka: { encoding: jaeger_json }'), /kafka\.encoding/);
  assert.match(receiverMistake('kafka: { auth: { kerberos: {} } }'), /unknown key .*kerberos/);
  assert.match(receiverMistake('otlp: { protocols: { grpc: { endpint: "a:1" } } }'), /unknown key .*endpint/);
});

test('a file of a certificate that is not there is named', () => {
  const config = load('zipkin: { tls: { cert_file: /nowhere/c.pem, key_file: /nowhere/k.pem } }');
  assert.throws(() => receiverSpecs(config, log), /cannot read \/nowhere\/c\.pem/);
});

test("a forwarder's condition that cannot be parsed is named with its line", () => {
  const text = (condition: string): string => `distributor:
  forwarders:
    - name: copy
      backend: otlpgrpc
      otlpgrpc: { endpoints: ["127.0.0.1:4317"], tls: { insecure: true } }
      filter:
        traces:
          span:
            - ${condition}
`;
  const { forwarders } = loadConfig(text('name == "a"'), 'c.yaml').config.distributor;
  assert.deepEqual(forwarders[0]?.filter.traces.span, ['name == "a"']);
  assert.match(
    mistake(text('nam == "a"')),
    /^c\.yaml:\d+: distributor\.forwarders\.0\.filter\.traces\.span\.0: cannot parse the condition nam == "a": unknown path nam$/,
  );
});

/** The agent as a whole: what is sent to its ports, over the spool, to a server. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { stringify } from 'yaml';
import { loadAgentConfig } from '../../src/app/agent/config.ts';
import { type RunningAgent, startAgent } from '../../src/app/agent/start-agent.ts';
import { RubatoError } from '../../src/base/errors.ts';
import { plainSpan } from '../../src/model/plain-span.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { Authority, noOpenssl } from '../support/certificates.ts';
import { FakeKubernetesApi, fakePod } from '../support/kubernetes-api.ts';
import { OtlpSink, resourceOf } from '../support/otlp-sink.ts';
import { freePort, temporaryFolder } from '../support/server.ts';

const folder = temporaryFolder('agent');
let api: FakeKubernetesApi;
let sink: OtlpSink;
let apiUrl: string;
let sinkUrl: string;
let spoolCount = 0;

before(async () => {
  api = new FakeKubernetesApi();
  sink = new OtlpSink();
  apiUrl = await api.listen();
  sinkUrl = await sink.listen();
});
after(async () => {
  await api.close();
  await sink.close();
  folder.remove();
});

type Keys = Readonly<Record<string, unknown>>;

function configOf(keys: Keys = {}, remote: Keys = {}): Keys {
  return {
    server: { http_listen_port: 0, log_level: 'error' },
    receivers: {
      otlp: { protocols: { http: { endpoint: '127.0.0.1:0' }, grpc: { endpoint: '127.0.0.1:0' } } },
      zipkin: { endpoint: '127.0.0.1:0' },
    },
    remote: { url: sinkUrl, ...remote },
    shutdown_timeout: '500ms',
    spool: { path: path.join(folder.path, `spool-${spoolCount++}`) },
    ...keys,
  };
}

function start(config: Keys): Promise<RunningAgent> {
  return startAgent(loadAgentConfig(stringify(config), 'test.yaml'));
}

function addressOf(agent: RunningAgent, type: string): string {
  return agent.receivers.find((receiver) => receiver.type === type)!.address;
}

interface Sent {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

function post(
  url: string,
  body: Uint8Array | string,
  headers: Readonly<Record<string, string>> = {},
  localAddress = '127.0.0.1',
): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      url,
      { method: 'POST', agent: false, localAddress, headers: { 'content-type': 'application/x-protobuf', ...headers } },
      (response) => {
        let text = '';
        response.setEncoding('latin1');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

function requestOf(name: string, resource: Readonly<Record<string, string>> = {}, pad = ''): Uint8Array {
  const span = plainSpan({ traceId: '1'.repeat(32), spanId: '2'.repeat(16), name });
  const attributes = Object.entries({ 'service.name': 'shop', ...resource, ...(pad && { pad }) }).map(
    ([key, value]) => ({
      key,
      value: { type: 'string', value } as const,
    }),
  );
  return plainSpansToOtlp([{ ...span, resource: { ...span.resource, attributes } }]);
}

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(what);
}

async function page(agent: RunningAgent, route: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${agent.httpPort}${route}`);
  return { status: response.status, text: await response.text() };
}

const taken = (name: string) => sink.spans().find((span) => span.name === name);

test('from OTLP and Zipkin to the server, with the attributes of the pod and the labels of targets', async () => {
  api.set('pods', fakePod({ name: 'web-0', ip: '10.0.0.1', labels: { app: 'web' } }));
  const agent = await start(
    configOf(
      {
        cluster_name: 'eu-1',
        wait_for_metadata: '100ms',
        kubernetes: { api_server: apiUrl },
        tenant: { default: 'nobody', from_attribute: 'team' },
        scrape_configs: [
          {
            job_name: 'machines',
            static_configs: [{ targets: ['127.0.0.5:9100', '127.0.0.6'], labels: { rack: 'r1', team: 'machines' } }],
            relabel_configs: [{ source_labels: ['__address__'], regex: '127.0.0.6', action: 'drop' }],
          },
          {
            job_name: 'pods',
            kubernetes_sd_configs: [{ role: 'pod', namespaces: { names: ['shop'] } }],
            relabel_configs: [{ source_labels: ['__meta_kubernetes_pod_label_app'], target_label: 'app' }],
          },
        ],
      },
      { basic_auth: { username: 'agent', password: 'secret' }, headers: { 'x-extra': 'yes' } },
    ),
  );
  await until(async () => (await page(agent, '/ready')).status === 200, 'ready');
  const otlp = addressOf(agent, 'otlp/http');
  const sent = [
    await post(otlp, requestOf('by-uid', { 'k8s.pod.uid': 'uid-web-0' }), { 'x-scope-orgid': 'acme' }),
    await post(otlp, requestOf('by-address'), {}, '127.0.0.5'),
    await post(otlp, requestOf('dropped-target'), { 'no-generate-metrics': '1' }, '127.0.0.6'),
    await post(
      addressOf(agent, 'zipkin'),
      JSON.stringify([{ traceId: '3'.repeat(32), id: '4'.repeat(16), name: 'zipkin' }]),
      {
        'content-type': 'application/json',
      },
    ),
  ];
  assert.deepEqual(
    sent.map(({ status }) => status),
    [200, 200, 200, 202],
  );
  assert.equal((await post(otlp, new Uint8Array([10, 200, 1]))).status, 400);
  assert.equal((await post(otlp, requestOf('x'), { 'x-scope-orgid': 'a|b' })).status, 400);
  await until(() => ['by-uid', 'by-address', 'dropped-target', 'zipkin'].every(taken), 'all are at the server');

  const byUid = resourceOf(taken('by-uid')!);
  assert.equal(byUid['k8s.pod.name'], 'web-0');
  assert.equal(byUid['k8s.cluster.name'], 'eu-1');
  assert.equal(byUid['app'], 'web');
  assert.deepEqual(resourceOf(taken('by-address')!), { 'service.name': 'shop', rack: 'r1', team: 'machines' });
  assert.deepEqual(resourceOf(taken('dropped-target')!), { 'service.name': 'shop' });
  const orgIds = new Set(sink.taken.map(({ headers }) => headers['x-scope-orgid']));
  assert.deepEqual(orgIds, new Set(['acme', 'machines', 'nobody']));
  const quiet = sink.taken.filter(({ headers }) => headers['no-generate-metrics'] === '1');
  assert.equal(quiet.length, 1);
  for (const { headers } of sink.taken) {
    assert.equal(headers.authorization, `Basic ${Buffer.from('agent:secret').toString('base64')}`);
    assert.equal(headers['x-extra'], 'yes');
    assert.equal(headers['content-encoding'], 'zstd');
  }

  // A busy machine is a slow server: then it goes by way of the disk.
  await until(async () => /^rubato_agent_spool_bytes 0$/m.test((await page(agent, '/metrics')).text), 'nothing waits');
  const metrics = (await page(agent, '/metrics')).text;
  for (const line of [
    'rubato_agent_received_spans_total{receiver="otlp/http"} 3',
    'rubato_agent_received_spans_total{receiver="zipkin"} 1',
    'rubato_agent_sent_spans_total 4',
    'rubato_agent_pod_found_spans_total 1',
    'rubato_agent_pod_missed_spans_total{reason="loopback"} 3',
    'rubato_agent_kubernetes_synced{resource="pods"} 1',
    'rubato_agent_targets{job="machines",state="dropped"} 1',
    'rubato_agent_spool_bytes 0',
  ])
    assert.ok(metrics.includes(`${line}\n`), `${line} in\n${metrics}`);
  const targets = JSON.parse((await page(agent, '/targets')).text);
  assert.deepEqual(
    targets.jobs.map(({ job, targets: list }: { job: string; targets: unknown[] }) => [job, list]),
    [
      ['machines', [{ address: '127.0.0.5:9100', labels: { rack: 'r1', team: 'machines' } }]],
      ['pods', [{ address: '10.0.0.1:8080', podUid: 'uid-web-0', container: 'main', labels: { app: 'web' } }]],
    ],
  );
  assert.equal((await page(agent, '/')).status, 404);
  await agent.stop();
});

test('over gRPC, with gzip, to a receiver of our own kind', async () => {
  const behind = await start(configOf());
  const url = `http://${addressOf(behind, 'otlp/grpc')}`;
  const agent = await start(configOf({}, { url, protocol: 'grpc', compression: 'gzip' }));
  assert.equal((await post(addressOf(agent, 'otlp/http'), requestOf('twice'))).status, 200);
  await until(() => taken('twice') !== undefined, 'over two agents');
  await agent.stop();
  await behind.stop();
});

test('over TLS, with a certificate and a token of its own; a server that is not believed gets nothing', {
  skip: noOpenssl,
}, async () => {
  const [ours, theirs] = [new Authority(folder.path, 'ours'), new Authority(folder.path, 'theirs')];
  const [server, client] = [ours.issue('server'), ours.issue('agent')];
  const secure = new OtlpSink({
    cert: server.cert,
    key: server.key,
    ca: ours.pem,
    requestCert: true,
    rejectUnauthorized: true,
  });
  const url = await secure.listen();
  const tokenFile = path.join(folder.path, 'token');
  writeFileSync(tokenFile, 'first\n');
  const remote = { url, bearer_token_file: tokenFile };
  const config = configOf();
  const pair = { cert_file: client.certFile, key_file: client.keyFile };
  const doubting = await start({ ...config, remote: { ...remote, tls: { ca_file: theirs.file, ...pair } } });
  assert.equal((await post(addressOf(doubting, 'otlp/http'), requestOf('kept'))).status, 200);
  await doubting.stop();
  const nameless = await start({ ...config, remote: { ...remote, tls: { ca_file: ours.file } } });
  assert.equal((await post(addressOf(nameless, 'otlp/http'), requestOf('kept too'))).status, 200);
  await nameless.stop();
  assert.equal(secure.taken.length, 0);
  const agent = await start({ ...config, remote: { ...remote, tls: { ca_file: ours.file, ...pair } } });
  const names = (): string[] => secure.spans().map(({ name }) => name);
  await until(() => names().length === 2, 'what waited');
  writeFileSync(tokenFile, 'second');
  assert.equal((await post(addressOf(agent, 'otlp/http'), requestOf('last'))).status, 200);
  await until(() => names().length === 3, 'all');
  assert.deepEqual(names(), ['kept', 'kept too', 'last']);
  assert.equal(secure.taken[0]?.headers.authorization, 'Bearer first');
  assert.equal(secure.taken.at(-1)?.headers.authorization, 'Bearer second');
  await agent.stop();
  await secure.close();
});

test('while the server is away spans wait on disk over a restart, and come in their order, once', async () => {
  sink.taken.length = 0;
  const config = configOf();
  sink.answerOf = () => 503;
  const first = await start(config);
  for (let i = 0; i < 5; i++)
    assert.equal((await post(addressOf(first, 'otlp/http'), requestOf(`a-${i}`))).status, 200);
  await until(() => sink.refusals > 0, 'the server was tried');
  sink.answerOf = () => 429;
  await first.stop();
  const second = await start(config);
  for (let i = 0; i < 5; i++)
    assert.equal((await post(addressOf(second, 'otlp/http'), requestOf(`b-${i}`))).status, 200);
  sink.answerOf = () => undefined;
  await until(() => sink.spans().length >= 10, 'all arrive');
  const names = sink.spans().map(({ name }) => name);
  assert.deepEqual(names, [...names].sort());
  assert.equal(new Set(names).size, 10);
  await second.stop();
});

test('a full spool tells senders to come back, and loses nothing', async () => {
  sink.taken.length = 0;
  sink.answerOf = () => 503;
  const config = configOf();
  // The least that may be set, and text that does not compress.
  const agent = await start({ ...config, spool: { ...(config['spool'] as object), max_bytes: 32 << 20 } });
  const pad = (): string => randomBytes(4_000_000).toString('base64');
  let stored = 0;
  let refused: Sent | undefined;
  for (let i = 0; i < 20 && refused === undefined; i++) {
    const sent = await post(addressOf(agent, 'otlp/http'), requestOf(`full-${i}`, {}, pad()));
    if (sent.status === 200) stored++;
    else refused = sent;
  }
  assert.equal(refused?.status, 429);
  assert.equal(refused.headers['retry-after'], '5');
  assert.match(refused.text, /the spool is full/);
  assert.ok(stored >= 3, `${stored} were stored`);
  sink.answerOf = () => undefined;
  const hasArrived = (n: number): boolean => sink.taken.some(({ body }) => body.includes(`full-${n}`));
  let lookedAt = 0;
  const haveArrived = (): boolean => {
    // Looking through megabytes is worth it only when there is something new.
    if (sink.taken.length === lookedAt) return false;
    lookedAt = sink.taken.length;
    return Array.from({ length: stored }, (_, n) => n).every(hasArrived);
  };
  await until(haveArrived, 'all that was answered arrives');
  await agent.stop();
});

test('a request that the server calls wrong is dropped alone, and counted', async () => {
  sink.taken.length = 0;
  sink.answerOf = () => 503;
  const agent = await start(configOf());
  for (const name of ['good-1', 'poison', 'good-2'])
    assert.equal((await post(addressOf(agent, 'otlp/http'), requestOf(name))).status, 200);
  sink.answerOf = ({ body }) => (body.includes('poison') ? 400 : undefined);
  await until(() => sink.spans().length === 2, 'the good ones');
  await until(
    async () => (await page(agent, '/metrics')).text.includes('rubato_agent_lost_spans_total{reason="refused"} 1\n'),
    'counted',
  );
  assert.deepEqual(
    sink.spans().map(({ name }) => name),
    ['good-1', 'good-2'],
  );
  sink.answerOf = () => undefined;
  await agent.stop();
});

test('the command: a mistake is named with its line; SIGTERM ends it with what it had sent', async () => {
  for (const [text, message] of [
    ['remote:\n  urll: x', /:2: unknown key remote\.urll/],
    ['scrape_configs:\n  - job_name: a\n    relabel_configs: [{ action: keeep }]', /:3: .*action/],
    [
      'scrape_configs:\n  - job_name: a\n    relabel_configs: [{ action: hashmod, target_label: b }]',
      /hashmod needs a modulus/,
    ],
    [
      'kubernetes:\n  pod_association: [{ sources: [{ from: resource_attribute, name: x }] }]',
      /what x is to a pod must be said/,
    ],
    ['remote: { bearer_token: a, bearer_token_file: b }', /only one of/],
  ] as const)
    assert.throws(
      () => loadAgentConfig(text, 'a.yaml'),
      (error) => error instanceof RubatoError && message.test(error.message),
      text,
    );
  await assert.rejects(
    start(configOf({ scrape_configs: [{ job_name: 'a', kubernetes_sd_configs: [{ role: 'pod' }] }] })),
    /need the block kubernetes/,
  );

  const port = await freePort();
  const file = path.join(folder.path, 'agent.yaml');
  const receivers = { otlp: { protocols: { http: { endpoint: '127.0.0.1:${PORT}' } } } };
  writeFileSync(file, stringify(configOf({ receivers })));
  const main = path.resolve(import.meta.dirname, '../../src/cli/main.ts');
  const child = spawn(process.execPath, [main, 'agent', `-config.file=${file}`, '-config.expand-env=true'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PORT: String(port) },
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await until(() => output.includes('/v1/traces'), 'it listens');
  sink.taken.length = 0;
  assert.equal((await post(`http://127.0.0.1:${port}/v1/traces`, requestOf('last'))).status, 200);
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
  assert.ok(taken('last'));
});

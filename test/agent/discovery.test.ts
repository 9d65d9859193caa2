/** Where targets come from: files, HTTP endpoints, the roles of Kubernetes; and that their labels are those of the spans. */
import assert from 'node:assert/strict';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { stringify } from 'yaml';
import { FileDiscovery } from '../../src/agent/discovery/file-discovery.ts';
import { HttpDiscovery } from '../../src/agent/discovery/http-discovery.ts';
import type { Discovery } from '../../src/agent/discovery/target.ts';
import { Enricher } from '../../src/agent/enricher.ts';
import { AgentDiscovery } from '../../src/app/agent/agent-discovery.ts';
import { loadAgentConfig } from '../../src/app/agent/config.ts';
import { systemClock } from '../../src/base/clock.ts';
import { nodeFileSystem } from '../../src/fs/node-file-system.ts';
import { plainSpan, tableToSpans } from '../../src/model/plain-span.ts';
import { SpanTable } from '../../src/model/span-table.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { OtlpScanner } from '../../src/protocol/otlp/scan.ts';
import { FakeKubernetesApi, type FakeObject, fakePod } from '../support/kubernetes-api.ts';
import { resourceOf } from '../support/otlp-sink.ts';
import { temporaryFolder } from '../support/server.ts';

const folder = temporaryFolder('agent-discovery');
after(() => folder.remove());

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(condition(), what);
}

/** What a source says now: `address` and labels of each target, in the order of their groups. */
function follow(t: TestContext, discovery: Discovery): () => string[] {
  const groups = new Map<string, string[]>();
  const abort = new AbortController();
  const running = discovery.run((source, targets) => {
    const lines = targets.map(({ labels }) => {
      const { __address__: address, ...others } = Object.fromEntries(labels);
      return `${address} ${JSON.stringify(others)}`;
    });
    groups.set(source, lines);
  }, abort.signal);
  t.after(async () => {
    abort.abort();
    await running;
  });
  return () => [...groups.keys()].sort().flatMap((key) => groups.get(key)!);
}

test('file_sd: files are read again when they change, a broken one keeps what it said, a removed one takes its targets', async (t) => {
  const json = path.join(folder.path, 'a.json');
  const yaml = path.join(folder.path, 'b.yml');
  /** As the writers of such files do it: never half a file. */
  const write = (file: string, text: string): void => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  write(json, JSON.stringify([{ targets: ['10.0.0.1:80', '10.0.0.2:80'], labels: { team: 'a' } }]));
  const discovery = new FileDiscovery({
    files: [path.join(folder.path, '*.json'), yaml],
    lookEveryMs: 10,
    fileSystem: nodeFileSystem,
    clock: systemClock,
  });
  const said = follow(t, discovery);
  const one = `10.0.0.1:80 {"team":"a","__meta_filepath":"${json}"}`;
  const two = `10.0.0.2:80 {"team":"a","__meta_filepath":"${json}"}`;
  await until(() => said().length === 2, 'the first look');
  assert.deepEqual(said(), [one, two]);
  write(yaml, '- targets: [10.0.0.3]\n- targets: ["[fd00::1]:80"]\n  labels: { team: b }\n');
  await until(() => said().length === 4, 'a file that came');
  assert.deepEqual(said().slice(2), [
    `10.0.0.3 {"__meta_filepath":"${yaml}"}`,
    `[fd00::1]:80 {"team":"b","__meta_filepath":"${yaml}"}`,
  ]);
  write(yaml, '- targets: [10.0.0.4:9100]\n');
  await until(() => said()[2]?.startsWith('10.0.0.4:9100') === true && said().length === 3, 'a file that changed');
  for (const [broken, reason] of [
    ['[{"targets": 1}]', /targets must be a list/],
    ['{}', /not a list/],
    ['[{"targets": [], "lables": {}}]', /unknown key lables/],
    ['[{"targets": [', /JSON/],
  ] as const) {
    write(json, broken);
    await until(() => reason.test(discovery.status.lastError ?? ''), broken);
    assert.deepEqual(said().slice(0, 2), [one, two], 'what it said last counts');
  }
  assert.ok(discovery.status.failures >= 4);
  rmSync(json);
  await until(() => said().length === 1 && discovery.status.lastError === undefined, 'the file is gone');
});

test('http_sd: asked again and again; while it is broken what it said last counts', async (t) => {
  let answer: { status: number; body: string } = { status: 200, body: '[{"targets":["10.1.0.1:80"]}]' };
  const seen: http.IncomingHttpHeaders[] = [];
  const server = http.createServer((request, response) => {
    seen.push(request.headers);
    if (answer.status === 0) response.destroy();
    else response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/targets`;
  const headers = async (): Promise<Record<string, string>> => ({ authorization: `Bearer ${seen.length}` });
  const discovery = new HttpDiscovery({ url, refreshIntervalMs: 10, headers, clock: systemClock });
  const said = follow(t, discovery);
  await until(() => said().length === 1, 'the first answer');
  assert.deepEqual(said(), [`10.1.0.1:80 {"__meta_url":"${url}"}`]);
  for (const broken of [
    { status: 503, body: '[]' },
    { status: 200, body: 'not JSON' },
    { status: 200, body: '[{"targets":["x"],"labels":{"n":1}}]' },
    { status: 0, body: '' },
  ]) {
    const failures = discovery.status.failures;
    answer = broken;
    await until(() => discovery.status.failures > failures + 1, JSON.stringify(broken));
    assert.equal(said().length, 1);
  }
  answer = { status: 200, body: '[{"targets":["10.1.0.2:80"],"labels":{"team":"a"}},{"targets":["10.1.0.3:80"]}]' };
  await until(() => said().length === 2 && discovery.status.lastError === undefined, 'it is back');
  answer = { status: 200, body: '[]' };
  await until(() => said().length === 0, 'no targets');
  assert.equal(seen[0]?.['x-prometheus-refresh-interval-seconds'], '0.01');
  assert.ok(new Set(seen.map(({ authorization }) => authorization)).size > 4, 'credentials are asked for every time');
});

/** Objects as the API shows them. */
const objectOf = (kind: string, name: string, rest: Partial<FakeObject>, namespace?: string): FakeObject => ({
  apiVersion: 'v1',
  kind,
  ...rest,
  metadata: { name, uid: `uid-${kind}-${name}`, ...(namespace !== undefined && { namespace }), ...rest.metadata },
});

test('the roles pod, service, endpoints and node, followed as objects come, change and go; spans carry the same labels', async (t) => {
  const api = new FakeKubernetesApi();
  const apiServer = await api.listen();
  t.after(() => api.close());
  api.set('pods', fakePod({ name: 'web-0', ip: '10.2.0.1', labels: { app: 'web' } }));
  api.set(
    'services',
    objectOf('Service', 'web', {
      metadata: { name: 'web', uid: 'uid-svc', namespace: 'shop', labels: { tier: 'front' } },
      spec: { type: 'ClusterIP', clusterIP: '10.96.0.1', ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
    }),
  );
  const endpointsTo = (...names: [name: string, ip: string][]): FakeObject =>
    objectOf(
      'Endpoints',
      'web',
      {
        subsets: [
          {
            addresses: names.map(([name, ip]) => ({
              ip,
              nodeName: 'node-1',
              targetRef: { kind: 'Pod', name, namespace: 'shop' },
            })),
            ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
          },
        ],
      },
      'shop',
    );
  api.set('endpoints', endpointsTo(['web-0', '10.2.0.1']));
  api.set(
    'nodes',
    objectOf('Node', 'node-1', {
      metadata: { name: 'node-1', uid: 'uid-node', labels: { zone: 'z1' } },
      spec: { providerID: 'fake://1' },
      status: {
        addresses: [
          { type: 'Hostname', address: 'n1' },
          { type: 'InternalIP', address: '10.9.0.1' },
        ],
      },
    }),
  );
  const keepMeta = (role: string): object => ({
    job_name: role,
    kubernetes_sd_configs: [{ role }],
    relabel_configs: [{ action: 'labelmap', regex: '__meta_kubernetes_(.+)' }],
  });
  const config = loadAgentConfig(
    stringify({
      kubernetes: { api_server: apiServer },
      scrape_configs: ['pod', 'service', 'endpoints', 'node'].map(keepMeta),
    }),
    'test.yaml',
  );
  const discovery = await AgentDiscovery.create(config);
  const enricher = new Enricher({
    kubernetes: discovery.enrichment,
    targets: discovery.targets,
    fixed: [],
    override: false,
    waitMsMax: 0,
    clock: systemClock,
    tenantOf: (given) => given,
  });
  const abort = new AbortController();
  const running = discovery.run(abort.signal);
  t.after(async () => {
    abort.abort();
    await running;
  });
  const targetsOf = (job: string) => [...discovery.targets.targets()].filter((target) => target.job === job);
  const labelsOf = (job: string): Record<string, string> => Object.fromEntries(targetsOf(job)[0]?.labels ?? []);
  await until(
    () =>
      ['pod', 'service', 'endpoints', 'node'].every((job) => targetsOf(job).length === 1) &&
      labelsOf('endpoints')['pod_name'] === 'web-0' &&
      labelsOf('endpoints')['service_name'] === 'web',
    'all roles are there',
  );

  const pod = {
    namespace: 'shop',
    pod_name: 'web-0',
    pod_ip: '10.2.0.1',
    pod_ready: 'true',
    pod_phase: 'Running',
    pod_node_name: 'node-1',
    pod_host_ip: '10.9.0.1',
    pod_uid: 'uid-web-0',
    pod_label_app: 'web',
    pod_labelpresent_app: 'true',
    pod_container_name: 'main',
    pod_container_id: 'containerd://uid-web-0-main',
    pod_container_image: 'shop:1',
    pod_container_init: 'false',
    pod_container_port_name: 'http',
    pod_container_port_number: '8080',
    pod_container_port_protocol: 'TCP',
  };
  const service = {
    namespace: 'shop',
    service_name: 'web',
    service_type: 'ClusterIP',
    service_cluster_ip: '10.96.0.1',
    service_label_tier: 'front',
    service_labelpresent_tier: 'true',
  };
  assert.deepEqual(labelsOf('pod'), pod);
  assert.deepEqual(labelsOf('service'), {
    ...service,
    service_port_name: 'http',
    service_port_number: '80',
    service_port_protocol: 'TCP',
  });
  assert.deepEqual(labelsOf('endpoints'), {
    ...service,
    ...pod,
    endpoints_name: 'web',
    endpoint_ready: 'true',
    endpoint_node_name: 'node-1',
    endpoint_port_name: 'http',
    endpoint_port_protocol: 'TCP',
    endpoint_address_target_kind: 'Pod',
    endpoint_address_target_name: 'web-0',
  });
  assert.deepEqual(labelsOf('node'), {
    instance: 'node-1',
    node_name: 'node-1',
    node_provider_id: 'fake://1',
    node_label_zone: 'z1',
    node_labelpresent_zone: 'true',
    node_address_Hostname: 'n1',
    node_address_InternalIP: '10.9.0.1',
  });
  assert.deepEqual(
    ['pod', 'service', 'endpoints', 'node'].map((job) => targetsOf(job)[0]?.address),
    ['10.2.0.1:8080', 'web.shop.svc:80', '10.2.0.1:8080', '10.9.0.1:10250'],
  );

  // A span of the pod has every label of its targets, with the same value.
  const body = plainSpansToOtlp([plainSpan({ traceId: '1'.repeat(32), spanId: '2'.repeat(16), name: 'GET' })]);
  const [out] = await enricher.enrich({ body, tenant: 'a', peerIp: '10.2.0.1' });
  const table = new SpanTable(16);
  new OtlpScanner(table).scan(Buffer.concat(out!.parts));
  const resource = resourceOf(tableToSpans(table)[0]!);
  for (const [name, value] of Object.entries({ ...labelsOf('pod'), ...labelsOf('endpoints') }))
    assert.equal(resource[name], value, name);

  // One more pod behind the service, the first one goes.
  api.set('pods', fakePod({ name: 'web-1', ip: '10.2.0.2', labels: { app: 'web' } }));
  api.set('endpoints', endpointsTo(['web-0', '10.2.0.1'], ['web-1', '10.2.0.2']));
  await until(() => targetsOf('endpoints').length === 2 && targetsOf('pod').length === 2, 'the second pod');
  api.set('endpoints', endpointsTo(['web-1', '10.2.0.2']));
  api.delete('pods', 'uid-web-0');
  api.delete('services', 'uid-svc');
  api.delete('nodes', 'uid-node');
  await until(
    () =>
      targetsOf('pod').length === 1 &&
      targetsOf('service').length === 0 &&
      targetsOf('node').length === 0 &&
      labelsOf('endpoints')['pod_name'] === 'web-1' &&
      labelsOf('endpoints')['service_name'] === undefined,
    'what went is gone everywhere',
  );
});

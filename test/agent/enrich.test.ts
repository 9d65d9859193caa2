/** Who sent what, against a Kubernetes API that changes, forgets, breaks and is slow. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { Enricher } from '../../src/agent/enricher.ts';
import { AgentDiscovery } from '../../src/app/agent/agent-discovery.ts';
import { loadAgentConfig } from '../../src/app/agent/config.ts';
import { systemClock } from '../../src/base/clock.ts';
import { plainSpan, tableToSpans } from '../../src/model/plain-span.ts';
import { SpanTable } from '../../src/model/span-table.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { OtlpScanner } from '../../src/protocol/otlp/scan.ts';
import { FakeKubernetesApi, fakePod } from '../support/kubernetes-api.ts';
import { resourceOf } from '../support/otlp-sink.ts';

let api: FakeKubernetesApi;
let url: string;

before(async () => {
  api = new FakeKubernetesApi();
  url = await api.listen();
});
after(() => api.close());

interface Rig {
  readonly enricher: Enricher;
  readonly discovery: AgentDiscovery;
  /** The resource that a span has afterwards; the sender says `resource` of itself. */
  send(peerIp: string | undefined, resource?: Readonly<Record<string, string>>): Promise<Record<string, string>>;
}

async function rig(t: TestContext, yaml = '', waitMsMax = 0): Promise<Rig> {
  const config = loadAgentConfig(`kubernetes: { api_server: "${url}", own_pod_uid: uid-agent }\n${yaml}`, 'test.yaml');
  const discovery = await AgentDiscovery.create(config);
  const enricher = new Enricher({
    kubernetes: discovery.enrichment,
    targets: discovery.targets,
    fixed: [],
    override: config.existing_attributes === 'replace',
    waitMsMax,
    clock: systemClock,
    tenantOf: (given) => given,
  });
  discovery.onChange = (isNews) => enricher.changed(isNews);
  const abort = new AbortController();
  const running = discovery.run(abort.signal);
  t.after(async () => {
    abort.abort();
    await running;
  });
  return {
    enricher,
    discovery,
    async send(peerIp, resource = {}) {
      const attributes = Object.entries(resource).map(([key, value]) => ({
        key,
        value: { type: 'string', value } as const,
      }));
      const span = plainSpan({ traceId: '1'.repeat(32), spanId: '2'.repeat(16), name: 'GET' });
      const body = plainSpansToOtlp([{ ...span, resource: { ...span.resource, attributes } }]);
      const [out] = await enricher.enrich({ body, tenant: 'a', peerIp });
      const table = new SpanTable(16);
      new OtlpScanner(table).scan(Buffer.concat(out!.parts));
      return resourceOf(tableToSpans(table)[0]!);
    },
  };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(condition(), what);
}

const scrapeConfig = `
cluster_name: eu-1
scrape_configs:
  - job_name: pods
    kubernetes_sd_configs: [{ role: pod }]
    relabel_configs:
      - { source_labels: [__meta_kubernetes_pod_annotation_skip], regex: "true", action: drop }
      - { source_labels: [__meta_kubernetes_namespace], target_label: namespace }
      - { source_labels: [__meta_kubernetes_pod_name], target_label: pod }
      - { source_labels: [__meta_kubernetes_pod_container_name], target_label: container }
      - { action: labelmap, regex: __meta_kubernetes_pod_label_(.+) }
      - { source_labels: [namespace, app], separator: /, target_label: job }
`;

test('a pod’s spans carry its attributes and the labels of its target', async (t) => {
  api.set(
    'pods',
    fakePod({
      name: 'web-7d4b9-x2x',
      ip: '10.0.0.1',
      labels: { app: 'web', 'pod-template-hash': '7d4b9' },
      annotations: { team: 'blue' },
      owner: { kind: 'ReplicaSet', name: 'web-7d4b9' },
    }),
  );
  const { send, discovery, enricher } = await rig(t, scrapeConfig);
  await until(() => discovery.isSynced && discovery.targets.version > 0, 'synced');
  assert.deepEqual(await send('::ffff:10.0.0.1', { 'service.name': 'web' }), {
    'service.name': 'web',
    'k8s.cluster.name': 'eu-1',
    'k8s.namespace.name': 'shop',
    'k8s.pod.name': 'web-7d4b9-x2x',
    'k8s.pod.uid': 'uid-web-7d4b9-x2x',
    'k8s.node.name': 'node-1',
    'k8s.replicaset.name': 'web-7d4b9',
    'k8s.deployment.name': 'web',
    'k8s.container.name': 'main',
    'k8s.pod.label.app': 'web',
    'k8s.pod.label.pod-template-hash': '7d4b9',
    app: 'web',
    container: 'main',
    job: 'shop/web',
    namespace: 'shop',
    pod: 'web-7d4b9-x2x',
    pod_template_hash: '7d4b9',
  });
  assert.equal(enricher.counters.found, 1);
  // Labels change with the pod.
  const changed = { name: 'web-7d4b9-x2x', ip: '10.0.0.1', labels: { app: 'shopfront' } };
  api.set('pods', fakePod(changed));
  await until(() => discovery.pods.byUid('uid-web-7d4b9-x2x')?.labels['app'] === 'shopfront', 'the change');
  assert.equal((await send('10.0.0.1'))['job'], 'shop/shopfront');
});

test('controllers of all kinds, several containers, what the sender says of itself', async (t) => {
  const names = [
    ['db-0', 'StatefulSet', 'db', { 'k8s.statefulset.name': 'db' }],
    ['log-abcde', 'DaemonSet', 'log', { 'k8s.daemonset.name': 'log' }],
    ['once-abcde', 'Job', 'once', { 'k8s.job.name': 'once' }],
    [
      'nightly-29012345-abc',
      'Job',
      'nightly-29012345',
      { 'k8s.job.name': 'nightly-29012345', 'k8s.cronjob.name': 'nightly' },
    ],
  ] as const;
  names.forEach(([name, kind, owner], n) => {
    api.set('pods', fakePod({ name, ip: `10.1.0.${n}`, owner: { kind, name: owner } }));
  });
  const two = [
    { name: 'app', image: 'registry:5000/shop/app:1.2' },
    { name: 'sidecar', image: 'proxy' },
  ];
  api.set('pods', fakePod({ name: 'two', ip: '10.1.1.0', containers: two }));
  const { send, discovery } = await rig(t, scrapeConfig);
  await until(() => discovery.isSynced, 'synced');
  for (const [n, [, , , expected]] of names.entries()) {
    const resource = await send(`10.1.0.${n}`);
    const workload = Object.entries(resource).filter(([key]) => /^k8s\.(?!cluster|names|pod|node|container)/.test(key));
    assert.deepEqual(Object.fromEntries(workload), expected);
  }
  const unknown = await send('10.1.1.0');
  assert.equal(unknown['k8s.container.name'], undefined);
  assert.equal(unknown['container'], undefined, 'the targets differ in it');
  assert.equal(unknown['pod'], 'two');
  assert.equal((await send('10.1.1.0', { 'k8s.container.name': 'sidecar' }))['container'], 'sidecar');
  assert.equal((await send('10.1.1.0', { 'container.id': 'uid-two-app' }))['k8s.container.name'], 'app');
  assert.equal((await send('10.1.1.0', { pod: 'mine' }))['pod'], 'mine');
  // By uid and by name, from wherever it is sent.
  assert.equal((await send(undefined, { 'k8s.pod.uid': 'uid-two' }))['k8s.pod.name'], 'two');
  const byName = { 'k8s.pod.name': 'db-0', 'k8s.namespace.name': 'shop' };
  assert.equal((await send('10.1.1.0', byName))['k8s.pod.uid'], 'uid-db-0');
});

test('every span whose pod is not found is counted with the reason', async (t) => {
  api.set('pods', fakePod({ name: 'agent', ip: '10.2.0.1' }));
  api.set('pods', fakePod({ name: 'a', ip: '10.2.0.2' }));
  api.set('pods', fakePod({ name: 'proxy', ip: '10.9.0.1', hostNetwork: true }));
  const { send, discovery, enricher } = await rig(t);
  await until(() => discovery.isSynced, 'synced');
  const cases = [
    [undefined, {}, 'no_peer_ip'],
    ['127.0.0.1', {}, 'loopback'],
    ['::1', {}, 'loopback'],
    ['10.2.0.1', {}, 'own_pod'],
    ['10.9.0.1', {}, 'host_network'],
    ['10.2.9.9', {}, 'unknown_ip'],
    [undefined, { 'k8s.pod.uid': 'nobody' }, 'unknown_pod'],
    ['10.2.0.2', { 'k8s.pod.uid': 'nobody' }, 'contradiction'],
  ] as const;
  for (const [ip, resource, reason] of cases) {
    const before = enricher.counters.misses[reason];
    assert.deepEqual(await send(ip, resource), resource);
    const failure = `${ip} ${JSON.stringify(resource)}: ${JSON.stringify(enricher.counters.misses)}`;
    assert.equal(enricher.counters.misses[reason], before + 1, failure);
  }
  assert.equal(enricher.counters.found, 0);
  assert.equal(enricher.counters.spans, cases.length);
});

test('the first spans of a pod wait for its news, but not for ever, and strangers wait once', async (t) => {
  const { send, discovery, enricher } = await rig(t, '', 300);
  await until(() => discovery.isSynced, 'synced');
  const early = send('10.3.0.1');
  await new Promise((resolve) => setTimeout(resolve, 50));
  api.set('pods', fakePod({ name: 'new', ip: '10.3.0.1' }));
  assert.equal((await early)['k8s.pod.name'], 'new');
  const started = performance.now();
  assert.deepEqual(await send('10.3.0.2'), {});
  assert.ok(performance.now() - started > 250, 'it was waited for');
  const again = performance.now();
  assert.deepEqual(await send('10.3.0.2'), {});
  assert.ok(performance.now() - again < 250, 'not again');
  assert.equal(enricher.counters.misses.unknown_ip, 2);
  assert.equal(enricher.counters.waits, 2);
  // A pod that started after the request did not send it.
  const late = send('10.3.0.3');
  api.set('pods', fakePod({ name: 'later', ip: '10.3.0.3', startedMs: Date.now() + 2_000 }));
  assert.deepEqual(await late, {});
});

test('an API that does not answer makes spans wait, then go on counted as a timeout', async (t) => {
  api.isBroken = true;
  const { send, enricher, discovery } = await rig(t, '', 100);
  assert.deepEqual(await send('10.0.0.1'), {});
  assert.equal(enricher.counters.misses.timeout, 1);
  api.isBroken = false;
  await until(() => discovery.isSynced, 'synced after all');
  assert.equal((await send('10.0.0.1'))['k8s.namespace.name'], 'shop');
});

test('pods come, go and reuse addresses while the API drops, forgets and is slow: right or counted, never wrong', async (t) => {
  const { send, discovery, enricher } = await rig(t, scrapeConfig, 400);
  await until(() => discovery.isSynced, 'synced');
  const counted = (): number => Object.values(enricher.counters.misses).reduce((sum, n) => sum + n, 0);
  const sends: Promise<void>[] = [];
  let wrong = 0;
  let right = 0;
  const sendAs = (name: string, ip: string): void => {
    const check = send(ip).then((resource) => {
      const found = resource['k8s.pod.name'];
      if (found === name && resource['pod'] === name) right++;
      else if (found !== undefined || resource['pod'] !== undefined) wrong++;
    });
    sends.push(check);
  };
  const nameOf = (round: number, n: number): string => `churn-${round}-${(n + round) % 6}`;
  const ipOf = (n: number): string => `10.4.0.${n}`;
  const faults = [
    () => undefined,
    () => api.dropConnections(),
    () => {
      api.dropConnections();
      api.forgetHistory();
    },
    () => {
      api.listDelayMs = 150;
      api.expireWatches();
    },
    () => api.endWatches(),
  ];
  for (const [round, fault] of faults.entries()) {
    // The pods of the round before end, some by their phase and some by being gone …
    const endedMs = Date.now() - 1_100;
    for (let n = 0; n < 6 && round > 0; n++) {
      const name = nameOf(round - 1, n);
      const over = { name, ip: ipOf(n), phase: 'Succeeded', startedMs: endedMs - 1_500, finishedMs: endedMs };
      if (n % 3 !== 0) api.set('pods', fakePod(over));
      if (n % 2 === 0 || n % 3 === 0) api.delete('pods', `uid-${name}`);
    }
    fault();
    // … which is known before their addresses are given away, as a rule.
    const running = (): string[] => discovery.pods.records().map(({ name }) => name);
    await until(() => !running().some((name) => name.startsWith(`churn-${round - 1}`)), 'the end of the last round');
    for (let n = 0; n < 6; n++) {
      const name = nameOf(round, n);
      // Half of them speak before the API knows them.
      if (n >= 3) sendAs(name, ipOf(n));
      api.set('pods', fakePod({ name, ip: ipOf(n), startedMs: Date.now() - 500 }));
      sendAs(name, ipOf(n));
    }
    await Promise.all(sends);
  }
  api.listDelayMs = 0;
  assert.equal(wrong, 0);
  assert.equal(right + counted(), sends.length, 'each is right or counted');
  // Addresses that change hands within a second of the API's clock are nobody's.
  assert.ok(right > sends.length / 3, `${right} of ${sends.length} were found`);
});

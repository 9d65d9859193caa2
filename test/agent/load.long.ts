/**
 * What a span costs: 20,000 a second through an agent that knows the pods of a large cluster. Loses none; what it costs is
 * said, not judged, since it depends on who else is at work here: docs/agent.md has what was measured.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { plainSpan } from '../../src/model/plain-span.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { FakeKubernetesApi, fakePod } from '../support/kubernetes-api.ts';
import { OtlpSink } from '../support/otlp-sink.ts';
import { freePort, postSpans, temporaryFolder } from '../support/server.ts';

const podCount = 5000;
const spansPerRequest = 200;
const requestsPerSecond = 100;
const seconds = 10;

test('20,000 spans a second, 5,000 pods', async (t) => {
  const folder = temporaryFolder('agent-load');
  const api = new FakeKubernetesApi();
  const sink = new OtlpSink();
  const [statusPort, otlpPort] = [await freePort(), await freePort()];
  for (let n = 0; n < podCount; n++)
    api.set(
      'pods',
      fakePod({ name: `pod-${n}`, ip: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, labels: { app: 'shop' } }),
    );
  const file = path.join(folder.path, 'agent.yaml');
  const config = {
    server: { http_listen_port: statusPort },
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${otlpPort}` } } } },
    remote: { url: await sink.listen() },
    spool: { path: path.join(folder.path, 'spool') },
    kubernetes: { api_server: await api.listen() },
  };
  writeFileSync(file, stringify(config));
  const main = path.resolve(import.meta.dirname, '../../src/cli/main.ts');
  // The first start after a change of the sources compiles them, which takes memory once.
  spawnSync(process.execPath, [main, 'agent', `-config.file=${file}`, '-config.verify']);
  const child = spawn(process.execPath, [main, 'agent', `-config.file=${file}`], { stdio: 'inherit' });
  t.after(async () => {
    child.kill('SIGKILL');
    await Promise.all([api.close(), sink.close()]);
    folder.remove();
  });
  const base = `http://127.0.0.1:${statusPort}`;
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${base}/metrics`)).text();
    return Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1]);
  };
  const isReady = (): Promise<boolean> =>
    fetch(`${base}/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  for (let i = 0; i < 200 && !(await isReady()); i++) await new Promise((resolve) => setTimeout(resolve, 50));

  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const restingRss = await metric('process_resident_memory_bytes');

  const text = (value: string) => ({ type: 'string', value }) as const;
  const span = plainSpan({ traceId: '1'.repeat(32), spanId: '2'.repeat(16), name: 'GET /cart' });
  const attributes = ['http.route', 'http.method', 'url.path', 'server.address', 'peer'].map((key) => ({
    key,
    value: text(`${key} of this span`),
  }));
  const resource = { ...span.resource, attributes: [{ key: 'k8s.pod.uid', value: text('uid-pod-77') }] };
  const body = plainSpansToOtlp(Array.from({ length: spansPerRequest }, () => ({ ...span, attributes, resource })));
  const cpuBefore = await metric('process_cpu_seconds_total');
  const url = `http://127.0.0.1:${otlpPort}/v1/traces`;
  const sends: Promise<number>[] = [];
  for (let tick = 0; tick < seconds * 10; tick++) {
    for (let i = 0; i < requestsPerSecond / 10; i++) sends.push(postSpans(url, body));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok((await Promise.all(sends)).every((status) => status === 200));
  const spans = sends.length * spansPerRequest;
  for (let i = 0; i < 100 && (await metric('rubato_agent_sent_spans_total')) < spans; i++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(await metric('rubato_agent_sent_spans_total'), spans);
  assert.equal(await metric('rubato_agent_pod_found_spans_total'), spans);
  const microseconds = ((await metric('process_cpu_seconds_total')) - cpuBefore) * 1e6;
  const rss = await metric('process_resident_memory_bytes');
  t.diagnostic(
    `${(microseconds / spans).toFixed(2)} µs CPU a span of ${body.length / spansPerRequest} B, ` +
      `${(restingRss / 1e6).toFixed(0)} MB at rest, ${(rss / 1e6).toFixed(0)} MB afterwards`,
  );
});

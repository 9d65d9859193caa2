/** Limits per tenant in the running server: the file that is loaded again, the overrides API, cost attribution, options. */
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { stringify } from 'yaml';
import { plainResource, plainSpan } from '../../src/model/plain-span.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { type Answer, request, startTestServer, type TestServer, temporaryFolder } from '../support/server.ts';

const folder = temporaryFolder('limits');
const overridesFile = path.join(folder.path, 'overrides.yaml');
let server: TestServer;

/** At once, so that the server never reads half a file. */
function writeOverrides(overrides: unknown): void {
  writeFileSync(`${overridesFile}.new`, stringify({ overrides }));
  renameSync(`${overridesFile}.new`, overridesFile);
}

before(async () => {
  writeOverrides({
    slow: { ingestion: { rate_limit_bytes: 100, burst_size_bytes: 100 } },
    few: { ingestion: { max_traces_per_user: 2 }, cost_attribution: { dimensions: { 'resource.team': '' } } },
  });
  server = await startTestServer({
    dataFolder: folder.path,
    args: ['-config.expand-env'],
    server: { http_server_read_timeout: '20s' },
    distributor: {
      usage: { cost_attribution: { enabled: true } },
      log_received_spans: { enabled: true, include_all_attributes: true, filter_by_status_error: true },
      log_discarded_spans: { enabled: true },
    },
    config: {
      multitenancy_enabled: true,
      stream_over_http_enabled: true,
      http_api_prefix: '/tempo',
      query_frontend: {
        url_deny_list: ['(?i)forbidden'],
        multi_tenant_queries_enabled: false,
        max_grpc_streaming_packet_size: 100_000,
      },
      overrides: {
        per_tenant_override_config: overridesFile,
        per_tenant_override_period: '50ms',
        user_configurable_overrides: { enabled: true, api: { check_for_conflicting_runtime_overrides: true } },
      },
    },
  });
});
after(async () => {
  await server.stop();
  folder.remove();
});

let spanNumber = 0;
function spansOf(traces: number, team = 'search', statusCode = 0): Uint8Array {
  return plainSpansToOtlp(
    Array.from({ length: traces }, () => {
      spanNumber++;
      return plainSpan({
        traceId: spanNumber.toString(16).padStart(32, '0'),
        spanId: spanNumber.toString(16).padStart(16, '0'),
        name: 'GET /',
        startTimeUnixNano: BigInt(Date.now()) * 1_000_000n,
        endTimeUnixNano: BigInt(Date.now()) * 1_000_000n + 1000n,
        statusCode,
        resource: plainResource({ attributes: [{ key: 'team', value: { type: 'string', value: team } }] }),
      });
    }),
  );
}

const send = (tenant: string, body: Uint8Array): Promise<Answer> =>
  request(server.otlpHttp, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf', 'x-scope-orgid': tenant },
    body,
  });

const overridesCall = (
  method: string,
  options: { tenant?: string; headers?: Record<string, string>; body?: unknown; query?: string } = {},
): Promise<Answer> =>
  request(`${server.http}/tempo/api/overrides${options.query ?? ''}`, {
    method,
    headers: { 'x-scope-orgid': options.tenant ?? 'api', ...options.headers },
    ...(options.body !== undefined && { body: Buffer.from(JSON.stringify(options.body)) }),
  });

const text = async (url: string, headers: Record<string, string> = {}): Promise<string> =>
  (await request(server.http + url, { headers })).body.toString();

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 5_000; Date.now() < deadline; ) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail(`not within 5 s: ${what}`);
}

test('a tenant over its rate is refused whole and told when to come back, others are not', async () => {
  const refused = await send('slow', spansOf(3));
  assert.equal(refused.status, 429);
  assert.equal(refused.headers['retry-after'], '5');
  assert.match(refused.body.toString('latin1'), /RATE_LIMITED: batch size \(\d+ bytes\) exceeds ingestion limit/);
  assert.equal((await send('other', spansOf(3))).status, 200);
  const metrics = await text('/metrics');
  assert.match(metrics, /^tempo_discarded_spans_total\{reason="rate_limited",tenant="slow"\} 3$/m);
  assert.match(metrics, /^tempo_distributor_spans_received_total\{tenant="other"\} 3$/m);
  assert.match(metrics, /^tempo_receiver_accepted_spans\{receiver="otlp",transport="http"\} 3$/m);
  assert.match(metrics, /^tempo_receiver_refused_spans\{receiver="otlp",transport="http"\} 3$/m);
  assert.match(metrics, /^tempo_limits_overrides\{limit_name="ingestion_rate_limit_bytes",user="slow"\} 100$/m);
  assert.match(metrics, /^tempo_limits_defaults\{limit_name="max_bytes_per_trace"\} 5000000$/m);
});

test('more live traces than a tenant may have are refused, not dropped', async () => {
  assert.equal((await send('few', spansOf(2))).status, 200);
  const refused = await send('few', spansOf(1));
  assert.equal(refused.status, 429);
  assert.match(refused.body.toString('latin1'), /LIVE_TRACES_EXCEEDED/);
  const { traces } = JSON.parse(
    await text(`/tempo/api/search?q=${encodeURIComponent('{}')}`, { 'x-scope-orgid': 'few' }),
  ) as { traces: unknown[] };
  assert.equal(traces.length, 2);
  assert.match(await text('/metrics'), /reason="live_traces_exceeded",tenant="few"\} 1$/m);
});

test('the file is loaded again while the server runs, and a mistake in it changes nothing', async () => {
  writeOverrides({ slow: {}, few: { ingestion: { max_traces_per_user: 2 } } });
  await until('slow is not limited any more', async () => (await send('slow', spansOf(3))).status === 200);
  writeFileSync(overridesFile, 'overrides:\n  slow:\n    ingestion:\n      rate_limit: 1\n');
  await until('the mistake is seen', async () =>
    /^tempo_runtime_config_last_reload_successful 0$/m.test(await text('/metrics')),
  );
  assert.match(server.log(), /overrides\.yaml:4: unknown key overrides\.slow\.ingestion\.rate_limit/);
  assert.equal((await send('slow', spansOf(3))).status, 200);
  writeOverrides({ '*': { ingestion: { rate_limit_bytes: 50, burst_size_bytes: 50 } }, slow: {} });
  await until('everybody else is limited', async () => (await send('other', spansOf(3))).status === 429);
  assert.equal((await send('slow', spansOf(3))).status, 200);
  assert.match(await text('/status/runtime_config?mode=diff'), /rate_limit_bytes: 50/);
  writeOverrides({
    slow: { forwarders: ['own'] },
    few: { cost_attribution: { dimensions: { 'resource.team': '' } } },
  });
  await until('all is well', async () => (await send('other', spansOf(1))).status === 200);
  assert.match(await text('/metrics'), /^tempo_runtime_config_last_reload_successful 1$/m);
});

test('limits of tenants are shown as pages and as JSON', async () => {
  const list = JSON.parse(await text('/status/overrides', { accept: 'application/json' })) as {
    tenants: { name: string; has_runtime_overrides: boolean; has_user_configurable_overrides: boolean }[];
  };
  assert.deepEqual(
    list.tenants.find(({ name }) => name === 'slow'),
    { name: 'slow', has_runtime_overrides: true, has_user_configurable_overrides: false },
  );
  assert.match(await text('/status/overrides'), /<a href="overrides\/slow">slow<\/a>/);
  assert.match(await text('/status/overrides/slow'), /own/);
  assert.equal((await request(`${server.http}/status/overrides/nobody`)).status, 404);
});

test('a tenant sets limits itself, by versions', async () => {
  assert.equal((await overridesCall('GET')).status, 404);
  const limits = { metrics_generator: { processors: ['span-metrics'], collection_interval: '30s' } };
  assert.equal((await overridesCall('POST', { body: limits })).status, 428);
  const created = await overridesCall('POST', { headers: { 'if-match': '0' }, body: limits });
  assert.deepEqual([created.status, created.headers.etag], [200, '1']);
  assert.equal((await overridesCall('POST', { headers: { 'if-match': '0' }, body: limits })).status, 412);
  const got = await overridesCall('GET');
  assert.deepEqual([got.status, got.headers.etag, JSON.parse(got.body.toString())], [200, '1', limits]);

  const patched = await overridesCall('PATCH', {
    body: { metrics_generator: { collection_interval: null, disable_collection: true } },
  });
  assert.equal(patched.headers.etag, '2');
  assert.deepEqual(JSON.parse(patched.body.toString()), {
    metrics_generator: { processors: ['span-metrics'], disable_collection: true },
  });
  const wrong = await overridesCall('PATCH', { body: { metrics_generator: { collection_interval: '1s' }, foo: 1 } });
  assert.equal(wrong.status, 400);
  assert.match(wrong.body.toString(), /collection_interval: must be between 15s and 5m; unknown field foo/);
  assert.equal((await overridesCall('GET', { query: '?scope=all' })).status, 400);
  assert.equal((await overridesCall('PUT', { body: {} })).status, 405);
  assert.match(await text('/status/overrides/api'), /disable_collection/);

  assert.equal((await overridesCall('DELETE', { headers: { 'if-match': '1' } })).status, 412);
  assert.equal((await overridesCall('DELETE', { headers: { 'if-match': '2' } })).status, 200);
  assert.equal((await overridesCall('GET')).status, 404);
  assert.equal((await overridesCall('POST', { headers: { 'if-match': '0' }, body: {} })).headers.etag, '4');
});

test('what the operator set for a tenant is not overridden, unless that is asked for', async () => {
  const call = { tenant: 'slow', headers: { 'if-match': '0' }, body: { forwarders: ['mine'] } };
  const refused = await overridesCall('POST', call);
  assert.equal(refused.status, 400);
  assert.match(refused.body.toString(), /forwarders/);
  const query = '?skip-conflicting-overrides-check=true';
  assert.equal((await overridesCall('POST', { ...call, query })).status, 200);
  const merged = await overridesCall('GET', { tenant: 'slow', query: '?scope=merged' });
  assert.deepEqual(JSON.parse(merged.body.toString()), { forwarders: ['mine'] });
});

test('bytes are counted by the attributes that a tenant is billed by', async () => {
  const body = spansOf(4, 'checkout');
  assert.equal((await send('few', body)).status, 200);
  const usage = await text('/usage_metrics');
  const line = new RegExp(
    `^tempo_usage_tracker_bytes_received_total\\{team="checkout",tenant="few",tracker="cost-attribution"\\} ${body.length}$`,
    'm',
  );
  assert.match(usage, line);
});

test('received and discarded spans are logged as asked for', async () => {
  await send('few', spansOf(1, 'logged', 2));
  await until('received', async () => /"span_status":"error".*"team":"logged".*"received"/.test(server.log()));
  assert.match(server.log(), /"tenant":"slow","reason":"RATE_LIMITED.*"traceid":"[0-9a-f]{32}".*"discarded"/);
});

test('queries are denied by their URL, and several tenants at once when that is off', async () => {
  const denied = await request(`${server.http}/tempo/api/search?q=FORBIDDEN`, { headers: { 'x-scope-orgid': 'a' } });
  assert.equal(denied.status, 400);
  assert.match(denied.body.toString(), /^Invalid request \/tempo\/api\/search\?q=FORBIDDEN\. /);
  const several = await request(`${server.http}/tempo/api/search?q={}`, { headers: { 'x-scope-orgid': 'a|b' } });
  assert.equal(several.status, 400);
  assert.equal((await request(`${server.http}/api/search`)).status, 404);
});

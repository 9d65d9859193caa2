import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { SeededRng } from '../../src/base/random.ts';
import { QueryClient } from '../../src/cli/query-client.ts';
import { createChecks } from '../../src/cli/vulture/checks.ts';
import { createPusher } from '../../src/cli/vulture/push.ts';
import { circle } from '../../src/cli/vulture/vulture.ts';
import { serveMetrics, VultureMetrics } from '../../src/cli/vulture/vulture-metrics.ts';
import { getJson, request, startTestServer, type TestServer, temporaryFolder } from '../support/server.ts';
import { rubato } from './run.ts';

const folder = temporaryFolder('vulture');
let server: TestServer;

before(async () => {
  server = await startTestServer({ dataFolder: folder.path });
});

after(async () => {
  await server.stop();
  folder.remove();
});

const quick = ['--validation-mode', '--write-backoff-duration', '50ms', '--long-write-backoff-duration', '50ms'];

/** Answers every push with 200 and hands on only those that `keep` lets through. */
async function lossyProxy(keep: (push: number) => boolean): Promise<{ url: string; close: () => void }> {
  let pushes = 0;
  const proxy = http.createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', async () => {
      if (keep(pushes++)) {
        const headers = { 'content-type': 'application/x-protobuf' };
        await request(server.otlpHttp, { method: 'POST', headers, body: Buffer.concat(chunks) });
      }
      response.end();
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1/traces`,
    close: () => {
      proxy.close();
      proxy.closeAllConnections();
    },
  };
}

test('a server that keeps what it acknowledges passes, over OTLP/HTTP and gRPC', async () => {
  for (const push of [server.otlpHttp, server.otlpGrpc]) {
    const flags = ['--query-url', server.http, '--push-url', push, '--validation-cycles', '4'];
    const { code, out, err } = await rubato(['vulture', ...quick, ...flags]);
    assert.deepEqual([code, out], [0, 'validation passed\n'], err);
    assert.match(err, /^cycle 4 of 4: trace [0-9a-f]{32}, \d+ spans: ok$/m);
  }
});

test('the flags of Tempo are understood', async () => {
  const flags = [`-tempo-query-url=${server.http}`, `-tempo-push-url=${server.otlpGrpc}`, '-validation-mode=true'];
  const backoffs = ['-tempo-write-backoff-duration=50ms', '-tempo-long-write-backoff-duration=50ms'];
  const more = ['-tempo-push-tls=false', '-validation-cycles=1', '-tempo-retention-duration=336h'];
  const { code, err } = await rubato(['vulture', ...flags, ...backoffs, ...more]);
  assert.equal(code, 0, err);
});

test('a server that loses writes which it acknowledged fails, and is told what is missing', async () => {
  const proxy = await lossyProxy(() => false);
  const flags = ['--query-url', server.http, '--push-url', proxy.url, '--validation-cycles', '1'];
  const { code, out, err } = await rubato(['vulture', ...quick, ...flags]);
  proxy.close();
  assert.deepEqual([code, out], [1, 'validation failed\n']);
  for (const failure of ['notfound_byid', 'notfound_search', 'notfound_traceql', 'notfound_metrics'])
    assert.match(err, new RegExp(`^${failure}: trace [0-9a-f]{32}: `, 'm'));
  assert.match(err, /^cycle 1 of 1: .*: FAILED$/m);
});

test('a server that is not there, and one that is too slow, fail', async () => {
  const gone = ['--query-url', server.http, '--push-url', 'http://127.0.0.1:1'];
  const refused = await rubato(['vulture', ...quick, ...gone]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /^a write was not acknowledged: .*ECONNREFUSED/);
  const here = ['--query-url', server.http, '--push-url', server.otlpHttp];
  const late = await rubato(['vulture', '--validation-mode', '--validation-timeout', '200ms', ...here]);
  assert.equal(late.code, 1);
  assert.match(late.err, /^not done within 0\.2 s$/m);
});

test('without an end it writes and reads until it is stopped, and counts', async () => {
  const abort = new AbortController();
  const metrics = new VultureMetrics();
  const page = await serveMetrics(metrics.registry, '127.0.0.1:0', '/metrics');
  const lost = await lossyProxy((push) => push % 2 === 0);
  const client = new QueryClient({ baseUrl: server.http, tenant: undefined });
  const pusher = createPusher({ url: lost.url, tls: false, tenant: undefined });
  const reports: string[] = [];
  const flying = circle({
    pusher,
    checks: createChecks(client),
    metrics,
    clock: systemClock,
    rng: new SeededRng(1),
    signal: abort.signal,
    report: (line) => void reports.push(line),
    writeBackoffMs: 20,
    longWriteBackoffMs: 20,
    readBackoffMs: 30,
    searchBackoffMs: 30,
    metricsBackoffMs: 30,
    retentionMs: 60_000,
    recentMs: 30_000,
    onlyRecent: false,
  });
  const url = `http://127.0.0.1:${page.port}/metrics`;
  const checked = /^tempo_vulture_trace_total \d{2,}$/m;
  const missed = /^tempo_vulture_trace_error_total\{error="(notfound_byid|missingspans)"\} [1-9]/m;
  let text = '';
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; ) {
    text = (await request(url)).body.toString();
    if (checked.test(text) && missed.test(text) && reports.length > 0) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  abort.abort();
  await flying;
  client.close();
  pusher.close();
  lost.close();
  page.close();
  assert.match(text, checked);
  assert.match(text, missed);
  assert.ok(reports.length > 0);
  assert.match(text, /^tempo_vulture_error_total 0$/m);
  // What it wrote is there under names of its own.
  const { scopes } = await getJson<{ scopes: { tags: string[] }[] }>(`${server.http}/api/v2/search/tags?scope=span`);
  assert.ok(scopes[0]!.tags.some((tag) => tag.startsWith('vulture-')));
});

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { otlpOf, traceIdOf } from '../api/spans.ts';
import { postSpans, request, startTestServer, type TestServer, temporaryFolder } from '../support/server.ts';
import { rubato } from './run.ts';

const folder = temporaryFolder('redact');
const startMs = Date.now() - 60_000;
let server: TestServer;

before(async () => {
  server = await startTestServer({
    dataFolder: folder.path,
    config: { backend_scheduler: { redaction_api: true } },
  });
  const spans = [1, 2, 3].map((trace) => ({
    trace,
    span: trace,
    service: 'a',
    name: `t${trace}`,
    startMs,
    durationMs: 5,
  }));
  assert.equal(await postSpans(server.otlpHttp, otlpOf(spans)), 200);
});
after(async () => {
  await server.stop();
  folder.remove();
});

const run = (...argv: string[]) => rubato(['redact', '--url', server.http, ...argv]);

test('traces are removed of what is live, for good', async () => {
  const { code, out, err } = await run('--yes', traceIdOf(2), traceIdOf(9));
  assert.equal(code, 0, err);
  assert.equal(out, 'removed 1 of 2 traces with 1 span: 1 block searched, 1 rewritten, 0 removed\n');
  const found = await rubato(['search', '--url', server.http, '--json', '{}']);
  const { traces } = JSON.parse(found.out) as { traces: { rootTraceName: string }[] };
  assert.deepEqual(traces.map(({ rootTraceName }) => rootTraceName).sort(), ['t1', 't3']);
  assert.equal((await request(`${server.http}/api/traces/${traceIdOf(2)}`)).status, 404);
  const json = await run('--yes', '--json', traceIdOf(3));
  assert.deepEqual((JSON.parse(json.out) as { traces: number }).traces, 1);
});

test('it is not done by mistake, and a wrong request says why', async () => {
  assert.match((await run(traceIdOf(1))).err, /say --yes/);
  assert.match((await run('--yes')).err, /TRACE_ID is missing/);
  assert.match((await run('--yes', 'xyz')).err, /can only contain hex characters/);
  const post = (body: string, method = 'POST') =>
    request(`${server.http}/api/redact`, { method, ...(method === 'POST' && { body: Buffer.from(body) }) });
  assert.equal((await post('', 'GET')).status, 405);
  assert.equal((await post('{')).status, 400);
  assert.equal((await post('{"traceIds":[]}')).status, 400);
  assert.equal((await post(JSON.stringify({ traceIds: Array(1001).fill('1') }))).status, 400);
});

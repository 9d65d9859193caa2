/** Accepted spans are copied to a second server, without those that its filter names. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { plainResource, plainSpan } from '../../src/model/plain-span.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { postSpans, request, startTestServer, type TestServer, temporaryFolder } from '../support/server.ts';

const folders = [temporaryFolder('forward-from'), temporaryFolder('forward-to')] as const;
let from: TestServer;
let to: TestServer;
before(async () => {
  to = await startTestServer({ dataFolder: folders[1].path });
  const endpoint = new URL(to.otlpGrpc).host;
  from = await startTestServer({
    dataFolder: folders[0].path,
    forwarders: [
      {
        name: 'copy',
        backend: 'otlpgrpc',
        otlpgrpc: { endpoints: [endpoint], tls: { insecure: true } },
        filter: { traces: { span: ['attributes["probe"] == true', 'IsMatch(name, "^internal/")'], spanevent: [] } },
      },
    ],
    config: { overrides: { defaults: { ingestion: { rate_limit_bytes: 0 }, forwarders: ['copy'] } } },
  });
});
after(async () => {
  await Promise.all([from.kill(), to.kill()]);
  for (const folder of folders) folder.remove();
});

const traceId = '0102030405060708090a0b0c0d0e0f10';

async function names(server: TestServer): Promise<string[]> {
  const answer = await request(`${server.http}/api/traces/${traceId}`);
  if (answer.status === 404) return [];
  const trace = JSON.parse(answer.body.toString()) as {
    batches: { scopeSpans: { spans: { name: string }[] }[] }[];
  };
  return trace.batches
    .flatMap((batch) => batch.scopeSpans.flatMap(({ spans }) => spans.map(({ name }) => name)))
    .sort();
}

test('the copy lacks what the filter names, the original has all', async () => {
  const resource = plainResource({ attributes: [{ key: 'service.name', value: { type: 'string', value: 'shop' } }] });
  const now = BigInt(Date.now()) * 1_000_000n;
  const times = { startTimeUnixNano: now, endTimeUnixNano: now + 1000n };
  const spans = ['GET /', 'internal/poll', 'probe'].map((name, i) =>
    plainSpan({
      traceId,
      spanId: `111213141516171${i}`,
      name,
      resource,
      ...times,
      attributes: name === 'probe' ? [{ key: 'probe', value: { type: 'bool', value: true } }] : [],
    }),
  );
  assert.equal(await postSpans(from.otlpHttp, plainSpansToOtlp(spans)), 200);
  assert.deepEqual(await names(from), ['GET /', 'internal/poll', 'probe']);
  let copied: string[] = [];
  for (const deadline = Date.now() + 10_000; copied.length === 0 && Date.now() < deadline; ) {
    copied = await names(to);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.deepEqual(copied, ['GET /']);
  const metrics = (await request(`${from.http}/metrics`)).body.toString();
  assert.match(metrics, /^tempo_distributor_forwarder_pushes_total\{forwarder="copy"\} 1$/m);
});

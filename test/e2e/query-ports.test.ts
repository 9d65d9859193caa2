import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { grpcClient } from '../api/grpc-client.ts';
import { otlpOf } from '../api/spans.ts';
import { getJson, postSpans, request, startTestServer, temporaryFolder } from '../support/server.ts';

test('the server answers gRPC on its own port and on the HTTP port, the same as HTTP', async (context) => {
  const folder = temporaryFolder('query-ports');
  context.after(folder.remove);
  const server = await startTestServer({ dataFolder: folder.path });
  context.after(() => server.kill());
  const nowMs = Date.now();
  const spans = [
    { trace: 1, span: 1, service: 'shop', name: 'order', startMs: nowMs - 5000, durationMs: 30 },
    { trace: 1, span: 2, parent: 1, service: 'bank', name: 'pay', startMs: nowMs - 4990, durationMs: 10, error: true },
  ];
  assert.equal(await postSpans(server.otlpHttp, otlpOf(spans)), 200);

  const times = { start: Math.floor(nowMs / 1000) - 60, end: Math.ceil(nowMs / 1000) + 60 };
  const url = `${server.http}/api/search?q=%7Bstatus%3Derror%7D&start=${times.start}&end=${times.end}`;
  type Found = { traces: unknown[] };
  let expected = await getJson<Found>(url);
  for (let wait = 0; expected.traces.length === 0 && wait < 100; wait++) {
    await sleep(50);
    expected = await getJson<Found>(url);
  }
  assert.equal(expected.traces.length, 1);

  const addresses = [server.grpc, server.http.replace('http://', '')];
  const clients = addresses.map((address) => grpcClient('tempopb.StreamingQuerier', address));
  const healths = addresses.map((address) => grpcClient('grpc.health.v1.Health', address));
  for (const client of clients) {
    const messages = await client.stream('Search', { Query: '{status=error}', ...times });
    assert.deepEqual(messages.at(-1)!.message['traces'], expected.traces);
  }
  for (const health of healths) assert.deepEqual(await health.unary('Check', {}), { status: 'SERVING' });
  assert.equal((await request(`http://${server.grpc}/ready`)).status, 415);

  // With connections open, idle ones and one that watches.
  const watch = assert.rejects(healths[0]!.stream('Watch', {}), { code: 14 });
  await sleep(100);
  const stopMs = performance.now();
  assert.equal(await server.stop(), 0);
  assert.ok(performance.now() - stopMs < 5000);
  await watch;
  for (const client of [...clients, ...healths]) client.close();
});

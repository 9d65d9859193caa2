/**
 * Redaction in a cluster of single roles: of what is live in two writers, one of which does not answer, and of what is in
 * blocks already. Afterwards nobody finds the traces, and nothing that is stored holds their ids or what their spans said.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { systemRng } from '../../src/base/random.ts';
import { LocalObjectStore } from '../../src/objectstore/local.ts';
import { rubato } from '../cli/run.ts';
import {
  countByRequest,
  makeRequest,
  searchRequest,
  spanIdsOf,
  spansPerTrace,
  startRoles,
} from '../support/cluster.ts';
import { postSpans, request, type TestServer, temporaryFolder } from '../support/server.ts';

const traces = 3;

test('traces are removed of all writers, segments and blocks, by a backend', async () => {
  const folder = temporaryFolder('cluster-redact');
  const root = path.join(folder.path, 'store');
  const startUnixSeconds = Math.floor(Date.now() / 1000) - 5;
  const servers = await startRoles(['write', 'write', 'read', 'backend'], {
    folder: folder.path,
    storage: { local: { path: root } },
    config: {
      live_store: { max_block_duration: '10m' },
      cluster: { discovery_interval: '500ms', renew_interval: '500ms', dead_after: '10m', ask_timeout: '1s' },
      backend_scheduler: {
        redaction_api: true,
        maintenance_interval: '1s',
        provider: { compaction: { compaction: { compacted_block_retention: '2s' } } },
      },
    },
  });
  const [writer, stuck, reader, backend] = servers as [TestServer, TestServer, TestServer, TestServer];
  try {
    const kept = makeRequest(traces, Date.now());
    const gone = [makeRequest(traces, Date.now()), makeRequest(traces, Date.now()), makeRequest(traces, Date.now())];
    const redact = (ids: readonly string[]) => rubato(['redact', '--url', backend.http, '--yes', ...ids]);
    // One of no trace: it only brings what is live into blocks.
    assert.equal(await postSpans(writer.otlpHttp, gone[0]!.body), 200);
    assert.equal((await redact(['1'])).code, 0);
    for (const [to, sent] of [
      [writer, kept],
      [writer, gone[1]!],
      [stuck, gone[2]!],
    ] as const)
      assert.equal(await postSpans(to.otlpHttp, sent.body), 200);
    assert.equal((await countByRequest(reader.http, startUnixSeconds)).size, 4);
    const ids = gone.flatMap(({ traceIds }) => traceIds);
    const store = await LocalObjectStore.open({ root, clock: systemClock, rng: systemRng });
    const wanted = [...ids, ...gone.map(({ id }) => id)];
    const holding = async (): Promise<string[]> => {
      const found: string[] = [];
      for await (const { key } of store.list('')) {
        const bytes = Buffer.from(await store.get(key).catch(() => new Uint8Array()));
        const holds = (text: string): boolean => bytes.includes(text) || bytes.includes(Buffer.from(text, 'hex'));
        if (key.startsWith('wal/') || wanted.some(holds)) found.push(key);
      }
      return found;
    };
    assert.ok(
      (await holding()).some((key) => key.startsWith('tenants/')),
      'it is seen what blocks hold',
    );
    // It is dead for its readers, and not yet for backends.
    await stuck.kill();
    const { code, out, err } = await redact(ids);
    assert.equal(code, 0, err + backend.log());
    assert.match(out, new RegExp(`^removed ${ids.length} traces with ${ids.length * spansPerTrace} spans`));

    const counts = await countByRequest(reader.http, startUnixSeconds);
    assert.deepEqual([...counts], [[kept.id, traces * spansPerTrace]]);
    for (const { id, traceIds } of gone) {
      assert.deepEqual(await searchRequest(reader.http, id, startUnixSeconds), []);
      for (const traceId of traceIds) assert.equal((await request(`${reader.http}/api/traces/${traceId}`)).status, 404);
    }
    assert.equal((await spanIdsOf(reader.http, kept.traceIds[0]!)).length, spansPerTrace);

    let left: string[] = [];
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; await systemClock.sleep(200))
      if ((left = await holding()).length === 0) break;
    assert.deepEqual(left, []);
  } finally {
    await Promise.all(servers.map((server) => server.kill()));
    folder.remove();
  }
});

/** A server over a bucket and nothing else: what was acknowledged outlives the process and its disk. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { allInBlocks, assertAllReturned, send } from '../e2e/fidelity.ts';
import { type CephGateway, missingCeph, startCeph } from '../support/ceph.ts';
import { request, startTestServer, temporaryFolder } from '../support/server.ts';
import { generatedBatches, missing } from '../support/shared.ts';

describe('a server over S3', { skip: missingCeph() || missing('tracegen/tracegen.mjs') }, () => {
  let ceph: CephGateway;
  before(async () => {
    ceph = await startCeph();
    await ceph.createBucket('traces');
  });
  after(() => ceph.stop());

  test('finds everything again after kill -9, with nothing but the bucket', async () => {
    const folder = temporaryFolder('over-s3');
    const { endpoint, accessKey: access_key, secretKey: secret_key } = ceph;
    const s3 = { bucket: 'traces', endpoint, access_key, secret_key, insecure: true, hedge_requests_at: '500ms' };
    const config = {
      cluster: { discovery_interval: '200ms', renew_interval: '500ms', dead_after: '3s' },
      live_store: { max_block_spans: 4000, max_block_duration: '5s' },
      storage: { trace: { backend: 's3', s3: { ...s3, prefix: 'server' } } },
    };
    let server = await startTestServer({ dataFolder: folder.path, config });
    try {
      const batches = await generatedBatches({ seed: 5, traces: 100, baseMs: Date.now() - 60_000 });
      const sent = await send(
        server,
        Array.from(batches, ({ bytes }) => bytes),
      );
      await assertAllReturned(server, sent);
      await server.kill();
      folder.remove();
      mkdirSync(folder.path);
      server = await startTestServer({ dataFolder: folder.path, config });
      await assertAllReturned(server, sent);
      await allInBlocks(server);
      await assertAllReturned(server, sent);
      const metrics = (await request(`${server.http}/metrics`)).body.toString();
      assert.match(
        metrics,
        /^tempodb_backend_request_duration_seconds_count{operation="PUT",status_code="200"} [1-9]/m,
      );
      assert.match(metrics, /^rubato_store_bytes_total{operation="GET"} [1-9]/m);
    } finally {
      await server.kill();
      folder.remove();
    }
  });
});

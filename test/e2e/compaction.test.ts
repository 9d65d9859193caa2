import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { request, startTestServer, type TestServer, temporaryFolder } from '../support/server.ts';
import { generatedBatches, missing } from '../support/shared.ts';
import { allInBlocks, assertAllReturned, send } from './fidelity.ts';

const config = {
  live_store: { max_block_spans: 1000, max_block_duration: '1s' },
  backend_scheduler: {
    maintenance_interval: '500ms',
    provider: { compaction: { min_input_blocks_open_window: 4, max_input_blocks: 8 } },
  },
  backend_worker: { compaction: { settle_duration: '1s', compacted_block_retention: '3s', max_block_spans: 6000 } },
};

/** Sum of a metric over its labels. */
async function metric(server: TestServer, name: string): Promise<number> {
  const text = (await request(`${server.http}/metrics`)).body.toString();
  const lines = text.split('\n').filter((line) => line.startsWith(name) && ' {'.includes(line[name.length]!));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(100)) if (await condition()) return;
  assert.fail(`not within 30 s: ${what}`);
}

test('blocks become few and every trace stays whole, also when the old files are gone and after kill -9', {
  skip: missing('tracegen/tracegen.mjs'),
}, async () => {
  const folder = temporaryFolder('compaction');
  let server = await startTestServer({ dataFolder: folder.path, config });
  try {
    const sent = await send(
      server,
      bytes(await generatedBatches({ seed: 3, traces: 600, baseMs: Date.now() - 60_000 })),
    );
    await allInBlocks(server);
    const built = await metric(server, 'tempo_live_store_blocks_completed_total');
    assert.ok(built >= 12, `${built} blocks were built`);
    // While compaction goes on.
    await assertAllReturned(server, sent);
    await until('most blocks compacted', async () => {
      const outstanding = await metric(server, 'tempodb_compaction_outstanding_blocks');
      return outstanding === 0 && (await metric(server, 'tempodb_compaction_blocks_total')) >= built / 2;
    });
    await assertAllReturned(server, sent);
    const left = await metric(server, 'tempodb_blocklist_length');
    assert.ok(left <= built * 0.7, `${left} of ${built} blocks are left`);
    await until('old files deleted', async () => {
      const compacted = await metric(server, 'tempodb_compaction_blocks_total');
      return (await metric(server, 'tempodb_retention_deleted_total')) >= compacted;
    });
    await assertAllReturned(server, sent);
    assert.equal(await metric(server, 'tempodb_compaction_errors_total'), 0);
    await server.kill();
    server = await startTestServer({ dataFolder: folder.path, config });
    await assertAllReturned(server, sent);
    assert.equal(await server.stop(), 0);
  } finally {
    await server.kill();
    folder.remove();
  }
});

function* bytes(batches: Iterable<{ bytes: Uint8Array }>): Generator<Uint8Array> {
  for (const batch of batches) yield batch.bytes;
}

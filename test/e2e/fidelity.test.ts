import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestServer, temporaryFolder } from '../support/server.ts';
import { generatedBatches, missing } from '../support/shared.ts';
import { allInBlocks, assertAllReturned, send } from './fidelity.ts';

function* bytes(batches: Iterable<{ bytes: Uint8Array }>): Generator<Uint8Array> {
  for (const batch of batches) yield batch.bytes;
}

test('generated traces come back in full, live, from blocks and after kill -9', {
  skip: missing('tracegen/tracegen.mjs'),
}, async () => {
  const folder = temporaryFolder('fidelity');
  const config = { live_store: { max_block_spans: 4000, max_block_duration: '2s' } };
  let server = await startTestServer({ dataFolder: folder.path, config });
  try {
    const sent = await send(
      server,
      bytes(await generatedBatches({ seed: 1, traces: 600, baseMs: Date.now() - 60_000 })),
    );
    assert.equal(sent.size, 600);
    await assertAllReturned(server, sent);
    await allInBlocks(server);
    await assertAllReturned(server, sent);
    await server.kill();
    server = await startTestServer({ dataFolder: folder.path, config });
    await assertAllReturned(server, sent);
  } finally {
    await server.kill();
    folder.remove();
  }
});

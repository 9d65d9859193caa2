import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestServer, temporaryFolder } from '../support/server.ts';
import { generatedBatches, missing } from '../support/shared.ts';
import { allInBlocks, assertAllReturned, send } from './fidelity.ts';

function* bytes(batches: Iterable<{ bytes: Uint8Array }>): Generator<Uint8Array> {
  for (const batch of batches) yield batch.bytes;
}

test('20,000 traces come back in full from blocks of the default size', {
  skip: missing('tracegen/tracegen.mjs'),
  timeout: 1_200_000,
}, async () => {
  const folder = temporaryFolder('fidelity');
  const server = await startTestServer({ dataFolder: folder.path });
  try {
    const sent = await send(
      server,
      bytes(await generatedBatches({ seed: 1, traces: 20_000, baseMs: Date.now() - 60_000 })),
    );
    assert.equal(sent.size, 20_000);
    await allInBlocks(server);
    await assertAllReturned(server, sent);
  } finally {
    await server.kill();
    folder.remove();
  }
});

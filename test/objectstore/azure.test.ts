/** The Azure store against the emulator. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ErrorKind } from '../../src/base/errors.ts';
import { AzureObjectStore, type AzureOptions } from '../../src/objectstore/azure.ts';
import { describeObjectStore } from '../../src/objectstore/conformance.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';

describe('Azure Blob Storage', () => {
  let azurite: Azurite;
  let storeCount = 0;

  const open = (options: Partial<AzureOptions> = {}): AzureObjectStore =>
    new AzureObjectStore({
      account: azurite.account,
      container: 'traces',
      endpointSuffix: azurite.endpoint,
      credential: { type: 'accountKey', accountKey: azurite.accountKey },
      prefix: `store-${storeCount++}`,
      blockBytes: 1 << 20,
      blocksInFlightMax: 4,
      ...options,
    });

  before(async () => {
    azurite = await startAzurite();
    await azurite.createContainer('traces');
  });
  after(() => azurite.stop());

  describeObjectStore('Azure (Azurite)', async () => open());

  test('a body of many blocks comes back whole', async () => {
    const store = open();
    const parts = Array.from({ length: 7 }, (_, i) => new Uint8Array(700_001).fill(i + 1));
    await store.put('large', parts);
    assert.ok(Buffer.concat(parts).equals(await store.get('large')));
    await store.put('large', new Uint8Array(1));
    assert.equal((await store.get('large')).length, 1);
  });

  test('wrong keys, a missing container and a dead endpoint say which they are', async () => {
    const accountKey = Buffer.from('another').toString('base64');
    const wrong = open({ credential: { type: 'accountKey', accountKey } });
    const none = open({ container: 'no-such' });
    const dead = open({ endpointSuffix: '127.0.0.1:1' });
    for (const [store, code] of [
      [wrong, 'store_denied'],
      [none, 'no_bucket'],
      [dead, 'store_failed'],
    ] as const) {
      await assert.rejects(store.get('k'), { kind: ErrorKind.unavailable, code });
      await assert.rejects(store.put('k', new Uint8Array(1)), { kind: ErrorKind.unavailable, code });
    }
  });
});

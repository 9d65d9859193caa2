/** The Google Cloud Storage store against a fake of ours. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ErrorKind } from '../../src/base/errors.ts';
import { describeObjectStore } from '../../src/objectstore/conformance.ts';
import { GcsObjectStore, type GcsOptions } from '../../src/objectstore/gcs.ts';
import { type FakeGcs, startFakeGcs } from '../support/fake-gcs.ts';

describe('Google Cloud Storage', () => {
  let gcs: FakeGcs;
  let storeCount = 0;

  const open = (options: Partial<GcsOptions> = {}): GcsObjectStore =>
    new GcsObjectStore({
      bucket: gcs.bucket,
      endpoint: gcs.url,
      anonymous: true,
      prefix: `store-${storeCount++}`,
      ...options,
    });

  before(async () => {
    gcs = await startFakeGcs();
  });
  after(() => gcs.stop());

  describeObjectStore('GCS (fake)', async () => open());

  test('bytes that look like the end of an upload are stored as they are', async () => {
    const store = open();
    const body = new TextEncoder().encode('\r\n\r\n--rubato--\r\n\r\n\r\n--rubato-');
    await store.put('k', body);
    assert.deepEqual(await store.get('k'), body);
  });

  test('statuses are told apart', async () => {
    const store = open();
    for (const [status, kind, code] of [
      [401, ErrorKind.unavailable, 'store_denied'],
      [429, ErrorKind.exhausted, 'store_busy'],
      [503, ErrorKind.unavailable, 'store_failed'],
    ] as const) {
      gcs.failWith.push(status);
      await assert.rejects(store.get('k'), { kind, code });
    }
    await assert.rejects(open({ bucket: 'other' }).get('k'), { kind: ErrorKind.unavailable, code: 'no_bucket' });
    await assert.rejects(open({ endpoint: '127.0.0.1:1' }).get('k'), { code: 'store_failed' });
  });
});

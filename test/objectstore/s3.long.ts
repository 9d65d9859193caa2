/** The S3 store against a real service. One file, because the service takes fixed ports and some seconds to start. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { loadConfig } from '../../src/app/config/load.ts';
import { openStore } from '../../src/app/open-store.ts';
import { ErrorKind } from '../../src/base/errors.ts';
import { describeObjectStore } from '../../src/objectstore/conformance.ts';
import { isKind } from '../../src/objectstore/object-store.ts';
import { S3ObjectStore, type S3Options } from '../../src/objectstore/s3.ts';
import { type CephGateway, missingCeph, startCeph } from '../support/ceph.ts';

const skip = missingCeph();

describe('S3', { skip }, () => {
  let ceph: CephGateway;
  let storeCount = 0;
  const opened: S3ObjectStore[] = [];

  const open = (options: Partial<S3Options> = {}): S3ObjectStore => {
    const store = new S3ObjectStore({
      bucket: 'traces',
      endpoint: ceph.endpoint,
      insecure: true,
      credentials: ceph,
      prefix: `store-${storeCount++}`,
      ...options,
    });
    opened.push(store);
    return store;
  };

  before(async () => {
    ceph = await startCeph();
    await ceph.createBucket('traces');
  });
  after(async () => {
    for (const store of opened) store.close();
    await ceph.stop();
  });

  describeObjectStore('S3 (Ceph)', async () => open());

  test('a large body goes up in parts and comes back whole, by range and tail too', async () => {
    const store = open({ partBytes: 5 << 20 });
    const parts = Array.from({ length: 13 }, (_, i) => new Uint8Array((1 << 20) + 17).fill(i + 1));
    await store.put('large', parts);
    const whole = Buffer.concat(parts);
    assert.ok(whole.equals(await store.get('large')));
    const at = (5 << 20) - 10;
    assert.ok(whole.subarray(at, at + 20).equals(await store.getRange('large', at, 20)));
    const tail = await store.getTail('large', 100);
    assert.equal(tail.size, whole.length);
    assert.ok(whole.subarray(-100).equals(tail.bytes));
  });

  test('a large body that must be absent is one conditional put', async () => {
    const store = open({ partBytes: 5 << 20 });
    const body = new Uint8Array(6 << 20).fill(7);
    await store.put('large', body, { ifAbsent: true });
    await assert.rejects(store.put('large', new Uint8Array(6 << 20), { ifAbsent: true }), (error) =>
      isKind(error, ErrorKind.conflict),
    );
    assert.equal((await store.getRange('large', 3 << 20, 1))[0], 7);
  });

  test('a listing of several pages is whole and in order', async () => {
    const store = open();
    const keys = Array.from({ length: 1010 }, (_, i) => `k/${String(i).padStart(5, '0')}`);
    for (let at = 0; at < keys.length; at += 50)
      await Promise.all(keys.slice(at, at + 50).map((key) => store.put(key, new Uint8Array(1))));
    const got: string[] = [];
    for await (const { key } of store.list('k/')) got.push(key);
    assert.deepEqual(got, keys);
    const behind: string[] = [];
    for await (const { key } of store.list('', { startAfter: 'k/00003', limit: 1003 })) behind.push(key);
    assert.deepEqual(behind, keys.slice(4, 1007));
  });

  test('stores with different prefixes do not see each other', async () => {
    const [one, other] = [open({ prefix: '/x/one/' }), open({ prefix: 'x/one-more' })];
    await one.put('k', new Uint8Array(1));
    await assert.rejects(other.get('k'), (error) => isKind(error, ErrorKind.notFound));
    for await (const { key } of other.list('')) assert.fail(key);
    assert.equal((await open({ prefix: 'x' }).get('one/k')).length, 1);
  });

  test('metadata, tags and a storage class are accepted', async () => {
    const store = open({ metadata: { team: 'a' }, tags: { a: 'b c', d: '&' }, storageClass: 'STANDARD' });
    await store.put('k', new Uint8Array(3));
    assert.equal((await store.get('k')).length, 3);
  });

  test('an abort in the middle of a body ends the read', async () => {
    const store = open();
    await store.put('k', new Uint8Array(8 << 20), { ifAbsent: true });
    const abort = new AbortController();
    const got = store.get('k', abort.signal);
    setTimeout(() => abort.abort(), 5);
    await got.then(
      () => undefined,
      (error: unknown) => assert.ok(isKind(error, ErrorKind.canceled), String(error)),
    );
  });

  test('wrong keys, a missing bucket and a dead endpoint say which they are', async () => {
    const wrong = open({ credentials: { accessKey: 'testkey', secretKey: 'wrong' } });
    const none = open({ bucket: 'no-such-bucket' });
    const dead = open({ endpoint: '127.0.0.1:1' });
    for (const [store, code] of [
      [wrong, 'store_denied'],
      [none, 'no_bucket'],
      [dead, 'store_failed'],
    ] as const) {
      await assert.rejects(store.get('k'), { kind: ErrorKind.unavailable, code });
      await assert.rejects(store.put('k', new Uint8Array(1)), { kind: ErrorKind.unavailable, code });
    }
  });

  test('a server does not start over a store that it cannot use, and says what to do', async () => {
    const { endpoint, accessKey: access_key, secretKey: secret_key } = ceph;
    const good = { bucket: 'traces', endpoint, access_key, secret_key, insecure: true };
    for (const [keys, words] of [
      [{ bucket: 'no-such' }, /there is no such bucket.*Make the bucket/s],
      [{ secret_key: 'wrong' }, /the store refuses.*access_key and secret_key/s],
      [{ endpoint: '127.0.0.1:1' }, /ECONNREFUSED.*storage\.trace\.s3\.endpoint/s],
      [{ bucket: '' }, /storage\.trace\.s3\.bucket is not set/],
    ] as const) {
      const text = stringify({ storage: { trace: { backend: 's3', s3: { ...good, ...keys } } } });
      await assert.rejects(openStore(loadConfig(text, 'test').config), (error: Error) => {
        assert.ok(isKind(error, ErrorKind.config));
        assert.match(error.message, words);
        return true;
      });
    }
  });
});

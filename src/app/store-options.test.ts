import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { ErrorKind } from '../base/errors.ts';
import { createS3Client, endpointUrl } from '../objectstore/s3-client.ts';
import { configText } from './config/config-text.ts';
import { loadConfig } from './config/load.ts';
import type { TraceStorage } from './config/storage-schema.ts';
import { azureOptions, gcsOptions, s3Options } from './store-options.ts';

function load(trace: Record<string, unknown>): TraceStorage {
  return loadConfig(stringify({ storage: { trace } }), 'test').config.storage.trace;
}

const s3 = (keys: Record<string, unknown>) => s3Options(load({ backend: 's3', s3: { bucket: 'b', ...keys } }).s3);

test('keys of S3 become options', () => {
  const options = s3({
    endpoint: 'minio:9000',
    insecure: true,
    access_key: 'a',
    secret_key: 's',
    sse: { type: 'SSE-C', encryption_key: '0123456789abcdef0123456789abcdef' },
    tags: { team: 'x' },
    tls_min_version: 'VersionTLS13',
  });
  assert.equal(endpointUrl(options), 'http://minio:9000');
  assert.deepEqual(options.credentials, { accessKey: 'a', secretKey: 's', sessionToken: undefined });
  assert.equal(options.encryption?.type, 'SSE-C');
  assert.equal(options.tls?.minVersion, 'TLSv1.3');
});

test('path style: as told, and otherwise everywhere but at Amazon’s', async () => {
  for (const [keys, pathStyle] of [
    [{}, false],
    [{ endpoint: 's3.eu-west-1.amazonaws.com' }, false],
    [{ endpoint: 'minio:9000' }, true],
    [{ endpoint: 'minio:9000', bucket_lookup_type: 'dns' }, false],
    [{ endpoint: 'minio:9000', bucket_lookup_type: 1 }, false],
    [{ forcepathstyle: true }, true],
    [{ bucket_lookup_type: 2 }, true],
  ] as const) {
    const client = createS3Client(s3(keys));
    assert.equal(client.config.forcePathStyle, pathStyle, JSON.stringify(keys));
    client.destroy();
  }
});

test('the region comes from its key, else from the endpoint’s name', async () => {
  for (const [keys, region] of [
    [{ endpoint: 's3.eu-west-1.amazonaws.com' }, 'eu-west-1'],
    [{ endpoint: 's3.dualstack.us-gov-west-1.amazonaws.com' }, 'us-gov-west-1'],
    [{ endpoint: 's3.eu-west-1.amazonaws.com', region: 'eu-west-2' }, 'eu-west-2'],
    [{ endpoint: 'minio:9000', region: 'garage' }, 'garage'],
  ] as const) {
    const client = createS3Client(s3(keys));
    assert.equal(await client.config.region(), region);
    client.destroy();
  }
});

test('what cannot work is refused with the name of the key', () => {
  for (const [run, words] of [
    [() => s3({ bucket: '' }), /s3\.bucket is not set/],
    [() => s3({ access_key: 'a' }), /set both or neither/],
    [() => s3({ sse: { type: 'SSE-C', encryption_key: 'short' } }), /32 bytes, not 5/],
    [() => gcsOptions(load({}).gcs), /gcs\.bucket_name is not set/],
    [() => azureOptions(load({ azure: { storage_account_name: 'a' } }).azure), /azure\.container_name is not set/],
    [
      () => azureOptions(load({ azure: { storage_account_name: 'a', container_name: 'c' } }).azure),
      /use_managed_identity/,
    ],
  ] as const)
    assert.throws(run, (error: Error & { kind?: string }) => {
      assert.equal(error.kind, ErrorKind.config);
      assert.match(error.message, words);
      return true;
    });
  assert.throws(() => load({ backend: 'ftp' }), /backend/);
});

test('credentials of Azure: key, machine, Kubernetes', () => {
  const base = { storage_account_name: 'a', container_name: 'c' };
  const type = (keys: Record<string, unknown>): string =>
    azureOptions(load({ azure: { ...base, ...keys } }).azure).credential.type;
  assert.equal(type({ storage_account_key: 'k' }), 'accountKey');
  assert.equal(type({ use_managed_identity: true }), 'managedIdentity');
  assert.equal(type({ user_assigned_id: 'id' }), 'managedIdentity');
  assert.equal(type({ use_federated_token: true }), 'federatedToken');
});

test('/status/config shows no secrets', () => {
  const secrets = { access_key: 'aaaa1', secret_key: 'ssss2', session_token: 'tttt3' };
  const trace = {
    s3: { ...secrets, sse: { type: 'SSE-C', encryption_key: 'eeee4' } },
    azure: { storage_account_key: 'kkkk5' },
  };
  const { current, diff } = configText(loadConfig(stringify({ storage: { trace } }), 'test').config);
  for (const secret of ['aaaa1', 'ssss2', 'tttt3', 'eeee4', 'kkkk5'])
    for (const text of [current, diff]) assert.ok(!text.includes(secret), secret);
});

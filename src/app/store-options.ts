/** From `storage.trace.*` to the options of the stores, with what a user is told when one of them does not work. */
import type { SecureVersion } from 'node:tls';
import { ErrorKind, RubatoError } from '../base/errors.ts';
import type { AzureCredential, AzureOptions } from '../objectstore/azure.ts';
import type { StoreAdvice } from '../objectstore/check-store.ts';
import type { GcsOptions } from '../objectstore/gcs.ts';
import type { S3Encryption, S3Options } from '../objectstore/s3.ts';
import type { TraceStorage } from './config/storage-schema.ts';

type S3Keys = TraceStorage['s3'];
type GcsKeys = TraceStorage['gcs'];
type AzureKeys = TraceStorage['azure'];

const orUnset = (text: string): string | undefined => (text === '' ? undefined : text);

/** @throws RubatoError config */
export function s3Options(keys: S3Keys): S3Options {
  if (keys.bucket === '') throw missing('s3.bucket');
  if ((keys.access_key === '') !== (keys.secret_key === ''))
    throw bad('storage.trace.s3.access_key and secret_key go together: set both or neither');
  return {
    bucket: keys.bucket,
    prefix: keys.prefix,
    endpoint: orUnset(keys.endpoint),
    region: orUnset(keys.region),
    insecure: keys.insecure,
    pathStyle: pathStyle(keys),
    dualStack: keys.enable_dual_stack,
    credentials:
      keys.access_key === ''
        ? undefined
        : { accessKey: keys.access_key, secretKey: keys.secret_key, sessionToken: orUnset(keys.session_token) },
    encryption: s3Encryption(keys),
    storageClass: orUnset(keys.storage_class),
    tags: keys.tags,
    metadata: keys.metadata,
    partBytes: keys.part_size === 0 ? undefined : keys.part_size,
    tls: {
      certPath: orUnset(keys.tls_cert_path),
      keyPath: orUnset(keys.tls_key_path),
      caPath: orUnset(keys.tls_ca_path),
      serverName: orUnset(keys.tls_server_name),
      insecureSkipVerify: keys.tls_insecure_skip_verify,
      minVersion: tlsVersions[keys.tls_min_version],
    },
  };
}

const tlsVersions: Record<S3Keys['tls_min_version'], SecureVersion | undefined> = {
  '': undefined,
  VersionTLS10: 'TLSv1',
  VersionTLS11: 'TLSv1.1',
  VersionTLS12: 'TLSv1.2',
  VersionTLS13: 'TLSv1.3',
};

function pathStyle(keys: S3Keys): boolean | undefined {
  if (keys.forcepathstyle || keys.bucket_lookup_type === 'path' || keys.bucket_lookup_type === 2) return true;
  return keys.bucket_lookup_type === 'dns' || keys.bucket_lookup_type === 1 ? false : undefined;
}

function s3Encryption({ sse }: S3Keys): S3Encryption | undefined {
  if (sse === undefined) return undefined;
  if (sse.type === 'SSE-S3') return { type: 'SSE-S3' };
  if (sse.type === 'SSE-KMS') return { type: 'SSE-KMS', keyId: sse.kms_key_id, context: sse.kms_encryption_context };
  const key = new TextEncoder().encode(sse.encryption_key ?? '');
  if (key.length !== 32) throw bad(`storage.trace.s3.sse.encryption_key must have 32 bytes, not ${key.length}`);
  return { type: 'SSE-C', key };
}

export function s3Advice(keys: S3Keys): StoreAdvice {
  return {
    store: `bucket ${keys.bucket} at ${orUnset(keys.endpoint) ?? 'AWS'}`,
    hints: {
      no_bucket: 'Make the bucket, or look at storage.trace.s3.bucket, region and bucket_lookup_type',
      store_denied:
        'Look at storage.trace.s3.access_key and secret_key, or at where else credentials come from; the role needs ' +
        's3:GetObject, s3:PutObject, s3:DeleteObject on the objects and s3:ListBucket on the bucket',
      store_failed:
        'Look at storage.trace.s3.endpoint (host:port), insecure (true for http), region, and at credentials',
      store_timeout: 'Look at storage.trace.s3.endpoint and at the way to it (firewall, proxy, VPC endpoint)',
    },
  };
}

/** @throws RubatoError config */
export function gcsOptions(keys: GcsKeys): GcsOptions {
  if (keys.bucket_name === '') throw missing('gcs.bucket_name');
  return {
    bucket: keys.bucket_name,
    prefix: keys.prefix,
    endpoint: orUnset(keys.endpoint),
    anonymous: keys.insecure,
    cacheControl: orUnset(keys.object_cache_control),
    metadata: keys.object_metadata,
  };
}

export function gcsAdvice(keys: GcsKeys): StoreAdvice {
  return {
    store: `bucket ${keys.bucket_name} at ${orUnset(keys.endpoint) ?? 'Google Cloud Storage'}`,
    hints: {
      no_bucket: 'Make the bucket, or look at storage.trace.gcs.bucket_name',
      store_denied:
        'Look at the application default credentials (GOOGLE_APPLICATION_CREDENTIALS, workload identity, or the ' +
        "machine's account); they need roles/storage.objectAdmin on the bucket",
      store_failed: 'Look at storage.trace.gcs.endpoint and at the application default credentials',
    },
  };
}

/** @throws RubatoError config */
export function azureOptions(keys: AzureKeys): AzureOptions {
  const account = orUnset(keys.storage_account_name) ?? process.env['AZURE_STORAGE_ACCOUNT'];
  if (account === undefined) throw missing('azure.storage_account_name');
  if (keys.container_name === '') throw missing('azure.container_name');
  return {
    account,
    container: keys.container_name,
    prefix: keys.prefix,
    endpointSuffix: keys.endpoint_suffix,
    credential: azureCredential(keys),
    blockBytes: keys.buffer_size,
    blocksInFlightMax: keys.max_buffers,
  };
}

function azureCredential(keys: AzureKeys): AzureCredential {
  const clientId = orUnset(keys.user_assigned_id);
  if (keys.use_federated_token) return { type: 'federatedToken' };
  if (keys.use_managed_identity || clientId !== undefined) return { type: 'managedIdentity', clientId };
  const accountKey = orUnset(keys.storage_account_key) ?? process.env['AZURE_STORAGE_KEY'];
  if (accountKey !== undefined) return { type: 'accountKey', accountKey };
  throw bad(
    'storage.trace.azure has no credentials: set storage_account_key (or AZURE_STORAGE_KEY), use_managed_identity, or ' +
      'use_federated_token',
  );
}

export function azureAdvice(keys: AzureKeys): StoreAdvice {
  return {
    store: `container ${keys.container_name} of ${orUnset(keys.storage_account_name) ?? 'AZURE_STORAGE_ACCOUNT'}`,
    hints: {
      no_bucket: 'Make the container, or look at storage.trace.azure.container_name',
      store_denied:
        'Look at storage.trace.azure.storage_account_key, or give the identity the role Storage Blob Data Contributor',
      store_failed: 'Look at storage.trace.azure.storage_account_name and endpoint_suffix',
    },
  };
}

/** For people. */
export function placeOfData(trace: TraceStorage): string {
  if (trace.backend === 'local') return trace.local.path;
  return { s3: s3Advice(trace.s3), gcs: gcsAdvice(trace.gcs), azure: azureAdvice(trace.azure) }[trace.backend].store;
}

const bad = (message: string): RubatoError => new RubatoError(ErrorKind.config, 'bad_storage', message);
const missing = (key: string): RubatoError => bad(`storage.trace.${key} is not set`);

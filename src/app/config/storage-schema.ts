/** `storage.trace`: where data is kept. Tempo's keys; what it has beside these and does nothing here is in `inapplicable.ts`. */
import { z } from 'zod';
import { count, durationMs } from './values.ts';

const texts = z.record(z.string(), z.string());

/** A read that got no answer is asked a second time while the first may still answer. */
const hedging = {
  /** … after so long. 0 = never. */
  hedge_requests_at: durationMs.default(0),
  /** Most requests for one read, the first included. */
  hedge_requests_up_to: count.default(2),
};

/** Either spelling: minio-go's numbers, or its names. */
const bucketLookup = z.union([z.enum(['auto', 'dns', 'path']), z.literal(0), z.literal(1), z.literal(2)]);

const s3 = z.strictObject({
  bucket: z.string().default(''),
  prefix: z.string().default(''),
  /** `host[:port]`. Empty: AWS in the region. */
  endpoint: z.string().default(''),
  /** Default: the endpoint's, AWS_REGION, us-east-1. */
  region: z.string().default(''),
  /** Both or none; none: environment, shared files, web identity, container, machine. */
  access_key: z.string().default(''),
  secret_key: z.string().default(''),
  session_token: z.string().default(''),
  /** Plain HTTP. */
  insecure: z.boolean().default(false),
  forcepathstyle: z.boolean().default(false),
  bucket_lookup_type: bucketLookup.default('auto'),
  enable_dual_stack: z.boolean().default(false),
  /** Larger objects go up in parts of this size, bytes. 0 = 16 MiB; at least 5 MiB. */
  part_size: count.default(0),
  tags: texts.optional(),
  metadata: texts.optional(),
  storage_class: z.string().default(''),
  sse: z
    .strictObject({
      type: z.enum(['SSE-S3', 'SSE-KMS', 'SSE-C']),
      kms_key_id: z.string().optional(),
      /** JSON. */
      kms_encryption_context: z.string().optional(),
      /** SSE-C: 32 bytes. */
      encryption_key: z.string().optional(),
    })
    .optional(),
  tls_cert_path: z.string().default(''),
  tls_key_path: z.string().default(''),
  tls_ca_path: z.string().default(''),
  tls_server_name: z.string().default(''),
  tls_insecure_skip_verify: z.boolean().default(false),
  tls_min_version: z.enum(['', 'VersionTLS10', 'VersionTLS11', 'VersionTLS12', 'VersionTLS13']).default(''),
  ...hedging,
});

const gcs = z.strictObject({
  bucket_name: z.string().default(''),
  prefix: z.string().default(''),
  /** URL of another service with Google's JSON API. Empty: Google. */
  endpoint: z.string().default(''),
  /** No credentials are looked for, and plain HTTP is allowed. */
  insecure: z.boolean().default(false),
  object_cache_control: z.string().default(''),
  object_metadata: texts.optional(),
  ...hedging,
});

const azure = z.strictObject({
  /** Default: AZURE_STORAGE_ACCOUNT. */
  storage_account_name: z.string().default(''),
  /** Default: AZURE_STORAGE_KEY. */
  storage_account_key: z.string().default(''),
  container_name: z.string().default(''),
  prefix: z.string().default(''),
  /** `host[:port]` behind the account's name. */
  endpoint_suffix: z.string().default('blob.core.windows.net'),
  use_managed_identity: z.boolean().default(false),
  /** Workload identity of Kubernetes: AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_FEDERATED_TOKEN_FILE. */
  use_federated_token: z.boolean().default(false),
  /** Client id of a user-assigned managed identity. */
  user_assigned_id: z.string().default(''),
  /** Larger objects go up in blocks of this size, bytes. */
  buffer_size: count.default(3 * 1024 * 1024),
  /** Blocks of one object on their way at once. */
  max_buffers: count.default(4),
  ...hedging,
});

export const traceStorage = z.strictObject({
  backend: z.enum(['local', 's3', 'gcs', 'azure']).default('local'),
  local: z.strictObject({ path: z.string() }).prefault({ path: './data' }),
  s3: s3.prefault({}),
  gcs: gcs.prefault({}),
  azure: azure.prefault({}),
  /** Requests to a bucket that a thread has open at once; more wait. Ours. */
  max_requests_in_flight: count.min(1).default(64),
  /** Ranges of blocks on a local disk, for the read role over a bucket. Ours. */
  disk_cache: z
    .strictObject({
      /** Folder; empty = none. It may be deleted at any time, and shared by processes. */
      path: z.string().default(''),
      max_bytes: count.default(10 * 1024 * 1024 * 1024),
    })
    .prefault({}),
  wal: z
    .strictObject({
      /** Requests gather this long before they are stored together and answered. Default 10 ms on disk, 500 ms in a bucket. */
      linger: durationMs.optional(),
      segment_bytes: count.optional(),
    })
    .prefault({}),
});

export type TraceStorage = z.output<typeof traceStorage>;

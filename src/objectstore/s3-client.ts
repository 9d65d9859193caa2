/**
 * The AWS client for one bucket: where it is, who we are, how TLS is done. Retries are off in it, because
 * `retrying.ts` does them for every kind of store in the same way.
 */
import { readFileSync } from 'node:fs';
import https from 'node:https';
import type { SecureVersion } from 'node:tls';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';

export interface S3Credentials {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string | undefined;
}

export interface TlsFiles {
  readonly certPath?: string | undefined;
  readonly keyPath?: string | undefined;
  readonly caPath?: string | undefined;
  readonly serverName?: string | undefined;
  readonly insecureSkipVerify?: boolean | undefined;
  readonly minVersion?: SecureVersion | undefined;
}

export interface S3ClientOptions {
  readonly bucket: string;
  /** `host[:port]`, or a whole URL. Unset: AWS. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  /** Plain HTTP. */
  readonly insecure?: boolean | undefined;
  /** Unset: environment, shared files, single sign-on, web identity, container, machine, in the SDK's order. */
  readonly credentials?: S3Credentials | undefined;
  /** Unset: path style for every endpoint but Amazon's. */
  readonly pathStyle?: boolean | undefined;
  readonly dualStack?: boolean | undefined;
  readonly tls?: TlsFiles | undefined;
}

const connectTimeoutMs = 5_000;
/** A connection on which nothing moves for so long is dead. */
const idleTimeoutMs = 15_000;
const connectionsMax = 64;

export function createS3Client(options: S3ClientOptions): S3Client {
  const endpoint = endpointUrl(options);
  const isAmazon = endpoint === undefined || isAmazonHost(new URL(endpoint).hostname);
  const credentials = options.credentials ?? minioEnvironment();
  const config: S3ClientConfig = {
    region: options.region ?? regionOf(endpoint) ?? process.env['AWS_REGION'] ?? 'us-east-1',
    maxAttempts: 1,
    forcePathStyle: options.pathStyle ?? !isAmazon,
    useDualstackEndpoint: options.dualStack === true,
    // The signature covers a SHA-256 of the body already, and services that are not Amazon's know no other checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      socketTimeout: idleTimeoutMs,
      httpAgent: { keepAlive: true, maxSockets: connectionsMax },
      httpsAgent: new https.Agent({ keepAlive: true, maxSockets: connectionsMax, ...tlsOptions(options.tls ?? {}) }),
    },
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && {
      credentials: {
        accessKeyId: credentials.accessKey,
        secretAccessKey: credentials.secretKey,
        ...(credentials.sessionToken !== undefined && { sessionToken: credentials.sessionToken }),
      },
    }),
  };
  return new S3Client(config);
}

export function endpointUrl({ endpoint, insecure }: S3ClientOptions): string | undefined {
  if (endpoint === undefined || endpoint === '') return undefined;
  if (/^https?:\/\//.test(endpoint)) return endpoint;
  return `${insecure === true ? 'http' : 'https'}://${endpoint}`;
}

const isAmazonHost = (host: string): boolean => /\.amazonaws\.com(\.cn)?$/.test(host);

/** `s3.eu-west-1.amazonaws.com` and `s3.dualstack.eu-west-1.amazonaws.com` name their region. */
function regionOf(endpoint: string | undefined): string | undefined {
  return /\bs3[.-](?:dualstack\.)?([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com/.exec(endpoint ?? '')?.[1];
}

/** What MinIO's clients read. Amazon's own variables come first. */
function minioEnvironment(): S3Credentials | undefined {
  const { AWS_ACCESS_KEY_ID, MINIO_ACCESS_KEY, MINIO_SECRET_KEY } = process.env;
  if (AWS_ACCESS_KEY_ID !== undefined || MINIO_ACCESS_KEY === undefined || MINIO_SECRET_KEY === undefined)
    return undefined;
  return { accessKey: MINIO_ACCESS_KEY, secretKey: MINIO_SECRET_KEY };
}

function tlsOptions(tls: TlsFiles): https.AgentOptions {
  return {
    ...(tls.certPath !== undefined && { cert: readFileSync(tls.certPath) }),
    ...(tls.keyPath !== undefined && { key: readFileSync(tls.keyPath) }),
    ...(tls.caPath !== undefined && { ca: readFileSync(tls.caPath) }),
    ...(tls.serverName !== undefined && { servername: tls.serverName }),
    ...(tls.insecureSkipVerify === true && { rejectUnauthorized: false }),
    ...(tls.minVersion !== undefined && { minVersion: tls.minVersion }),
  };
}

/**
 * A bucket behind the S3 protocol.
 *
 * `ifAbsent` is one PutObject with `If-None-Match: *`, whatever its size: completing a multipart upload under a condition
 * is not offered by every service. Other bodies above `partBytes` go up in parts, a few at a time; an upload that fails is
 * aborted, so that the bucket does not keep its parts.
 */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
  type StorageClass,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { throwIfAborted } from '../base/abort.ts';
import {
  alreadyExists,
  byteLength,
  checkKey,
  checkPrefix,
  checkRange,
  type ListedObject,
  type ListOptions,
  notFound,
  type ObjectStore,
  type ObjectTail,
  type PutOptions,
  rangeBeyondEnd,
  unavailable,
} from './object-store.ts';
import { readStream } from './read-stream.ts';
import { behindFolder, folderPrefix, joinParts, mergePage, pieces, remoteError } from './remote.ts';
import { createS3Client, type S3ClientOptions } from './s3-client.ts';

export type S3Encryption =
  | { readonly type: 'SSE-S3' }
  | { readonly type: 'SSE-KMS'; readonly keyId?: string | undefined; readonly context?: string | undefined }
  /** The service forgets the key (32 bytes) after each request; objects cannot be read without it. */
  | { readonly type: 'SSE-C'; readonly key: Uint8Array };

export interface S3Options extends S3ClientOptions {
  readonly prefix?: string | undefined;
  readonly encryption?: S3Encryption | undefined;
  readonly storageClass?: string | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Larger bodies go up in parts of this size. S3 wants at least 5 MiB. Default 16 MiB. */
  readonly partBytes?: number | undefined;
}

const partBytesDefault = 16 * 1024 * 1024;
const partBytesMin = 5 * 1024 * 1024;
const partsInFlightMax = 3;
/** One answer of a listing has no more. */
const pageKeysMax = 1000;

/** What a write and what a read says beside bucket and key. */
type WriteExtras = Pick<
  PutObjectCommandInput,
  'ServerSideEncryption' | 'SSEKMSKeyId' | 'SSEKMSEncryptionContext' | 'StorageClass' | 'Tagging' | 'Metadata'
>;
type CustomerKey = Pick<PutObjectCommandInput, 'SSECustomerAlgorithm' | 'SSECustomerKey' | 'SSECustomerKeyMD5'>;

export class S3ObjectStore implements ObjectStore {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #partBytes: number;
  readonly #writeExtras: WriteExtras;
  readonly #customerKey: CustomerKey;

  constructor(options: S3Options) {
    this.#client = createS3Client(options);
    this.#bucket = options.bucket;
    this.#prefix = folderPrefix(options.prefix);
    this.#partBytes = Math.max(options.partBytes ?? partBytesDefault, partBytesMin);
    this.#writeExtras = writeExtras(options);
    this.#customerKey = customerKey(options.encryption);
  }

  async put(key: string, body: Uint8Array | readonly Uint8Array[], options: PutOptions = {}): Promise<void> {
    const { signal, ifAbsent = false } = options;
    const target = this.#object(key);
    throwIfAborted(signal);
    try {
      if (!ifAbsent && byteLength(body) > this.#partBytes) return await this.#putInParts(target, body, signal);
      const command = new PutObjectCommand({
        ...target,
        ...this.#writeExtras,
        ...this.#customerKey,
        Body: joinParts(body),
        ...(ifAbsent && { IfNoneMatch: '*' }),
      });
      await this.#client.send(command, abortBy(signal));
    } catch (error) {
      if (ifAbsent && statusOf(error) === 412) throw alreadyExists(key, error);
      throw this.#error(`put ${key}`, error, signal);
    }
  }

  async get(key: string, signal?: AbortSignal): Promise<Uint8Array> {
    return (await this.#read(key, undefined, signal)).bytes;
  }

  async getRange(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    checkRange(key, offset, length);
    if (length === 0) {
      const size = await this.#size(key, signal);
      if (offset > size) throw rangeBeyondEnd(key, offset, length, size);
      return new Uint8Array(0);
    }
    try {
      const { bytes, size } = await this.#read(key, `bytes=${offset}-${offset + length - 1}`, signal);
      if (bytes.length !== length) throw rangeBeyondEnd(key, offset, length, size);
      return bytes;
    } catch (error) {
      // The size is not in the answer, but it is at most where the range begins.
      if (statusOf(error) === 416) throw rangeBeyondEnd(key, offset, length, offset);
      throw error;
    }
  }

  async getTail(key: string, length: number, signal?: AbortSignal): Promise<ObjectTail> {
    checkRange(key, 0, length);
    if (length === 0) return { bytes: new Uint8Array(0), size: await this.#size(key, signal) };
    try {
      return await this.#read(key, `bytes=-${length}`, signal);
    } catch (error) {
      // Only an empty object has no last bytes.
      if (statusOf(error) === 416) return { bytes: new Uint8Array(0), size: 0 };
      throw error;
    }
  }

  async *list(prefix: string, options: ListOptions = {}, signal?: AbortSignal): AsyncGenerator<ListedObject> {
    checkPrefix(prefix);
    throwIfAborted(signal);
    const { startAfter = '', limit = Number.POSITIVE_INFINITY, delimiter } = options;
    const from = delimiter === undefined ? startAfter : behindFolder(startAfter);
    let rest = limit;
    let token: string | undefined;
    while (rest > 0) {
      const command = new ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: this.#prefix + prefix,
        MaxKeys: Math.min(rest, pageKeysMax),
        ...(delimiter !== undefined && { Delimiter: delimiter }),
        ...(token !== undefined ? { ContinuationToken: token } : from !== '' && { StartAfter: this.#prefix + from }),
      });
      const page = await this.#client.send(command, abortBy(signal)).catch((error: unknown) => {
        throw this.#error(`list ${prefix}`, error, signal);
      });
      const cut = this.#prefix.length;
      const objects = (page.Contents ?? []).map(({ Key = '', Size = 0 }) => ({ key: Key.slice(cut), size: Size }));
      const folders = (page.CommonPrefixes ?? []).map(({ Prefix = '' }) => Prefix.slice(cut));
      for (const object of mergePage(objects, folders, startAfter)) {
        throwIfAborted(signal);
        yield object;
        if (--rest === 0) return;
      }
      token = page.NextContinuationToken;
      if (page.IsTruncated !== true || token === undefined) return;
    }
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    const target = this.#object(key);
    throwIfAborted(signal);
    try {
      await this.#client.send(new DeleteObjectCommand(target), abortBy(signal));
    } catch (error) {
      if (codeOf(error) === 'NoSuchKey') return;
      throw this.#error(`delete ${key}`, error, signal);
    }
  }

  /** Ends idle connections. */
  close(): void {
    this.#client.destroy();
  }

  #object(key: string): { Bucket: string; Key: string } {
    checkKey(key);
    return { Bucket: this.#bucket, Key: this.#prefix + key };
  }

  async #read(key: string, range: string | undefined, signal: AbortSignal | undefined): Promise<ObjectTail> {
    const target = this.#object(key);
    throwIfAborted(signal);
    try {
      const command = new GetObjectCommand({
        ...target,
        ...this.#customerKey,
        ...(range !== undefined && { Range: range }),
      });
      const answer = await this.#client.send(command, abortBy(signal));
      const length = answer.ContentLength ?? 0;
      const bytes = await readStream(answer.Body as Readable, length, signal);
      return { bytes, size: wholeSize(answer, length) };
    } catch (error) {
      if (statusOf(error) === 416) throw error;
      throw this.#readError(key, error, signal);
    }
  }

  async #size(key: string, signal: AbortSignal | undefined): Promise<number> {
    const target = this.#object(key);
    throwIfAborted(signal);
    try {
      const command = new HeadObjectCommand({ ...target, ...this.#customerKey });
      return (await this.#client.send(command, abortBy(signal))).ContentLength ?? 0;
    } catch (error) {
      throw this.#readError(key, error, signal);
    }
  }

  async #putInParts(
    target: { Bucket: string; Key: string },
    body: Uint8Array | readonly Uint8Array[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const created = await this.#client.send(
      new CreateMultipartUploadCommand({ ...target, ...this.#writeExtras, ...this.#customerKey }),
      abortBy(signal),
    );
    const upload = { ...target, UploadId: created.UploadId };
    // When one part fails the others stop, before the upload is aborted: a part that arrives later would be kept.
    const failed = new AbortController();
    const partSignal = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
    const tags: (string | undefined)[] = [];
    const rest = pieces(body, this.#partBytes);
    const sendParts = async (): Promise<void> => {
      for (const piece of rest) {
        throwIfAborted(partSignal);
        const index = tags.push(undefined) - 1;
        const part = { ...upload, PartNumber: index + 1, Body: piece, ...this.#customerKey };
        tags[index] = (await this.#client.send(new UploadPartCommand(part), { abortSignal: partSignal })).ETag;
      }
    };
    const senders = Array.from({ length: partsInFlightMax }, () =>
      sendParts().catch((error: unknown) => {
        failed.abort(error);
        throw error;
      }),
    );
    try {
      await Promise.all(senders);
      const Parts = tags.map((ETag, index) => ({ ETag, PartNumber: index + 1 }));
      const complete = new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } });
      const done = await this.#client.send(complete, abortBy(signal));
      if (done.ETag === undefined) throw unavailable('store_failed', `put ${target.Key}: the upload did not complete`);
    } catch (error) {
      await Promise.allSettled(senders);
      await this.#client.send(new AbortMultipartUploadCommand(upload)).catch(() => {
        // The first error says more. What stays are parts that no listing shows; docs/operations/object-stores.md.
      });
      throw failed.signal.aborted ? failed.signal.reason : error;
    }
  }

  #readError(key: string, error: unknown, signal: AbortSignal | undefined): Error {
    const code = codeOf(error);
    // HEAD has no body, so a missing bucket looks like a missing key there.
    if (statusOf(error) === 404 && code !== 'NoSuchBucket') return notFound(key, error);
    return this.#error(`get ${key}`, error, signal);
  }

  #error(what: string, error: unknown, signal: AbortSignal | undefined): Error {
    return remoteError(what, { status: statusOf(error), code: codeOf(error) }, error, signal);
  }
}

const abortBy = (signal: AbortSignal | undefined): { abortSignal?: AbortSignal } =>
  signal === undefined ? {} : { abortSignal: signal };

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}

function codeOf(error: unknown): string {
  const { name, code } = error as { name?: string; code?: string };
  return code ?? name ?? 'unknown';
}

/** `bytes 7-9/10` says 10. */
function wholeSize(answer: GetObjectCommandOutput, length: number): number {
  const total = /\/(\d+)$/.exec(answer.ContentRange ?? '')?.[1];
  return total === undefined ? length : Number(total);
}

function writeExtras({ encryption, storageClass, tags, metadata }: S3Options): WriteExtras {
  return {
    ...(encryption?.type === 'SSE-S3' && { ServerSideEncryption: 'AES256' as const }),
    ...(encryption?.type === 'SSE-KMS' && {
      ServerSideEncryption: 'aws:kms' as const,
      ...(encryption.keyId !== undefined && { SSEKMSKeyId: encryption.keyId }),
      ...(encryption.context !== undefined && {
        SSEKMSEncryptionContext: Buffer.from(encryption.context).toString('base64'),
      }),
    }),
    ...(storageClass !== undefined && { StorageClass: storageClass as StorageClass }),
    ...(tags !== undefined && Object.keys(tags).length > 0 && { Tagging: new URLSearchParams(tags).toString() }),
    ...(metadata !== undefined && { Metadata: { ...metadata } }),
  };
}

function customerKey(encryption: S3Encryption | undefined): CustomerKey {
  if (encryption?.type !== 'SSE-C') return {};
  return {
    SSECustomerAlgorithm: 'AES256',
    SSECustomerKey: Buffer.from(encryption.key).toString('base64'),
    SSECustomerKeyMD5: createHash('md5').update(encryption.key).digest('base64'),
  };
}

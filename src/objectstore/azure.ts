/**
 * A container of Azure Blob Storage. Objects are block blobs; large ones go up in blocks, which the service forgets by
 * itself when they are never committed. Retries are `retrying.ts`'s.
 */
import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import {
  type BlobItem,
  BlobServiceClient,
  type BlockBlobClient,
  type ContainerClient,
  RestError,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { throwIfAborted } from '../base/abort.ts';
import { type AzureToken, federatedToken, managedIdentityToken } from './azure-token.ts';
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
} from './object-store.ts';
import { readStream } from './read-stream.ts';
import { behindFolder, folderPrefix, joinParts, mergePage, pieces, remoteError } from './remote.ts';

export type AzureCredential =
  | { readonly type: 'accountKey'; readonly accountKey: string }
  | { readonly type: 'managedIdentity'; readonly clientId: string | undefined }
  | { readonly type: 'federatedToken' };

export interface AzureOptions {
  readonly account: string;
  readonly container: string;
  readonly prefix?: string | undefined;
  /** Behind the account's name. One that does not begin with `blob.` is an emulator: plain HTTP, account in the path. */
  readonly endpointSuffix: string;
  readonly credential: AzureCredential;
  /** Larger bodies go up in blocks of this size. */
  readonly blockBytes: number;
  readonly blocksInFlightMax: number;
}

const pageKeysMax = 5000;
/** Blocks of a blob; larger bodies get larger blocks. */
const blocksMax = 50_000;

export class AzureObjectStore implements ObjectStore {
  readonly #container: ContainerClient;
  readonly #prefix: string;
  readonly #blockBytes: number;
  readonly #blocksInFlightMax: number;

  constructor(options: AzureOptions) {
    const { account, endpointSuffix: suffix } = options;
    const url = suffix.startsWith('blob.') ? `https://${account}.${suffix}` : `http://${suffix}/${account}`;
    const service = new BlobServiceClient(url, sdkCredential(options), { retryOptions: { maxTries: 1 } });
    this.#container = service.getContainerClient(options.container);
    this.#prefix = folderPrefix(options.prefix);
    this.#blockBytes = Math.max(1, options.blockBytes);
    this.#blocksInFlightMax = Math.max(1, options.blocksInFlightMax);
  }

  async put(key: string, body: Uint8Array | readonly Uint8Array[], options: PutOptions = {}): Promise<void> {
    const { signal, ifAbsent = false } = options;
    const blob = this.#blob(key);
    throwIfAborted(signal);
    try {
      const length = byteLength(body);
      if (!ifAbsent && length > this.#blockBytes) return await this.#putInBlocks(blob, body, length, signal);
      const bytes = joinParts(body);
      const conditions = ifAbsent ? { ifNoneMatch: '*' } : {};
      await blob.upload(asBuffer(bytes), bytes.length, { ...abortBy(signal), conditions });
    } catch (error) {
      // 409 when the blob was there before, 412 when it came in between.
      if (ifAbsent && (codeOf(error) === 'BlobAlreadyExists' || statusOf(error) === 412))
        throw alreadyExists(key, error);
      throw this.#error(`put ${key}`, error, signal);
    }
  }

  async get(key: string, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#read(key, 0, undefined, signal);
  }

  async getRange(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    checkRange(key, offset, length);
    if (length === 0) {
      const { size } = await this.#properties(key, signal);
      if (offset > size) throw rangeBeyondEnd(key, offset, length, size);
      return new Uint8Array(0);
    }
    try {
      const bytes = await this.#read(key, offset, length, signal);
      if (bytes.length !== length) throw rangeBeyondEnd(key, offset, length, offset + bytes.length);
      return bytes;
    } catch (error) {
      if (statusOf(error) === 416) throw rangeBeyondEnd(key, offset, length, offset);
      throw error;
    }
  }

  /** Two requests: Azure has no ranges that count from the end. The second one fails when the blob was replaced. */
  async getTail(key: string, length: number, signal?: AbortSignal): Promise<ObjectTail> {
    checkRange(key, 0, length);
    const { size, etag } = await this.#properties(key, signal);
    const wanted = Math.min(length, size);
    if (wanted === 0) return { bytes: new Uint8Array(0), size };
    return { bytes: await this.#read(key, size - wanted, wanted, signal, etag), size };
  }

  async *list(prefix: string, options: ListOptions = {}, signal?: AbortSignal): AsyncGenerator<ListedObject> {
    checkPrefix(prefix);
    throwIfAborted(signal);
    const { startAfter = '', limit = Number.POSITIVE_INFINITY, delimiter } = options;
    if (limit === 0) return;
    const from = delimiter === undefined ? startAfter : behindFolder(startAfter);
    const query = {
      prefix: this.#prefix + prefix,
      ...abortBy(signal),
      ...(from > prefix && { startFrom: this.#prefix + from }),
    };
    // One result more than wanted: listings start at a key, not behind it.
    const paging = { maxPageSize: Math.min(limit + 1, pageKeysMax) };
    const pages =
      delimiter === undefined
        ? this.#container.listBlobsFlat(query).byPage(paging)
        : this.#container.listBlobsByHierarchy(delimiter, query).byPage(paging);
    let rest = limit;
    try {
      for await (const { segment } of pages) {
        const prefixes =
          'blobPrefixes' in segment ? (segment.blobPrefixes as { name: string }[] | undefined) : undefined;
        const cut = this.#prefix.length;
        const objects = segment.blobItems.map((item: BlobItem) => {
          return { key: item.name.slice(cut), size: item.properties.contentLength ?? 0 };
        });
        for (const object of mergePage(
          objects,
          (prefixes ?? []).map(({ name }) => name.slice(cut)),
          startAfter,
        )) {
          throwIfAborted(signal);
          yield object;
          if (--rest === 0) return;
        }
      }
    } catch (error) {
      throw this.#error(`list ${prefix}`, error, signal);
    }
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    const blob = this.#blob(key);
    throwIfAborted(signal);
    try {
      await blob.delete(abortBy(signal));
    } catch (error) {
      if (codeOf(error) === 'BlobNotFound') return;
      throw this.#error(`delete ${key}`, error, signal);
    }
  }

  #blob(key: string): BlockBlobClient {
    checkKey(key);
    return this.#container.getBlockBlobClient(this.#prefix + key);
  }

  async #read(
    key: string,
    offset: number,
    length: number | undefined,
    signal: AbortSignal | undefined,
    etag?: string,
  ): Promise<Uint8Array> {
    const blob = this.#blob(key);
    throwIfAborted(signal);
    try {
      const conditions = etag === undefined ? {} : { ifMatch: etag };
      const answer = await blob.download(offset, length, { ...abortBy(signal), conditions, maxRetryRequests: 0 });
      return await readStream(answer.readableStreamBody as Readable, answer.contentLength ?? 0, signal);
    } catch (error) {
      if (statusOf(error) === 416) throw error;
      throw this.#readError(key, error, signal);
    }
  }

  async #properties(key: string, signal: AbortSignal | undefined): Promise<{ size: number; etag: string }> {
    const blob = this.#blob(key);
    throwIfAborted(signal);
    try {
      const { contentLength = 0, etag = '*' } = await blob.getProperties(abortBy(signal));
      return { size: contentLength, etag };
    } catch (error) {
      throw this.#readError(key, error, signal);
    }
  }

  async #putInBlocks(
    blob: BlockBlobClient,
    body: Uint8Array | readonly Uint8Array[],
    length: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const rest = pieces(body, Math.max(this.#blockBytes, Math.ceil(length / blocksMax)));
    // Nobody else's blocks of the same blob have these names.
    const name = randomBytes(8).toString('hex');
    const ids: string[] = [];
    const failed = new AbortController();
    const blockSignal = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
    const sendBlocks = async (): Promise<void> => {
      for (const piece of rest) {
        throwIfAborted(blockSignal);
        const id = Buffer.from(`${name}-${String(ids.length).padStart(5, '0')}`).toString('base64');
        ids.push(id);
        await blob.stageBlock(id, asBuffer(piece), piece.length, { abortSignal: blockSignal });
      }
    };
    const senders = Array.from({ length: this.#blocksInFlightMax }, () =>
      sendBlocks().catch((error: unknown) => {
        failed.abort(error);
        throw error;
      }),
    );
    try {
      await Promise.all(senders);
      await blob.commitBlockList(ids, abortBy(signal));
    } catch (error) {
      throw failed.signal.aborted ? failed.signal.reason : error;
    }
  }

  #readError(key: string, error: unknown, signal: AbortSignal | undefined): Error {
    if (statusOf(error) === 404 && codeOf(error) !== 'ContainerNotFound') return notFound(key, error);
    return this.#error(`get ${key}`, error, signal);
  }

  #error(what: string, error: unknown, signal: AbortSignal | undefined): Error {
    return remoteError(what, { status: statusOf(error), code: codeOf(error) }, error, signal);
  }
}

function sdkCredential({
  account,
  credential,
}: AzureOptions): StorageSharedKeyCredential | { getToken(): Promise<AzureToken> } {
  switch (credential.type) {
    case 'accountKey':
      return new StorageSharedKeyCredential(account, credential.accountKey);
    case 'managedIdentity':
      return { getToken: () => managedIdentityToken(credential.clientId, process.env) };
    case 'federatedToken':
      return { getToken: () => federatedToken(process.env) };
  }
}

/** The SDK sends a Buffer as it is, and everything else as a stream of unknown length. */
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const abortBy = (signal: AbortSignal | undefined): { abortSignal?: AbortSignal } =>
  signal === undefined ? {} : { abortSignal: signal };

function statusOf(error: unknown): number | undefined {
  return error instanceof RestError ? error.statusCode : undefined;
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? 'unknown';
}

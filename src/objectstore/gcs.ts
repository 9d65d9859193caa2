/**
 * A bucket of Google Cloud Storage, over its JSON API. Credentials come from Google's own client, in its order; requests
 * are ours, because that client can neither be aborted nor kept from retrying in its own way.
 *
 * `ifAbsent` is `ifGenerationMatch=0`: no live version of the object exists.
 */
import { Storage } from '@google-cloud/storage';
import { throwIfAborted } from '../base/abort.ts';
import {
  alreadyExists,
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
import { behindFolder, folderPrefix, joinParts, mergePage, remoteError } from './remote.ts';

export interface GcsOptions {
  readonly bucket: string;
  readonly prefix?: string | undefined;
  /** Another service with the same API, `http://host:port`. */
  readonly endpoint?: string | undefined;
  /** No credentials are looked for. */
  readonly anonymous?: boolean | undefined;
  readonly cacheControl?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

const google = 'https://storage.googleapis.com';
const pageKeysMax = 1000;

interface ListPage {
  readonly items?: readonly { readonly name: string; readonly size: string }[];
  readonly prefixes?: readonly string[];
  readonly nextPageToken?: string;
}

/** An answer that is not 2xx. */
class GcsRefusal extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(text.slice(0, 300));
    this.status = status;
  }
}

export class GcsObjectStore implements ObjectStore {
  readonly #auth: Storage['authClient'] | undefined;
  readonly #objects: string;
  readonly #uploads: string;
  readonly #prefix: string;
  readonly #cacheControl: string | undefined;
  readonly #metadata: Readonly<Record<string, string>> | undefined;

  constructor(options: GcsOptions) {
    this.#auth = options.anonymous === true ? undefined : new Storage().authClient;
    const endpoint = endpointUrl(options).replace(/\/+$/, '');
    const bucket = encodeURIComponent(options.bucket);
    this.#objects = `${endpoint}/storage/v1/b/${bucket}/o`;
    this.#uploads = `${endpoint}/upload/storage/v1/b/${bucket}/o`;
    this.#prefix = folderPrefix(options.prefix);
    this.#cacheControl = options.cacheControl;
    this.#metadata = options.metadata;
  }

  async put(key: string, body: Uint8Array | readonly Uint8Array[], options: PutOptions = {}): Promise<void> {
    checkKey(key);
    const { signal, ifAbsent = false } = options;
    const url = new URL(this.#uploads);
    if (ifAbsent) url.searchParams.set('ifGenerationMatch', '0');
    url.searchParams.set('uploadType', 'multipart');
    const resource = {
      name: this.#prefix + key,
      contentType: 'application/octet-stream',
      ...(this.#cacheControl !== undefined && { cacheControl: this.#cacheControl }),
      ...(this.#metadata !== undefined && { metadata: this.#metadata }),
    };
    // Contents cannot end the part: the service reads the body's length from the request's.
    const boundary = `rubato-${crypto.randomUUID()}`;
    const head = `--${boundary}\r\ncontent-type: application/json\r\n\r\n${JSON.stringify(resource)}\r\n--${boundary}\r\ncontent-type: application/octet-stream\r\n\r\n`;
    const parts = body instanceof Uint8Array ? [body] : body;
    const payload = joinParts([Buffer.from(head), ...parts, Buffer.from(`\r\n--${boundary}--\r\n`)]);
    try {
      await this.#send('POST', url, signal, payload, { 'content-type': `multipart/related; boundary=${boundary}` });
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
      const { size } = await this.getTail(key, 1, signal);
      if (offset > size) throw rangeBeyondEnd(key, offset, length, size);
      return new Uint8Array(0);
    }
    try {
      const { bytes, size } = await this.#read(key, `bytes=${offset}-${offset + length - 1}`, signal);
      if (bytes.length !== length) throw rangeBeyondEnd(key, offset, length, size);
      return bytes;
    } catch (error) {
      if (statusOf(error) === 416) throw rangeBeyondEnd(key, offset, length, offset);
      throw error;
    }
  }

  async getTail(key: string, length: number, signal?: AbortSignal): Promise<ObjectTail> {
    checkRange(key, 0, length);
    try {
      const { bytes, size } = await this.#read(key, `bytes=-${Math.max(1, length)}`, signal);
      return { bytes: length === 0 ? new Uint8Array(0) : bytes, size };
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
    const url = new URL(this.#objects);
    url.searchParams.set('prefix', this.#prefix + prefix);
    url.searchParams.set('fields', 'items(name,size),prefixes,nextPageToken');
    if (from > prefix) url.searchParams.set('startOffset', this.#prefix + from);
    if (delimiter !== undefined) url.searchParams.set('delimiter', delimiter);
    let rest = limit;
    while (rest > 0) {
      // One result more than wanted: listings start at a key, not behind it.
      url.searchParams.set('maxResults', String(Math.min(rest + 1, pageKeysMax)));
      const page = await this.#page(url, prefix, signal);
      const cut = this.#prefix.length;
      const objects = (page.items ?? []).map(({ name, size }) => ({ key: name.slice(cut), size: Number(size) }));
      const folders = (page.prefixes ?? []).map((name) => name.slice(cut));
      for (const object of mergePage(objects, folders, startAfter)) {
        throwIfAborted(signal);
        yield object;
        if (--rest === 0) return;
      }
      if (page.nextPageToken === undefined) return;
      url.searchParams.set('pageToken', page.nextPageToken);
    }
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    const url = this.#url(key);
    try {
      await this.#send('DELETE', url, signal);
    } catch (error) {
      if (statusOf(error) === 404 && !isBucketGone(error)) return;
      throw this.#error(`delete ${key}`, error, signal);
    }
  }

  #url(key: string): URL {
    checkKey(key);
    return new URL(`${this.#objects}/${encodeURIComponent(this.#prefix + key)}`);
  }

  async #page(url: URL, prefix: string, signal: AbortSignal | undefined): Promise<ListPage> {
    try {
      return (await (await this.#send('GET', url, signal)).json()) as ListPage;
    } catch (error) {
      throw this.#error(`list ${prefix}`, error, signal);
    }
  }

  async #read(key: string, range: string | undefined, signal: AbortSignal | undefined): Promise<ObjectTail> {
    const url = this.#url(key);
    url.searchParams.set('alt', 'media');
    try {
      const answer = await this.#send('GET', url, signal, undefined, range === undefined ? {} : { range });
      const bytes = new Uint8Array(await answer.arrayBuffer());
      const announced = Number(answer.headers.get('content-length') ?? bytes.length);
      if (bytes.length !== announced)
        throw unavailable('store_torn', `get ${key}: the store announced ${announced} bytes and sent ${bytes.length}`);
      const size = /\/(\d+)$/.exec(answer.headers.get('content-range') ?? '')?.[1];
      return { bytes, size: size === undefined ? bytes.length : Number(size) };
    } catch (error) {
      if (statusOf(error) === 416) throw error;
      if (statusOf(error) === 404 && !isBucketGone(error)) throw notFound(key, error);
      throw this.#error(`get ${key}`, error, signal);
    }
  }

  /** The answer's head; an answer that is not 2xx is a {@link GcsRefusal}. */
  async #send(
    method: string,
    url: URL,
    signal: AbortSignal | undefined,
    body?: Uint8Array,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    throwIfAborted(signal);
    const all = new Headers(this.#auth === undefined ? {} : await this.#auth.getRequestHeaders(url.href));
    for (const [name, value] of Object.entries(headers)) all.set(name, value);
    const answer = await fetch(url, {
      method,
      headers: all,
      ...(signal !== undefined && { signal }),
      ...(body !== undefined && { body: body as Uint8Array<ArrayBuffer> }),
    });
    if (!answer.ok) throw new GcsRefusal(answer.status, await answer.text());
    return answer;
  }

  #error(what: string, error: unknown, signal: AbortSignal | undefined): Error {
    return remoteError(what, { status: statusOf(error), code: codeOf(error) }, error, signal);
  }
}

function endpointUrl({ endpoint, anonymous }: GcsOptions): string {
  if (endpoint === undefined) return google;
  if (/^https?:\/\//.test(endpoint)) return new URL(endpoint).origin;
  return `${anonymous === true ? 'http' : 'https'}://${endpoint}`;
}

function statusOf(error: unknown): number | undefined {
  return error instanceof GcsRefusal ? error.status : undefined;
}

/** The word of the system below a failed fetch, or of the credentials library. */
function codeOf(error: unknown): string {
  const { cause, code, name } = error as { cause?: { code?: string }; code?: string; name?: string };
  return cause?.code ?? code ?? name ?? 'unknown';
}

function isBucketGone(error: unknown): boolean {
  return error instanceof GcsRefusal && /bucket does not exist/i.test(error.message);
}

/**
 * The port to durable storage: all that Rubato needs from a bucket, and no more than every bucket offers. `conformance.ts`
 * is its definition in the form of tests.
 *
 * An object appears whole or not at all, and is there for everybody, also after a crash or power loss, once `put` has
 * resolved. No key is another key's folder (`a` and `a/b`). Listings see every finished put and delete. `ifAbsent` is the only coordination between processes.
 *
 * Errors are `RubatoError`s: `notFound`, `conflict`, `invalid` (a key or range that can never work), `canceled`, and
 * `unavailable` or `exhausted` for whatever may pass. **After an error other than `conflict` and `invalid` a put or delete
 * may still have taken effect, or take effect a little later**: a retry must be harmless, and a conditional put must carry
 * something by which its author recognises it.
 */
import { ErrorKind, RubatoError } from '../base/errors.ts';

export interface PutOptions {
  /** Refuse with `conflict` when the key exists. Of many concurrent attempts exactly one succeeds. */
  readonly ifAbsent?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface ListOptions {
  /** Only keys (and common prefixes) behind this one. */
  readonly startAfter?: string;
  /** At most so many results. Unset: all. */
  readonly limit?: number;
  /**
   * Keys that have a delimiter behind the prefix are not listed; their part up to and including it is, once, with size 0.
   */
  readonly delimiter?: '/';
}

export interface ListedObject {
  readonly key: string;
  readonly size: number;
}

export interface ObjectStore {
  /** Creates or replaces. Several parts are stored one after another. */
  put(key: string, body: Uint8Array | readonly Uint8Array[], options?: PutOptions): Promise<void>;
  /** The whole object; the caller owns it. @throws kind `notFound` */
  get(key: string, signal?: AbortSignal): Promise<Uint8Array>;
  /** Exactly `length` bytes. @throws kind `notFound`, or `invalid` when the object ends earlier */
  getRange(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>;
  /** The last `length` bytes, or all when there are fewer, and the object's size. @throws kind `notFound` */
  getTail(key: string, length: number, signal?: AbortSignal): Promise<ObjectTail>;
  /** In the order of the keys' bytes. */
  list(prefix: string, options?: ListOptions, signal?: AbortSignal): AsyncIterable<ListedObject>;
  /** Succeeds also when there is nothing. */
  delete(key: string, signal?: AbortSignal): Promise<void>;
}

export interface ObjectTail {
  readonly bytes: Uint8Array;
  /** Of the whole object. */
  readonly size: number;
}

export type ObjectStoreOperation = 'put' | 'get' | 'getRange' | 'getTail' | 'list' | 'delete';

/** S3's limit is 1024 bytes; a part must leave room under a file system's 255 bytes a name. */
export const keyBytesMax = 1024;
export const keyPartBytesMax = 230;

const keyPart = /^[A-Za-z0-9!\-_.*'()=]+$/;

/**
 * Keys are parts of letters, digits and `!-_.*'()=` joined by `/`: safe in every bucket, in URLs, and as paths.
 * @throws kind `invalid`
 */
export function checkKey(key: string): void {
  if (key.length > keyBytesMax) throw badKey(key, 'is too long');
  for (const part of key.split('/')) {
    if (part === '.' || part === '..') throw badKey(key, 'must not leave its folder');
    if (part.length > keyPartBytesMax) throw badKey(key, 'has a part that is too long');
    if (!keyPart.test(part)) throw badKey(key, 'has an empty part or a character that is not allowed');
  }
}

/** A prefix is the beginning of a key; empty means everything. @throws kind `invalid` */
export function checkPrefix(prefix: string): void {
  if (prefix !== '') checkKey(prefix.endsWith('/') ? `${prefix}x` : prefix);
}

/** @throws kind `invalid` */
export function checkRange(key: string, offset: number, length: number): void {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0)
    throw new RubatoError(ErrorKind.invalid, 'bad_range', `range ${offset}+${length} of ${key} is not a range`);
}

function badKey(key: string, what: string): RubatoError {
  return new RubatoError(ErrorKind.invalid, 'bad_key', `object key ${JSON.stringify(key.slice(0, 200))} ${what}`);
}

export function notFound(key: string, cause?: unknown): RubatoError {
  return new RubatoError(ErrorKind.notFound, 'object_not_found', `object ${key} does not exist`, cause);
}

export function alreadyExists(key: string, cause?: unknown): RubatoError {
  return new RubatoError(ErrorKind.conflict, 'object_exists', `object ${key} exists already`, cause);
}

/** The object ends before the range does. */
export function rangeBeyondEnd(key: string, offset: number, length: number, size: number): RubatoError {
  const message = `range ${offset}+${length} ends behind the ${size} bytes of ${key}`;
  return new RubatoError(ErrorKind.invalid, 'range_beyond_end', message);
}

export function unavailable(code: string, message: string, cause?: unknown): RubatoError {
  return new RubatoError(ErrorKind.unavailable, code, message, cause);
}

export function isKind(error: unknown, kind: ErrorKind): boolean {
  return error instanceof RubatoError && error.kind === kind;
}

export function byteLength(body: Uint8Array | readonly Uint8Array[]): number {
  if (body instanceof Uint8Array) return body.length;
  let total = 0;
  for (const part of body) total += part.length;
  return total;
}

/** What the stores on the network have in common: the folder within a bucket, bodies in one piece, answers as errors. */
import { canceled } from '../base/abort.ts';
import { ErrorKind, RubatoError } from '../base/errors.ts';
import { byteLength, type ListedObject, unavailable } from './object-store.ts';

/** `a/b`, `/a/b/` and `a/b/` are the same folder. Empty: the whole bucket. */
export function folderPrefix(prefix: string | undefined): string {
  const trimmed = (prefix ?? '').replace(/^\/+|\/+$/g, '');
  return trimmed === '' ? '' : `${trimmed}/`;
}

/** One piece without a copy where it is one already. */
export function joinParts(body: Uint8Array | readonly Uint8Array[]): Uint8Array {
  if (body instanceof Uint8Array) return body;
  if (body.length === 1) return body[0]!;
  const joined = new Uint8Array(byteLength(body));
  let at = 0;
  for (const part of body) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Pieces of `size` bytes, the last one shorter; views where a piece lies within one part. */
export function* pieces(body: Uint8Array | readonly Uint8Array[], size: number): Generator<Uint8Array> {
  let open: Uint8Array[] = [];
  let openBytes = 0;
  for (const part of body instanceof Uint8Array ? [body] : body) {
    for (let at = 0; at < part.length; ) {
      const piece = part.subarray(at, at + size - openBytes);
      open.push(piece);
      openBytes += piece.length;
      at += piece.length;
      if (openBytes < size) continue;
      yield joinParts(open);
      open = [];
      openBytes = 0;
    }
  }
  if (openBytes > 0) yield joinParts(open);
}

/** One page of a listing as the port wants it: objects and folders in one order, behind `startAfter`. */
export function mergePage(objects: ListedObject[], folders: readonly string[], startAfter: string): ListedObject[] {
  for (const key of folders) objects.push({ key, size: 0 });
  const behind = objects.filter(({ key }) => key > startAfter);
  return behind.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

/** Behind everything in the folder when the key is one: no key has a `~`. */
export function behindFolder(startAfter: string): string {
  return startAfter.endsWith('/') ? `${startAfter}~` : startAfter;
}

/** How an answer of a store reads. */
export interface StoreAnswer {
  /** HTTP status; undefined when there was no answer. */
  readonly status: number | undefined;
  /** The service's own word, `NoSuchKey`, `AccessDenied`; or the system's, `ECONNREFUSED`. */
  readonly code: string;
}

/**
 * Errors that mean the same in every store. Refusals too are `unavailable`: keys that are rotated, a bucket that is made
 * anew, a permission that takes a minute to arrive all pass, and no sender of spans is to blame for them.
 */
export function remoteError(what: string, answer: StoreAnswer, error: unknown, signal?: AbortSignal): RubatoError {
  if (signal?.aborted === true) return canceled(signal);
  if (error instanceof RubatoError) return error;
  const { status, code } = answer;
  if (status === 429 || code === 'SlowDown' || code === 'ServerBusy')
    return new RubatoError(ErrorKind.exhausted, 'store_busy', `${what}: the store asks to slow down (${code})`, error);
  if (status === 401 || status === 403)
    return unavailable('store_denied', `${what}: the store refuses (${code}): ${messageOf(error)}`, error);
  if (status === 404) return unavailable('no_bucket', `${what}: there is no such bucket (${code})`, error);
  const said = status === undefined ? 'no answer' : `status ${status}`;
  return unavailable('store_failed', `${what}: the store failed (${said}, ${code}): ${messageOf(error)}`, error);
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0]!.slice(0, 300);
}

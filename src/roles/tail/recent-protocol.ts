/**
 * How a writer's newest segments are asked for: `GET /internal/v1/segments?writer=<id>&after=<seq>` on its HTTP port, with
 * the token of its member object. Internal: both ends may change with any version.
 *
 * `POST /internal/v1/flush?writer=<id>` has a writer put everything live into blocks; it answers when that is done.
 *
 *   answer: u32 length, JSON {floor, head, durable}, then for each segment u32 length and the object; little endian
 */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import type { RecentAnswer } from './recent-segments.ts';

export const internalPrefix = '/internal/';
export const recentPath = '/internal/v1/segments';
export const flushPath = '/internal/v1/flush';
/** Bytes of segments in one answer, unless one segment has more. */
export const recentBytesMax = 4 * 1024 * 1024;

export function encodeRecent({ objects, ...head }: RecentAnswer): Uint8Array {
  const parts = [Buffer.from(JSON.stringify(head)), ...objects];
  const bytes = Buffer.alloc(parts.reduce((sum, part) => sum + 4 + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.writeUInt32LE(part.length, at);
    bytes.set(part, at + 4);
    at += 4 + part.length;
  }
  return bytes;
}

/** @throws kind `unavailable` when it is not what {@link encodeRecent} makes */
export function decodeRecent(bytes: Uint8Array): RecentAnswer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = at + 4 <= bytes.length ? view.getUint32(at, true) : Number.POSITIVE_INFINITY;
    if (at + 4 + length > bytes.length) throw notUnderstood();
    parts.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  const [first, ...objects] = parts;
  if (first === undefined) throw notUnderstood();
  const head = JSON.parse(new TextDecoder().decode(first)) as Omit<RecentAnswer, 'objects'>;
  for (const seq of [head.floor, head.head, head.durable]) if (!Number.isSafeInteger(seq)) throw notUnderstood();
  return { ...head, objects };
}

function notUnderstood(): RubatoError {
  return new RubatoError(ErrorKind.unavailable, 'bad_internal_answer', 'the answer of a writer is not understood');
}

/** Whether a request may see internal paths: its token is compared in constant time. */
export function mayAsk(headers: IncomingHttpHeaders, token: string): boolean {
  const given = Buffer.from(headers.authorization ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/**
 * Where segments stand: `wal/<writer>/<seq as 10 digits>`, so that a listing gives a writer's segments in the order in
 * which they were cut. Ten digits last 300 years at one segment a second and three at a hundred.
 */
import { assert } from '../base/assert.ts';
import { type Rng, randomHex } from '../base/random.ts';

export const walPrefix = 'wal/';

/** First seq of every writer; 0 stands for "before the first". */
export const firstSeq = 1;
export const seqMax = 9_999_999_999;

/**
 * A writer starts no put of a segment that lies so far behind the oldest whose put is under way. So once segment n is
 * stored, a gap at n - segmentWindow or before stays one: that segment was refused, or every tenant has it in blocks.
 */
export const segmentWindow = 16;

/** What a writer's id may look like; `newWriterId` makes 16 hex digits. */
export const writerIdPattern = /^[A-Za-z0-9-]{1,64}$/;

/** Unique per process start: a seq is never used twice under one id. */
export function newWriterId(rng: Rng): string {
  return randomHex(rng, 8);
}

export function writerPrefix(writer: string): string {
  assert(writerIdPattern.test(writer), `a writer's id looks like ${writer}`);
  return `${walPrefix}${writer}/`;
}

export function segmentKey(writer: string, seq: number): string {
  assert(Number.isInteger(seq) && seq >= 0 && seq <= seqMax, `segment seq ${seq} is in range`);
  return writerPrefix(writer) + String(seq).padStart(10, '0');
}

/** The seq that a key under `writerPrefix(writer)` names; undefined when it is not a segment's key. */
export function seqOfKey(writer: string, key: string): number | undefined {
  const name = key.slice(writerPrefix(writer).length);
  return /^[0-9]{10}$/.test(name) ? Number(name) : undefined;
}

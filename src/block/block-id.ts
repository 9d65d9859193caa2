/**
 * Ids of blocks: UUIDs of version 7 (RFC 9562, 5.7), which begin with the time in Unix milliseconds. So whoever finds files
 * of a block that no manifest names can tell how long they have been there, without a clock of the store.
 */
import { assert } from '../base/assert.ts';
import { type Rng, randomHex } from '../base/random.ts';

const pattern = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export function newBlockId(nowMs: number, rng: Rng): string {
  assert(nowMs >= 0 && nowMs < 2 ** 48, 'the time fits an id');
  const time = Math.trunc(nowMs).toString(16).padStart(12, '0');
  const random = randomHex(rng, 12);
  const variant = '89ab'[Number.parseInt(random[3]!, 16) & 3];
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-${variant}${random.slice(4, 7)}-${random.slice(8, 20)}`;
}

/** When an id was made, Unix milliseconds; undefined for names that `newBlockId` does not give. */
export function blockIdUnixMs(id: string): number | undefined {
  const match = pattern.exec(id);
  return match === null ? undefined : Number.parseInt(match[1]! + match[2]!, 16);
}

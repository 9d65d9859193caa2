/** Names what a fragment contributes to answers, as a key for what is kept of them: a fragment never changes. */
import type { Fragment } from '../traceql/storage.ts';

const hiddenDigests = new WeakMap<Uint8Array, string>();

/** Stands for the traces of a fragment that the snapshot does not read here: the same only for the same traces. */
function hiddenDigest(hiddenTraces: Uint8Array | undefined): string {
  if (hiddenTraces === undefined) return '';
  let digest = hiddenDigests.get(hiddenTraces);
  if (digest !== undefined) return digest;
  let a = 0x811c9dc5;
  let b = 0x9e3779b1;
  let count = 0;
  for (let trace = 0; trace < hiddenTraces.length; trace++) {
    if (hiddenTraces[trace] === 0) continue;
    count++;
    a = Math.imul(a ^ trace, 0x01000193);
    a ^= a >>> 15;
    b = Math.imul(b + trace, 0x85ebca6b);
    b ^= b >>> 13;
  }
  digest = `${count}-${a >>> 0}-${b >>> 0}`;
  hiddenDigests.set(hiddenTraces, digest);
  return digest;
}

/** Identity of a fragment's content as this snapshot sees it. */
export const fragmentKey = ({ id, hiddenTraces }: Fragment): string => `${id} ${hiddenDigest(hiddenTraces)}`;

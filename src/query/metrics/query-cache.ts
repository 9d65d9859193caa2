/**
 * What fragments contributed to earlier queries, and whole answers: dashboards ask the same again and again, and a
 * fragment never changes. Bounded by bytes; what was used longest ago goes first.
 */
import type { Fragment } from '../../traceql/storage.ts';

export class QueryCache {
  readonly #bytesMax: number;
  /** In order of last use. */
  readonly #entries = new Map<string, { readonly value: object; readonly bytes: number }>();
  #bytes = 0;

  /** 0 keeps nothing. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What was kept under a key. A key must say what kind of value it is for. */
  get(key: string): object | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Keeps a value that nobody changes any more. One that is larger than a quarter of the cache is not kept. */
  set(key: string, value: object, valueBytes: number): void {
    const bytes = valueBytes + key.length * 2 + 128;
    const old = this.#entries.get(key);
    if (old !== undefined) {
      this.#entries.delete(key);
      this.#bytes -= old.bytes;
    }
    if (bytes * 4 > this.#bytesMax) return;
    this.#entries.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#entries.delete(oldest);
      this.#bytes -= entry.bytes;
    }
  }
}

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

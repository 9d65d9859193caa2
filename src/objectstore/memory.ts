/** An object store in memory, for tests and for trying things out. Keeps copies: nobody shares bytes with it. */
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
} from './object-store.ts';

export class MemoryObjectStore implements ObjectStore {
  readonly #objects = new Map<string, Uint8Array>();

  get objectCount(): number {
    return this.#objects.size;
  }

  async put(key: string, body: Uint8Array | readonly Uint8Array[], options: PutOptions = {}): Promise<void> {
    checkKey(key);
    throwIfAborted(options.signal);
    if (options.ifAbsent === true && this.#objects.has(key)) throw alreadyExists(key);
    const bytes = new Uint8Array(byteLength(body));
    let at = 0;
    for (const part of body instanceof Uint8Array ? [body] : body) {
      bytes.set(part, at);
      at += part.length;
    }
    this.#objects.set(key, bytes);
  }

  async get(key: string, signal?: AbortSignal): Promise<Uint8Array> {
    throwIfAborted(signal);
    return this.#find(key).slice();
  }

  async getRange(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    checkRange(key, offset, length);
    throwIfAborted(signal);
    const bytes = this.#find(key);
    if (offset + length > bytes.length) throw rangeBeyondEnd(key, offset, length, bytes.length);
    return bytes.slice(offset, offset + length);
  }

  async getTail(key: string, length: number, signal?: AbortSignal): Promise<ObjectTail> {
    checkRange(key, 0, length);
    throwIfAborted(signal);
    const bytes = this.#find(key);
    return { bytes: bytes.slice(Math.max(0, bytes.length - length)), size: bytes.length };
  }

  async *list(prefix: string, options: ListOptions = {}, signal?: AbortSignal): AsyncGenerator<ListedObject> {
    checkPrefix(prefix);
    const { startAfter = '', limit = Number.POSITIVE_INFINITY, delimiter } = options;
    const found = new Map<string, number>();
    for (const [key, bytes] of this.#objects) {
      if (!key.startsWith(prefix)) continue;
      const end = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
      if (end === -1) found.set(key, bytes.length);
      else found.set(key.slice(0, end + 1), 0);
    }
    let count = 0;
    for (const key of [...found.keys()].sort()) {
      throwIfAborted(signal);
      if (key <= startAfter) continue;
      if (count++ >= limit) return;
      yield { key, size: found.get(key)! };
    }
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    checkKey(key);
    throwIfAborted(signal);
    this.#objects.delete(key);
  }

  #find(key: string): Uint8Array {
    checkKey(key);
    const bytes = this.#objects.get(key);
    if (bytes === undefined) throw notFound(key);
    return bytes;
  }
}

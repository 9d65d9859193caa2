/**
 * Ranges of immutable objects, kept in a folder on a local disk. For readers of a bucket: a second look at a block, also
 * after a restart, costs no requests.
 *
 * Objects are cut at multiples of {@link chunkBytes}; a chunk is a file:
 *
 *   <folder>/o-<the object's key up to its last slash, escaped>/<32 digits of the SHA-256 of the key>-<index of the chunk>
 *   u32 crc32 of all that follows | u32 bytes of the key | the key | the bytes        (little endian)
 *
 * Nothing here is needed. A file is written under another name and renamed, never synced; one that is cut, damaged or of
 * another object does not match its checksum and is removed. So the folder, or any file in it, may be deleted at any time,
 * a crash costs nothing but chunks. What lies below one prefix can be listed and removed: objects that are deleted for good
 * must be gone from here too. Processes may share a folder: each removes what it knows to be oldest until what
 * it knows fits, and looks at the whole folder now and then to learn about the others' files.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rmdir, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';

export const chunkBytes = 128 * 1024;

const headBytes = 8;
/** Bytes of chunks that wait to be written. More are not kept: reading goes on, caching can wait. */
const pendingBytesMax = 32 * 1024 * 1024;
/** The time of last use is written to disk no more often, so that a hit is one read and nothing else. */
const touchIntervalMs = 10 * 60_000;
const rescanIntervalMs = 5 * 60_000;
/** Unfinished files of processes that were killed. */
const temporaryAgeMsMax = 10 * 60_000;

export interface DiskCacheCounters {
  /** Chunks. */
  hits: number;
  misses: number;
  /** Bytes of chunks. */
  hitBytes: number;
  missBytes: number;
  evictions: number;
  /** Files whose checksum did not match. */
  damaged: number;
  /** Chunks that were not kept: the disk is slow, full or gone. */
  notKept: number;
  /** Bytes of the files that this process knows of. */
  storedBytes: number;
}

export const zeroDiskCacheCounters = (): DiskCacheCounters => ({
  hits: 0,
  misses: 0,
  hitBytes: 0,
  missBytes: 0,
  evictions: 0,
  damaged: 0,
  notKept: 0,
  storedBytes: 0,
});

export interface DiskCacheOptions {
  /** Made when it is missing. */
  readonly folder: string;
  readonly bytesMax: number;
  readonly nowMs: () => number;
  readonly counters?: DiskCacheCounters;
}

/** An object that never changes under its key. */
export interface CachedObject {
  readonly key: string;
  readonly size: number;
  /** Exactly these bytes. */
  readonly fetch: (offset: number, length: number) => Promise<Uint8Array>;
}

interface Entry {
  bytes: number;
  touchedMs: number;
}

export class DiskCache {
  readonly counters: DiskCacheCounters;
  readonly #folder: string;
  readonly #bytesMax: number;
  readonly #nowMs: () => number;
  /** By file name, the one used longest ago first. */
  readonly #entries = new Map<string, Entry>();
  /** Files of the folder's earlier life are known from then on. */
  #scanned: Promise<void>;
  #scannedMs: number;
  #pendingBytes = 0;
  readonly #pending = new Set<Promise<void>>();

  constructor(options: DiskCacheOptions) {
    this.#folder = options.folder;
    this.#bytesMax = options.bytesMax;
    this.#nowMs = options.nowMs;
    this.counters = options.counters ?? zeroDiskCacheCounters();
    this.#scannedMs = this.#nowMs();
    this.#scanned = this.#scan();
  }

  /** `length` bytes of the object, from the folder as far as they are there; neighbouring misses are one fetch. */
  async read(object: CachedObject, offset: number, length: number): Promise<Uint8Array> {
    if (length === 0 || offset + length > object.size) return object.fetch(offset, length);
    const first = Math.floor(offset / chunkBytes);
    const last = Math.floor((offset + length - 1) / chunkBytes);
    const name = nameOf(object.key);
    const indexes = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    const chunks = await Promise.all(indexes.map((index) => this.#load(object, `${name}-${index}`, index)));
    const fetches: Promise<void>[] = [];
    for (let i = 0; i < chunks.length; i++) {
      if (chunks[i] !== undefined) continue;
      const from = i;
      while (i + 1 < chunks.length && chunks[i + 1] === undefined) i++;
      fetches.push(this.#fetchRun(object, name, first, from, i + 1, chunks));
    }
    await Promise.all(fetches);
    const skipped = offset - first * chunkBytes;
    const out = new Uint8Array(length);
    let at = -skipped;
    for (const chunk of chunks as Uint8Array[]) {
      const part = at < 0 ? chunk.subarray(-at) : chunk;
      out.set(part.subarray(0, length - Math.max(0, at)), Math.max(0, at));
      at += chunk.length;
    }
    return out;
  }

  /** Prefixes, without the slash, of objects that chunks are there of; this process's and others'. */
  async prefixes(): Promise<string[]> {
    const folders = await readdir(this.#folder).catch(() => []);
    return folders.map(prefixOf).filter((prefix) => prefix !== undefined);
  }

  /** Removes every chunk below the prefix, whoever wrote it. */
  async remove(prefix: string): Promise<void> {
    const folder = folderOf(prefix);
    for (const file of await readdir(path.join(this.#folder, folder)).catch(() => [])) {
      const name = `${folder}/${file}`;
      this.#forget(name);
      await unlink(this.#path(name)).catch(() => undefined);
    }
    await rmdir(path.join(this.#folder, folder)).catch(() => undefined);
  }

  /** Resolves when nothing waits to be written or removed. */
  async idle(): Promise<void> {
    await this.#scanned;
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** A chunk that is here, whole and this object's. */
  async #load(object: CachedObject, name: string, index: number): Promise<Uint8Array | undefined> {
    const length = chunkLength(object, index);
    let file: Uint8Array;
    try {
      file = await readFile(this.#path(name));
    } catch {
      this.#forget(name);
      this.counters.misses++;
      this.counters.missBytes += length;
      return undefined;
    }
    const bytes = decodeChunk(file, object.key, length);
    if (bytes === undefined) {
      this.counters.damaged++;
      this.counters.misses++;
      this.counters.missBytes += length;
      this.#remove(name);
      return undefined;
    }
    this.counters.hits++;
    this.counters.hitBytes += length;
    this.#use(name, file.length);
    return bytes;
  }

  /** Chunks `from` to `to` of those that a read needs, counted from its `first`, are asked for at once. */
  async #fetchRun(
    object: CachedObject,
    name: string,
    first: number,
    from: number,
    to: number,
    chunks: (Uint8Array | undefined)[],
  ): Promise<void> {
    const start = (first + from) * chunkBytes;
    const end = Math.min(object.size, (first + to) * chunkBytes);
    const bytes = await object.fetch(start, end - start);
    for (let i = from; i < to; i++) {
      const at = (i - from) * chunkBytes;
      const chunk = bytes.subarray(at, at + chunkLength(object, first + i));
      chunks[i] = chunk;
      this.#keep(`${name}-${first + i}`, object.key, chunk);
    }
  }

  /** Writes in the background. */
  #keep(name: string, key: string, chunk: Uint8Array): void {
    if (this.#pendingBytes + chunk.length > pendingBytesMax) {
      this.counters.notKept++;
      return;
    }
    // A copy: the caller owns what it was given.
    const file = encodeChunk(key, chunk);
    this.#pendingBytes += chunk.length;
    this.#background(
      this.#write(name, file).finally(() => {
        this.#pendingBytes -= chunk.length;
      }),
    );
  }

  async #write(name: string, file: Uint8Array): Promise<void> {
    const target = this.#path(name);
    const temporary = `${target}.${randomBytes(6).toString('hex')}`;
    try {
      await mkdir(path.dirname(target), { recursive: true });
      await writeFile(temporary, file);
      await rename(temporary, target);
    } catch {
      this.counters.notKept++;
      await unlink(temporary).catch(() => undefined);
      return;
    }
    this.#use(name, file.length);
    await this.#scanned;
    this.#evict();
    if (this.#nowMs() - this.#scannedMs < rescanIntervalMs) return;
    this.#scannedMs = this.#nowMs();
    this.#scanned = this.#scan();
  }

  /** Behind all others in the order of removal. */
  #use(name: string, bytes: number): void {
    const known = this.#entries.get(name);
    const nowMs = this.#nowMs();
    const entry = known ?? { bytes, touchedMs: nowMs };
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    this.counters.storedBytes += bytes - (known?.bytes ?? 0);
    entry.bytes = bytes;
    if (nowMs - entry.touchedMs < touchIntervalMs) return;
    entry.touchedMs = nowMs;
    this.#background(utimes(this.#path(name), nowMs / 1000, nowMs / 1000).catch(() => undefined));
  }

  #evict(): void {
    for (const name of this.#entries.keys()) {
      if (this.counters.storedBytes <= this.#bytesMax) return;
      this.counters.evictions++;
      this.#remove(name);
    }
  }

  #remove(name: string): void {
    this.#forget(name);
    this.#background(unlink(this.#path(name)).catch(() => undefined));
  }

  #forget(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    this.#entries.delete(name);
    this.counters.storedBytes -= entry.bytes;
  }

  #background(work: Promise<void>): void {
    this.#pending.add(work);
    void work.finally(() => this.#pending.delete(work));
  }

  /** Learns about files that this process did not write, in the order of their last use, and makes room. */
  async #scan(): Promise<void> {
    const found: { name: string; bytes: number; touchedMs: number }[] = [];
    for (const folder of await readdir(this.#folder).catch(() => [])) {
      if (prefixOf(folder) === undefined) continue;
      // Of an empty one, where nothing is left.
      await rmdir(path.join(this.#folder, folder)).catch(() => undefined);
      for (const base of await readdir(path.join(this.#folder, folder)).catch(() => [])) {
        const name = `${folder}/${base}`;
        if (this.#entries.has(name)) continue;
        const file = this.#path(name);
        const status = await stat(file).catch(() => undefined);
        if (status === undefined) continue;
        if (/^[0-9a-f]{32}-\d+$/.test(base)) found.push({ name, bytes: status.size, touchedMs: status.mtimeMs });
        else if (status.mtimeMs < this.#nowMs() - temporaryAgeMsMax) await unlink(file).catch(() => undefined);
      }
    }
    const own = [...this.#entries];
    for (const [name] of own) this.#forget(name);
    found.push(...own.map(([name, { bytes, touchedMs }]) => ({ name, bytes, touchedMs })));
    const order = new Map(own.map(([name], i) => [name, i]));
    // What this process has used keeps its own, finer order, behind what is older.
    found.sort((a, b) => a.touchedMs - b.touchedMs || (order.get(a.name) ?? -1) - (order.get(b.name) ?? -1));
    for (const { name, bytes, touchedMs } of found) {
      this.#entries.set(name, { bytes, touchedMs });
      this.counters.storedBytes += bytes;
    }
    this.#evict();
  }

  #path(name: string): string {
    return path.join(this.#folder, name);
  }
}

/** Below the cache's folder, without the chunk's index. */
function nameOf(key: string): string {
  const prefix = key.slice(0, Math.max(0, key.lastIndexOf('/')));
  return `${folderOf(prefix)}/${createHash('sha256').update(key).digest('hex').slice(0, 32)}`;
}

const folderOf = (prefix: string): string => `o-${encodeURIComponent(prefix).replaceAll('*', '%2A')}`;

/** The inverse of {@link folderOf}; undefined for what it never returns. */
function prefixOf(folder: string): string | undefined {
  if (!folder.startsWith('o-')) return undefined;
  try {
    const prefix = decodeURIComponent(folder.slice(2));
    return folderOf(prefix) === folder ? prefix : undefined;
  } catch {
    return undefined;
  }
}

function chunkLength({ size }: CachedObject, index: number): number {
  return Math.min(chunkBytes, size - index * chunkBytes);
}

function encodeChunk(key: string, bytes: Uint8Array): Uint8Array {
  const keyBytes = Buffer.byteLength(key);
  const file = Buffer.allocUnsafe(headBytes + keyBytes + bytes.length);
  file.writeUInt32LE(keyBytes, 4);
  file.write(key, headBytes);
  file.set(bytes, headBytes + keyBytes);
  file.writeUInt32LE(crc32(file.subarray(4)), 0);
  return file;
}

function decodeChunk(file: Uint8Array, key: string, length: number): Uint8Array | undefined {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const contentAt = headBytes + Buffer.byteLength(key);
  if (bytes.length !== contentAt + length || bytes.readUInt32LE(0) !== crc32(bytes.subarray(4))) return undefined;
  if (bytes.readUInt32LE(4) !== contentAt - headBytes || bytes.toString('utf8', headBytes, contentAt) !== key)
    return undefined;
  return bytes.subarray(contentAt);
}

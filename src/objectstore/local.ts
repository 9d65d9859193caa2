/**
 * An object store in a folder: keys are paths below it. The code above cannot tell it from a bucket.
 *
 *   put        write <root>/~temporary/<unique>  →  fdatasync  →  rename to the key's path  →  fsync of its folder
 *   ifAbsent   the same with link(2) for rename: the kernel lets exactly one of many racers have the name
 *
 * A folder that did not exist is made, and its name in its parent made durable, before the object counts as stored.
 * Unfinished files live in one folder whose name no key can have (`~` is not a key's character): listings, and other
 * programs that read a block's folder, never meet them, and cleaning up after a crash costs one look into one folder
 * instead of a walk over all. Several processes may share a root; only old leftovers are removed.
 *
 * Folders exist only as long as they hold objects. Removing one races with putting into it; `put` notices (`ENOENT`)
 * and makes the folder anew.
 */
import path from 'node:path';
import { throwIfAborted } from '../base/abort.ts';
import type { Clock } from '../base/clock.ts';
import { ErrorKind, RubatoError } from '../base/errors.ts';
import { type Rng, randomHex } from '../base/random.ts';
import { type FileSystem, fileErrorCode, type ReadableFile } from '../fs/file-system.ts';
import { nodeFileSystem } from '../fs/node-file-system.ts';
import { DirectorySync } from './directory-sync.ts';
import { listFolder } from './local-list.ts';
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

export interface LocalObjectStoreOptions {
  /** Created when missing. */
  readonly root: string;
  readonly clock: Clock;
  readonly rng: Rng;
  /** Default: the real one. */
  readonly fileSystem?: FileSystem;
  /**
   * Unfinished files older than this are removed at open. Must be longer than any put takes, since another process may
   * be at it. Default 15 minutes.
   */
  readonly temporaryAgeMsMax?: number;
}

const temporaryFolder = '~temporary';
const temporaryAgeMsDefault = 15 * 60_000;
/** How often a put makes its folder anew when deletes of its neighbours keep removing it. */
const placeTriesMax = 16;

export class LocalObjectStore implements ObjectStore {
  readonly #root: string;
  readonly #fileSystem: FileSystem;
  readonly #directorySync: DirectorySync;
  /** Folders known to exist durably, or being made so. Another process may remove one at any time. */
  readonly #folders = new Map<string, Promise<void>>();
  readonly #temporaryPrefix: string;
  #temporaryCount = 0;

  private constructor(options: LocalObjectStoreOptions) {
    this.#root = path.resolve(options.root);
    this.#fileSystem = options.fileSystem ?? nodeFileSystem;
    this.#directorySync = new DirectorySync(this.#fileSystem);
    this.#temporaryPrefix = path.join(this.#root, temporaryFolder, randomHex(options.rng, 8));
  }

  static async open(options: LocalObjectStoreOptions): Promise<LocalObjectStore> {
    const store = new LocalObjectStore(options);
    try {
      await store.#makeRoot(store.#root);
      const temporaries = path.join(store.#root, temporaryFolder);
      await store.#folder(temporaries);
      const oldestMs = options.clock.nowMs() - (options.temporaryAgeMsMax ?? temporaryAgeMsDefault);
      await store.#removeTemporaries(temporaries, oldestMs);
    } catch (error) {
      throw storeError(`folder ${store.#root}`, error);
    }
    return store;
  }

  async put(key: string, body: Uint8Array | readonly Uint8Array[], options: PutOptions = {}): Promise<void> {
    const target = this.#path(key);
    const folder = path.dirname(target);
    const temporary = `${this.#temporaryPrefix}-${this.#temporaryCount++}`;
    throwIfAborted(options.signal);
    try {
      await this.#writeTemporary(temporary, body instanceof Uint8Array ? [body] : body);
      throwIfAborted(options.signal);
      await this.#place(temporary, target, options.ifAbsent === true);
    } catch (error) {
      await this.#unlinkIfPresent(temporary).catch(() => {
        // The first error says more; the leftover is removed at the next open.
      });
      if (fileErrorCode(error) === 'EEXIST') throw alreadyExists(key, error);
      throw storeError(`object ${key}`, error);
    }
    try {
      await this.#directorySync.sync(folder);
      // If the folder was removed and made anew meanwhile, its own name may not be durable yet.
      await this.#folder(folder);
    } catch (error) {
      // The folder is gone, so the object was there and has been deleted already.
      if (fileErrorCode(error) !== 'ENOENT') throw storeError(`object ${key}`, error);
    }
  }

  async get(key: string, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#read(key, signal, async (file) => {
      const size = await file.sizeBytes();
      return exactly(key, await file.read(0, size), 0, size);
    });
  }

  async getRange(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    checkRange(key, offset, length);
    return this.#read(key, signal, async (file) => exactly(key, await file.read(offset, length), offset, length));
  }

  async getTail(key: string, length: number, signal?: AbortSignal): Promise<ObjectTail> {
    checkRange(key, 0, length);
    return this.#read(key, signal, async (file) => {
      const size = await file.sizeBytes();
      const offset = Math.max(0, size - length);
      return { bytes: exactly(key, await file.read(offset, size - offset), offset, size - offset), size };
    });
  }

  async *list(prefix: string, options: ListOptions = {}, signal?: AbortSignal): AsyncGenerator<ListedObject> {
    checkPrefix(prefix);
    try {
      yield* listFolder(this.#fileSystem, this.#root, prefix, options, signal);
    } catch (error) {
      throw storeError(`listing of ${prefix}`, error);
    }
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    const target = this.#path(key);
    throwIfAborted(signal);
    try {
      if (!(await this.#unlinkIfPresent(target))) return;
      await this.#removeEmptyFolders(path.dirname(target));
    } catch (error) {
      throw storeError(`object ${key}`, error);
    }
  }

  #path(key: string): string {
    checkKey(key);
    return path.join(this.#root, key);
  }

  /** Folders above the root may be anybody's; one that exists and cannot be synced is taken to be durable. */
  async #makeRoot(folder: string): Promise<void> {
    const parent = path.dirname(folder);
    try {
      await this.#fileSystem.makeDirectory(folder);
    } catch (error) {
      const code = fileErrorCode(error);
      if (code === 'ENOENT' && parent !== folder) {
        await this.#makeRoot(parent);
        return this.#makeRoot(folder);
      }
      if (code !== 'EEXIST') throw error;
      // Made by a process that was killed before its name was durable, perhaps.
      return this.#directorySync.sync(parent).catch(() => {});
    }
    await this.#directorySync.sync(parent);
  }

  async #removeTemporaries(folder: string, oldestMs: number): Promise<void> {
    for (const entry of await this.#fileSystem.readDirectory(folder)) {
      const file = path.join(folder, entry.name);
      try {
        const status = await this.#fileSystem.fileStatus(file);
        if (status.modifiedUnixMs <= oldestMs) await this.#unlinkIfPresent(file);
      } catch (error) {
        // Another process finished it.
        if (fileErrorCode(error) !== 'ENOENT') throw error;
      }
    }
  }

  async #writeTemporary(temporary: string, parts: readonly Uint8Array[]): Promise<void> {
    const file = await this.#fileSystem.createFile(temporary);
    try {
      await file.write(parts);
      await file.sync();
    } finally {
      // Nothing waits for it: content is durable, and a failed close of a synced file loses nothing.
      file.close().catch(() => {});
    }
  }

  async #place(temporary: string, target: string, ifAbsent: boolean): Promise<void> {
    const folder = path.dirname(target);
    for (let tries = 1; ; tries++) {
      try {
        await this.#folder(folder);
        if (!ifAbsent) return await this.#fileSystem.rename(temporary, target);
        await this.#fileSystem.link(temporary, target);
        return await this.#fileSystem.unlink(temporary);
      } catch (error) {
        if (fileErrorCode(error) !== 'ENOENT' || tries === placeTriesMax) throw error;
        this.#forgetFolders(folder);
      }
    }
  }

  /** Makes sure that the folder exists durably. */
  #folder(folder: string): Promise<void> {
    if (folder === this.#root) return Promise.resolve();
    const known = this.#folders.get(folder);
    if (known !== undefined) return known;
    const made = this.#makeFolder(folder);
    this.#folders.set(folder, made);
    made.catch(() => {
      if (this.#folders.get(folder) === made) this.#folders.delete(folder);
    });
    return made;
  }

  async #makeFolder(folder: string): Promise<void> {
    const parent = path.dirname(folder);
    await this.#folder(parent);
    try {
      await this.#fileSystem.makeDirectory(folder);
    } catch (error) {
      // Whoever made it may have crashed before its name was durable, so the sync below is for them too.
      if (fileErrorCode(error) !== 'EEXIST') throw error;
    }
    await this.#directorySync.sync(parent);
  }

  #forgetFolders(folder: string): void {
    for (let at = folder; at !== this.#root; at = path.dirname(at)) this.#folders.delete(at);
  }

  async #removeEmptyFolders(folder: string): Promise<void> {
    let at = folder;
    while (at !== this.#root) {
      const known = this.#folders.get(at);
      try {
        await this.#fileSystem.removeDirectory(at);
      } catch (error) {
        const code = fileErrorCode(error);
        if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOENT') throw error;
        if (code !== 'ENOENT') break;
      }
      // Unless a put has made it anew since.
      if (this.#folders.get(at) === known) this.#folders.delete(at);
      at = path.dirname(at);
    }
    try {
      await this.#directorySync.sync(at);
    } catch (error) {
      // Removed by somebody else, who makes that durable.
      if (fileErrorCode(error) !== 'ENOENT') throw error;
    }
  }

  async #unlinkIfPresent(file: string): Promise<boolean> {
    try {
      await this.#fileSystem.unlink(file);
      return true;
    } catch (error) {
      const code = fileErrorCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return false;
      throw error;
    }
  }

  async #read<T>(key: string, signal: AbortSignal | undefined, read: (file: ReadableFile) => Promise<T>): Promise<T> {
    const source = this.#path(key);
    throwIfAborted(signal);
    try {
      const file = await this.#fileSystem.openFile(source);
      try {
        return await read(file);
      } finally {
        file.close().catch(() => {});
      }
    } catch (error) {
      const code = fileErrorCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') throw notFound(key, error);
      throw storeError(`object ${key}`, error);
    }
  }
}

function exactly(key: string, bytes: Uint8Array, offset: number, length: number): Uint8Array {
  if (bytes.length !== length) throw rangeBeyondEnd(key, offset, length, offset + bytes.length);
  return bytes;
}

function storeError(what: string, error: unknown): RubatoError {
  if (error instanceof RubatoError) return error;
  const code = fileErrorCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') return unavailable('disk_full', `${what}: the disk is full`, error);
  if (code === 'EISDIR' || code === 'ENOTDIR' || code === 'ENAMETOOLONG')
    return new RubatoError(ErrorKind.invalid, 'bad_key', `${what} cannot be a file`, error);
  return unavailable('disk_failed', `${what}: the file system failed (${code ?? 'unknown error'})`, error);
}

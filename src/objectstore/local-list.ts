/**
 * Lists the files below a folder in the order of their keys. Depth first; within a folder names are ordered as the keys
 * they begin: a folder counts as `name/`, so that `a-b`, `a.b`, `a/c` come in this order.
 */
import path from 'node:path';
import { throwIfAborted } from '../base/abort.ts';
import { type DirectoryEntry, type FileSystem, fileErrorCode } from '../fs/file-system.ts';
import { checkKey, type ListedObject, type ListOptions } from './object-store.ts';

/** Sizes are asked for in batches: one trip to the pool each, several at a time. */
const statusBatch = 64;

export async function* listFolder(
  fileSystem: FileSystem,
  root: string,
  prefix: string,
  options: ListOptions,
  signal: AbortSignal | undefined,
): AsyncGenerator<ListedObject> {
  const { startAfter = '', limit = Number.POSITIVE_INFINITY, delimiter } = options;
  let left = limit;
  if (left <= 0) return;
  const start = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const keys = walk(fileSystem, root, start, { prefix, startAfter, shallow: delimiter !== undefined }, signal);
  let batch: string[] = [];
  for await (const key of keys) {
    batch.push(key);
    if (batch.length < Math.min(statusBatch, left)) continue;
    for (const listed of await withSizes(fileSystem, root, batch)) {
      yield listed;
      if (--left === 0) return;
    }
    batch = [];
  }
  for (const listed of await withSizes(fileSystem, root, batch)) yield listed;
}

interface Wanted {
  readonly prefix: string;
  readonly startAfter: string;
  /** Folders behind the prefix are named, not entered. */
  readonly shallow: boolean;
}

async function* walk(
  fileSystem: FileSystem,
  root: string,
  folder: string,
  wanted: Wanted,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  throwIfAborted(signal);
  for (const key of keysIn(folder, await readFolder(fileSystem, path.join(root, folder)))) {
    if (!key.startsWith(wanted.prefix)) continue;
    if (!key.endsWith('/')) {
      if (key > wanted.startAfter) yield key;
    } else if (wanted.shallow) {
      if (key > wanted.startAfter && (await holdsObject(fileSystem, root, key, signal))) yield key;
    } else if (key > wanted.startAfter || wanted.startAfter.startsWith(key)) {
      yield* walk(fileSystem, root, key, wanted, signal);
    }
  }
}

async function holdsObject(
  fileSystem: FileSystem,
  root: string,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const all = walk(fileSystem, root, folder, { prefix: folder, startAfter: '', shallow: false }, signal);
  return (await all.next()).done !== true;
}

/** Sorted; folders end with `/`. Names that cannot be part of a key (temporary files, `lost+found`) are not ours. */
function keysIn(folder: string, entries: readonly DirectoryEntry[]): string[] {
  const keys: string[] = [];
  for (const entry of entries) {
    const key = folder + entry.name;
    try {
      checkKey(key);
    } catch {
      continue;
    }
    keys.push(entry.isDirectory ? `${key}/` : key);
  }
  return keys.sort();
}

async function readFolder(fileSystem: FileSystem, folder: string): Promise<DirectoryEntry[]> {
  try {
    return await fileSystem.readDirectory(folder);
  } catch (error) {
    const code = fileErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

async function withSizes(fileSystem: FileSystem, root: string, keys: readonly string[]): Promise<ListedObject[]> {
  const listed = await Promise.all(
    keys.map(async (key): Promise<ListedObject | undefined> => {
      if (key.endsWith('/')) return { key, size: 0 };
      try {
        return { key, size: (await fileSystem.fileStatus(path.join(root, key))).sizeBytes };
      } catch (error) {
        // Deleted since its name was read.
        if (fileErrorCode(error) === 'ENOENT') return undefined;
        throw error;
      }
    }),
  );
  return listed.filter((object) => object !== undefined);
}

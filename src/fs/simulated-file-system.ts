/**
 * A file system in memory that can lose power. It keeps two truths: what programs see, and what is on the disk. A file's
 * content gets to the disk by `sync`, names by `syncDirectory`; `crash` gives the file system as found after the power
 * comes back. What was not synced may then be there, in part, or not at all; which of these, the generator decides:
 *
 *   content   as last synced, or any beginning of what was written, or the full length as zeros
 *   names     each change of a folder since its last sync happened or did not, independently of the others
 *
 * Harsher than real journalling file systems, which keep some order: what survives here survives there.
 */
import path from 'node:path';
import type { Rng } from '../base/random.ts';
import type { DirectoryEntry, FileStatus, FileSystem, ReadableFile, WritableFile } from './file-system.ts';

export type FileOperation =
  | 'createFile'
  | 'openFile'
  | 'write'
  | 'sync'
  | 'read'
  | 'rename'
  | 'link'
  | 'unlink'
  | 'makeDirectory'
  | 'removeDirectory'
  | 'syncDirectory'
  | 'readDirectory'
  | 'fileStatus';

export interface SimulatedFileSystemOptions {
  /** Called before each operation takes effect; whatever it throws is the operation's error. */
  readonly before?: (operation: FileOperation, path: string) => void;
  /** Bytes that fit on the disk; a write beyond it writes what fits and fails with `ENOSPC`. */
  readonly spaceBytes?: number;
  /** A disk that says yes to a file's `sync` and does nothing. Folders are synced all the same. */
  readonly syncLies?: boolean;
  /** For `modifiedUnixMs`. Default: always 0. */
  readonly nowMs?: () => number;
}

interface FileNode {
  readonly kind: 'file';
  content: Uint8Array;
  onDisk: Uint8Array;
  modifiedUnixMs: number;
}

interface DirectoryNode {
  readonly kind: 'directory';
  readonly entries: Map<string, Node>;
  /** As on the disk. */
  durable: Map<string, Node>;
  /** Changes since, in order: a name now means a node, or nothing. */
  pending: { readonly name: string; readonly node: Node | undefined }[];
}

type Node = FileNode | DirectoryNode;

export class SimulatedFileSystem implements FileSystem {
  readonly #options: SimulatedFileSystemOptions;
  #root: DirectoryNode = newDirectory();
  #writtenBytes = 0;

  constructor(options: SimulatedFileSystemOptions = {}) {
    this.#options = options;
  }

  /** The file system after a power failure at this moment. Unfinished operations of this one no longer matter to it. */
  crash(rng: Rng, options: SimulatedFileSystemOptions = {}): SimulatedFileSystem {
    const after = new SimulatedFileSystem(options);
    after.#root = crashDirectory(this.#root, rng, new Map());
    return after;
  }

  async createFile(file: string): Promise<WritableFile> {
    await this.#before('createFile', file);
    const { parent, name } = this.#locate(file);
    if (parent.entries.has(name)) throw fileError('EEXIST', file);
    const node: FileNode = {
      kind: 'file',
      content: new Uint8Array(0),
      onDisk: new Uint8Array(0),
      modifiedUnixMs: this.#options.nowMs?.() ?? 0,
    };
    setEntry(parent, name, node);
    return {
      write: async (parts) => {
        await this.#before('write', file);
        const bytes = Buffer.concat(parts);
        const room = (this.#options.spaceBytes ?? Number.POSITIVE_INFINITY) - this.#writtenBytes;
        const fits = bytes.subarray(0, Math.min(bytes.length, room));
        node.content = new Uint8Array(Buffer.concat([node.content, fits]));
        this.#writtenBytes += fits.length;
        if (fits.length < bytes.length) throw fileError('ENOSPC', file);
      },
      sync: async () => {
        await this.#before('sync', file);
        if (this.#options.syncLies !== true) node.onDisk = node.content;
      },
      close: async () => {},
    };
  }

  async openFile(file: string): Promise<ReadableFile> {
    await this.#before('openFile', file);
    const node = this.#file(file);
    return {
      sizeBytes: async () => node.content.length,
      read: async (offset, length) => {
        await this.#before('read', file);
        return node.content.slice(offset, offset + length);
      },
      close: async () => {},
    };
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#before('rename', to);
    const node = this.#file(from);
    const source = this.#locate(from);
    const target = this.#locate(to);
    if (target.parent.entries.get(target.name)?.kind === 'directory') throw fileError('EISDIR', to);
    setEntry(target.parent, target.name, node);
    setEntry(source.parent, source.name, undefined);
  }

  async link(from: string, to: string): Promise<void> {
    await this.#before('link', to);
    const node = this.#file(from);
    const target = this.#locate(to);
    if (target.parent.entries.has(target.name)) throw fileError('EEXIST', to);
    setEntry(target.parent, target.name, node);
  }

  async unlink(file: string): Promise<void> {
    await this.#before('unlink', file);
    this.#file(file);
    const { parent, name } = this.#locate(file);
    setEntry(parent, name, undefined);
  }

  async makeDirectory(directory: string): Promise<void> {
    await this.#before('makeDirectory', directory);
    if (path.dirname(directory) === directory) throw fileError('EEXIST', directory);
    const { parent, name } = this.#locate(directory);
    if (parent.entries.has(name)) throw fileError('EEXIST', directory);
    setEntry(parent, name, newDirectory());
  }

  async removeDirectory(directory: string): Promise<void> {
    await this.#before('removeDirectory', directory);
    if (this.#directory(directory).entries.size > 0) throw fileError('ENOTEMPTY', directory);
    const { parent, name } = this.#locate(directory);
    setEntry(parent, name, undefined);
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.#before('syncDirectory', directory);
    const node = this.#directory(directory);
    node.durable = new Map(node.entries);
    node.pending = [];
  }

  async readDirectory(directory: string): Promise<DirectoryEntry[]> {
    await this.#before('readDirectory', directory);
    const entries = [...this.#directory(directory).entries];
    return entries.map(([name, node]) => ({ name, isDirectory: node.kind === 'directory' }));
  }

  async fileStatus(file: string): Promise<FileStatus> {
    await this.#before('fileStatus', file);
    const node = this.#file(file);
    return { sizeBytes: node.content.length, modifiedUnixMs: node.modifiedUnixMs };
  }

  /** Each operation takes a turn, so that others come in between as they do in reality. */
  async #before(operation: FileOperation, file: string): Promise<void> {
    await Promise.resolve();
    this.#options.before?.(operation, file);
  }

  #directory(directory: string): DirectoryNode {
    let node: Node = this.#root;
    for (const name of path.resolve(directory).split(path.sep)) {
      if (name === '') continue;
      if (node.kind !== 'directory') throw fileError('ENOTDIR', directory);
      const next: Node | undefined = node.entries.get(name);
      if (next === undefined) throw fileError('ENOENT', directory);
      node = next;
    }
    if (node.kind !== 'directory') throw fileError('ENOTDIR', directory);
    return node;
  }

  #locate(file: string): { readonly parent: DirectoryNode; readonly name: string } {
    return { parent: this.#directory(path.dirname(file)), name: path.basename(file) };
  }

  #file(file: string): FileNode {
    const { parent, name } = this.#locate(file);
    const node = parent.entries.get(name);
    if (node === undefined) throw fileError('ENOENT', file);
    if (node.kind === 'directory') throw fileError('EISDIR', file);
    return node;
  }
}

function newDirectory(): DirectoryNode {
  return { kind: 'directory', entries: new Map(), durable: new Map(), pending: [] };
}

function setEntry(directory: DirectoryNode, name: string, node: Node | undefined): void {
  directory.pending.push({ name, node });
  if (node === undefined) directory.entries.delete(name);
  else directory.entries.set(name, node);
}

/** `done` keeps one file with two names one file. */
function crashDirectory(directory: DirectoryNode, rng: Rng, done: Map<Node, Node>): DirectoryNode {
  const entries = new Map(directory.durable);
  for (const { name, node } of directory.pending) {
    if (rng.float() < 0.5) continue;
    if (node === undefined) entries.delete(name);
    else entries.set(name, node);
  }
  const after = newDirectory();
  for (const [name, node] of entries) {
    let survivor = done.get(node);
    if (survivor === undefined) {
      survivor = node.kind === 'file' ? crashFile(node, rng) : crashDirectory(node, rng, done);
      done.set(node, survivor);
    }
    after.entries.set(name, survivor);
  }
  after.durable = new Map(after.entries);
  return after;
}

function crashFile(file: FileNode, rng: Rng): FileNode {
  let content = file.onDisk;
  if (file.content !== file.onDisk) {
    const fate = rng.float();
    if (fate < 0.4) content = file.content.slice(0, Math.floor(rng.float() * (file.content.length + 1)));
    else if (fate < 0.6) content = new Uint8Array(file.content.length);
  }
  return { kind: 'file', content, onDisk: content, modifiedUnixMs: file.modifiedUnixMs };
}

export function fileError(code: string, file: string): Error {
  return Object.assign(new Error(`${code}: ${file}`), { code });
}

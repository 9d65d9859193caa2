/**
 * The real file system. Uses descriptors with callbacks rather than `FileHandle`: on the path of an acknowledgement each
 * call is one trip through libuv's pool and nothing else.
 */
import fs from 'node:fs';
import type { DirectoryEntry, FileStatus, FileSystem, ReadableFile, WritableFile } from './file-system.ts';

type Done = (error: NodeJS.ErrnoException | null) => void;

function run(operation: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    operation((error) => (error === null ? resolve() : reject(error)));
  });
}

function open(path: string, flags: string): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags, 0o644, (error, descriptor) => (error === null ? resolve(descriptor) : reject(error)));
  });
}

/** writev may take less than it was given, and takes at most IOV_MAX (1024 on Linux) parts. */
const partsPerWriteMax = 1024;

function writeSome(descriptor: number, parts: readonly Uint8Array[]): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.writev(descriptor, parts, (error, written) => (error === null ? resolve(written) : reject(error)));
  });
}

class NodeWritableFile implements WritableFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  async write(parts: readonly Uint8Array[]): Promise<void> {
    let left = parts.filter((part) => part.length > 0);
    while (left.length > 0) {
      let written = await writeSome(this.#descriptor, left.slice(0, partsPerWriteMax));
      let whole = 0;
      while (whole < left.length && written >= left[whole]!.length) written -= left[whole++]!.length;
      left = left.slice(whole);
      if (written > 0) left[0] = left[0]!.subarray(written);
    }
  }

  sync(): Promise<void> {
    return run((done) => fs.fdatasync(this.#descriptor, done));
  }

  close(): Promise<void> {
    return run((done) => fs.close(this.#descriptor, done));
  }
}

class NodeReadableFile implements ReadableFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  sizeBytes(): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.fstat(this.#descriptor, (error, status) => (error === null ? resolve(status.size) : reject(error)));
    });
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    // Not from Node's shared pool: the bytes may be kept long, and typed arrays are laid over them.
    const bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
    let filled = 0;
    while (filled < length) {
      const count = await this.#readSome(bytes, filled, offset + filled);
      if (count === 0) return bytes.subarray(0, filled);
      filled += count;
    }
    return bytes;
  }

  #readSome(into: Uint8Array, at: number, offset: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.#descriptor, into, at, into.length - at, offset, (error, count) =>
        error === null ? resolve(count) : reject(error),
      );
    });
  }

  close(): Promise<void> {
    return run((done) => fs.close(this.#descriptor, done));
  }
}

export const nodeFileSystem: FileSystem = {
  createFile: async (path) => new NodeWritableFile(await open(path, 'wx')),
  openFile: async (path) => new NodeReadableFile(await open(path, 'r')),
  rename: (from, to) => run((done) => fs.rename(from, to, done)),
  link: (from, to) => run((done) => fs.link(from, to, done)),
  unlink: (path) => run((done) => fs.unlink(path, done)),
  makeDirectory: (path) => run((done) => fs.mkdir(path, done)),
  removeDirectory: (path) => run((done) => fs.rmdir(path, done)),

  async syncDirectory(path: string): Promise<void> {
    const descriptor = await open(path, 'r');
    try {
      await run((done) => fs.fsync(descriptor, done));
    } finally {
      // Opened for reading: closing has nothing to lose, so nobody waits for it.
      fs.close(descriptor, () => {});
    }
  },

  readDirectory(path: string): Promise<DirectoryEntry[]> {
    return new Promise((resolve, reject) => {
      fs.readdir(path, { withFileTypes: true }, (error, entries) => {
        if (error !== null) reject(error);
        else resolve(entries.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() })));
      });
    });
  },

  fileStatus(path: string): Promise<FileStatus> {
    return new Promise((resolve, reject) => {
      fs.stat(path, (error, status) => {
        if (error !== null) reject(error);
        else resolve({ sizeBytes: status.size, modifiedUnixMs: status.mtimeMs });
      });
    });
  },
};

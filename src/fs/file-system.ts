/**
 * The few file operations that durable storage is made of, as a port: `nodeFileSystem` is the real one,
 * `SimulatedFileSystem` loses power at any step. Errors are Node's: an `Error` with a `code` such as `ENOENT`.
 */
export interface FileSystem {
  /** Creates a file that does not exist yet and opens it for writing. `EEXIST` when there is one. */
  createFile(path: string): Promise<WritableFile>;
  /** Opens for reading. */
  openFile(path: string): Promise<ReadableFile>;
  /** Atomic; replaces `to`. Durable once both folders are synced. */
  rename(from: string, to: string): Promise<void>;
  /** A second name for a file. `EEXIST` when `to` exists: of many racers one wins. */
  link(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** `EEXIST` when something has that name. The parent must exist. */
  makeDirectory(path: string): Promise<void>;
  /** `ENOTEMPTY` unless empty. */
  removeDirectory(path: string): Promise<void>;
  /** Makes the names in a folder durable. */
  syncDirectory(path: string): Promise<void>;
  readDirectory(path: string): Promise<DirectoryEntry[]>;
  fileStatus(path: string): Promise<FileStatus>;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly isDirectory: boolean;
}

export interface FileStatus {
  readonly sizeBytes: number;
  readonly modifiedUnixMs: number;
}

export interface WritableFile {
  /** Appends all bytes of all parts. After an error some of them may be in the file. */
  write(parts: readonly Uint8Array[]): Promise<void>;
  /** Makes content and size durable. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface ReadableFile {
  sizeBytes(): Promise<number>;
  /** Fewer bytes than asked for only at the end of the file. The caller owns the result. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** The `code` of a file system's error, if it has one. */
export function fileErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

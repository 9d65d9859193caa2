/** A file system seen by someone who must not change it: reads pass, folders count as made, everything else is refused. */
import { type DirectoryEntry, type FileSystem, fileErrorCode } from './file-system.ts';

export function readOnlyFileSystem(real: FileSystem): FileSystem {
  const refuse = (): Promise<never> => Promise.reject(errorWith('EROFS', 'opened for reading only'));
  return {
    openFile: (path) => real.openFile(path),
    fileStatus: (path) => real.fileStatus(path),
    async readDirectory(path): Promise<DirectoryEntry[]> {
      try {
        return await real.readDirectory(path);
      } catch (error) {
        // A folder that would have been made is an empty one.
        if (fileErrorCode(error) === 'ENOENT') return [];
        throw error;
      }
    },
    makeDirectory: () => Promise.reject(errorWith('EEXIST', 'taken as there')),
    syncDirectory: () => Promise.resolve(),
    createFile: refuse,
    rename: refuse,
    link: refuse,
    unlink: refuse,
    removeDirectory: refuse,
  };
}

function errorWith(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}

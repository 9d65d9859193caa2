import type { FileSystem } from '../fs/file-system.ts';

/** A whole file as UTF-8. Errors are the file system's. */
export async function readTextFile(fileSystem: FileSystem, file: string): Promise<string> {
  const open = await fileSystem.openFile(file);
  try {
    const bytes = await open.read(0, await open.sizeBytes());
    return new TextDecoder().decode(bytes);
  } finally {
    await open.close();
  }
}

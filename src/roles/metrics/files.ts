/** Whole small files, durable when the promise resolves. */
import { type FileSystem, fileErrorCode } from '../../fs/file-system.ts';

/** Makes a folder and those above it that are missing. */
export async function makeFolders(fs: FileSystem, path: string): Promise<void> {
  try {
    await fs.makeDirectory(path);
  } catch (error) {
    const code = fileErrorCode(error);
    if (code === 'EEXIST') return;
    const parent = path.replace(/\/[^/]+\/*$/, '');
    if (code !== 'ENOENT' || parent === path || parent === '') throw error;
    await makeFolders(fs, parent);
    await makeFolders(fs, path);
  }
}

/** Under another name first, so that the file is there whole or not at all. */
export async function writeWhole(
  fs: FileSystem,
  folder: string,
  name: string,
  parts: readonly Uint8Array[],
): Promise<void> {
  const temporary = `${folder}/${name}.new`;
  await unlinkIfThere(fs, temporary);
  const file = await fs.createFile(temporary);
  try {
    await file.write(parts);
    await file.sync();
  } finally {
    await file.close();
  }
  await fs.rename(temporary, `${folder}/${name}`);
  await fs.syncDirectory(folder);
}

/** Undefined when there is none. */
export async function readWhole(fs: FileSystem, path: string): Promise<Uint8Array | undefined> {
  try {
    const file = await fs.openFile(path);
    try {
      return await file.read(0, await file.sizeBytes());
    } finally {
      await file.close();
    }
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** A folder with all that is in it, if it is there. */
export async function removeFolder(fs: FileSystem, path: string): Promise<void> {
  const entries = await fs.readDirectory(path).catch((error: unknown) => {
    if (fileErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (entries === undefined) return;
  for (const { name, isDirectory } of entries) {
    if (isDirectory) await removeFolder(fs, `${path}/${name}`);
    else await unlinkIfThere(fs, `${path}/${name}`);
  }
  await fs.removeDirectory(path);
}

export async function unlinkIfThere(fs: FileSystem, path: string): Promise<void> {
  try {
    await fs.unlink(path);
  } catch (error) {
    if (fileErrorCode(error) !== 'ENOENT') throw error;
  }
}

/**
 * One process per data folder. The lock is a listening local socket, because the kernel frees it when its owner dies in
 * any way, where a lock file would be left behind by kill -9. On Linux the socket has an abstract name (no file);
 * elsewhere it is a file in the folder, and a leftover one is told from a live one by connecting to it.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync, rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { ErrorKind, RubatoError } from '../base/errors.ts';

export interface FolderLock {
  release(): Promise<void>;
}

/** Makes the folder when it is missing. @throws RubatoError config when another process has it. */
export async function lockFolder(folder: string): Promise<FolderLock> {
  mkdirSync(folder, { recursive: true });
  const real = realpathSync(folder);
  const abstract = process.platform === 'linux';
  const digest = createHash('sha256').update(real).digest('hex').slice(0, 32);
  const address = abstract ? `\0rubato-${digest}` : path.join(real, 'lock.sock');
  if (!abstract && !(await connects(address))) rmSync(address, { force: true });
  const server = net.createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      const message = taken ? `another process uses the data folder ${real}` : `cannot lock ${real}: ${error.message}`;
      reject(new RubatoError(ErrorKind.config, 'folder_locked', message, error));
    });
    server.listen(address, resolve);
  });
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

function connects(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(address);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

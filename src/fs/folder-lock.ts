/**
 * Who may use a data folder: one process alone, or any number that share it. A lock is a listening local socket, because
 * the kernel frees it when its owner dies in any way, where a lock file would be left behind by kill -9. On Linux the
 * socket has an abstract name (no file); elsewhere it is a file in the folder, and a leftover one is told from a live one
 * by connecting to it.
 *
 * Those that share have a socket each, in numbered places. Both kinds take their own place first and look at the others'
 * then, so of two that meet at least one sees the other.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync, rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { ErrorKind, RubatoError } from '../base/errors.ts';

export interface FolderLock {
  release(): Promise<void>;
}

/** `alone`: nobody else may use the folder. `shared`: others may that share it too. */
export type LockMode = 'alone' | 'shared';

/** Processes on one machine that share a folder. */
const placesMax = 64;

/** Makes the folder when it is missing. @throws RubatoError config when another process is in the way. */
export async function lockFolder(folder: string, mode: LockMode): Promise<FolderLock> {
  mkdirSync(folder, { recursive: true });
  const real = realpathSync(folder);
  const digest = createHash('sha256').update(real).digest('hex').slice(0, 32);
  const isAbstract = process.platform === 'linux';
  const addressOf = (place: string): string =>
    isAbstract ? `\0rubato-${digest}${place}` : path.join(real, `lock${place}.sock`);
  const places = Array.from({ length: placesMax }, (_, i) => addressOf(`-${i}`));
  const alone = addressOf('');
  const listen = async (address: string): Promise<net.Server | undefined> => {
    if (!isAbstract && !(await connects(address))) rmSync(address, { force: true });
    return listenAt(address, real);
  };
  if (mode === 'alone') {
    const server = await listen(alone);
    if (server === undefined) throw taken(`another process uses the data folder ${real}`);
    for (const place of places) {
      if (!(await connects(place))) continue;
      await closed(server);
      throw taken(`other processes share the data folder ${real}`);
    }
    return { release: () => closed(server) };
  }
  for (const place of places) {
    const server = await listen(place);
    if (server === undefined) continue;
    if (!(await connects(alone))) return { release: () => closed(server) };
    await closed(server);
    throw taken(`a process with target all uses the data folder ${real} alone`);
  }
  throw taken(`more than ${placesMax} processes share the data folder ${real}`);
}

/** Undefined when another one listens there. */
function listenAt(address: string, folder: string): Promise<net.Server | undefined> {
  const server = net.createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(new RubatoError(ErrorKind.config, 'folder_locked', `cannot lock ${folder}: ${error.message}`, error));
    });
    server.listen(address, () => {
      server.unref();
      resolve(server);
    });
  });
}

function closed(server: net.Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function taken(message: string): RubatoError {
  return new RubatoError(ErrorKind.config, 'folder_locked', message);
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

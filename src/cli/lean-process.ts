/**
 * A process for every node, beside other people's programs: less than half of the resident memory that Node takes by
 * default for the same modules. What must be known before a Node process begins is put in place by starting anew, in
 * place (execve: the same process id, the same files):
 *
 *  - a cache of compiled modules. It keeps them without their TypeScript types, so that what removes types (a WebAssembly
 *    module of 20 MB) is loaded only by the first start after a change of the sources;
 *  - a small nursery for new objects: a collector of bytes has no use for 16 MB of them;
 *  - few arenas of malloc, of which each thread that compresses would keep one.
 */
import { flushCompileCache } from 'node:module';
import path from 'node:path';

const marker = 'RUBATO_LEAN_PROCESS';
const flags = ['--max-semi-space-size=2', '--disable-warning=ExperimentalWarning'];
const cacheFolder = path.resolve(import.meta.dirname, '../../node_modules/.cache/rubato');

/** To be called before anything large is loaded. Where the platform cannot start anew the process stays as it is. */
export function becomeLean(): void {
  const { env, execve } = process;
  if (env[marker] === undefined && execve !== undefined && process.platform !== 'win32') {
    const lean = { NODE_COMPILE_CACHE: cacheFolder, MALLOC_ARENA_MAX: '1', ...env, [marker]: '1' };
    execve(process.execPath, [process.execPath, ...flags, ...process.execArgv, ...process.argv.slice(1)], lean);
  }
  leaveOutUndici();
}

/**
 * An ES module that imports node:http reads all that it exports, three names of WebSockets among them that load the whole
 * of undici when they are read: 14 MB for nothing. They are aliases of globals, which stay.
 */
function leaveOutUndici(): void {
  const http: Record<string, unknown> = process.getBuiltinModule('node:http');
  for (const name of ['WebSocket', 'CloseEvent', 'MessageEvent']) delete http[name];
}

/** All is loaded: what the next start needs is written down now, since this process may end without notice. */
export function keepCompiled(): void {
  flushCompileCache();
}

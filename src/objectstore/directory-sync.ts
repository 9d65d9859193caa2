/**
 * Group commit for folders: a sync that is asked for while another runs cannot rely on that one (it may have looked at the
 * folder already), so it waits for the next, which all that come meanwhile share.
 */
import type { FileSystem } from '../fs/file-system.ts';

interface Syncs {
  readonly running: Promise<void>;
  next: Promise<void> | undefined;
}

export class DirectorySync {
  readonly #fileSystem: FileSystem;
  readonly #syncs = new Map<string, Syncs>();

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem;
  }

  /** Resolves when every name that was in the folder at the time of the call is durable. */
  sync(path: string): Promise<void> {
    const syncs = this.#syncs.get(path);
    if (syncs === undefined) return this.#start(path);
    syncs.next ??= syncs.running.then(
      () => this.#start(path),
      () => this.#start(path),
    );
    return syncs.next;
  }

  #start(path: string): Promise<void> {
    const running = this.#fileSystem.syncDirectory(path).finally(() => {
      // Unless `next` is about to take the place.
      if (this.#syncs.get(path)?.next === undefined) this.#syncs.delete(path);
    });
    this.#syncs.set(path, { running, next: undefined });
    return running;
  }
}

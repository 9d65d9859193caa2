/**
 * Keeps a mirror of one kind of objects: lists them page by page, then watches from the version of the list on.
 *
 *   list ──► watch ──► (server ends it, connection breaks) ──► watch again from the last version seen
 *     ▲         │
 *     └── 410: that version is forgotten, or a page of the list is
 *
 * Bookmarks move the version on while nothing of ours changes, so that a watch rarely has to begin with a list again.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
import type { KubernetesObject } from '@kubernetes/client-node';
import type { Clock } from '../../base/clock.ts';
import type { Rng } from '../../base/random.ts';
import { type ApiClient, ApiError, type Query } from './api-client.ts';

export interface ReflectorOptions<Item> {
  readonly client: ApiClient;
  /** `/api/v1/pods` */
  readonly path: string;
  readonly fieldSelector?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly clock: Clock;
  readonly rng: Rng;
  /** What is kept of an object. */
  readonly keep: (object: KubernetesObject) => Item;
  readonly onList: (items: readonly Item[]) => void;
  readonly onSet: (item: Item) => void;
  readonly onGone: (item: Item) => void;
}

export interface ReflectorStatus {
  /** A list was read to its end at least once. */
  isSynced: boolean;
  /** A watch is open, or has just ended as planned. */
  isWatching: boolean;
  lists: number;
  watches: number;
  /** Versions that the server had forgotten. */
  gone: number;
  failures: number;
  lastError: string | undefined;
}

/** Pages keep the peak of memory down: a pod's JSON is some 10 kB. */
const pageItems = 200;
/** The server ends a watch after so long, as other clients ask of it, so that load moves between API servers. */
const watchSeconds = { min: 300, max: 600 };
/** For the end to arrive. */
const watchGraceMs = 30_000;
const pauseMs = { first: 250, max: 30_000 };
/** A watch that lived so long was no failure, however it ended. */
const soundWatchMs = 5_000;

interface ListPage {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly KubernetesObject[];
}

interface WatchLine {
  readonly type?: string;
  readonly object?: KubernetesObject & { readonly code?: number; readonly message?: string };
}

export class Reflector<Item> {
  readonly status: ReflectorStatus = {
    isSynced: false,
    isWatching: false,
    lists: 0,
    watches: 0,
    gone: 0,
    failures: 0,
    lastError: undefined,
  };
  readonly #options: ReflectorOptions<Item>;

  constructor(options: ReflectorOptions<Item>) {
    this.#options = options;
  }

  /** Runs until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, rng } = this.#options;
    let version: string | undefined;
    let failuresInARow = 0;
    while (!signal.aborted) {
      const startedMs = clock.nowMs();
      try {
        version ??= await this.#list(signal);
        await this.#watch(version, signal, (seen) => (version = seen));
        this.status.lastError = undefined;
      } catch (error) {
        if (signal.aborted) return;
        this.status.failures++;
        this.status.lastError = error instanceof Error ? error.message : String(error);
        if (error instanceof ApiError && error.status === 410) {
          this.status.gone++;
          version = undefined;
        }
      }
      this.status.isWatching = false;
      if (clock.nowMs() - startedMs >= soundWatchMs) failuresInARow = 0;
      // The first time at once: a watch that ended is no reason to miss anything.
      if (failuresInARow++ === 0) continue;
      const pause = Math.min(pauseMs.first * 2 ** (failuresInARow - 2), pauseMs.max);
      await clock.sleep(pause * (0.5 + rng.float() / 2), signal).catch(() => undefined);
    }
  }

  /** Resolves with the version that the list shows. */
  async #list(signal: AbortSignal): Promise<string> {
    const { client, path, keep, onList } = this.#options;
    const items: Item[] = [];
    let next: string | undefined;
    for (;;) {
      const query = { ...this.#selectors(), limit: pageItems, continue: next };
      const page = (await client.getJson(path, query, signal)) as ListPage;
      for (const object of page.items ?? []) items.push(keep(object));
      next = page.metadata?.continue || undefined;
      if (next !== undefined) continue;
      this.status.lists++;
      onList(items);
      this.status.isSynced = true;
      return page.metadata?.resourceVersion ?? '';
    }
  }

  async #watch(version: string, signal: AbortSignal, onVersion: (version: string) => void): Promise<void> {
    const { client, path, keep, onSet, onGone, rng } = this.#options;
    const seconds = Math.round(watchSeconds.min + rng.float() * (watchSeconds.max - watchSeconds.min));
    const query = {
      ...this.#selectors(),
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion: version,
      timeoutSeconds: seconds,
    };
    this.status.watches++;
    this.status.isWatching = true;
    const onLine = (document: unknown): void => {
      const { type, object } = document as WatchLine;
      if (object === undefined) return;
      if (type === 'ERROR') throw new ApiError(object.code ?? 500, object.message ?? 'the watch failed');
      if (type === 'ADDED' || type === 'MODIFIED') onSet(keep(object));
      else if (type === 'DELETED') onGone(keep(object));
      const seen = object.metadata?.resourceVersion;
      if (seen !== undefined) onVersion(seen);
    };
    await client.watch(path, query, { signal, lifeMsMax: seconds * 1000 + watchGraceMs, onLine });
  }

  #selectors(): Query {
    const { fieldSelector, labelSelector } = this.#options;
    return { fieldSelector, labelSelector };
  }
}

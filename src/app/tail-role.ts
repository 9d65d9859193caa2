/** The main thread's end of the tail thread: live data of other processes for the read role. */
import { Worker } from 'node:worker_threads';
import type { ManifestState } from '../block/manifest.ts';
import type { LiveSource } from '../roles/read/reader.ts';
import type { LiveView } from '../roles/write/writer.ts';
import type { ByTenant } from './overrides/tenant-overrides.ts';
import type { SeenManifest, TailQuestion, TailThreadData } from './tail-thread.ts';
import { ThreadClient } from './thread-rpc.ts';

/** Scanning makes little garbage; small generations keep the process small. */
const resourceLimits = { maxYoungGenerationSizeMb: 32 };

export class TailRole implements LiveSource {
  readonly #worker: Worker;
  readonly #client: ThreadClient;
  /** Resolves with the reason when the thread ends without being told to. */
  readonly failed: Promise<string>;

  constructor(workerData: TailThreadData) {
    this.#worker = new Worker(new URL('./tail-thread.ts', import.meta.url), { workerData, resourceLimits });
    this.#client = new ThreadClient(this.#worker);
    this.failed = new Promise((resolve) => {
      const gone = (reason: string): void => {
        this.#client.fail(reason);
        resolve(reason);
      };
      this.#worker.on('error', (error) => gone(`the tail thread failed: ${error.stack ?? error.message}`));
      this.#worker.on('exit', (code) => gone(`the tail thread ended with code ${code}`));
    });
  }

  start(): Promise<void> {
    return this.#client.call('start');
  }

  /**
   * As new as every acknowledgement before the call, by any writer but `except`, whose tables the caller has.
   * @throws when that is not certain
   */
  live(tenant: string, except?: string): Promise<LiveView> {
    return this.#client.call('live', { tenant, except } satisfies TailQuestion);
  }

  /** The writer of this process goes on under another id. */
  setOwnWriter(id: string): void {
    this.#client.call('setOwnWriter', id).catch(() => undefined);
  }

  see({ tenant, version, covered }: ManifestState): void {
    this.#client.call('see', { tenant, version, covered } satisfies SeenManifest).catch(() => undefined);
  }

  /** Tenants that have live rows here. */
  tenants(): Promise<readonly string[]> {
    return this.#client.call('tenants');
  }

  configure(attributeBytesMax: ByTenant<number>): void {
    this.#client.call('configure', attributeBytesMax).catch(() => undefined);
  }

  async stop(): Promise<void> {
    await this.#client.call('stop').catch(() => undefined);
    await this.#worker.terminate();
  }
}

/**
 * What a process's own writer and those of others have live. Its own is asked first: when it has just lost its id, the
 * others' view holds what it had acknowledged before.
 */
export function bothLive(own: LiveSource, others: Pick<TailRole, 'live' | 'see'>): LiveSource {
  return {
    live: async (tenant) => {
      const mine = await own.live(tenant);
      const theirs = await others.live(tenant, mine.writer);
      // 0: the reader looks for the newest manifest itself, which is at least as new as what any of them would name.
      return { manifestVersion: 0, tables: [...mine.tables, ...theirs.tables] };
    },
    see: (manifest) => others.see(manifest),
  };
}

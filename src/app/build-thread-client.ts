/** Hands tables to the build thread, one at a time; starts it when it is first needed and again when it died. */
import { Worker } from 'node:worker_threads';
import type { BlockMeta } from '../block/manifest.ts';
import type { SpanTableData } from '../model/span-table.ts';
import type { BlockBuilder } from '../roles/write/writer.ts';
import type { Config } from './config/schema.ts';
import { ThreadClient } from './thread-rpc.ts';

export interface BuildThreadData {
  readonly config: Config;
}

/** The builder's garbage is short-lived; a small young generation keeps its heap, and so the process, small. */
const resourceLimits = { maxYoungGenerationSizeMb: 16 };

export class BuildThread implements BlockBuilder {
  readonly #config: Config;
  #running: { worker: Worker; client: ThreadClient } | undefined;

  constructor(config: Config) {
    this.#config = config;
  }

  async build(tenant: string, data: SpanTableData): Promise<BlockMeta> {
    this.#running ??= this.#start();
    return this.#running.client.call<BlockMeta>('build', { tenant, data });
  }

  /** Starts the thread and lets it compile its code. A failure shows when it is needed. */
  async warmUp(): Promise<void> {
    this.#running ??= this.#start();
    await this.#running.client.call('warmUp').catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.#running?.worker.terminate();
  }

  #start(): { worker: Worker; client: ThreadClient } {
    const workerData: BuildThreadData = { config: this.#config };
    const worker = new Worker(new URL('./build-thread.ts', import.meta.url), { workerData, resourceLimits });
    const client = new ThreadClient(worker);
    const gone = (reason: string): void => {
      this.#running = undefined;
      client.fail(reason);
    };
    worker.on('error', (error) => gone(`the block builder failed: ${error.stack ?? error.message}`));
    worker.on('exit', () => gone('the block builder ended'));
    return { worker, client };
  }
}

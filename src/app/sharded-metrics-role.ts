/** The main thread's end of the thread that makes metrics of all writers' spans. */
import { Worker } from 'node:worker_threads';
import type { TextFormat } from '../generator/open-metrics.ts';
import type { MetricsStatus } from '../roles/metrics/metrics-role.ts';
import type { WriteSettings } from './limits.ts';
import type { MetricsText } from './metrics-thread.ts';
import type { ByTenant } from './overrides/tenant-overrides.ts';
import type { ShardedMetricsThreadData } from './sharded-metrics-thread.ts';
import { ThreadClient } from './thread-rpc.ts';

/** Scanning makes little garbage; small generations keep the process small. */
const resourceLimits = { maxYoungGenerationSizeMb: 32 };

export class ShardedMetricsRole {
  readonly #worker: Worker;
  readonly #client: ThreadClient;
  /** Resolves with the reason when the thread ends without being told to. */
  readonly failed: Promise<string>;

  constructor(workerData: ShardedMetricsThreadData) {
    this.#worker = new Worker(new URL('./sharded-metrics-thread.ts', import.meta.url), { workerData, resourceLimits });
    this.#client = new ThreadClient(this.#worker);
    this.failed = new Promise((resolve) => {
      const gone = (reason: string): void => {
        this.#client.fail(reason);
        resolve(reason);
      };
      this.#worker.on('error', (error) => gone(`the metrics thread failed: ${error.stack ?? error.message}`));
      this.#worker.on('exit', (code) => gone(`the metrics thread ended with code ${code}`));
    });
  }

  start(): Promise<void> {
    return this.#client.call('start');
  }

  configure(settings: ByTenant<WriteSettings>): void {
    this.#client.call('configure', settings).catch(() => undefined);
  }

  /** Series of a tenant that this process counts. */
  text(tenant: string, format: TextFormat): Promise<string> {
    return this.#client.call('text', { tenant, format } satisfies MetricsText);
  }

  status(): Promise<MetricsStatus> {
    return this.#client.call('status');
  }

  /** What has been counted is kept, and others may count on. */
  async stop(): Promise<void> {
    await this.#client.call('stop').catch(() => undefined);
    await this.#worker.terminate();
  }
}

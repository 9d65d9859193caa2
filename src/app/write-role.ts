/** The main thread's end of the write thread: its life, and live data for the read role. */
import { Worker } from 'node:worker_threads';
import type { TextFormat } from '../generator/open-metrics.ts';
import type { Member } from '../roles/members/member-keys.ts';
import type { LiveSource } from '../roles/read/reader.ts';
import type { LiveView } from '../roles/write/writer.ts';
import type { WriteSettings } from './limits.ts';
import type { MetricsText } from './metrics-thread.ts';
import type { ByTenant } from './overrides/tenant-overrides.ts';
import { serve, ThreadClient } from './thread-rpc.ts';
import type { RecentQuestion, WriteThreadData, WriteThreadPorts, WriteThreadStatus } from './write-thread.ts';

/** Scanning makes little garbage; small generations keep the process small. */
const resourceLimits = { maxYoungGenerationSizeMb: 32 };

export interface WriteRoleOptions extends Omit<WriteThreadData, 'changes'> {
  /** The writer was taken for dead, and goes on under another id. */
  readonly onReplaced: (writerId: string) => void;
}

export class WriteRole implements LiveSource {
  readonly #worker: Worker;
  readonly #client: ThreadClient;
  readonly #changeCount: Int32Array;
  /** By tenant: the last answer, and the change count it was asked for at. */
  readonly #known = new Map<string, { changeCount: number; view: Promise<LiveView> }>();
  /** Resolves with the reason when the thread ends without being told to. */
  readonly failed: Promise<string>;

  constructor({ onReplaced, ...options }: WriteRoleOptions) {
    const changes = new SharedArrayBuffer(4);
    const workerData: WriteThreadData = { ...options, changes };
    this.#changeCount = new Int32Array(changes);
    this.#worker = new Worker(new URL('./write-thread.ts', import.meta.url), { workerData, resourceLimits });
    this.#client = new ThreadClient(this.#worker);
    serve(this.#worker, { writerReplaced: onReplaced });
    this.failed = new Promise((resolve) => {
      const gone = (reason: string): void => {
        this.#client.fail(reason);
        resolve(reason);
      };
      this.#worker.on('error', (error) => gone(`the write thread failed: ${error.stack ?? error.message}`));
      this.#worker.on('exit', (code) => gone(`the write thread ended with code ${code}`));
    });
  }

  /** `member`: how others reach this process. */
  start(member: Member): Promise<WriteThreadPorts> {
    return this.#client.call('start', member);
  }

  /** Limits have changed. */
  configure(settings: ByTenant<WriteSettings>): Promise<void> {
    return this.#client.call('configure', settings);
  }

  /** Prometheus text of cost attribution. */
  usageText(): Promise<string> {
    return this.#client.call('usageText');
  }

  /** Generated metrics of a tenant. */
  generatorText(tenant: string, format: TextFormat): Promise<string> {
    return this.#client.call('generatorText', { tenant, format } satisfies MetricsText);
  }

  status(): Promise<WriteThreadStatus> {
    return this.#client.call('status');
  }

  /** Everything live is in blocks when this resolves. */
  flush(): Promise<void> {
    return this.#client.call('flush');
  }

  /** Puts a writer's live rows into blocks. False when it is not of this process. */
  giveUpSegments(writer: string): Promise<boolean> {
    return this.#client.call('giveUpSegments', writer);
  }

  /** As new as every acknowledgement before the call. Asks the thread only when something has changed. */
  live(tenant: string): Promise<LiveView> {
    const changeCount = Atomics.load(this.#changeCount, 0);
    const known = this.#known.get(tenant);
    if (known?.changeCount === changeCount) return known.view;
    const view = this.#client.call<LiveView>('live', tenant);
    this.#known.set(tenant, { changeCount, view });
    view.catch(() => this.#known.delete(tenant));
    return view;
  }

  /** The newest segments of a writer, as `recent-protocol.ts` has them; undefined when it is not of this process. */
  recent(question: RecentQuestion): Promise<Uint8Array | undefined> {
    return this.#client.call('recent', question);
  }

  /** Senders are led to other processes. */
  drain(): Promise<void> {
    return this.#client.call('drain');
  }

  async stop(): Promise<void> {
    await this.#client.call('stop');
    await this.#worker.terminate();
  }
}

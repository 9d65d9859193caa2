/**
 * The main thread's end of the backend thread, which is started when there may be work for the first time and again when
 * it died: nothing that it does is lost or half done when it dies.
 */
import { Worker } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import { ErrorKind, RubatoError } from '../base/errors.ts';
import type { RedactionRequest, RedactionResult } from '../roles/backend/redact.ts';
import type { LiveSource } from '../roles/read/reader.ts';
import { backendSettings, type CompactionOverrides, defaultOverrides } from './backend-settings.ts';
import type { BackendThreadData, ManifestSeen } from './backend-thread.ts';
import type { Config } from './config/schema.ts';
import type { ByTenant } from './overrides/tenant-overrides.ts';
import { serve, ThreadClient } from './thread-rpc.ts';

/** Rows are in typed arrays outside the heap; in it are places of traces and dictionaries of a few row groups. */
const resourceLimits = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 256 };
/** What runs when the server stops is given up; a put that does not answer is not waited for longer. */
const stopMsMax = 3_000;
const restartMs = 60_000;

export interface BackendRoleOptions {
  readonly config: Config;
  readonly clock: Clock;
  /** No other process uses the store: nobody's segments need to be adopted. */
  readonly isAlone: boolean;
  /** Puts everything live of this process into blocks, for redaction when it is alone. */
  readonly flush: () => Promise<void>;
  readonly log: { error(fields: object, message: string): void };
}

export class BackendRole {
  readonly #options: BackendRoleOptions;
  readonly #abort = new AbortController();
  /** By tenant: versions that exist, of which a writer need not know. */
  readonly #versions = new Map<string, number>();
  #overrides: CompactionOverrides;
  #attributeBytesMax: ByTenant<number> | undefined;
  #thread: { worker: Worker; client: ThreadClient } | undefined;

  constructor(options: BackendRoleOptions) {
    this.#options = options;
    this.#overrides = defaultOverrides(options.config);
  }

  /** What holds for tenants from now on. Call it before `run`: retention by other rules cannot be undone. */
  setOverrides(overrides: CompactionOverrides): void {
    this.#overrides = overrides;
    this.#thread?.client.call('setOverrides', overrides).catch(() => undefined);
  }

  /** The cut of attributes that receivers make, for segments that are adopted. Call it before `run`. */
  setAttributeBytesMax(limits: ByTenant<number>): void {
    if (this.#options.isAlone) return;
    this.#attributeBytesMax = limits;
    this.#thread?.client.call('setAttributeBytesMax', limits).catch(() => undefined);
  }

  /** Starts the thread after the first interval, and again whenever it died, until `stop`. */
  async run(): Promise<void> {
    const { config, clock, log } = this.#options;
    const { signal } = this.#abort;
    const pause = (ms: number): Promise<void> => clock.sleep(ms, signal).catch(() => undefined);
    // In one process with everything else there is other work at the start.
    if (this.#options.isAlone) await pause(backendSettings(config).maintenanceIntervalMs);
    while (!signal.aborted) {
      await this.#started()
        .call('run')
        .catch((error: unknown) => log.error({ reason: String(error) }, 'the backend thread died; it starts again'));
      await pause(restartMs);
    }
  }

  /**
   * Takes traces out of everything that is stored, also of what is live in any process. Their bytes are gone from the
   * store when the files of the replaced blocks are deleted, `compacted_block_retention` later.
   */
  async redact(request: RedactionRequest): Promise<RedactionResult> {
    if (this.#abort.signal.aborted) throw new RubatoError(ErrorKind.unavailable, 'stopping', 'the server stops');
    if (this.#options.isAlone) await this.#options.flush();
    return this.#started().call('redact', request);
  }

  /**
   * A live source that also names the versions which this role has made: without them a reader that hears of no new block
   * would go on with blocks whose files are deleted by and by.
   */
  named(live: LiveSource): LiveSource {
    return {
      live: async (tenant) => {
        const view = await live.live(tenant);
        const version = this.#versions.get(tenant) ?? 0;
        // 0 has the reader look for itself.
        if (view.manifestVersion === 0 || view.manifestVersion >= version) return view;
        return { ...view, manifestVersion: version };
      },
    };
  }

  /** Empty while the thread has not been needed. */
  async metricsText(): Promise<string> {
    return (await this.#thread?.client.call<string>('metrics').catch(() => '')) ?? '';
  }

  async stop(): Promise<void> {
    const thread = this.#thread;
    this.#abort.abort();
    if (thread === undefined) return;
    const late = new AbortController();
    const stopped = thread.client.call('stop').catch(() => undefined);
    await Promise.race([stopped, this.#options.clock.sleep(stopMsMax, late.signal).catch(() => undefined)]);
    late.abort();
    await thread.worker.terminate();
  }

  #started(): ThreadClient {
    this.#thread ??= this.#start();
    return this.#thread.client;
  }

  #start(): { worker: Worker; client: ThreadClient } {
    const workerData: BackendThreadData = {
      config: this.#options.config,
      overrides: this.#overrides,
      attributeBytesMax: this.#attributeBytesMax,
    };
    const worker = new Worker(new URL('./backend-thread.ts', import.meta.url), { workerData, resourceLimits });
    const client = new ThreadClient(worker);
    serve(worker, {
      manifestSeen: ({ tenant, version }: ManifestSeen): void => {
        this.#versions.set(tenant, Math.max(version, this.#versions.get(tenant) ?? 0));
      },
    });
    const gone = (reason: string): void => {
      this.#thread = undefined;
      client.fail(reason);
    };
    worker.on('error', (error) => gone(`the backend thread failed: ${error.stack ?? error.message}`));
    worker.on('exit', (code) => gone(`the backend thread ended with code ${code}`));
    return { worker, client };
  }
}

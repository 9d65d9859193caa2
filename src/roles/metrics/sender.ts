/** Sends one queue's requests, one after the other: a receiver takes samples of a series in the order of their times only. */
import type { Clock } from '../../base/clock.ts';
import type { Rng } from '../../base/random.ts';
import type { Endpoint, RemoteWriteClient } from './remote-write-client.ts';
import type { QueuedRequest, SendQueue } from './send-queue.ts';

export interface SenderCounters {
  sentRequests: number;
  sentSamples: number;
  sentExemplars: number;
  sentHistograms: number;
  /** Samples and histograms of requests that the receiver refused for good. */
  refusedSamples: number;
  refusedRequests: number;
  retries: number;
}

export interface SenderOptions {
  readonly tenant: string;
  readonly endpoint: Endpoint;
  readonly client: RemoteWriteClient;
  readonly queue: SendQueue;
  /** Of the tenant, at the moment. */
  readonly headers: () => Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: { warn(fields: object, message: string): void };
}

export class Sender {
  readonly queue: SendQueue;
  readonly counters: SenderCounters = {
    sentRequests: 0,
    sentSamples: 0,
    sentExemplars: 0,
    sentHistograms: 0,
    refusedSamples: 0,
    refusedRequests: 0,
    retries: 0,
  };
  readonly #options: SenderOptions;
  readonly #abort = new AbortController();
  #running: Promise<void> | undefined;
  #isStuck = false;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.queue = options.queue;
  }

  get tenant(): string {
    return this.#options.tenant;
  }

  get endpoint(): string {
    return this.#options.endpoint.name;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** What has not been sent stays in the queue. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { queue } = this.#options;
    const { signal } = this.#abort;
    for (let next = await queue.next(signal); next !== undefined; next = await queue.next(signal)) {
      const isDone = await this.#send(next, signal);
      if (isDone) await queue.remove(next.name);
    }
  }

  /** Until it is accepted or refused; false when the sender is stopped before. */
  async #send(request: QueuedRequest, signal: AbortSignal): Promise<boolean> {
    const { client, clock, rng, endpoint, headers, tenant, log } = this.#options;
    const { head, body } = request;
    for (
      let pauseMs = endpoint.backoffMs.min;
      !signal.aborted;
      pauseMs = Math.min(pauseMs * 2, endpoint.backoffMs.max)
    ) {
      const outcome = await client.send(body, head.version, headers(), signal);
      if (outcome.kind === 'accepted') {
        this.#count(request);
        this.#isStuck = false;
        return true;
      }
      if (outcome.kind === 'refused') {
        this.counters.refusedRequests++;
        this.counters.refusedSamples += head.samples + head.histograms;
        log.warn({ tenant, endpoint: endpoint.name, reason: outcome.reason }, 'a remote write request was refused');
        return true;
      }
      if (signal.aborted) return false;
      this.counters.retries++;
      if (!this.#isStuck)
        log.warn({ tenant, endpoint: endpoint.name, reason: outcome.reason }, 'remote write fails; will try again');
      this.#isStuck = true;
      const waitMs = outcome.afterMs ?? pauseMs * (0.5 + rng.float());
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
    return false;
  }

  #count({ head }: QueuedRequest): void {
    this.counters.sentRequests++;
    this.counters.sentSamples += head.samples;
    this.counters.sentExemplars += head.exemplars;
    this.counters.sentHistograms += head.histograms;
  }
}

/**
 * Brings what is spooled to the server: the oldest first, a batch at a time, again and again until it is taken. Requests
 * of one tenant are joined, which for protobuf is putting their bytes one behind the other. A batch that the server calls
 * wrong is sent once more request by request, so that one damaged request does not take others along.
 *
 * Between the server's answer and the removal from the disk lies a moment in which a crash makes a batch be sent twice.
 */
import type { Clock } from '../base/clock.ts';
import type { Rng } from '../base/random.ts';
import { countRequestSpans, joinParts } from './rewrite-request.ts';
import { RefusedError, type ServerClient } from './server-client.ts';
import type { Spool, SpooledRequest } from './spool.ts';

export interface DeliveryLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface DeliveryOptions {
  readonly spool: Spool;
  readonly client: Pick<ServerClient, 'send'>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: DeliveryLog;
  /** Uncompressed; one larger request is sent as it is. */
  readonly batchBytesMax: number;
  /** The header that tells the server the tenant; undefined: none for this one. */
  readonly orgIdOf: (tenant: string) => string | undefined;
}

export interface DeliveryCounters {
  requests: number;
  sentSpans: number;
  /** The server calls them wrong: they are gone, with a line in the log. */
  refusedSpans: number;
  /** The server took the request and says that it left these out. */
  rejectedSpans: number;
  retries: number;
}

/** Short, so that a server that is back soon has what waits. */
const pauseMs = { first: 250, max: 5_000 };

export class Delivery {
  readonly counters: DeliveryCounters = { requests: 0, sentSpans: 0, refusedSpans: 0, rejectedSpans: 0, retries: 0 };
  /** Why the server does not take anything; undefined: it does. */
  lastError: string | undefined;
  readonly #options: DeliveryOptions;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Runs until the signal aborts; what is on its way then stays in the spool. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { spool, log, batchBytesMax } = this.#options;
    while (!signal.aborted) {
      try {
        await spool.arrival(signal);
        if (signal.aborted) return;
        await this.#deliverBatch(batchBytesMax, signal);
      } catch (error) {
        if (signal.aborted) return;
        log.error({ reason: String(error) }, 'the spool cannot be read or cleared');
        await this.#pause(1, signal);
      }
    }
  }

  /** Sends what is left, until all is taken or the signal aborts. Resolves with whether it is. */
  async drain(signal: AbortSignal): Promise<boolean> {
    while (this.#options.spool.segments > 0 && !signal.aborted) {
      await this.#deliverBatch(this.#options.batchBytesMax, signal).catch(() => this.#pause(1, signal));
    }
    return this.#options.spool.segments === 0;
  }

  async #deliverBatch(bytesMax: number, signal: AbortSignal): Promise<void> {
    const batch = await this.#options.spool.next(bytesMax);
    if (batch === undefined) return;
    // What the server tells apart: whose spans they are, and whether metrics are made of them.
    const groups = Map.groupBy(batch.requests, ({ tenant, noGenerateMetrics }) => `${noGenerateMetrics}/${tenant}`);
    await Promise.all([...groups.values()].map((requests) => this.#sendGroup(requests, signal)));
    if (!signal.aborted) await batch.remove();
  }

  async #sendGroup(requests: readonly SpooledRequest[], signal: AbortSignal): Promise<void> {
    if (await this.#send(requests, signal)) return;
    if (requests.length > 1) {
      for (const request of requests) await this.#sendGroup([request], signal);
      return;
    }
    const { tenant, body } = requests[0]!;
    const spans = countRequestSpans(body);
    this.counters.refusedSpans += spans;
    this.#options.log.error({ tenant, spans, reason: this.lastError }, 'the server refuses a request; it is dropped');
    this.lastError = undefined;
  }

  /** False: refused for good. Resolves with true also when the signal aborts. */
  async #send(requests: readonly SpooledRequest[], signal: AbortSignal): Promise<boolean> {
    const { client, log } = this.#options;
    const body = requests.length === 1 ? requests[0]!.body : joinParts(requests.map((request) => request.body));
    const headers = this.#headersOf(requests[0]!);
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        const { rejectedSpans, message } = await client.send(body, headers);
        this.counters.requests++;
        this.counters.sentSpans += countRequestSpans(body) - rejectedSpans;
        this.counters.rejectedSpans += rejectedSpans;
        if (rejectedSpans > 0) log.warn({ rejectedSpans, message }, 'the server left spans out');
        if (this.lastError !== undefined) log.info({}, 'the server takes requests again');
        this.lastError = undefined;
        return true;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (error instanceof RefusedError) {
          this.lastError = reason;
          return false;
        }
        this.counters.retries++;
        if (this.lastError === undefined) log.warn({ reason }, 'the server takes no requests; they wait in the spool');
        this.lastError = reason;
        await this.#pause(attempt, signal);
      }
    }
    return true;
  }

  #headersOf({ tenant, noGenerateMetrics }: SpooledRequest): Record<string, string> {
    const orgId = this.#options.orgIdOf(tenant);
    return {
      ...(orgId !== undefined && { 'x-scope-orgid': orgId }),
      ...(noGenerateMetrics && { 'no-generate-metrics': '1' }),
    };
  }

  async #pause(attempt: number, signal: AbortSignal): Promise<void> {
    const { clock, rng } = this.#options;
    const longest = Math.min(pauseMs.first * 2 ** (attempt - 1), pauseMs.max);
    await clock.sleep(longest * (0.5 + rng.float() / 2), signal).catch(() => undefined);
  }
}

/**
 * Brings what is spooled to the server: the oldest first, a batch at a time, again and again until it is taken. Requests
 * of one tenant are joined, which for protobuf is putting their bytes one behind the other. A batch that the server calls
 * wrong is sent once more request by request, so that one damaged request does not take others along.
 *
 * Between the server's answer and the removal from the disk lies a moment in which a crash makes a batch be sent twice.
 */
import type { Clock } from '../base/clock.ts';
import type { Rng } from '../base/random.ts';
import { countRequestSpans } from './rewrite-request.ts';
import type { Sender, SenderLog } from './sender.ts';
import { RefusedError } from './server-client.ts';
import type { Spool, SpooledRequest } from './spool.ts';

export interface DeliveryOptions {
  readonly spool: Spool;
  readonly sender: Sender;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: SenderLog;
  /** Uncompressed; one larger request is sent as it is. */
  readonly batchBytesMax: number;
}

/** Short, so that a server that is back soon has what waits. */
const pauseMs = { first: 250, max: 5_000 };

export class Delivery {
  /** The server calls them wrong: they are gone, with a line in the log. */
  refusedSpans = 0;
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
    this.refusedSpans += spans;
    const { sender, log } = this.#options;
    log.error({ tenant, spans, reason: sender.lastError }, 'the server refuses a request; it is dropped');
    sender.lastError = undefined;
  }

  /** False: refused for good. Resolves with true also when the signal aborts. */
  async #send(requests: readonly SpooledRequest[], signal: AbortSignal): Promise<boolean> {
    const { sender } = this.#options;
    const parts = requests.map(({ body }) => body);
    let spanCount = 0;
    for (const body of parts) spanCount += countRequestSpans(body);
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await sender.send(requests[0]!, parts, spanCount);
        return true;
      } catch (error) {
        if (error instanceof RefusedError) {
          sender.lastError = error.message;
          return false;
        }
        sender.retried(error);
        await this.#pause(attempt, signal);
      }
    }
    return true;
  }

  async #pause(attempt: number, signal: AbortSignal): Promise<void> {
    const { clock, rng } = this.#options;
    const longest = Math.min(pauseMs.first * 2 ** (attempt - 1), pauseMs.max);
    await clock.sleep(longest * (0.5 + rng.float() / 2), signal).catch(() => undefined);
  }
}

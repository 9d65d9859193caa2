/** Sends requests to the server and keeps the accounts: what it took, what it left out, how long it took to answer. */
import type { Clock } from '../base/clock.ts';
import type { ServerClient } from './server-client.ts';

export interface SenderLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What the server tells apart: whose spans they are, and whether metrics are made of them. */
export interface Addressee {
  readonly tenant: string;
  readonly noGenerateMetrics: boolean;
}

export interface SenderOptions {
  readonly client: Pick<ServerClient, 'send'>;
  readonly clock: Clock;
  readonly log: SenderLog;
  /** The header that tells the server the tenant; undefined: none for this one. */
  readonly orgIdOf: (tenant: string) => string | undefined;
}

export interface SenderCounters {
  requests: number;
  sentSpans: number;
  /** The server took the request and says that it left these out. */
  rejectedSpans: number;
  /** Requests that the server did not take, to be sent again. */
  retries: number;
}

export class Sender {
  readonly counters: SenderCounters = { requests: 0, sentSpans: 0, rejectedSpans: 0, retries: 0 };
  /** Why the server does not take anything; undefined: it does. */
  lastError: string | undefined;
  /** How long the server took with the last request; infinite when it did not take it. */
  lastAnswerMs = 0;
  readonly #options: SenderOptions;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /**
   * @param parts of one request, in their order
   * @throws RefusedError, or RubatoError unavailable: try again
   */
  async send(to: Addressee, parts: readonly Uint8Array[], spanCount: number, timeoutMs?: number): Promise<void> {
    const { client, clock, log } = this.#options;
    const startedMs = clock.nowMs();
    try {
      const { rejectedSpans, message } = await client.send(parts, this.#headersOf(to), timeoutMs);
      this.counters.requests++;
      this.counters.sentSpans += spanCount - rejectedSpans;
      this.counters.rejectedSpans += rejectedSpans;
      if (rejectedSpans > 0) log.warn({ rejectedSpans, message }, 'the server left spans out');
      if (this.lastError !== undefined) log.info({}, 'the server takes requests again');
      this.lastError = undefined;
      this.lastAnswerMs = clock.nowMs() - startedMs;
    } catch (error) {
      this.lastAnswerMs = Number.POSITIVE_INFINITY;
      throw error;
    }
  }

  /** The server did not take a request that is kept for later. */
  retried(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.counters.retries++;
    if (this.lastError === undefined)
      this.#options.log.warn({ reason }, 'the server takes no requests; they wait in the spool');
    this.lastError = reason;
  }

  #headersOf({ tenant, noGenerateMetrics }: Addressee): Record<string, string> {
    const orgId = this.#options.orgIdOf(tenant);
    return {
      ...(orgId !== undefined && { 'x-scope-orgid': orgId }),
      ...(noGenerateMetrics && { 'no-generate-metrics': '1' }),
    };
  }
}

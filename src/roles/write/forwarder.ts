/**
 * Sends copies of accepted requests to another OTLP endpoint. What is accepted here never waits for it: copies wait in a
 * bounded queue, and what finds no room, is refused for good or fails too long is dropped and counted.
 */
import type { Clock } from '../../base/clock.ts';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import { type GrpcTarget, GrpcUnaryClient } from './forward-client.ts';
import type { ForwardFilter } from './forward-filter.ts';
import type { WriterLog } from './writer.ts';

export interface ForwarderSpec {
  readonly name: string;
  /** Requests go to them in turn. */
  readonly endpoints: readonly { readonly host: string; readonly port: number }[];
  readonly tls: GrpcTarget['tls'];
  readonly filter: ForwardFilter | undefined;
}

/** Requests since the start. `pushed` is the sum of the others and of those that wait. */
export interface ForwarderCounters {
  pushed: number;
  sent: number;
  /** Nothing of it was left by the filter. */
  filtered: number;
  /** Dropped: the queue was full … */
  droppedFull: number;
  /** … the other side can never take it … */
  droppedRefused: number;
  /** … or did not in time. */
  droppedLate: number;
  retries: number;
}

export interface ForwarderParts {
  readonly clock: Clock;
  readonly log: WriterLog;
  /** Bytes of copies that may wait. Default 32 MiB. */
  readonly queueBytesMax?: number;
}

interface Waiting {
  readonly tenant: string;
  readonly body: Uint8Array;
  readonly sinceMs: number;
}

const defaultQueueBytesMax = 32 * 1024 * 1024;
/** Calls at once. */
const workersMax = 4;
const callTimeoutMs = 10_000;
/** Pause before a failed call is made again; doubles up to the bound. A copy older than `lateMs` is dropped. */
const retryMs = { first: 250, max: 10_000 };
const lateMs = 5 * 60_000;
const exportPath = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

export class Forwarder {
  readonly counters: ForwarderCounters = {
    pushed: 0,
    sent: 0,
    filtered: 0,
    droppedFull: 0,
    droppedRefused: 0,
    droppedLate: 0,
    retries: 0,
  };
  readonly #spec: ForwarderSpec;
  readonly #parts: ForwarderParts;
  readonly #clients: readonly GrpcUnaryClient[];
  readonly #queue: Waiting[] = [];
  readonly #workers = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  #waitingBytes = 0;
  #turn = 0;

  constructor(spec: ForwarderSpec, parts: ForwarderParts) {
    this.#spec = spec;
    this.#parts = parts;
    this.#clients = spec.endpoints.map((endpoint) => new GrpcUnaryClient({ ...endpoint, tls: spec.tls }));
  }

  get name(): string {
    return this.#spec.name;
  }

  /** Bytes of copies that wait or are being sent. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Copies `body` and returns; `body` may change afterwards. */
  push(tenant: string, body: Uint8Array): void {
    this.counters.pushed++;
    if (this.#waitingBytes + body.length > (this.#parts.queueBytesMax ?? defaultQueueBytesMax)) {
      this.counters.droppedFull++;
      return;
    }
    this.#waitingBytes += body.length;
    this.#queue.push({ tenant, body: Uint8Array.from(body), sinceMs: this.#parts.clock.nowMs() });
    if (this.#workers.size < workersMax) {
      const worker = this.#work().finally(() => this.#workers.delete(worker));
      this.#workers.add(worker);
    }
  }

  /** Gives what waits `graceMs` to leave, and drops the rest. */
  async close(graceMs = 2_000): Promise<void> {
    const grace = new AbortController();
    const done = Promise.all(this.#workers).then(() => grace.abort());
    await this.#parts.clock.sleep(graceMs, grace.signal).catch(() => undefined);
    this.#abort.abort();
    for (const client of this.#clients) client.close();
    await done;
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      await this.#send(next);
      this.#waitingBytes -= next.body.length;
    }
  }

  async #send(waiting: Waiting): Promise<void> {
    const { clock, log } = this.#parts;
    const { tenant, sinceMs } = waiting;
    const { filter } = this.#spec;
    const message = filter === undefined ? waiting.body : filter(waiting.body);
    if (message === undefined) {
      this.counters.filtered++;
      return;
    }
    for (let pauseMs = retryMs.first; ; pauseMs = Math.min(pauseMs * 2, retryMs.max)) {
      try {
        const client = this.#clients[this.#turn++ % this.#clients.length]!;
        await client.call({
          path: exportPath,
          metadata: { 'x-scope-orgid': tenant },
          message,
          timeoutMs: callTimeoutMs,
        });
        this.counters.sent++;
        return;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (!(error instanceof RubatoError && error.kind === ErrorKind.unavailable)) {
          this.counters.droppedRefused++;
          log.warn({ forwarder: this.name, tenant, reason }, 'a forwarded request was refused and is dropped');
          return;
        }
        if (this.#abort.signal.aborted || clock.nowMs() - sinceMs > lateMs) {
          this.counters.droppedLate++;
          log.warn({ forwarder: this.name, tenant, reason }, 'a request could not be forwarded in time and is dropped');
          return;
        }
        this.counters.retries++;
        await clock.sleep(pauseMs, this.#abort.signal).catch(() => undefined);
      }
    }
  }
}

/**
 * Where a request goes: straight to the server while that is quick, onto the disk otherwise. Its sender is answered when
 * the server has taken it or the disk has it, so that a crash at any moment loses nothing that was answered.
 *
 *   push ──► group of the addressee ──linger──► server ──► answered
 *     │                                           │ not taken, or not in time
 *     └──────────────► spool ◄────────────────────┘          (delivered from there by delivery.ts)
 *
 * The disk costs a file, its sync, and the reading and removal of it for every few milliseconds; that is most of what a
 * span costs. It is used when the spool is not empty (what came first goes first), when the server answered the last
 * request slowly or not at all, and when too much is on its way: a server that stores in a bucket answers in half a
 * second, which must not be the pace of everybody who sends. A request that the server took without our hearing of it
 * goes there a second time, as with every retry.
 */
import type { Clock } from '../base/clock.ts';
import { joinParts } from './rewrite-request.ts';
import type { Addressee, Sender } from './sender.ts';
import type { Spool } from './spool.ts';

export interface OutgoingRequest extends Addressee {
  /** The bytes of an ExportTraceServiceRequest, one behind the other. Must not change until the request is taken. */
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  readonly spanCount: number;
}

export interface OutboxOptions {
  readonly sender: Sender;
  readonly spool: Pick<Spool, 'append' | 'bytes'>;
  readonly clock: Clock;
  /** Uncompressed; one larger request is sent as it is. */
  readonly batchBytesMax: number;
}

interface Group {
  readonly requests: OutgoingRequest[];
  bytes: number;
  readonly isTaken: PromiseWithResolvers<boolean>;
}

/** Under load this gathers some requests; one that comes alone goes at once. */
const lingerMs = 20;
/** What a server on its own disk needs at the very most. */
const quickMs = 200;
/** Senders give up after ten seconds. */
const waitMsMax = 5_000;
const inFlightMax = 16;

export class Outbox {
  readonly #options: OutboxOptions;
  /** By addressee: what waits for the end of the linger. */
  #groups = new Map<string, Group>();
  #lastCutMs = Number.NEGATIVE_INFINITY;
  #isLingering = false;
  /** When each request on its way was sent, the oldest first. */
  readonly #inFlight = new Set<{ readonly sentMs: number }>();

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Resolves when the server or the disk has it. @throws as {@link Spool.append} */
  async push(request: OutgoingRequest): Promise<void> {
    if (!this.#isQuick()) return this.#spool(request);
    const group = this.#groupOf(request);
    group.requests.push(request);
    group.bytes += request.bytes;
    if (group.bytes >= this.#options.batchBytesMax) this.#cut();
    else if (!this.#isLingering) this.#startLinger();
    const isTaken = await group.isTaken.promise;
    if (!isTaken) await this.#spool(request);
  }

  #isQuick(): boolean {
    const { sender, spool, clock } = this.#options;
    if (spool.bytes > 0 || sender.lastAnswerMs > quickMs || this.#inFlight.size >= inFlightMax) return false;
    for (const { sentMs } of this.#inFlight) return clock.nowMs() - sentMs <= quickMs;
    return true;
  }

  #groupOf({ tenant, noGenerateMetrics }: Addressee): Group {
    const key = `${noGenerateMetrics}/${tenant}`;
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { requests: [], bytes: 0, isTaken: Promise.withResolvers() };
      this.#groups.set(key, group);
    }
    return group;
  }

  #startLinger(): void {
    this.#isLingering = true;
    const { clock } = this.#options;
    // Clamped, since the wall clock may step.
    const waitMs = Math.min(lingerMs, this.#lastCutMs + lingerMs - clock.nowMs());
    // Not at once: whatever arrived in the same turn of the event loop comes along.
    if (waitMs <= 0) setImmediate(() => this.#cut());
    else void clock.sleep(waitMs).then(() => this.#cut());
  }

  #cut(): void {
    this.#isLingering = false;
    const groups = [...this.#groups.values()];
    this.#groups = new Map();
    if (groups.length > 0) this.#lastCutMs = this.#options.clock.nowMs();
    for (const group of groups) void this.#send(group);
  }

  async #send({ requests, isTaken }: Group): Promise<void> {
    const { sender, clock } = this.#options;
    const parts = requests.length === 1 ? requests[0]!.parts : requests.flatMap((request) => request.parts);
    let spanCount = 0;
    for (const request of requests) spanCount += request.spanCount;
    const flight = { sentMs: clock.nowMs() };
    this.#inFlight.add(flight);
    try {
      await sender.send(requests[0]!, parts, spanCount, waitMsMax);
      isTaken.resolve(true);
    } catch (error) {
      sender.retried(error);
      isTaken.resolve(false);
    } finally {
      this.#inFlight.delete(flight);
    }
  }

  #spool({ tenant, noGenerateMetrics, parts }: OutgoingRequest): Promise<void> {
    const body = parts.length === 1 ? parts[0]! : joinParts(parts);
    return this.#options.spool.append({ tenant, noGenerateMetrics, body });
  }
}

/** The way of a request through the agent: what is known of its sender goes on, it is taken over, and then it is answered. */
import type { Ingest, PushOptions } from '../roles/write/ingest.ts';
import type { Enricher } from './enricher.ts';
import type { Outbox } from './outbox.ts';
import { lengthOf } from './rewrite-request.ts';

export interface ReceivedCounters {
  requests: number;
  spans: number;
}

export class AgentIngest implements Ingest {
  /** By receiver: what was taken and answered. */
  readonly received = new Map<string, ReceivedCounters>();
  readonly #enricher: Enricher;
  readonly #outbox: Outbox;

  constructor(enricher: Enricher, outbox: Outbox) {
    this.#enricher = enricher;
    this.#outbox = outbox;
  }

  async push(tenant: string, body: Uint8Array, options: PushOptions): Promise<void> {
    const { noGenerateMetrics, receiver = '', peerIp } = options;
    const outgoing = await this.#enricher.enrich({ body, tenant, peerIp });
    const pushes = outgoing.map((request) =>
      this.#outbox.push({ ...request, noGenerateMetrics, bytes: lengthOf(request.parts) }),
    );
    // All have settled before the sender is answered, since the body is not ours any more then.
    const failed = (await Promise.allSettled(pushes)).find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    const counters = this.received.get(receiver) ?? { requests: 0, spans: 0 };
    this.received.set(receiver, counters);
    counters.requests++;
    for (const { spanCount } of outgoing) counters.spans += spanCount;
  }
}

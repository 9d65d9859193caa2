/** The way of a request through the agent: what is known of its sender goes on, it is spooled, and then it is answered. */
import type { Ingest, PushOptions } from '../roles/write/ingest.ts';
import type { Enricher } from './enricher.ts';
import type { Spool } from './spool.ts';

export interface ReceivedCounters {
  requests: number;
  spans: number;
}

export class AgentIngest implements Ingest {
  /** By receiver: what was taken and answered. */
  readonly received = new Map<string, ReceivedCounters>();
  readonly #enricher: Enricher;
  readonly #spool: Spool;

  constructor(enricher: Enricher, spool: Spool) {
    this.#enricher = enricher;
    this.#spool = spool;
  }

  async push(tenant: string, body: Uint8Array, options: PushOptions): Promise<void> {
    const { noGenerateMetrics, receiver = '', peerIp } = options;
    const outgoing = await this.#enricher.enrich({ body, tenant, peerIp });
    const appends = outgoing.map((request) => this.#spool.append({ ...request, noGenerateMetrics }));
    await Promise.all(appends);
    const counters = this.received.get(receiver) ?? { requests: 0, spans: 0 };
    this.received.set(receiver, counters);
    counters.requests++;
    for (const { spanCount } of outgoing) counters.spans += spanCount;
  }
}

/** What came in and what was refused, by tenant, reason and receiver. */

import { RubatoError } from '../../base/errors.ts';
import { ProtoReader } from '../../base/protobuf.ts';
import type { IngestObserver, RefusedRequest, StoredRequest } from './ingest-observer.ts';

export interface TenantCounts {
  spans: number;
  /** OTLP protobuf, as stored. */
  bytes: number;
  /** Of all requests, also of refused ones. */
  ingressBytes: number;
  truncatedAttributes: number;
}

export interface ReceiverCounts {
  accepted: number;
  refused: number;
}

/** Plain data, for other threads. */
export interface UsageCounts {
  readonly tenants: Readonly<Record<string, TenantCounts>>;
  readonly receivers: Readonly<Record<string, ReceiverCounts>>;
  readonly discarded: readonly { readonly tenant: string; readonly reason: string; readonly spans: number }[];
}

/** Reasons by codes of errors; as in Tempo, everything else is `unknown_error`. */
const reasons: ReadonlyMap<string, string> = new Map([
  ['rate_limited', 'rate_limited'],
  ['batch_over_burst', 'rate_limited'],
  ['live_traces_exceeded', 'live_traces_exceeded'],
  ['invalid_trace_id', 'invalid_trace_id'],
  ['invalid_span_id', 'invalid_span_id'],
]);

export class UsageCounters implements IngestObserver {
  readonly #tenants = new Map<string, TenantCounts>();
  readonly #receivers = new Map<string, ReceiverCounts>();
  /** By tenant, then by reason. */
  readonly #discarded = new Map<string, Map<string, number>>();

  stored({ tenant, receiver, body, from, to, truncatedAttributes }: StoredRequest): void {
    const counts = this.#tenant(tenant);
    counts.spans += to - from;
    counts.bytes += body.length;
    counts.ingressBytes += body.length;
    counts.truncatedAttributes += truncatedAttributes;
    if (receiver !== undefined) this.#receiver(receiver).accepted += to - from;
  }

  refused({ tenant, receiver, body, error }: RefusedRequest): void {
    const spans = countSpans(body);
    const reason = (error instanceof RubatoError && reasons.get(error.code)) || 'unknown_error';
    let byReason = this.#discarded.get(tenant);
    if (byReason === undefined) this.#discarded.set(tenant, (byReason = new Map()));
    byReason.set(reason, (byReason.get(reason) ?? 0) + spans);
    this.#tenant(tenant).ingressBytes += body.length;
    if (receiver !== undefined) this.#receiver(receiver).refused += spans;
  }

  snapshot(): UsageCounts {
    return {
      tenants: Object.fromEntries(this.#tenants),
      receivers: Object.fromEntries(this.#receivers),
      discarded: [...this.#discarded].flatMap(([tenant, byReason]) =>
        [...byReason].map(([reason, spans]) => ({ tenant, reason, spans })),
      ),
    };
  }

  #tenant(tenant: string): TenantCounts {
    let counts = this.#tenants.get(tenant);
    if (counts === undefined)
      this.#tenants.set(tenant, (counts = { spans: 0, bytes: 0, ingressBytes: 0, truncatedAttributes: 0 }));
    return counts;
  }

  #receiver(name: string): ReceiverCounts {
    let counts = this.#receivers.get(name);
    if (counts === undefined) this.#receivers.set(name, (counts = { accepted: 0, refused: 0 }));
    return counts;
  }
}

/** Spans of an ExportTraceServiceRequest, by stepping over them; of a damaged one, those before the damage. */
export function countSpans(body: Uint8Array): number {
  let spans = 0;
  try {
    for (const request = new ProtoReader(body); request.next(); ) {
      if (request.field !== 1) {
        request.skip();
        continue;
      }
      for (const resource = new ProtoReader(request.bytes()); resource.next(); ) {
        // 2 scope_spans, 1000 instrumentation_library_spans: the same shape.
        if (resource.field !== 2 && resource.field !== 1000) {
          resource.skip();
          continue;
        }
        for (const scope = new ProtoReader(resource.bytes()); scope.next(); scope.skip()) {
          if (scope.field === 2) spans++;
        }
      }
    }
  } catch {
    // What the sender is told comes from the scanner.
  }
  return spans;
}

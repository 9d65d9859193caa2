/** Whoever wants to know what became of requests: counters, logs, cost attribution. */
import type { SpanTable } from '../../model/span-table.ts';

export interface StoredRequest {
  readonly tenant: string;
  /** Of the receiver it came through. */
  readonly receiver: string | undefined;
  readonly body: Uint8Array;
  /** The spans are rows `from` (inclusive) to `to` (exclusive). */
  readonly table: SpanTable;
  /** Names the table among all tables ever. */
  readonly tableId: string;
  readonly from: number;
  readonly to: number;
  /** Attribute keys and values that were cut. */
  readonly truncatedAttributes: number;
  /** The segment that it is durable in. */
  readonly seq: number;
  /** The sender wants no metrics of these spans. */
  readonly noGenerateMetrics: boolean;
}

export interface RefusedRequest {
  readonly tenant: string;
  readonly receiver: string | undefined;
  readonly body: Uint8Array;
  readonly error: unknown;
}

/** Is called before the request is answered, so it must be quick and must not throw. */
export interface IngestObserver {
  stored(request: StoredRequest): void;
  refused(request: RefusedRequest): void;
}

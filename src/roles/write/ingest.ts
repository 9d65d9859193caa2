import type { Caller } from '../../auth/principal.ts';

/** What a receiver needs from the write role; the receivers know nothing of tables and segments. */
export interface Ingest {
  /**
   * Stores the spans of one OTLP ExportTraceServiceRequest (protobuf) and resolves when they are durable.
   * `body` must not change until this settles, and is not looked at later. @throws RubatoError: invalid (nothing was stored), exhausted (retry later, `retryAfterMs`
   * on the error), unavailable (not stored, retry).
   */
  push(tenant: string, body: Uint8Array, options: PushOptions): Promise<void>;
}

export interface PushOptions {
  /** Header `no-generate-metrics`: store the spans, but keep them out of span metrics. */
  readonly noGenerateMetrics: boolean;
  /** Which receiver it came through, for counting. */
  readonly receiver?: string;
  /** Address of the sender's end of the connection; undefined where the transport tells none. */
  readonly peerIp?: string | undefined;
}

/**
 * Finds out who sends, before a body is read; then resolves the tenants that the sender names.
 * @throws RubatoError of kind `unauthenticated`, or `exhausted` after too many failures
 */
export type Admit = (caller: Caller) => Promise<TenantOf>;

export interface Doorkeeper {
  /** For senders that are not asked who they are. */
  readonly tenantOf: TenantOf;
  /** Default: nobody is asked. */
  readonly admit?: Admit | undefined;
}

/** @throws what `admit` throws */
export async function admitted({ admit, tenantOf }: Doorkeeper, caller: Caller): Promise<TenantOf> {
  return admit === undefined ? tenantOf : admit(caller);
}

/** Resolves the tenant of a request. @throws RubatoError with code `no_org_id`, or of kind `invalid` or `forbidden`. */
export type TenantOf = (orgId: string | undefined) => string;

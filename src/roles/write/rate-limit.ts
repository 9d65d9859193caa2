/** Token bucket over bytes, one per tenant (contract 5.1, strategy `local`). */
import { ExhaustedError } from '../../base/errors.ts';

export interface IngestLimits {
  /** Bytes a second; 0 = no limit. */
  readonly rateLimitBytes: number;
  /** Most bytes at once; 0 = those of a second. */
  readonly burstSizeBytes: number;
  /** Pause that a refused sender is told to make; 0 = it is told none. */
  readonly retryAfterMs: number;
}

export class RateLimiter {
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>();

  /** Takes `bytes` from the tenant's bucket. @throws ExhaustedError before anything is taken. */
  take(options: { tenant: string; bytes: number; limits: IngestLimits; nowMs: number }): void {
    const { tenant, bytes, limits, nowMs } = options;
    if (limits.rateLimitBytes <= 0) return;
    const burst = limits.burstSizeBytes || limits.rateLimitBytes;
    if (bytes > burst) {
      throw new ExhaustedError(
        'batch_over_burst',
        `RATE_LIMITED: batch size (${bytes} bytes) exceeds ingestion limit (local: ${limits.rateLimitBytes} bytes/s, burst: ${burst} bytes) for user ${tenant}`,
        limits.retryAfterMs,
      );
    }
    let bucket = this.#buckets.get(tenant);
    if (bucket === undefined) this.#buckets.set(tenant, (bucket = { tokens: burst, atMs: nowMs }));
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * limits.rateLimitBytes);
    bucket.atMs = nowMs;
    if (bytes > bucket.tokens) {
      throw new ExhaustedError(
        'rate_limited',
        `RATE_LIMITED: ingestion rate limit (local: ${limits.rateLimitBytes} bytes/s, burst: ${burst} bytes) exceeded while adding ${bytes} bytes for user ${tenant}`,
        limits.retryAfterMs,
      );
    }
    bucket.tokens -= bytes;
  }
}

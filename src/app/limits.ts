/** Limits of a tenant, out of the configuration's defaults. */
import type { TenantLimits } from '../roles/write/writer.ts';
import type { Config } from './config/schema.ts';

export function writeLimits(config: Config): TenantLimits {
  const ingestion = config.overrides.defaults.ingestion;
  return {
    rateLimitBytes: ingestion?.rate_limit_bytes ?? 30_000_000,
    burstSizeBytes: ingestion?.burst_size_bytes ?? 30_000_000,
    retryAfterMs: config.distributor.retry_after_on_resource_exhausted,
    attributeBytesMax: ingestion?.max_attribute_bytes ?? config.distributor.max_attribute_bytes,
  };
}

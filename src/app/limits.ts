/** Limits of a tenant, out of the configuration's defaults. */
import { defaultQueryLimits, type QueryLimits } from '../api/ports.ts';
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

export function queryLimits(config: Config): QueryLimits {
  const { search, metrics, max_query_expression_size_bytes } = config.query_frontend;
  const { read, global } = config.overrides.defaults;
  return {
    searchResultsDefault: search.default_result_limit,
    searchResultsMax: search.max_result_limit,
    spansPerSpanSetDefault: search.default_spans_per_span_set,
    spansPerSpanSetMax: search.max_spans_per_span_set,
    searchDurationMaxMs: read?.max_search_duration || search.max_duration,
    metricsDurationMaxMs: read?.max_metrics_duration || metrics.max_duration,
    exemplarsMax: metrics.max_exemplars,
    intervalsMax: metrics.max_intervals,
    seriesMax: metrics.max_response_series,
    queryBytesMax: max_query_expression_size_bytes,
    tagBytesMax: read?.max_bytes_per_tag_values_query ?? defaultQueryLimits.tagBytesMax,
    traceBytesMax: global?.max_bytes_per_trace ?? defaultQueryLimits.traceBytesMax,
    leftPadTraceIds: read?.left_pad_trace_ids ?? false,
  };
}

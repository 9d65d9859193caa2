/**
 * Limits of a tenant as the roles take them, out of its overrides. A key that is not there, or 0, is no limit or the
 * module's own setting; which of both stands in docs/configuration.md.
 */
import type { QueryLimits } from '../api/ports.ts';
import type { GeneratorSettings } from '../generator/settings.ts';
import type { CostAttribution } from '../roles/write/usage-tracker.ts';
import type { TenantLimits } from '../roles/write/writer.ts';
import type { OverridesBlock } from './config/overrides-schema.ts';
import type { Config } from './config/schema.ts';
import { generatorSettings } from './generator-settings.ts';
import type { ByTenant } from './overrides/tenant-overrides.ts';

/** Everything that the write thread needs to know of a tenant; it crosses threads. */
export interface WriteSettings {
  readonly limits: TenantLimits;
  readonly forwarders: readonly string[];
  readonly costs: CostAttribution;
  readonly generator: GeneratorSettings;
}

export function writeSettings(config: Config, block: OverridesBlock): WriteSettings {
  const { cost_attribution: costs } = config.distributor.usage;
  return {
    limits: writeLimits(config, block),
    forwarders: block.forwarders ?? [],
    generator: generatorSettings(config, block),
    costs: {
      dimensions: block.cost_attribution?.dimensions ?? {},
      seriesMax: block.cost_attribution?.max_cardinality || costs.max_cardinality,
    },
  };
}

/** For a process that makes no metrics of the spans that it receives. */
export function withoutMetrics(settings: WriteSettings): WriteSettings {
  const { generator } = settings;
  return {
    ...settings,
    generator: { ...generator, spanMetrics: undefined, serviceGraphs: undefined, hostInfo: undefined },
  };
}

export function writeLimits(config: Config, block = config.overrides.defaults): TenantLimits {
  const { ingestion = {} } = block;
  // Without a word about it an agent drops what is refused over gRPC, so only an explicit no turns it off.
  const told = ingestion.retry_info_enabled !== false;
  return {
    rateLimitBytes: ingestion.rate_limit_bytes ?? 0,
    burstSizeBytes: ingestion.burst_size_bytes ?? 0,
    retryAfterMs: told ? config.distributor.retry_after_on_resource_exhausted : 0,
    attributeBytesMax: ingestion.max_attribute_bytes || config.distributor.max_attribute_bytes,
    liveTracesMax: smallest([ingestion.max_traces_per_user, ingestion.max_global_traces_per_user]),
    answerDelayMs: ingestion.artificial_delay ?? 0,
  };
}

/** @param blocks of the tenants that are asked: for several, the strictest of their limits */
export function queryLimits(
  config: Config,
  blocks: readonly OverridesBlock[] = [config.overrides.defaults],
): QueryLimits {
  const limits = blocks.map((block) => blockQueryLimits(config, block));
  if (limits.length === 1) return limits[0]!;
  return {
    ...limits[0]!,
    searchDurationMaxMs: smallest(limits.map((each) => each.searchDurationMaxMs)),
    metricsDurationMaxMs: smallest(limits.map((each) => each.metricsDurationMaxMs)),
    tagBytesMax: smallest(limits.map((each) => each.tagBytesMax)),
    traceBytesMax: smallest(limits.map((each) => each.traceBytesMax)),
    leftPadTraceIds: limits.some((each) => each.leftPadTraceIds),
  };
}

function blockQueryLimits(config: Config, { read, global }: OverridesBlock): QueryLimits {
  const { search, metrics, max_query_expression_size_bytes } = config.query_frontend;
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
    tagBytesMax: read?.max_bytes_per_tag_values_query ?? 0,
    traceBytesMax: global?.max_bytes_per_trace ?? 0,
    leftPadTraceIds: read?.left_pad_trace_ids ?? false,
  };
}

/** Of limits of which 0 is none. */
function smallest(limits: readonly (number | undefined)[]): number {
  const set = limits.filter((limit) => limit !== undefined && limit > 0) as number[];
  return set.length === 0 ? 0 : Math.min(...set);
}

/** The value that holds for a tenant. */
export function valueFor<Value>(values: ByTenant<Value>, tenant: string): Value {
  return values.tenants.get(tenant) ?? values.others;
}

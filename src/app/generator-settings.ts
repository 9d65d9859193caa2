/** Settings of a tenant's generator out of its overrides, or else of `metrics_generator`. 0 and empty mean the latter. */
import type { Label } from '../generator/labels.ts';
import {
  type GeneratorSettings,
  type HostInfoSettings,
  type ServiceGraphSettings,
  type SpanMetricsSettings,
  serviceGraphBuckets,
  spanMetricsBuckets,
} from '../generator/settings.ts';
import type { OverridesBlock } from './config/overrides-schema.ts';
import type { Config } from './config/schema.ts';

type GeneratorConfig = Config['metrics_generator'];
type TenantOverrides = NonNullable<OverridesBlock['metrics_generator']>;

const nativeFactor = 1.1;
const nativeBucketsMax = 100;
const nativeResetMs = 15 * 60_000;

export function generatorSettings(config: Config, block: OverridesBlock): GeneratorSettings {
  const generator = config.metrics_generator;
  const own = block.metrics_generator ?? {};
  const processors = new Set(own.processors);
  return {
    registry: {
      limiter: generator.limiter_type,
      seriesMax: own.max_active_series ?? 0,
      entitiesMax: own.max_active_entities ?? 0,
      valuesPerLabelMax: own.max_cardinality_per_label ?? 0,
      staleMs: generator.registry.stale_duration,
      histograms: own.generate_native_histograms ?? 'classic',
      nativeFactor: own.native_histogram_bucket_factor || nativeFactor,
      nativeBucketsMax: own.native_histogram_max_bucket_number || nativeBucketsMax,
      nativeResetMs: own.native_histogram_min_reset_duration || nativeResetMs,
    },
    spanMetrics: spanMetrics(generator, own, processors),
    serviceGraphs: processors.has('service-graphs') ? serviceGraphs(generator, own) : undefined,
    hostInfo: processors.has('host-info') ? hostInfo(generator, own) : undefined,
    spanNames: spanNames(own.span_name_sanitization),
    slackMs: own.ingestion_time_range_slack || generator.metrics_ingestion_time_range_slack,
    collectionIntervalMs: own.collection_interval || generator.registry.collection_interval,
    collectionDisabled: own.disable_collection ?? false,
    traceIdLabel: own.trace_id_label_name || 'traceID',
    remoteWriteHeaders: own.remote_write_headers ?? {},
  };
}

/** Names of processors that a tenant lists and that do not exist. */
export function unknownProcessors(block: OverridesBlock): readonly string[] {
  return (block.metrics_generator?.processors ?? []).filter((name) => !processorNames.has(name));
}

const processorNames: ReadonlySet<string> = new Set([
  'span-metrics',
  'span-metrics-count',
  'span-metrics-latency',
  'span-metrics-size',
  'service-graphs',
  'host-info',
]);

/** Labels that every series of a tenant has. */
export function addedLabels({ registry }: GeneratorConfig, tenant: string, instance: string): readonly Label[] {
  const labels = Object.entries(registry.external_labels).map(([name, value]) => ({ name, value }));
  labels.push({ name: '__metrics_gen_instance', value: instance });
  if (registry.inject_tenant_id_as !== '') labels.push({ name: registry.inject_tenant_id_as, value: tenant });
  return labels;
}

function spanMetrics(
  { processor }: GeneratorConfig,
  { processor: own }: TenantOverrides,
  processors: ReadonlySet<string>,
): SpanMetricsSettings | undefined {
  const has = (part: string): boolean => processors.has('span-metrics') || processors.has(`span-metrics-${part}`);
  const parts = { calls: has('count'), latency: has('latency'), size: has('size') };
  if (!parts.calls && !parts.latency && !parts.size) return undefined;
  const { span_metrics: shared } = processor;
  const tenant = own?.span_metrics ?? {};
  return {
    ...parts,
    buckets: sortedBuckets(listOr(tenant.histogram_buckets, shared.histogram_buckets ?? spanMetricsBuckets)),
    intrinsics: { ...shared.intrinsic_dimensions, ...tenant.intrinsic_dimensions },
    dimensions: listOr(tenant.dimensions, shared.dimensions),
    mappings: listOr(tenant.dimension_mappings, shared.dimension_mappings),
    policies: listOr(tenant.filter_policies, shared.filter_policies),
    targetInfo: tenant.enable_target_info ?? shared.enable_target_info,
    targetInfoExcluded: listOr(tenant.target_info_excluded_dimensions, shared.target_info_excluded_dimensions),
    instanceLabel: tenant.enable_instance_label ?? shared.enable_instance_label,
    spanMultiplierKey: tenant.span_multiplier_key || shared.span_multiplier_key,
    traceStateMultiplier: tenant.enable_tracestate_span_multiplier ?? shared.enable_tracestate_span_multiplier,
  };
}

function serviceGraphs({ processor }: GeneratorConfig, { processor: own }: TenantOverrides): ServiceGraphSettings {
  const { service_graphs: shared } = processor;
  const tenant = own?.service_graphs ?? {};
  return {
    buckets: sortedBuckets(listOr(tenant.histogram_buckets, shared.histogram_buckets ?? serviceGraphBuckets)),
    dimensions: listOr(tenant.dimensions, shared.dimensions),
    peerAttributes: listOr(tenant.peer_attributes, shared.peer_attributes),
    databaseNameAttributes: shared.database_name_attributes,
    policies: listOr(tenant.filter_policies, shared.filter_policies),
    clientServerPrefix: tenant.enable_client_server_prefix ?? shared.enable_client_server_prefix,
    messagingLatency:
      tenant.enable_messaging_system_latency_histogram ?? shared.enable_messaging_system_latency_histogram,
    virtualNodeLabel: tenant.enable_virtual_node_label ?? shared.enable_virtual_node_label,
    waitMs: shared.wait,
    edgesMax: shared.max_items,
    spanMultiplierKey: tenant.span_multiplier_key || shared.span_multiplier_key,
    traceStateMultiplier: tenant.enable_tracestate_span_multiplier ?? shared.enable_tracestate_span_multiplier,
  };
}

function hostInfo({ processor }: GeneratorConfig, { processor: own }: TenantOverrides): HostInfoSettings {
  return {
    identifiers: listOr(own?.host_info?.host_identifiers, processor.host_info.host_identifiers),
    metricName: own?.host_info?.metric_name || processor.host_info.metric_name,
  };
}

function spanNames(mode: TenantOverrides['span_name_sanitization']): GeneratorSettings['spanNames'] {
  return mode === 'enabled' ? 'clustered' : mode === 'dry_run' ? 'dry_run' : 'as_they_are';
}

function listOr<Item>(own: readonly Item[] | undefined, shared: readonly Item[]): readonly Item[] {
  return own !== undefined && own.length > 0 ? own : shared;
}

function sortedBuckets(buckets: readonly number[]): readonly number[] {
  return [...new Set(buckets)].filter(Number.isFinite).sort((a, b) => a - b);
}

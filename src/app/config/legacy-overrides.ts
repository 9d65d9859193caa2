/**
 * Limits as Tempo had them before 2.3: one flat list of keys, in `overrides:` itself and in each entry of the file. With
 * `enable_legacy_overrides` they are moved to where they stand today before the file is checked; without it they are
 * unknown keys.
 */
import { isMapping } from './yaml-file.ts';

const serviceGraphs = 'metrics_generator.processor.service_graphs';
const spanMetrics = 'metrics_generator.processor.span_metrics';

/** Flat key → where it is today. */
const places: Readonly<Record<string, string>> = {
  ingestion_rate_strategy: 'ingestion.rate_strategy',
  ingestion_rate_limit_bytes: 'ingestion.rate_limit_bytes',
  ingestion_burst_size_bytes: 'ingestion.burst_size_bytes',
  ingestion_tenant_shard_size: 'ingestion.tenant_shard_size',
  ingestion_max_attribute_bytes: 'ingestion.max_attribute_bytes',
  ingestion_artificial_delay: 'ingestion.artificial_delay',
  max_traces_per_user: 'ingestion.max_traces_per_user',
  max_global_traces_per_user: 'ingestion.max_global_traces_per_user',
  max_bytes_per_tag_values_query: 'read.max_bytes_per_tag_values_query',
  max_blocks_per_tag_values_query: 'read.max_blocks_per_tag_values_query',
  max_search_duration: 'read.max_search_duration',
  max_metrics_duration: 'read.max_metrics_duration',
  unsafe_query_hints: 'read.unsafe_query_hints',
  block_retention: 'compaction.block_retention',
  compaction_window: 'compaction.compaction_window',
  compaction_disabled: 'compaction.compaction_disabled',
  max_bytes_per_trace: 'global.max_bytes_per_trace',
  parquet_dedicated_columns: 'storage.parquet_dedicated_columns',
  metrics_generator_ring_size: 'metrics_generator.ring_size',
  metrics_generator_processors: 'metrics_generator.processors',
  metrics_generator_max_active_series: 'metrics_generator.max_active_series',
  metrics_generator_collection_interval: 'metrics_generator.collection_interval',
  metrics_generator_disable_collection: 'metrics_generator.disable_collection',
  metrics_generator_trace_id_label_name: 'metrics_generator.trace_id_label_name',
  metrics_generator_generate_native_histograms: 'metrics_generator.generate_native_histograms',
  metrics_generator_remote_write_headers: 'metrics_generator.remote_write_headers',
  metrics_generator_forwarder_queue_size: 'metrics_generator.forwarder.queue_size',
  metrics_generator_forwarder_workers: 'metrics_generator.forwarder.workers',
  metrics_generator_ingestion_time_range_slack: 'metrics_generator.ingestion_time_range_slack',
  metrics_generator_processor_service_graphs_histogram_buckets: `${serviceGraphs}.histogram_buckets`,
  metrics_generator_processor_service_graphs_dimensions: `${serviceGraphs}.dimensions`,
  metrics_generator_processor_service_graphs_peer_attributes: `${serviceGraphs}.peer_attributes`,
  metrics_generator_processor_service_graphs_enable_client_server_prefix: `${serviceGraphs}.enable_client_server_prefix`,
  metrics_generator_processor_service_graphs_enable_virtual_node_label: `${serviceGraphs}.enable_virtual_node_label`,
  metrics_generator_processor_span_metrics_histogram_buckets: `${spanMetrics}.histogram_buckets`,
  metrics_generator_processor_span_metrics_dimensions: `${spanMetrics}.dimensions`,
  metrics_generator_processor_span_metrics_intrinsic_dimensions: `${spanMetrics}.intrinsic_dimensions`,
  metrics_generator_processor_span_metrics_filter_policies: `${spanMetrics}.filter_policies`,
  metrics_generator_processor_span_metrics_dimension_mappings: `${spanMetrics}.dimension_mappings`,
  metrics_generator_processor_span_metrics_enable_target_info: `${spanMetrics}.enable_target_info`,
  metrics_generator_processor_span_metrics_target_info_excluded_dimensions: `${spanMetrics}.target_info_excluded_dimensions`,
};

/** Moves the flat keys of one entry. Keys that stand where they belong are left and win. */
export function nestLegacyEntry(entry: Record<string, unknown>): void {
  for (const [key, place] of Object.entries(places)) {
    if (!Object.hasOwn(entry, key)) continue;
    const path = place.split('.');
    const last = path.pop()!;
    let at: unknown = entry;
    for (const part of path) if (isMapping(at)) at = at[part] ??= {};
    if (isMapping(at)) at[last] ??= entry[key];
    delete entry[key];
  }
}

/** The flat keys of the main file's `overrides:`, which become its `defaults`. */
export function nestLegacyDefaults(overrides: Record<string, unknown>): void {
  if (overrides['enable_legacy_overrides'] !== true) return;
  const flat: Record<string, unknown> = {};
  for (const key of Object.keys(places)) {
    if (!Object.hasOwn(overrides, key)) continue;
    flat[key] = overrides[key];
    delete overrides[key];
  }
  const defaults = (overrides['defaults'] ??= {});
  if (!isMapping(defaults)) return;
  nestLegacyEntry(Object.assign(defaults, { ...flat, ...defaults }));
}

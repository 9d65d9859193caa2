/**
 * Limits of a tenant, in Tempo's keys: the block below `overrides.defaults`, and each entry of the file that
 * `overrides.per_tenant_override_config` names. What a key means when an entry leaves it out is said in
 * docs/configuration.md; in short: no limit, or the module's own setting.
 */
import { z } from 'zod';
import { count, durationMs } from './values.ts';

const names = z.array(z.string());
const buckets = z.array(z.number());

const policyMatch = z.strictObject({
  match_type: z.enum(['strict', 'regex']),
  attributes: z.array(
    z.strictObject({ key: z.string().min(1), value: z.union([z.string(), z.number(), z.boolean()]) }),
  ),
});
/** Which spans count for a generator's metrics. */
export const filterPolicies = z.array(
  z.strictObject({
    include: policyMatch.optional(),
    include_any: policyMatch.optional(),
    exclude: policyMatch.optional(),
  }),
);
export const dimensionMappings = z.array(
  z.strictObject({ name: z.string().min(1), source_labels: names.min(1), join: z.string().optional() }),
);

const serviceGraphs = z.strictObject({
  histogram_buckets: buckets.optional(),
  dimensions: names.optional(),
  peer_attributes: names.optional(),
  filter_policies: filterPolicies.optional(),
  enable_client_server_prefix: z.boolean().optional(),
  enable_messaging_system_latency_histogram: z.boolean().optional(),
  enable_virtual_node_label: z.boolean().optional(),
  span_multiplier_key: z.string().optional(),
  enable_tracestate_span_multiplier: z.boolean().optional(),
});

const spanMetrics = z.strictObject({
  histogram_buckets: buckets.optional(),
  dimensions: names.optional(),
  intrinsic_dimensions: z.record(z.string(), z.boolean()).optional(),
  filter_policies: filterPolicies.optional(),
  dimension_mappings: dimensionMappings.optional(),
  enable_target_info: z.boolean().optional(),
  target_info_excluded_dimensions: names.optional(),
  enable_instance_label: z.boolean().optional(),
  span_multiplier_key: z.string().optional(),
  enable_tracestate_span_multiplier: z.boolean().optional(),
});

const hostInfo = z.strictObject({ host_identifiers: names.optional(), metric_name: z.string().optional() });

/** What a tenant may also set itself, by the overrides API, which is stricter about some. */
export const generatorShape = {
  /** Names that do not exist are for the generator to ignore: files still hold those of older versions. */
  processors: names.optional(),
  collection_interval: durationMs.optional(),
  disable_collection: z.boolean().optional(),
  generate_native_histograms: z.enum(['classic', 'native', 'both']).optional(),
  trace_id_label_name: z.string().optional(),
  ingestion_time_range_slack: durationMs.optional(),
  native_histogram_bucket_factor: z.number().min(0).optional(),
  native_histogram_max_bucket_number: count.optional(),
  native_histogram_min_reset_duration: durationMs.optional(),
  span_name_sanitization: z.enum(['', 'disabled', 'dry_run', 'enabled']).optional(),
  processor: z
    .strictObject({
      service_graphs: serviceGraphs.optional(),
      span_metrics: spanMetrics.optional(),
      host_info: hostInfo.optional(),
    })
    .optional(),
};

/** Attribute (`resource.x`, `span.x` or `x`) to label; an empty label is the attribute's name in a label's characters. */
export const costDimensions = z.record(z.string().min(1), z.string());

export const overridesBlock = z.strictObject({
  ingestion: z
    .strictObject({
      rate_strategy: z.enum(['local', 'global']).optional(),
      rate_limit_bytes: count.optional(),
      burst_size_bytes: count.optional(),
      max_traces_per_user: count.optional(),
      max_global_traces_per_user: count.optional(),
      tenant_shard_size: count.optional(),
      max_attribute_bytes: count.optional(),
      artificial_delay: durationMs.optional(),
      retry_info_enabled: z.boolean().optional(),
    })
    .optional(),
  read: z
    .strictObject({
      max_bytes_per_tag_values_query: count.optional(),
      max_blocks_per_tag_values_query: count.optional(),
      max_condition_groups_per_tag_query: count.optional(),
      max_search_duration: durationMs.optional(),
      max_metrics_duration: durationMs.optional(),
      unsafe_query_hints: z.boolean().optional(),
      left_pad_trace_ids: z.boolean().optional(),
      metrics_spanonly_fetch: z.boolean().optional(),
    })
    .optional(),
  compaction: z
    .strictObject({
      block_retention: durationMs.optional(),
      compaction_window: durationMs.optional(),
      compaction_disabled: z.boolean().optional(),
    })
    .optional(),
  global: z.strictObject({ max_bytes_per_trace: count.optional() }).optional(),
  metrics_generator: z
    .strictObject({
      ...generatorShape,
      ring_size: count.optional(),
      max_active_series: count.optional(),
      max_active_entities: count.optional(),
      max_cardinality_per_label: count.optional(),
      remote_write_headers: z.record(z.string(), z.string()).optional(),
      forwarder: z.strictObject({ queue_size: count.optional(), workers: count.optional() }).optional(),
    })
    .optional(),
  storage: z
    .strictObject({
      parquet_dedicated_columns: z
        .array(
          z.strictObject({
            scope: z.enum(['span', 'resource', 'event']),
            name: z.string().min(1),
            type: z.enum(['string', 'int']).optional(),
            options: names.optional(),
          }),
        )
        .optional(),
    })
    .optional(),
  forwarders: names.optional(),
  cost_attribution: z
    .strictObject({ max_cardinality: count.optional(), dimensions: costDimensions.optional() })
    .optional(),
});
export type OverridesBlock = z.output<typeof overridesBlock>;

/**
 * What `overrides.defaults` starts from; a tenant's own entry does not. Tempo also has max_traces_per_user: 10000 here,
 * to bound its memory; ours is bounded by spans, and a tenant that reaches a limit is refused rather than cut.
 */
const builtIn: OverridesBlock = {
  ingestion: {
    rate_strategy: 'local',
    rate_limit_bytes: 30_000_000,
    burst_size_bytes: 30_000_000,
    max_traces_per_user: 0,
    retry_info_enabled: true,
  },
  read: { max_bytes_per_tag_values_query: 1_000_000, max_condition_groups_per_tag_query: 100 },
  global: { max_bytes_per_trace: 5_000_000 },
};

export const defaultsBlock = overridesBlock.transform(
  (block): OverridesBlock => ({
    ...builtIn,
    ...block,
    ingestion: { ...builtIn.ingestion, ...block.ingestion },
    read: { ...builtIn.read, ...block.read },
    global: { ...builtIn.global, ...block.global },
  }),
);

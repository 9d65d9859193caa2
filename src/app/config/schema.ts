/**
 * The configuration this program has, in Tempo's YAML keys. Every key is documented here by effect, unit and default;
 * the reference in docs/configuration.md is written from this file. What a Tempo file may also hold, and which does
 * nothing here, is listed in `inapplicable.ts`.
 */
import { z } from 'zod';
import { forwarders, receivers } from './receivers.ts';
import { count, durationMs, port } from './values.ts';

const overridesBlock = z.strictObject({
  ingestion: z
    .strictObject({
      /** Only `local`: each process limits what it receives. */
      rate_strategy: z.enum(['local', 'global']).optional(),
      /** Bytes of OTLP a second and tenant; 0 = no limit. Default 30,000,000. */
      rate_limit_bytes: count.optional(),
      /** Most bytes at once; a single request may not be larger. Default 30,000,000. */
      burst_size_bytes: count.optional(),
      max_traces_per_user: count.optional(),
      max_global_traces_per_user: count.optional(),
      tenant_shard_size: count.optional(),
      /** Attribute keys and string values are cut to this many bytes; 0 = never. Default 2048. */
      max_attribute_bytes: count.optional(),
      artificial_delay: durationMs.optional(),
      retry_info_enabled: z.boolean().optional(),
    })
    .optional(),
  read: z
    .strictObject({
      /** Bytes of names or values in one tag answer. Default 1,000,000. */
      max_bytes_per_tag_values_query: count.optional(),
      max_blocks_per_tag_values_query: count.optional(),
      max_condition_groups_per_tag_query: count.optional(),
      /** Longest range of a search; 0 = query_frontend.search.max_duration. */
      max_search_duration: durationMs.optional(),
      /** Longest range of a metrics query; 0 = query_frontend.metrics.max_duration. */
      max_metrics_duration: durationMs.optional(),
      unsafe_query_hints: z.boolean().optional(),
      /** Search answers show all 32 digits of a trace id. Default false: leading zeros are left out. */
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
  global: z
    .strictObject({
      /** Larger traces are answered with 422 (v1) or partially (v2); 0 = no limit. Default 5,000,000. */
      max_bytes_per_trace: count.optional(),
    })
    .optional(),
  metrics_generator: z.looseObject({}).optional(),
  storage: z.looseObject({}).optional(),
  forwarders: z.array(z.string()).optional(),
  cost_attribution: z.looseObject({}).optional(),
});
export type OverridesBlock = z.output<typeof overridesBlock>;

/** Keys of Tempo's `compaction:` blocks; see `backend-settings.ts` for the three places and which one counts. */
const compactionKeys = z.strictObject({
  /** Blocks whose spans ended longer ago are removed; 0 = never. Default 336h. */
  block_retention: durationMs.optional(),
  /** All blocks of a tenant may have so many bytes; the oldest beyond are removed. 0 = no bound, the default. Ours. */
  retention_bytes: count.optional(),
  /** Files of removed blocks are kept so long for queries that run. Default 1h. */
  compacted_block_retention: durationMs.optional(),
  /** Blocks whose spans ended in the same window are put together. Default 1h. */
  compaction_window: durationMs.optional(),
  /** Blocks younger than this are not compacted, and a window that still gets blocks is not closed. Default 5m. Ours. */
  settle_duration: durationMs.optional(),
  /** Bounds of a compacted block: traces, bytes, spans (ours). Not more than 512 Ki, 64 MiB, 2 Mi. */
  max_compaction_objects: count.optional(),
  max_block_bytes: count.optional(),
  max_block_spans: count.optional(),
  /** Compactions of one tenant go on for so long before the next tenant's turn. Default 5m. */
  max_time_per_tenant: durationMs.optional(),
});
export type CompactionKeys = z.output<typeof compactionKeys>;

export const configSchema = z.strictObject({
  /** Which roles this process runs. Default all. */
  target: z.string().default('all'),
  /** Requests must name a tenant in X-Scope-OrgID. Default false: everything belongs to `single-tenant`. */
  multitenancy_enabled: z.boolean().default(false),
  /** Put before every /api path. */
  http_api_prefix: z.string().default(''),
  server: z
    .strictObject({
      http_listen_address: z.string().default('127.0.0.1'),
      http_listen_port: port.default(3200),
      grpc_listen_address: z.string().default('127.0.0.1'),
      grpc_listen_port: port.default(9095),
      log_level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
      log_format: z.enum(['logfmt', 'json']).default('json'),
      /** Spend about two seconds of CPU after the start on made-up spans, so that the first real ones are fast. Ours. */
      warm_up: z.boolean().default(true),
    })
    .prefault({}),
  distributor: z
    .strictObject({
      /** Unset: OTLP over gRPC and HTTP, and Jaeger's over gRPC and HTTP where their ports are free. */
      receivers: receivers.optional(),
      /** Where copies of accepted requests go, by name; `overrides … forwarders` chooses for each tenant. */
      forwarders,
      /** Pause that a sender over its limit is told to make. 0 = none is told. */
      retry_after_on_resource_exhausted: durationMs.default(5000),
      max_attribute_bytes: count.default(2048),
    })
    .prefault({}),
  live_store: z
    .strictObject({
      /** A block is cut when its oldest span has been live this long. */
      max_block_duration: durationMs.default(30_000),
      /** … or when it has this many spans. Ours: rows are what memory and blocks are measured in. */
      max_block_spans: count.default(131_072),
    })
    .prefault({}),
  storage: z
    .strictObject({
      trace: z
        .strictObject({
          backend: z.enum(['local']).default('local'),
          local: z.strictObject({ path: z.string() }).prefault({ path: './data' }),
          /** Requests gather this long before they are stored together and answered. Default 10 ms on disk. */
          wal: z
            .strictObject({
              path: z.string().optional(),
              linger: durationMs.optional(),
              segment_bytes: count.optional(),
            })
            .prefault({}),
        })
        .prefault({}),
    })
    .prefault({}),
  query_frontend: z
    .strictObject({
      max_query_expression_size_bytes: count.default(131_072),
      search: z
        .strictObject({
          default_result_limit: count.default(20),
          max_result_limit: count.default(262_144),
          default_spans_per_span_set: count.default(3),
          /** 0 = no limit. */
          max_spans_per_span_set: count.default(100),
          max_duration: durationMs.default(168 * 3_600_000),
        })
        .prefault({}),
      metrics: z
        .strictObject({
          max_duration: durationMs.default(24 * 3_600_000),
          max_exemplars: count.default(100),
          max_intervals: count.default(10_000),
          max_response_series: count.default(0),
        })
        .prefault({}),
    })
    .prefault({}),
  querier: z
    .strictObject({
      /** Decoded columns kept for later queries, bytes. Ours. */
      column_cache_bytes: count.default(64 * 1024 * 1024),
      /** Answers and parts of answers over stored blocks that are kept, bytes. Ours. */
      result_cache_bytes: count.default(32 * 1024 * 1024),
      /** What one query may hold before it is stopped, bytes. Ours. */
      query_memory_bytes: count.default(256 * 1024 * 1024),
    })
    .prefault({}),
  /** Compaction and retention as Tempo 2 has them; `disabled` stops both. */
  compactor: z
    .strictObject({ disabled: z.boolean().default(false), compaction: compactionKeys.prefault({}) })
    .prefault({}),
  backend_scheduler: z
    .strictObject({
      /** Pause between two looks at all tenants, on average. */
      maintenance_interval: durationMs.default(60_000),
      provider: z
        .strictObject({
          compaction: z
            .strictObject({
              compaction: compactionKeys.prefault({}),
              /** Fewest blocks that are put together when their window is closed, and while it is open (ours). */
              min_input_blocks: count.default(2),
              min_input_blocks_open_window: count.default(16),
              max_input_blocks: count.default(64),
            })
            .prefault({}),
        })
        .prefault({}),
    })
    .prefault({}),
  backend_worker: z.strictObject({ compaction: compactionKeys.prefault({}) }).prefault({}),
  overrides: z
    .strictObject({
      defaults: overridesBlock.prefault({}),
    })
    .prefault({}),
});

export type Config = z.output<typeof configSchema>;

/**
 * The configuration this program has, in Tempo's YAML keys. Every key is documented here by effect, unit and default;
 * the reference in docs/configuration.md is written from this file. What a Tempo file may also hold, and which does
 * nothing here, is listed in `inapplicable.ts`.
 */
import { RE2JS } from 're2js';
import { z } from 'zod';
import { auth } from './auth-schema.ts';
import { metricsGenerator } from './generator-schema.ts';
import { defaultsBlock } from './overrides-schema.ts';
import { forwarders, receivers } from './receivers.ts';
import { traceStorage } from './storage-schema.ts';
import { listenerTls, tlsCipherSuites, tlsMinVersion } from './tls-schema.ts';
import { count, durationMs, port } from './values.ts';

/** Regular expressions as Go has them: no match takes longer than its input is long. */
const pattern = z.string().transform((text, context) => {
  try {
    RE2JS.compile(text);
    return text;
  } catch (error) {
    context.addIssue({ code: 'custom', message: `"${text}" is not a regular expression: ${(error as Error).message}` });
    return z.NEVER;
  }
});

/** What a log of spans holds, one line a span. */
const spanLog = z
  .strictObject({
    enabled: z.boolean().default(false),
    include_all_attributes: z.boolean().default(false),
    /** Only spans whose status is error. */
    filter_by_status_error: z.boolean().default(false),
  })
  .prefault({});

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
  /** Who may ask, and for what; see `auth-schema.ts`. Ours. */
  auth,
  /** Which roles this process runs. Default all. */
  target: z.string().default('all'),
  /** Requests must name a tenant in X-Scope-OrgID. Default false: everything belongs to `single-tenant`. */
  multitenancy_enabled: z.boolean().default(false),
  /** Put before every /api path. */
  http_api_prefix: z.string().default(''),
  /** Traces of this program itself. Ours. */
  self_tracing: z
    .strictObject({
      /** Where spans go, OTLP over HTTP: `http://127.0.0.1:4318/v1/traces`. Empty: nowhere. */
      endpoint: z.union([z.literal(''), z.url({ protocol: /^https?$/ })]).default(''),
      headers: z.record(z.string(), z.string()).default({}),
      /** Share of the requests without a `traceparent` that are traced. */
      sampling_ratio: z.number().min(0).max(1).default(1),
    })
    .prefault({}),
  /** The HTTP port always speaks HTTP/2 and gRPC too; both values are accepted. */
  stream_over_http_enabled: z.boolean().default(true),
  /** Time between /ready turning to 503 and the ports closing, so that balancers look elsewhere first. */
  shutdown_delay: durationMs.default(0),
  server: z
    .strictObject({
      http_listen_address: z.string().default('127.0.0.1'),
      http_listen_port: port.default(3200),
      grpc_listen_address: z.string().default('127.0.0.1'),
      grpc_listen_port: port.default(9095),
      /** TLS of either port; see `tls-schema.ts`. */
      http_tls_config: listenerTls,
      grpc_tls_config: listenerTls,
      tls_min_version: tlsMinVersion,
      tls_cipher_suites: tlsCipherSuites,
      log_level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
      log_format: z.enum(['logfmt', 'json']).default('json'),
      /** Time for the head and body of an HTTP/1.1 request. */
      http_server_read_timeout: durationMs.default(30_000),
      /** Time for an answer; the connection is cut when it is over. 0 = no limit. */
      http_server_write_timeout: durationMs.default(0),
      /** How long an HTTP/1.1 connection is kept between requests. */
      http_server_idle_timeout: durationMs.default(120_000),
      /** Bytes of a gRPC request to the query API. */
      grpc_server_max_recv_msg_size: count.default(16 * 1024 * 1024),
      /** Bytes of one message of a gRPC answer. */
      grpc_server_max_send_msg_size: count.default(16 * 1024 * 1024),
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
      log_received_spans: spanLog,
      log_discarded_spans: spanLog,
      usage: z
        .strictObject({
          /** Bytes received by the attributes that a tenant's cost_attribution.dimensions name, at /usage_metrics. */
          cost_attribution: z
            .strictObject({
              enabled: z.boolean().default(false),
              /** Label sets a tenant; what comes after them is counted as `__overflow__`. */
              max_cardinality: count.default(10_000),
              /** Label sets that got nothing for so long are forgotten. */
              stale_duration: durationMs.default(15 * 60_000),
            })
            .prefault({}),
        })
        .prefault({}),
    })
    .prefault({}),
  /** How processes that share one store find and ask each other. Nothing of it matters to one that runs alone. Ours. */
  cluster: z
    .strictObject({
      /** Host, or host:port, where others reach this process's HTTP port. Default: what it listens at. */
      advertise_address: z.string().default(''),
      /** Readers look for new writers this often, and a writer takes spans only when it has been there for so long. */
      discovery_interval: durationMs.default(3_000),
      /** How often a writer says that it lives. */
      renew_interval: durationMs.default(10_000),
      /** A writer that gave no sign of life for so long is taken for dead, and its segments are adopted. */
      dead_after: durationMs.default(60_000),
      /** A writer that does not answer a reader by then is read from its segments. */
      ask_timeout: durationMs.default(1_000),
      /** For asking writers whose HTTP port speaks TLS: authorities to believe, our certificate, the name in theirs. */
      tls_ca_path: z.string().default(''),
      tls_cert_path: z.string().default(''),
      tls_key_path: z.string().default(''),
      tls_server_name: z.string().default(''),
      tls_insecure_skip_verify: z.boolean().default(false),
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
      trace: traceStorage.prefault({}),
    })
    .prefault({}),
  query_frontend: z
    .strictObject({
      max_query_expression_size_bytes: count.default(131_072),
      mcp_server: z
        .strictObject({
          /** Serve the Model Context Protocol at /api/mcp. Default false: 404. */
          enabled: z.boolean().default(false),
        })
        .prefault({}),
      /** Whether X-Scope-OrgID may name several tenants: `a|b`. */
      multi_tenant_queries_enabled: z.boolean().default(true),
      /** A query that takes longer is answered with 503. 0 = no limit. */
      api_timeout: durationMs.default(0),
      /** Requests whose URL one of these matches, anywhere, are refused with 400. */
      url_deny_list: z.array(pattern).default([]),
      /** Streamed answers are cut into messages of about this many bytes. */
      max_grpc_streaming_packet_size: count.default(2 * 1024 * 1024),
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
      /** Serves /api/redact, by which whoever may ask may remove (ours). */
      redaction_api: z.boolean().default(false),
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
  /** Metrics from spans; see `generator-schema.ts`. */
  metrics_generator: metricsGenerator,
  /** The web UI. Ours. */
  ui: z
    .strictObject({
      /** Links from a span to its logs, metrics and the like. `{…}` in the URL: see docs/configuration.md. */
      span_links: z
        .array(
          z.strictObject({
            name: z.string().min(1),
            url: z.string().regex(/^https?:\/\//, 'must begin with http:// or https://'),
          }),
        )
        .default([]),
    })
    .prefault({}),
  overrides: z
    .strictObject({
      /** Limits of tenants that have no entry of their own. */
      defaults: defaultsBlock.prefault({}),
      /** File with entries per tenant, read again while running. Empty: none. */
      per_tenant_override_config: z.string().default(''),
      per_tenant_override_period: durationMs.default(10_000),
      /** Accepts the flat keys of Tempo before 2.3, here and in the file. */
      enable_legacy_overrides: z.boolean().default(false),
      /** /api/overrides: tenants set some limits themselves. */
      user_configurable_overrides: z
        .strictObject({
          enabled: z.boolean().default(false),
          /** How often changes made by other processes are looked for. */
          poll_interval: durationMs.default(60_000),
          api: z.strictObject({ check_for_conflicting_runtime_overrides: z.boolean().default(false) }).prefault({}),
        })
        .prefault({}),
    })
    .prefault({}),
});

export type Config = z.output<typeof configSchema>;

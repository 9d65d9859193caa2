/**
 * `metrics_generator` of the configuration: what holds for all tenants that have nothing of their own, and where samples
 * are sent. Remote write takes Prometheus's keys. Documented key by key in docs/configuration.md.
 */
import { z } from 'zod';
import { dimensionMappings, filterPolicies } from './overrides-schema.ts';
import { count, durationMs, orNull } from './values.ts';

const names = z.array(z.string());
const buckets = z.array(z.number());

const tlsConfig = z.strictObject({
  ca: z.string().optional(),
  ca_file: z.string().optional(),
  cert: z.string().optional(),
  cert_file: z.string().optional(),
  key: z.string().optional(),
  key_file: z.string().optional(),
  server_name: z.string().optional(),
  insecure_skip_verify: z.boolean().default(false),
});

const remoteWrite = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  /** In metrics, logs and the queue's folder. Default: the URL's host. */
  name: z.string().optional(),
  remote_timeout: durationMs.default(30_000),
  headers: z.record(z.string(), z.string()).default({}),
  basic_auth: z
    .strictObject({
      username: z.string().optional(),
      username_file: z.string().optional(),
      password: z.string().optional(),
      password_file: z.string().optional(),
    })
    .optional(),
  authorization: z
    .strictObject({
      type: z.string().default('Bearer'),
      credentials: z.string().optional(),
      credentials_file: z.string().optional(),
    })
    .optional(),
  bearer_token: z.string().optional(),
  bearer_token_file: z.string().optional(),
  tls_config: tlsConfig.optional(),
  /** 1.0 or 2.0; not set: 2.0 if the receiver takes it. */
  protobuf_message: z.enum(['prometheus.WriteRequest', 'io.prometheus.write.v2.Request']).optional(),
  send_exemplars: z.boolean().default(true),
  /** Accepted: native histograms are sent when a tenant has them made. */
  send_native_histograms: z.boolean().optional(),
  /** Bytes of requests on disk that wait; beyond it the oldest are dropped. Ours. */
  queue_bytes: count.default(512 * 1024 * 1024),
  queue_config: z
    .strictObject({
      max_samples_per_send: count.min(1).default(2000),
      min_backoff: durationMs.default(30),
      max_backoff: durationMs.default(5_000),
      retry_on_http_429: z.boolean().default(true),
      /** Accepted and without effect: the queue is on disk and sends in order, one request at a time. */
      capacity: count.optional(),
      min_shards: count.optional(),
      max_shards: count.optional(),
      batch_send_deadline: durationMs.optional(),
    })
    .prefault({}),
});
export type RemoteWriteConfig = z.output<typeof remoteWrite>;

const multiplier = {
  span_multiplier_key: z.string().default(''),
  enable_tracestate_span_multiplier: z.boolean().default(false),
};

export const metricsGenerator = orNull(
  z.strictObject({
    processor: z
      .strictObject({
        service_graphs: z
          .strictObject({
            wait: durationMs.default(10_000),
            max_items: count.default(10_000),
            histogram_buckets: buckets.optional(),
            dimensions: names.default([]),
            peer_attributes: names.default(['peer.service', 'db.name', 'db.system']),
            database_name_attributes: names.default(['db.namespace', 'db.name', 'db.system']),
            filter_policies: filterPolicies.default([]),
            enable_client_server_prefix: z.boolean().default(false),
            enable_messaging_system_latency_histogram: z.boolean().default(false),
            enable_virtual_node_label: z.boolean().default(false),
            ...multiplier,
          })
          .prefault({}),
        span_metrics: z
          .strictObject({
            histogram_buckets: buckets.optional(),
            intrinsic_dimensions: z
              .strictObject({
                service: z.boolean().default(true),
                span_name: z.boolean().default(true),
                span_kind: z.boolean().default(true),
                status_code: z.boolean().default(true),
                status_message: z.boolean().default(false),
              })
              .prefault({}),
            dimensions: names.default([]),
            dimension_mappings: dimensionMappings.default([]),
            filter_policies: filterPolicies.default([]),
            enable_target_info: z.boolean().default(false),
            target_info_excluded_dimensions: names.default([]),
            enable_instance_label: z.boolean().default(true),
            ...multiplier,
          })
          .prefault({}),
        host_info: z
          .strictObject({
            host_identifiers: names.default(['k8s.node.name', 'host.id']),
            metric_name: z.string().default('traces_host_info'),
          })
          .prefault({}),
      })
      .prefault({}),
    registry: z
      .strictObject({
        collection_interval: durationMs.default(15_000),
        stale_duration: durationMs.default(15 * 60_000),
        external_labels: z.record(z.string(), z.string()).default({}),
        /** Name of a label with the tenant; empty: none. */
        inject_tenant_id_as: z.string().default(''),
      })
      .prefault({}),
    storage: z
      .strictObject({
        /** Folder for state and send queues. Empty: nothing is sent, and counters begin anew with every start. */
        path: z.string().default(''),
        remote_write: z.array(remoteWrite).default([]),
        /** `X-Scope-OrgID` on requests of a tenant that is not `single-tenant`. */
        remote_write_add_org_id_header: z.boolean().default(true),
      })
      .prefault({}),
    /** Segments wait so long for metrics processes that are away. Ours. */
    hold_segments: durationMs.default(60 * 60_000),
    metrics_ingestion_time_range_slack: durationMs.default(30_000),
    limiter_type: z.enum(['series', 'entity']).default('series'),
  }),
).prefault({});

/**
 * `distributor.receivers` in the collector's keys, and `distributor.forwarders`. What the collector has and we have not
 * is refused, by name, when leaving it out would change who can send or read something (`auth`, `tls` options); tuning
 * of its buffers is accepted and does nothing.
 */
import { z } from 'zod';
import { type ConditionScope, parseCondition } from '../../roles/write/forward-condition.ts';
import { kafkaEncodings } from '../../roles/write/kafka-encoding.ts';
import { count, durationMs, endpoint, orNull } from './values.ts';

/** Accepted, without effect here. */
const tuning = z.unknown().optional();

/** Refused with a reason. */
const refused = (reason: string) => z.undefined({ error: reason }).optional();

const auth = refused('not supported: the block auth at the top of the file asks the senders of all receivers');

/** TLS of a listener: certificate and key as files or text (PEM). Any other key of the collector's is refused. */
const serverTls = z
  .strictObject({
    cert_file: z.string().optional(),
    cert_pem: z.string().optional(),
    key_file: z.string().optional(),
    key_pem: z.string().optional(),
    /** Clients must show a certificate that one of these signed. */
    client_ca_file: z.string().optional(),
    /** Default 1.2. */
    min_version: z.enum(['1.2', '1.3']).optional(),
    /** Changes of the files are noticed at once, or at least so often. Default 30s. */
    reload_interval: durationMs.refine((ms) => ms >= 100, { error: 'must be at least 100ms' }).optional(),
  })
  .refine((tls) => (tls.cert_file ?? tls.cert_pem) !== undefined && (tls.key_file ?? tls.key_pem) !== undefined, {
    error: 'needs cert_file and key_file',
  });

const listener = {
  /** Address to listen on; a host of `localhost` is 127.0.0.1. */
  endpoint: endpoint.optional(),
  tls: serverTls.optional(),
  auth,
  /** Tenant and `no-generate-metrics` are always read. */
  include_metadata: z.boolean().optional(),
};

const grpc = z.strictObject({
  ...listener,
  transport: z.literal('tcp').optional(),
  /** Largest message, MiB. Default 16. */
  max_recv_msg_size_mib: count.optional(),
  max_concurrent_streams: tuning,
  read_buffer_size: tuning,
  write_buffer_size: tuning,
  keepalive: tuning,
});

const httpKeys = {
  ...listener,
  transport: z.literal('tcp').optional(),
  /** Largest body, bytes, before and after decompression. Default 20 MiB. */
  max_request_body_size: count.optional(),
  cors: z
    .strictObject({
      /** Origins that browsers may send from; each may hold one `*`. Default none. */
      allowed_origins: z.array(z.string()).default([]),
      /** Every header that a preflight asks for is allowed. */
      allowed_headers: z.array(z.string()).optional(),
      max_age: count.optional(),
    })
    .optional(),
  read_timeout: tuning,
  read_header_timeout: tuning,
  write_timeout: tuning,
  idle_timeout: tuning,
  keep_alives_enabled: tuning,
  compression_algorithms: tuning,
};
const http = z.strictObject(httpKeys);

const otlpHttp = z.strictObject({
  ...httpKeys,
  traces_url_path: z.literal('/v1/traces', { error: 'only /v1/traces' }).optional(),
  metrics_url_path: tuning,
  logs_url_path: tuning,
});

const udp = z.strictObject({
  endpoint: endpoint.optional(),
  /** Packets that may wait to be durable. Default 1000. */
  queue_size: count.optional(),
  /** Bytes; larger packets are refused. Default 65,000. */
  max_packet_size: count.optional(),
  workers: tuning,
  /** Bytes that the kernel keeps for us. 0: its default. */
  socket_buffer_size: count.optional(),
});

const someProtocol = (protocols: object): boolean => Object.values(protocols).some((value) => value !== undefined);
const oneProtocol = { error: 'must name at least one protocol' };

const clientTls = z.strictObject({
  /** Without TLS. */
  insecure: z.boolean().default(false),
  /** With TLS, but whoever answers is believed. */
  insecure_skip_verify: z.boolean().default(false),
  /** Authorities to believe; unset: the system's. */
  ca_file: z.string().optional(),
  cert_file: z.string().optional(),
  key_file: z.string().optional(),
  server_name_override: z.string().optional(),
});

const saslMechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;
const encoding = z.enum(kafkaEncodings);

const kafka = z.strictObject({
  /** Default localhost:9092. */
  brokers: z.union([endpoint.transform((one) => [one]), z.array(endpoint).min(1)]).prefault(['localhost:9092']),
  /** The version is negotiated. */
  protocol_version: tuning,
  /** Default otlp_spans. */
  topic: z.string().optional(),
  /** Default otlp_proto. */
  encoding: encoding.optional(),
  /** The collector's newer place for both. */
  traces: z
    .strictObject({
      topic: z.string().optional(),
      topics: z.array(z.string()).optional(),
      encoding: encoding.optional(),
    })
    .optional(),
  group_id: z.string().default('otel-collector'),
  client_id: z.string().default('otel-collector'),
  /** Where a group without a committed offset begins. */
  initial_offset: z.enum(['latest', 'earliest']).default('latest'),
  /** The group gives the partitions of a member away that was silent this long. */
  session_timeout: durationMs.default(10_000),
  heartbeat_interval: durationMs.default(3_000),
  auth: z
    .strictObject({
      plain_text: z.strictObject({ username: z.string(), password: z.string() }).optional(),
      sasl: z
        .strictObject({
          username: z.string(),
          password: z.string(),
          mechanism: z.enum(saslMechanisms),
          version: tuning,
        })
        .optional(),
      tls: clientTls.optional(),
    })
    .optional(),
  tls: clientTls.optional(),
  /** Offsets are always committed after the spans are durable, and a message that can never be stored is skipped. */
  autocommit: tuning,
  message_marking: tuning,
  metadata: tuning,
  header_extraction: tuning,
  rack_id: tuning,
  min_fetch_size: tuning,
  default_fetch_size: tuning,
  max_fetch_size: tuning,
  max_fetch_wait: tuning,
  error_backoff: tuning,
  group_rebalance_strategy: tuning,
  group_instance_id: tuning,
  resolve_canonical_bootstrap_servers_only: tuning,
});

const types = {
  otlp: orNull(
    z.strictObject({
      protocols: orNull(
        z
          .strictObject({ grpc: orNull(grpc).optional(), http: orNull(otlpHttp).optional() })
          .refine(someProtocol, oneProtocol),
      ),
    }),
  ).optional(),
  jaeger: orNull(
    z.strictObject({
      protocols: orNull(
        z
          .strictObject({
            grpc: orNull(grpc).optional(),
            thrift_http: orNull(http).optional(),
            thrift_compact: orNull(udp).optional(),
            thrift_binary: orNull(udp).optional(),
          })
          .refine(someProtocol, oneProtocol),
      ),
      remote_sampling: refused('not supported: the sampling endpoint left the collector too'),
    }),
  ).optional(),
  zipkin: orNull(
    z.strictObject({
      ...httpKeys,
      parse_string_tags: z.literal(false, { error: 'not supported: tags stay text' }).optional(),
    }),
  ).optional(),
  kafka: orNull(kafka).optional(),
};

export const receivers = z.looseObject(types).superRefine((value, context) => {
  for (const key of Object.keys(value)) {
    if (Object.hasOwn(types, key)) continue;
    const [type, name] = key.split('/', 2);
    const message =
      name !== undefined && Object.hasOwn(types, type!)
        ? `only one receiver of a type: ${key}`
        : `receiver factory not found for type: ${type}`;
    context.addIssue({ code: 'custom', path: [key], message });
  }
});
export type ReceiversConfig = z.output<typeof receivers>;

const conditions = (scope: ConditionScope) => {
  const condition = z.string().superRefine((text, context) => {
    try {
      parseCondition(text, scope);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
    }
  });
  return z.array(condition).default([]);
};

export const forwarders = z
  .array(
    z.strictObject({
      /** What `overrides … forwarders` calls it. */
      name: z.string().min(1),
      backend: z.literal('otlpgrpc', { error: 'only otlpgrpc' }),
      otlpgrpc: z.strictObject({
        /** Requests go to them in turn. */
        endpoints: z.union([endpoint.transform((one) => [one]), z.array(endpoint).min(1)]),
        tls: z
          .strictObject({
            /** Without TLS. */
            insecure: z.boolean().default(false),
            /** Authorities to believe; unset: the system's. */
            cert_file: z.string().optional(),
          })
          .prefault({}),
      }),
      /** OTTL conditions: spans and events that meet one are left out of the copy. */
      filter: z
        .strictObject({
          traces: z.strictObject({ span: conditions('span'), spanevent: conditions('spanevent') }).prefault({}),
        })
        .prefault({}),
    }),
  )
  .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, { error: 'two forwarders of one name' })
  .default([]);
export type ForwarderConfig = z.output<typeof forwarders>[number];

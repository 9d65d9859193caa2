/** Receivers and forwarders of the configuration with the collector's default ports, and with their PEM files read. */
import { readFileSync } from 'node:fs';
import { ErrorKind, RubatoError } from '../base/errors.ts';
import { forwardFilter } from '../roles/write/forward-filter.ts';
import type { ForwarderSpec } from '../roles/write/forwarder.ts';
import type { KafkaOptions, KafkaSasl } from '../roles/write/kafka-receiver.ts';
import type { GrpcSpec, HttpSpec, ReceiverSpec, UdpSpec } from '../roles/write/receivers.ts';
import type { ServerTls } from '../roles/write/server-tls.ts';
import type { ForwarderConfig, ReceiversConfig } from './config/receivers.ts';
import type { Config } from './config/schema.ts';

type Otlp = NonNullable<ReceiversConfig['otlp']>['protocols'];
type Jaeger = NonNullable<ReceiversConfig['jaeger']>['protocols'];
type GrpcConfig = NonNullable<Otlp['grpc']>;
type HttpConfig = NonNullable<Jaeger['thrift_http']>;
type UdpConfig = NonNullable<Jaeger['thrift_compact']>;
type KafkaConfig = NonNullable<ReceiversConfig['kafka']>;
type ServerTlsConfig = NonNullable<GrpcConfig['tls']>;

/** @throws RubatoError config: a file cannot be read */
export function receiverSpecs(config: {
  readonly distributor: Pick<Config['distributor'], 'receivers'>;
}): ReceiverSpec[] {
  const given = config.distributor.receivers;
  if (given === undefined) {
    return [
      grpcSpec('otlp/grpc', {}, 'localhost:4317', false),
      httpSpec('otlp/http', {}, 'localhost:4318', false),
      grpcSpec('jaeger/grpc', {}, 'localhost:14250', true),
      httpSpec('jaeger/thrift_http', {}, 'localhost:14268', true),
    ];
  }
  const { otlp, jaeger, zipkin, kafka } = given;
  const specs: ReceiverSpec[] = [];
  const { grpc, http } = otlp?.protocols ?? {};
  if (grpc) specs.push(grpcSpec('otlp/grpc', grpc, 'localhost:4317', false));
  if (http) specs.push(httpSpec('otlp/http', http, 'localhost:4318', false));
  const protocols = jaeger?.protocols ?? {};
  if (protocols.grpc) specs.push(grpcSpec('jaeger/grpc', protocols.grpc, 'localhost:14250', false));
  if (protocols.thrift_http)
    specs.push(httpSpec('jaeger/thrift_http', protocols.thrift_http, 'localhost:14268', false));
  if (protocols.thrift_compact)
    specs.push(udpSpec('jaeger/thrift_compact', protocols.thrift_compact, 'localhost:6831'));
  if (protocols.thrift_binary) specs.push(udpSpec('jaeger/thrift_binary', protocols.thrift_binary, 'localhost:6832'));
  if (zipkin) specs.push(httpSpec('zipkin', zipkin, 'localhost:9411', false));
  if (kafka) specs.push({ type: 'kafka', ...kafkaOptions(kafka) });
  return specs;
}

function grpcSpec(type: GrpcSpec['type'], config: GrpcConfig, endpoint: string, implied: boolean): GrpcSpec {
  return {
    type,
    ...splitEndpoint(config.endpoint ?? endpoint),
    messageBytesMax: (config.max_recv_msg_size_mib || 16) * 1024 * 1024,
    tls: config.tls && serverTls(config.tls),
    implied,
  };
}

function httpSpec(type: HttpSpec['type'], config: HttpConfig, endpoint: string, implied: boolean): HttpSpec {
  return {
    type,
    ...splitEndpoint(config.endpoint ?? endpoint),
    bodyBytesMax: config.max_request_body_size || 20 * 1024 * 1024,
    corsAllowedOrigins: config.cors?.allowed_origins ?? [],
    tls: config.tls && serverTls(config.tls),
    implied,
  };
}

function udpSpec(type: UdpSpec['type'], config: UdpConfig, endpoint: string): UdpSpec {
  return {
    type,
    ...splitEndpoint(config.endpoint ?? endpoint),
    implied: false,
    ...(config.max_packet_size !== undefined && { packetBytesMax: config.max_packet_size }),
    ...(config.queue_size !== undefined && { packetsInFlightMax: config.queue_size }),
    ...(config.socket_buffer_size !== undefined &&
      config.socket_buffer_size > 0 && { socketBufferBytes: config.socket_buffer_size }),
  };
}

function kafkaOptions(config: KafkaConfig): KafkaOptions {
  const { auth, traces } = config;
  const tls = config.tls ?? auth?.tls;
  const sasl: KafkaSasl | undefined = auth?.sasl
    ? {
        mechanism: auth.sasl.mechanism.toLowerCase() as KafkaSasl['mechanism'],
        username: auth.sasl.username,
        password: auth.sasl.password,
      }
    : auth?.plain_text && { mechanism: 'plain', ...auth.plain_text };
  return {
    brokers: config.brokers,
    topics: traces?.topics ?? [traces?.topic ?? config.topic ?? 'otlp_spans'],
    encoding: traces?.encoding ?? config.encoding ?? 'otlp_proto',
    groupId: config.group_id,
    clientId: config.client_id,
    fromBeginning: config.initial_offset === 'earliest',
    sessionTimeoutMs: config.session_timeout,
    heartbeatIntervalMs: config.heartbeat_interval,
    sasl,
    tls:
      tls === undefined || tls.insecure
        ? undefined
        : {
            ...(tls.ca_file !== undefined && { ca: pemFile(tls.ca_file) }),
            ...(tls.cert_file !== undefined && { cert: pemFile(tls.cert_file) }),
            ...(tls.key_file !== undefined && { key: pemFile(tls.key_file) }),
            ...(tls.server_name_override !== undefined && { servername: tls.server_name_override }),
            rejectUnauthorized: !tls.insecure_skip_verify,
          },
  };
}

/** @throws RubatoError config: a file or a condition cannot be read */
export function forwarderSpecs(configs: readonly ForwarderConfig[]): ForwarderSpec[] {
  return configs.map(({ name, otlpgrpc, filter }) => ({
    name,
    endpoints: otlpgrpc.endpoints.map((endpoint) => splitEndpoint(endpoint)),
    tls: otlpgrpc.tls.insecure
      ? undefined
      : { ...(otlpgrpc.tls.cert_file !== undefined && { ca: pemFile(otlpgrpc.tls.cert_file) }) },
    filter: forwardFilter({ span: filter.traces.span, spanEvent: filter.traces.spanevent }),
  }));
}

function serverTls(config: ServerTlsConfig): ServerTls {
  const { cert_file, cert_pem, key_file, key_pem, client_ca_file, min_version } = config;
  return {
    cert: cert_pem ?? pemFile(cert_file!),
    key: key_pem ?? pemFile(key_file!),
    ...(client_ca_file !== undefined && { clientCa: pemFile(client_ca_file) }),
    ...(min_version !== undefined && { minVersion: `TLSv${min_version}` as const }),
  };
}

export function pemFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new RubatoError(ErrorKind.config, 'no_pem', `cannot read ${file}: ${(error as Error).message}`, error);
  }
}

function splitEndpoint(endpoint: string): { host: string; port: number } {
  const colon = endpoint.lastIndexOf(':');
  const host = endpoint.slice(0, colon).replace(/^\[|\]$/g, '');
  // "localhost" is IPv4 for Tempo's users; Node would take whichever family the resolver lists first.
  return {
    host: host === '' ? '0.0.0.0' : host === 'localhost' ? '127.0.0.1' : host,
    port: Number(endpoint.slice(colon + 1)),
  };
}

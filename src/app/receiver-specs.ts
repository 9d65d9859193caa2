/** Receivers and forwarders of the configuration with the collector's default ports, and with their PEM files read. */
import { forwardFilter } from '../roles/write/forward-filter.ts';
import type { ForwarderSpec } from '../roles/write/forwarder.ts';
import type { KafkaOptions, KafkaSasl } from '../roles/write/kafka-receiver.ts';
import type { GrpcSpec, HttpSpec, ReceiverSpec, UdpSpec } from '../roles/write/receivers.ts';
import type { ServerTls } from '../roles/write/server-tls.ts';
import type { ForwarderConfig, ReceiversConfig } from './config/receivers.ts';
import type { Config } from './config/schema.ts';
import { pemFile, reloadMsDefault, serverTls, type TlsLog } from './tls-files.ts';

type Otlp = NonNullable<ReceiversConfig['otlp']>['protocols'];
type Jaeger = NonNullable<ReceiversConfig['jaeger']>['protocols'];
type GrpcConfig = NonNullable<Otlp['grpc']>;
type HttpConfig = NonNullable<Jaeger['thrift_http']>;
type UdpConfig = NonNullable<Jaeger['thrift_compact']>;
type KafkaConfig = NonNullable<ReceiversConfig['kafka']>;
type ServerTlsConfig = NonNullable<GrpcConfig['tls']>;

/** @param log hears of renewed certificates. @throws RubatoError config: a file cannot be read */
export function receiverSpecs(
  config: { readonly distributor: Pick<Config['distributor'], 'receivers'> },
  log: TlsLog,
): ReceiverSpec[] {
  const given = config.distributor.receivers;
  const grpcSpec = (type: GrpcSpec['type'], from: GrpcConfig, endpoint: string, implied = false): GrpcSpec => ({
    type,
    ...splitEndpoint(from.endpoint ?? endpoint),
    messageBytesMax: (from.max_recv_msg_size_mib || 16) * 1024 * 1024,
    tls: from.tls && receiverTls(from.tls, log),
    implied,
  });
  const httpSpec = (type: HttpSpec['type'], from: HttpConfig, endpoint: string, implied = false): HttpSpec => ({
    type,
    ...splitEndpoint(from.endpoint ?? endpoint),
    bodyBytesMax: from.max_request_body_size || 20 * 1024 * 1024,
    corsAllowedOrigins: from.cors?.allowed_origins ?? [],
    tls: from.tls && receiverTls(from.tls, log),
    implied,
  });
  if (given === undefined) {
    return [
      grpcSpec('otlp/grpc', {}, 'localhost:4317'),
      httpSpec('otlp/http', {}, 'localhost:4318'),
      grpcSpec('jaeger/grpc', {}, 'localhost:14250', true),
      httpSpec('jaeger/thrift_http', {}, 'localhost:14268', true),
    ];
  }
  const { otlp, jaeger, zipkin, kafka } = given;
  const specs: ReceiverSpec[] = [];
  const { grpc, http } = otlp?.protocols ?? {};
  if (grpc) specs.push(grpcSpec('otlp/grpc', grpc, 'localhost:4317'));
  if (http) specs.push(httpSpec('otlp/http', http, 'localhost:4318'));
  const protocols = jaeger?.protocols ?? {};
  if (protocols.grpc) specs.push(grpcSpec('jaeger/grpc', protocols.grpc, 'localhost:14250'));
  if (protocols.thrift_http) specs.push(httpSpec('jaeger/thrift_http', protocols.thrift_http, 'localhost:14268'));
  if (protocols.thrift_compact)
    specs.push(udpSpec('jaeger/thrift_compact', protocols.thrift_compact, 'localhost:6831'));
  if (protocols.thrift_binary) specs.push(udpSpec('jaeger/thrift_binary', protocols.thrift_binary, 'localhost:6832'));
  if (zipkin) specs.push(httpSpec('zipkin', zipkin, 'localhost:9411'));
  if (kafka) specs.push({ type: 'kafka', ...kafkaOptions(kafka) });
  return specs;
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

function receiverTls(config: ServerTlsConfig, log: TlsLog): ServerTls {
  const { cert_file, cert_pem, key_file, key_pem, client_ca_file, min_version, reload_interval } = config;
  return serverTls(
    {
      cert: { text: cert_pem, file: cert_file },
      key: { text: key_pem, file: key_file },
      clientCa: { file: client_ca_file },
      clientCertOptional: false,
      minVersion: min_version && `TLSv${min_version}`,
      ciphers: undefined,
      reloadMs: reload_interval ?? reloadMsDefault,
    },
    log,
  );
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

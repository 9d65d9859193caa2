/** All receivers of a process: made from what is configured, opened together, closed together. */
import type { Clock } from '../../base/clock.ts';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import type { BodyGate } from './body-gate.ts';
import type { Doorkeeper, Ingest } from './ingest.ts';
import { JaegerGrpcReceiver } from './jaeger-grpc-receiver.ts';
import { JaegerHttpReceiver } from './jaeger-http-receiver.ts';
import { JaegerUdpReceiver, type UdpCounters } from './jaeger-udp-receiver.ts';
import { type KafkaCounters, type KafkaOptions, KafkaReceiver } from './kafka-receiver.ts';
import { OtlpGrpcReceiver } from './otlp-grpc-receiver.ts';
import { OtlpHttpReceiver } from './otlp-http-receiver.ts';
import type { SenderTimes } from './sender-watch.ts';
import type { ServerTls } from './server-tls.ts';
import type { Translator } from './translator.ts';
import type { WriterLog } from './writer.ts';
import { ZipkinReceiver } from './zipkin-receiver.ts';

export type ReceiverSpec = GrpcSpec | HttpSpec | UdpSpec | KafkaSpec;

interface ListenerSpec {
  readonly host: string;
  readonly port: number;
  /** Nobody asked for it: where its port is taken the others go on without it. */
  readonly implied: boolean;
}

export interface GrpcSpec extends ListenerSpec {
  readonly type: 'otlp/grpc' | 'jaeger/grpc';
  readonly messageBytesMax: number;
  readonly tls: ServerTls | undefined;
  readonly times?: SenderTimes;
}

export interface HttpSpec extends ListenerSpec {
  readonly type: 'otlp/http' | 'jaeger/thrift_http' | 'zipkin';
  readonly bodyBytesMax: number;
  readonly corsAllowedOrigins: readonly string[];
  readonly tls: ServerTls | undefined;
  readonly times?: SenderTimes;
}

export interface UdpSpec extends ListenerSpec {
  readonly type: 'jaeger/thrift_compact' | 'jaeger/thrift_binary';
  readonly packetBytesMax?: number;
  readonly packetsInFlightMax?: number;
  readonly socketBufferBytes?: number;
}

export interface KafkaSpec extends KafkaOptions {
  readonly type: 'kafka';
}

export interface ReceiverParts extends Doorkeeper {
  readonly ingest: Ingest;
  readonly gate: BodyGate;
  readonly translator?: Translator;
  readonly clock: Clock;
  readonly log: WriterLog;
}

/** Where a receiver listens, or what it reads from. */
export interface ReceiverAddress {
  readonly type: ReceiverSpec['type'];
  /** As a person would write it: URL, `host:port`, or brokers and topic. */
  readonly address: string;
  /** The bound port; undefined for Kafka. */
  readonly port: number | undefined;
}

export interface ReceiverCounters {
  readonly udp: Readonly<Record<string, UdpCounters>>;
  readonly kafka: KafkaCounters | undefined;
}

interface Receiver {
  /** Resolves with the bound port. */
  listen(): Promise<number | undefined>;
  close(): Promise<void>;
  /** What listens by HTTP/1.1 has it. */
  drain?(): void;
}

export class Receivers {
  readonly #receivers: readonly { readonly spec: ReceiverSpec; readonly receiver: Receiver }[];
  readonly #open: Receiver[] = [];
  readonly #log: WriterLog;

  constructor(specs: readonly ReceiverSpec[], parts: ReceiverParts) {
    this.#receivers = specs.map((spec) => {
      const ingest = namedIngest(parts.ingest, spec.type);
      return { spec, receiver: createReceiver(spec, { ...parts, ingest }) };
    });
    this.#log = parts.log;
  }

  /** @throws RubatoError config: an address that was asked for cannot be bound; nothing stays open then. */
  async listen(): Promise<ReceiverAddress[]> {
    const addresses: ReceiverAddress[] = [];
    for (const { spec, receiver } of this.#receivers) {
      try {
        const port = await receiver.listen();
        this.#open.push(receiver);
        addresses.push({ type: spec.type, address: describe(spec, port), port });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (spec.type !== 'kafka' && spec.implied) {
          this.#log.warn({ receiver: spec.type, reason }, 'a receiver that nobody asked for cannot listen');
          continue;
        }
        await this.close();
        throw new RubatoError(ErrorKind.config, 'cannot_listen', `receiver ${spec.type}: ${reason}`, error);
      }
    }
    return addresses;
  }

  /** Connections that senders keep end with their next answer, so that they are elsewhere when the ports close. */
  drain(): void {
    for (const receiver of this.#open) receiver.drain?.();
  }

  /** Takes nothing more; resolves when what was taken is answered. */
  async close(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((receiver) => receiver.close()));
  }

  counters(): ReceiverCounters {
    const udp: Record<string, UdpCounters> = {};
    let kafka: KafkaCounters | undefined;
    for (const { spec, receiver } of this.#receivers) {
      if (receiver instanceof JaegerUdpReceiver) udp[spec.type] = receiver.counters;
      else if (receiver instanceof KafkaReceiver) kafka = receiver.counters;
    }
    return { udp, kafka };
  }
}

/** Says with every request where it came from. */
function namedIngest(ingest: Ingest, receiver: string): Ingest {
  return { push: (tenant, body, options) => ingest.push(tenant, body, { ...options, receiver }) };
}

function createReceiver(spec: ReceiverSpec, parts: ReceiverParts): Receiver {
  switch (spec.type) {
    case 'otlp/grpc':
      return new OtlpGrpcReceiver({ ...spec, ...parts });
    case 'otlp/http':
      return new OtlpHttpReceiver({ ...spec, ...parts });
    case 'jaeger/grpc':
      return new JaegerGrpcReceiver({ ...spec, ...parts });
    case 'jaeger/thrift_http':
      return new JaegerHttpReceiver({ ...spec, ...parts });
    case 'jaeger/thrift_compact':
      return new JaegerUdpReceiver({ ...spec, protocol: 'compact', ...parts });
    case 'jaeger/thrift_binary':
      return new JaegerUdpReceiver({ ...spec, protocol: 'binary', ...parts });
    case 'zipkin':
      return new ZipkinReceiver({ ...spec, ...parts });
    case 'kafka':
      return new KafkaReceiver({ ...spec, ...parts });
  }
}

const urlPaths = { 'otlp/http': '/v1/traces', 'jaeger/thrift_http': '/api/traces', zipkin: '/api/v2/spans' } as const;

function describe(spec: ReceiverSpec, port: number | undefined): string {
  if (spec.type === 'kafka') return `${spec.brokers.join(',')} ${spec.topics.join(',')}`;
  const host = spec.host.includes(':') ? `[${spec.host}]` : spec.host;
  if ('bodyBytesMax' in spec) return `${spec.tls ? 'https' : 'http'}://${host}:${port}${urlPaths[spec.type]}`;
  return `${host}:${port}${'messageBytesMax' in spec ? (spec.tls ? ' (TLS)' : '') : '/udp'}`;
}

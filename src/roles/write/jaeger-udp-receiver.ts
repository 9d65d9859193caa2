/**
 * What a Jaeger agent takes from clients beside it: UDP packets with a call of `emitBatch`, in Thrift's compact protocol
 * (port 6831) or its binary one (6832). Nobody is answered and a packet names no tenant, so what cannot be stored is
 * counted by its reason and forgotten.
 */
import dgram from 'node:dgram';
import { isIPv6 } from 'node:net';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import { jaegerPacketToOtlp } from '../../protocol/jaeger/thrift-batch.ts';
import type { BodyGate } from './body-gate.ts';
import type { Ingest, TenantOf } from './ingest.ts';

export interface JaegerUdpReceiverOptions {
  readonly host: string;
  readonly port: number;
  readonly protocol: 'compact' | 'binary';
  /** Larger packets are refused. Default 65,000, as the collector's `max_packet_size`. */
  readonly packetBytesMax?: number;
  /** Packets that may wait to be durable; more are refused. Default 1000, as the collector's `queue_size`. */
  readonly packetsInFlightMax?: number;
  /** What the kernel keeps for us; unset: its default. */
  readonly socketBufferBytes?: number;
  readonly ingest: Ingest;
  readonly gate: BodyGate;
  readonly tenantOf: TenantOf;
}

/** Packets since the start. `received` is the sum of the others and of those in flight. */
export interface UdpCounters {
  received: number;
  stored: number;
  refusedTooLarge: number;
  /** No batch of spans, or ids that cannot be. */
  refusedInvalid: number;
  /** Multitenancy is on. */
  refusedTenant: number;
  /** Too many packets in flight, a full gate, or limits of the tenant. */
  refusedBusy: number;
  /** Not stored because of something on our side. */
  failed: number;
}

const defaultPacketBytesMax = 65_000;
const defaultPacketsInFlightMax = 1000;

export class JaegerUdpReceiver {
  readonly counters: UdpCounters = {
    received: 0,
    stored: 0,
    refusedTooLarge: 0,
    refusedInvalid: 0,
    refusedTenant: 0,
    refusedBusy: 0,
    failed: 0,
  };
  readonly #options: JaegerUdpReceiverOptions;
  readonly #socket: dgram.Socket;
  readonly #inFlight = new Set<Promise<void>>();

  constructor(options: JaegerUdpReceiverOptions) {
    this.#options = options;
    this.#socket = dgram.createSocket({
      type: isIPv6(options.host) ? 'udp6' : 'udp4',
      ...(options.socketBufferBytes !== undefined && { recvBufferSize: options.socketBufferBytes }),
    });
    this.#socket.on('message', (packet, { address }) => this.#receive(packet, address));
  }

  /** Resolves with the bound port. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#socket.once('error', reject);
      this.#socket.bind(this.#options.port, this.#options.host, () => {
        this.#socket.off('error', reject);
        // Errors of single packets (an ICMP answer, no memory) are no reason to stop.
        this.#socket.on('error', () => this.counters.failed++);
        resolve(this.#socket.address().port);
      });
    });
  }

  /** Takes no more packets; resolves when those in flight are stored. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
    await Promise.all(this.#inFlight);
  }

  #receive(packet: Buffer, peerIp: string): void {
    this.counters.received++;
    if (packet.length > (this.#options.packetBytesMax ?? defaultPacketBytesMax)) {
      this.counters.refusedTooLarge++;
      return;
    }
    if (this.#inFlight.size >= (this.#options.packetsInFlightMax ?? defaultPacketsInFlightMax)) {
      this.counters.refusedBusy++;
      return;
    }
    const storing = this.#store(packet, peerIp).finally(() => this.#inFlight.delete(storing));
    this.#inFlight.add(storing);
  }

  /** Never rejects. */
  async #store(packet: Buffer, peerIp: string): Promise<void> {
    let held = 0;
    try {
      const tenant = this.#tenant();
      if (tenant === undefined) return;
      this.#options.gate.take(packet.length);
      held = packet.length;
      const message = jaegerPacketToOtlp(packet, this.#options.protocol);
      await this.#options.ingest.push(tenant, message, { noGenerateMetrics: false, peerIp });
      this.counters.stored++;
    } catch (error) {
      if (!(error instanceof RubatoError)) this.counters.failed++;
      else if (error.kind === ErrorKind.invalid) this.counters.refusedInvalid++;
      else if (error.kind === ErrorKind.exhausted) this.counters.refusedBusy++;
      else this.counters.failed++;
    } finally {
      if (held > 0) this.#options.gate.give(held);
    }
  }

  #tenant(): string | undefined {
    try {
      return this.#options.tenantOf(undefined);
    } catch (error) {
      if (!(error instanceof RubatoError)) throw error;
      this.counters.refusedTenant++;
      return undefined;
    }
  }
}

/** OTLP over gRPC: TraceService/Export. The message goes to the wire scanner as it came. */
import { encodeExportResponse } from '../../protocol/otlp/export-response.ts';
import type { Ingest } from './ingest.ts';
import { type UnaryGrpcOptions, UnaryGrpcServer } from './unary-grpc.ts';

export interface GrpcReceiverOptions extends UnaryGrpcOptions {
  readonly ingest: Ingest;
}

export class OtlpGrpcReceiver {
  readonly #server: UnaryGrpcServer;

  constructor(options: GrpcReceiverOptions) {
    this.#server = new UnaryGrpcServer(options, {
      path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
      reply: encodeExportResponse(),
      handle: (tenant, message, pushOptions) => options.ingest.push(tenant, message, pushOptions),
    });
  }

  /** Resolves with the bound port. */
  listen(): Promise<number> {
    return this.#server.listen();
  }

  /** Tells clients to go elsewhere; resolves when the running calls are answered. */
  close(): Promise<void> {
    return this.#server.close();
  }
}

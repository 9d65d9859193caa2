/** Jaeger's spans over gRPC: jaeger.api_v2.CollectorService/PostSpans. Errors have the codes of OTLP over gRPC. */
import type { Ingest } from './ingest.ts';
import { Translator } from './translator.ts';
import { type UnaryGrpcOptions, UnaryGrpcServer } from './unary-grpc.ts';

export interface JaegerGrpcReceiverOptions extends UnaryGrpcOptions {
  readonly ingest: Ingest;
  /** Default: one that translates here. */
  readonly translator?: Translator;
}

export class JaegerGrpcReceiver {
  readonly #server: UnaryGrpcServer;

  constructor(options: JaegerGrpcReceiverOptions) {
    const translator = options.translator ?? new Translator();
    this.#server = new UnaryGrpcServer(options, {
      path: '/jaeger.api_v2.CollectorService/PostSpans',
      // PostSpansResponse has no fields.
      reply: new Uint8Array(0),
      handle: async (tenant, message, pushOptions) => {
        const request = await translator.toOtlp({ format: 'jaeger-proto', body: message, nowUnixNano: 0n });
        await options.ingest.push(tenant, request, pushOptions);
      },
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

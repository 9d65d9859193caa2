/**
 * Zipkin's spans over HTTP/1.1. As in the collector's receiver any method and path will do: a path with `api/v1/spans` in
 * it is API v1 (JSON, or Thrift by its content type), every other is v2 (JSON, or protobuf by its content type).
 *
 * Answered 202 when the spans are durable, 400 for what can never be accepted, 413 for a body that is too large, and 500
 * for everything else, limits and a missing tenant included (contract 2.5).
 */
import type http from 'node:http';
import type { Clock } from '../../base/clock.ts';
import { zipkinV1JsonToOtlp } from '../../protocol/zipkin/v1-json.ts';
import { zipkinV1ThriftToOtlp } from '../../protocol/zipkin/v1-thrift.ts';
import { zipkinV2JsonToOtlp } from '../../protocol/zipkin/v2-json.ts';
import { zipkinV2ProtoToOtlp } from '../../protocol/zipkin/v2-proto.ts';
import type { BodyGate } from './body-gate.ts';
import { senderStatus } from './grpc-status.ts';
import {
  answerCors,
  answerText,
  endUnreadBody,
  HttpListener,
  header,
  type ListenAddress,
  mediaType,
  senderLeft,
  withBody,
} from './http-listener.ts';
import type { Ingest, TenantOf } from './ingest.ts';

export interface ZipkinReceiverOptions extends ListenAddress {
  /** Largest body, before and after decompression. The collector's default is 20 MiB. */
  readonly bodyBytesMax: number;
  readonly ingest: Ingest;
  readonly gate: BodyGate;
  readonly tenantOf: TenantOf;
  /** Origins that browsers may send from; empty: none. */
  readonly corsAllowedOrigins: readonly string[];
  /** Gives spans their start that come without one. */
  readonly clock: Clock;
}

type Translate = (body: Uint8Array, nowUnixNano: bigint) => Uint8Array;

export class ZipkinReceiver {
  readonly #listener: HttpListener;
  readonly #options: ZipkinReceiverOptions;

  constructor(options: ZipkinReceiverOptions) {
    this.#options = options;
    this.#listener = new HttpListener(options, (request, response) => this.#handle(request, response));
  }

  /** Resolves with the bound port. */
  listen(): Promise<number> {
    return this.#listener.listen();
  }

  /** Stops accepting; resolves when the running requests are answered. */
  close(): Promise<void> {
    return this.#listener.close();
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    if (answerCors(request, response, this.#options.corsAllowedOrigins)) {
      request.resume();
      return;
    }
    try {
      const translate = translation(request);
      await withBody(request, this.#options, async (body) => {
        const message = translate(body, this.#options.clock.nowUnixNano());
        const tenant = this.#options.tenantOf(header(request, 'x-scope-orgid'));
        const noGenerateMetrics = 'no-generate-metrics' in request.headers;
        await this.#options.ingest.push(tenant, message, { noGenerateMetrics });
      });
      response.writeHead(202, { 'Content-Length': 0 }).end();
    } catch (error) {
      if (senderLeft(request)) return;
      endUnreadBody(request, response);
      const { httpStatus, message } = senderStatus(error);
      answerText(response, httpStatus === 400 || httpStatus === 413 ? httpStatus : 500, message);
    }
  }
}

function translation(request: http.IncomingMessage): Translate {
  const path = (request.url ?? '').split('?', 1)[0]!;
  const type = mediaType(request);
  if (path.includes('api/v1/spans')) return type === 'application/x-thrift' ? zipkinV1ThriftToOtlp : zipkinV1JsonToOtlp;
  return type === 'application/x-protobuf' ? zipkinV2ProtoToOtlp : zipkinV2JsonToOtlp;
}

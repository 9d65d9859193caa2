/**
 * Zipkin's spans over HTTP/1.1. As in the collector's receiver any method and path will do: a path with `api/v1/spans` in
 * it is API v1 (JSON, or Thrift by its content type), every other is v2 (JSON, or protobuf by its content type).
 *
 * Answered 202 when the spans are durable, 400 for what can never be accepted, 413 for a body that is too large, and 500
 * for everything else, limits and a missing tenant included (contract 2.5).
 */
import type http from 'node:http';
import type { Clock } from '../../base/clock.ts';
import type { BodyGate } from './body-gate.ts';
import { senderStatus } from './grpc-status.ts';
import {
  answerCors,
  answerText,
  callerOf,
  endUnreadBody,
  faultOr500,
  HttpListener,
  header,
  type ListenAddress,
  mediaType,
  senderLeft,
  setRefusalHeaders,
  withBody,
} from './http-listener.ts';
import { admitted, type Doorkeeper, type Ingest } from './ingest.ts';
import { type BodyFormat, Translator } from './translator.ts';

export interface ZipkinReceiverOptions extends ListenAddress, Doorkeeper {
  /** Largest body, before and after decompression. The collector's default is 20 MiB. */
  readonly bodyBytesMax: number;
  readonly ingest: Ingest;
  readonly gate: BodyGate;
  /** Default: one that translates here. */
  readonly translator?: Translator;
  /** Origins that browsers may send from; empty: none. */
  readonly corsAllowedOrigins: readonly string[];
  /** Gives spans their start that come without one. */
  readonly clock: Clock;
}

export class ZipkinReceiver {
  readonly #listener: HttpListener;
  readonly #options: ZipkinReceiverOptions;
  readonly #translator: Translator;

  constructor(options: ZipkinReceiverOptions) {
    this.#options = options;
    this.#translator = options.translator ?? new Translator();
    this.#listener = new HttpListener(options, (request, response) => this.#handle(request, response));
  }

  /** Resolves with the bound port. */
  listen(): Promise<number> {
    return this.#listener.listen();
  }

  /** Connections end with their next answer. */
  drain(): void {
    this.#listener.drain();
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
      const tenantOf = await admitted(this.#options, callerOf(request));
      const format = formatOf(request);
      await withBody(request, this.#options, async (body) => {
        const nowUnixNano = this.#options.clock.nowUnixNano();
        const message = await this.#translator.toOtlp({ format, body, nowUnixNano });
        const tenant = tenantOf(header(request, 'x-scope-orgid'));
        const noGenerateMetrics = 'no-generate-metrics' in request.headers;
        const peerIp = request.socket.remoteAddress;
        await this.#options.ingest.push(tenant, message, { noGenerateMetrics, peerIp });
      });
      response.writeHead(202, { 'Content-Length': 0 }).end();
    } catch (error) {
      if (senderLeft(request)) return;
      endUnreadBody(request, response);
      const status = senderStatus(error);
      const { httpStatus, message } = status;
      setRefusalHeaders(response, status);
      answerText(response, faultOr500(httpStatus), message);
    }
  }
}

function formatOf(request: http.IncomingMessage): BodyFormat {
  const path = (request.url ?? '').split('?', 1)[0]!;
  const type = mediaType(request);
  if (path.includes('api/v1/spans')) return type === 'application/x-thrift' ? 'zipkin-v1-thrift' : 'zipkin-v1-json';
  return type === 'application/x-protobuf' ? 'zipkin-v2-proto' : 'zipkin-v2-json';
}

/**
 * Jaeger's spans over HTTP/1.1: POST /api/traces with a Thrift `Batch` in the binary protocol, as Jaeger's collector
 * takes it from clients that send without an agent. `?format=jaeger.thrift` may stand behind it and says nothing new.
 *
 * Answered 202 when the spans are durable, 400 for what is no batch, 413 for a body that is too large, and 500 for all
 * that is wrong afterwards, tenants and limits included (contract 2.5).
 */
import type http from 'node:http';
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
import { Translator } from './translator.ts';

export interface JaegerHttpReceiverOptions extends ListenAddress, Doorkeeper {
  /** Largest body, before and after decompression. The collector's default is 20 MiB. */
  readonly bodyBytesMax: number;
  readonly ingest: Ingest;
  readonly gate: BodyGate;
  /** Default: one that translates here. */
  readonly translator?: Translator;
  /** Origins that browsers may send from; empty: none. */
  readonly corsAllowedOrigins: readonly string[];
}

const thriftTypes: ReadonlySet<string> = new Set(['application/x-thrift', 'application/vnd.apache.thrift.binary']);

export class JaegerHttpReceiver {
  readonly #listener: HttpListener;
  readonly #options: JaegerHttpReceiverOptions;
  readonly #translator: Translator;

  constructor(options: JaegerHttpReceiverOptions) {
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
    if (this.#answerOutsiders(request, response)) return;
    let parsed = false;
    try {
      const tenantOf = await admitted(this.#options, callerOf(request));
      await withBody(request, this.#options, async (body) => {
        const message = await this.#translator.toOtlp({ format: 'jaeger-thrift', body, nowUnixNano: 0n });
        parsed = true;
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
      if (parsed) answerText(response, httpStatus === 403 ? 403 : 500, `Cannot submit Jaeger batch: ${message}`);
      else answerText(response, faultOr500(httpStatus), `Unable to process request body: ${message}`);
    }
  }

  /** CORS, and what is no batch of spans at all. True when answered. */
  #answerOutsiders(request: http.IncomingMessage, response: http.ServerResponse): boolean {
    if (answerCors(request, response, this.#options.corsAllowedOrigins)) return true;
    const path = (request.url ?? '').split('?', 1)[0];
    if (path !== '/api/traces') {
      answerText(response, 404, '404 page not found');
    } else if (request.method !== 'POST') {
      response.writeHead(405, { 'Content-Length': 0, Allow: 'POST' }).end();
    } else {
      const type = mediaType(request);
      if (thriftTypes.has(type)) return false;
      answerText(
        response,
        400,
        type === '' ? 'Cannot parse content type: none given' : `Unsupported content type: ${type}`,
      );
    }
    request.resume();
    return true;
  }
}

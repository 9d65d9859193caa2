/**
 * OTLP over HTTP/1.1: POST /v1/traces with protobuf or JSON, answered when the spans are durable. Statuses and bodies
 * are those of the OpenTelemetry collector's receiver, which Tempo embeds.
 */
import type http from 'node:http';
import {
  encodeExportResponse,
  encodeExportResponseJson,
  encodeStatus,
  encodeStatusJson,
} from '../../protocol/otlp/export-response.ts';
import type { BodyGate } from './body-gate.ts';
import { senderStatus } from './grpc-status.ts';
import {
  answer,
  answerCors,
  answerText,
  callerOf,
  endUnreadBody,
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

export interface HttpReceiverOptions extends ListenAddress, Doorkeeper {
  /** Largest body, before and after decompression. The collector's default is 20 MiB. */
  readonly bodyBytesMax: number;
  readonly ingest: Ingest;
  readonly gate: BodyGate;
  /** Default: one that translates here. */
  readonly translator?: Translator;
  /** Origins that browsers may send from; empty: none. */
  readonly corsAllowedOrigins: readonly string[];
}

const protobufType = 'application/x-protobuf';
const jsonType = 'application/json';
const exportResponse = Buffer.from(encodeExportResponse());
const exportResponseJson = Buffer.from(encodeExportResponseJson());

export class OtlpHttpReceiver {
  readonly #listener: HttpListener;
  readonly #options: HttpReceiverOptions;
  readonly #translator: Translator;

  constructor(options: HttpReceiverOptions) {
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
    const json = mediaType(request) === jsonType;
    try {
      const tenantOf = await admitted(this.#options, callerOf(request));
      const tenant = tenantOf(header(request, 'x-scope-orgid'));
      await withBody(request, this.#options, async (body) => {
        const message = json ? await this.#translator.toOtlp({ format: 'otlp-json', body, nowUnixNano: 0n }) : body;
        const noGenerateMetrics = 'no-generate-metrics' in request.headers;
        const peerIp = request.socket.remoteAddress;
        await this.#options.ingest.push(tenant, message, { noGenerateMetrics, peerIp });
      });
      answer(response, 200, json ? jsonType : protobufType, json ? exportResponseJson : exportResponse);
    } catch (error) {
      if (senderLeft(request)) return;
      const status = senderStatus(error);
      setRefusalHeaders(response, status);
      endUnreadBody(request, response);
      const body = json
        ? encodeStatusJson(status.grpcCode, status.message)
        : encodeStatus(status.grpcCode, status.message);
      answer(response, status.httpStatus, json ? jsonType : protobufType, Buffer.from(body));
    }
  }

  /** CORS, and what is not an export request at all. True when answered. */
  #answerOutsiders(request: http.IncomingMessage, response: http.ServerResponse): boolean {
    if (answerCors(request, response, this.#options.corsAllowedOrigins)) return true;
    const path = (request.url ?? '').split('?', 1)[0];
    if (path !== '/v1/traces') {
      answerText(response, 404, '404 page not found');
    } else if (request.method !== 'POST') {
      answer(response, 405, 'text/plain', Buffer.from('405 method not allowed, supported: [POST]'));
    } else {
      const type = mediaType(request);
      if (type === protobufType || type === jsonType) return false;
      const text = `415 unsupported media type, supported: [${jsonType}, ${protobufType}]`;
      answer(response, 415, 'text/plain', Buffer.from(text));
    }
    request.resume();
    return true;
  }
}

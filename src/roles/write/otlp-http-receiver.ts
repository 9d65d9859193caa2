/**
 * OTLP over HTTP/1.1: POST /v1/traces with protobuf or JSON, answered when the spans are durable. Statuses and bodies
 * are those of the OpenTelemetry collector's receiver, which Tempo embeds.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { RubatoError } from '../../base/errors.ts';
import {
  encodeExportResponse,
  encodeExportResponseJson,
  encodeStatus,
  encodeStatusJson,
} from '../../protocol/otlp/export-response.ts';
import { jsonToExportRequest } from '../../protocol/otlp/json.ts';
import type { BodyGate } from './body-gate.ts';
import { bodyTooLarge, decompress } from './decompress.ts';
import { senderStatus } from './grpc-status.ts';
import type { Ingest, TenantOf } from './ingest.ts';

export interface HttpReceiverOptions {
  readonly host: string;
  readonly port: number;
  /** Largest body, before and after decompression. The collector's default is 20 MiB. */
  readonly bodyBytesMax: number;
  readonly ingest: Ingest;
  readonly gate: BodyGate;
  readonly tenantOf: TenantOf;
  /** Origins that browsers may send from; empty: none. */
  readonly corsAllowedOrigins: readonly string[];
}

const protobufType = 'application/x-protobuf';
const jsonType = 'application/json';
const exportResponse = Buffer.from(encodeExportResponse());
const exportResponseJson = Buffer.from(encodeExportResponseJson());

/** A request that stands still this long is cut off, so that slow senders cannot hold the gate. */
const requestTimeoutMs = 60_000;

export class OtlpHttpReceiver {
  readonly #server: http.Server;
  readonly #options: HttpReceiverOptions;

  constructor(options: HttpReceiverOptions) {
    this.#options = options;
    this.#server = http.createServer(
      { requestTimeout: requestTimeoutMs, keepAliveTimeout: 65_000 },
      (request, response) => {
        this.#handle(request, response).catch((error: unknown) =>
          response.destroy(error instanceof Error ? error : undefined),
        );
      },
    );
  }

  /** Resolves with the bound port. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#options.port, this.#options.host, () => {
        this.#server.off('error', reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** Stops accepting; resolves when the running requests are answered. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeIdleConnections();
    });
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    if (this.#answerOutsiders(request, response)) return;
    const contentType = (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
    const json = contentType === jsonType;
    let held = 0;
    try {
      const tenant = this.#options.tenantOf(header(request, 'x-scope-orgid'));
      const declared = Number(request.headers['content-length'] ?? 0);
      if (declared > this.#options.bodyBytesMax) throw bodyTooLarge(this.#options.bodyBytesMax);
      held = declared > 0 ? declared : this.#options.bodyBytesMax;
      try {
        this.#options.gate.take(held);
      } catch (error) {
        held = 0;
        throw error;
      }
      const raw = await readBody(request, declared, this.#options.bodyBytesMax);
      const coding = (header(request, 'content-encoding') ?? '').trim().toLowerCase();
      const body = coding === '' ? raw : await decompress(coding, raw, this.#options.bodyBytesMax);
      const message = json ? jsonToExportRequest(body) : body;
      await this.#options.ingest.push(tenant, message, { noGenerateMetrics: 'no-generate-metrics' in request.headers });
      answer(response, 200, json ? jsonType : protobufType, json ? exportResponseJson : exportResponse);
    } catch (error) {
      if (request.destroyed && !request.complete) return;
      const status = senderStatus(error);
      if (!(error instanceof RubatoError)) this.#server.emit('receiverError', error);
      if (status.retryAfterSeconds !== undefined) response.setHeader('Retry-After', String(status.retryAfterSeconds));
      // What is left of the body is not read: the connection ends with the answer.
      if (!request.complete) response.setHeader('Connection', 'close');
      const body = json
        ? encodeStatusJson(status.grpcCode, status.message)
        : encodeStatus(status.grpcCode, status.message);
      answer(response, status.httpStatus, json ? jsonType : protobufType, Buffer.from(body));
    } finally {
      if (held > 0) this.#options.gate.give(held);
    }
  }

  /** CORS, and what is not an export request at all. True when answered. */
  #answerOutsiders(request: http.IncomingMessage, response: http.ServerResponse): boolean {
    const origin = header(request, 'origin');
    if (origin !== undefined && originAllowed(origin, this.#options.corsAllowedOrigins)) {
      response.setHeader('Access-Control-Allow-Origin', origin);
      response.setHeader('Vary', 'Origin');
      if (request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined) {
        response.setHeader('Access-Control-Allow-Methods', 'POST');
        const headers = header(request, 'access-control-request-headers');
        if (headers !== undefined) response.setHeader('Access-Control-Allow-Headers', headers);
        response.writeHead(204).end();
        return true;
      }
    }
    const path = (request.url ?? '').split('?', 1)[0];
    if (path !== '/v1/traces') {
      response.setHeader('X-Content-Type-Options', 'nosniff');
      answer(response, 404, 'text/plain; charset=utf-8', Buffer.from('404 page not found\n'));
    } else if (request.method !== 'POST') {
      answer(response, 405, 'text/plain', Buffer.from('405 method not allowed, supported: [POST]'));
    } else {
      const type = (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
      if (type === protobufType || type === jsonType) return false;
      const text = `415 unsupported media type, supported: [${jsonType}, ${protobufType}]`;
      answer(response, 415, 'text/plain', Buffer.from(text));
    }
    request.resume();
    return true;
  }
}

function originAllowed(origin: string, allowed: readonly string[]): boolean {
  return allowed.some((pattern) => {
    if (pattern === '*' || pattern === origin) return true;
    const star = pattern.indexOf('*');
    if (star < 0) return false;
    const head = pattern.slice(0, star);
    const tail = pattern.slice(star + 1);
    return origin.length >= head.length + tail.length && origin.startsWith(head) && origin.endsWith(tail);
  });
}

function header(request: http.IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function answer(response: http.ServerResponse, status: number, type: string, body: Buffer): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': body.length });
  response.end(body);
}

/** The whole body. With a declared length it goes into one buffer, without a second copy at the end. */
function readBody(request: http.IncomingMessage, declared: number, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const whole = declared > 0 ? Buffer.allocUnsafeSlow(declared) : undefined;
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      if (whole !== undefined && length + chunk.length <= declared) chunk.copy(whole, length);
      else chunks.push(chunk);
      length += chunk.length;
      if (length > bytesMax) {
        request.pause();
        reject(bodyTooLarge(bytesMax));
      }
    });
    request.on('end', () => resolve(whole ?? Buffer.concat(chunks, length)));
    request.on('error', reject);
    request.on('close', () => reject(new Error('the sender went away')));
  });
}

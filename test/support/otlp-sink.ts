/** A server that takes OTLP over HTTP, keeps what it took, and fails as it is told. */
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import zlib from 'node:zlib';
import { type PlainSpan, tableToSpans } from '../../src/model/plain-span.ts';
import { SpanTable } from '../../src/model/span-table.ts';
import { OtlpScanner } from '../../src/protocol/otlp/scan.ts';

export interface TakenRequest {
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

export class OtlpSink {
  /** What is answered instead of 200; undefined: taken. */
  answerOf: (request: TakenRequest) => number | undefined = () => undefined;
  readonly taken: TakenRequest[] = [];
  /** Answers come so late. */
  delayMs = 0;
  refusals = 0;
  readonly #server: http.Server;
  readonly #scheme: 'http' | 'https';

  /** @param tls unset: plain HTTP */
  constructor(tls?: https.ServerOptions) {
    const listener: http.RequestListener = (request, response) => this.#answer(request, response);
    this.#server = tls === undefined ? http.createServer(listener) : https.createServer(tls, listener);
    this.#scheme = tls === undefined ? 'http' : 'https';
  }

  /** Resolves with its address, the path left out. */
  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  /** Spans of all requests that were taken, in their order. */
  spans(): PlainSpan[] {
    return this.taken.flatMap(({ body }) => {
      const table = new SpanTable(64);
      new OtlpScanner(table).scan(body);
      return tableToSpans(table);
    });
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const raw = Buffer.concat(chunks);
      const coding = request.headers['content-encoding'];
      const body = coding === 'zstd' ? zlib.zstdDecompressSync(raw) : coding === 'gzip' ? zlib.gunzipSync(raw) : raw;
      const taken = { headers: request.headers, body };
      const status = this.answerOf(taken);
      if (status !== undefined) this.refusals++;
      else this.taken.push(taken);
      response.writeHead(status ?? 200, { 'content-type': 'application/x-protobuf' });
      if (this.delayMs === 0) response.end();
      else setTimeout(() => response.end(), this.delayMs);
    });
  }
}

/** String attributes of a span's resource. */
export function resourceOf(span: PlainSpan): Record<string, string> {
  const pairs = span.resource.attributes.map(({ key, value }) => [key, value.type === 'string' ? value.value : '?']);
  return Object.fromEntries(pairs) as Record<string, string>;
}

/** A server that takes OTLP over HTTP, keeps what it took, and fails as it is told. */
import http from 'node:http';
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
  readonly #server = http.createServer((request, response) => {
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
  });

  /** Resolves with its address, the path left out. */
  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
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
}

/** String attributes of a span's resource. */
export function resourceOf(span: PlainSpan): Record<string, string> {
  const pairs = span.resource.attributes.map(({ key, value }) => [key, value.type === 'string' ? value.value : '?']);
  return Object.fromEntries(pairs) as Record<string, string>;
}

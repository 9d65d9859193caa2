/** Sends OTLP requests to the server over HTTP or gRPC, compressed, with the credentials it wants. */
import http from 'node:http';
import https from 'node:https';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { BufferPool } from '../base/buffer-pool.ts';
import { ErrorKind, RubatoError } from '../base/errors.ts';
import { ProtoReader } from '../base/protobuf.ts';
import { type ClientTls, GrpcRefusedError, GrpcUnaryClient } from '../roles/write/forward-client.ts';
import { copyParts, joinParts, lengthOf } from './rewrite-request.ts';

export const compressions = ['zstd', 'gzip', 'none'] as const;
export type Compression = (typeof compressions)[number];

export interface ServerClientOptions {
  readonly protocol: 'http' | 'grpc';
  /** `http://rubato:4318` (then `/v1/traces`), a URL with a path, or for gRPC `http://rubato:4317`. */
  readonly url: URL;
  readonly compression: Compression;
  readonly tls: ClientTls;
  readonly timeoutMs: number;
  /** With every request: tokens in files are renewed while we run. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
}

/** What became of a request that was answered. */
export interface Delivery {
  /** Spans that the server took no notice of, as it says. */
  readonly rejectedSpans: number;
  readonly message: string;
}

/** The server will never take this request; all other errors may pass. */
export class RefusedError extends RubatoError {
  constructor(message: string) {
    super(ErrorKind.invalid, 'server_refused', message);
  }
}

const gzip = promisify(zlib.gzip);
const zstd = promisify(zlib.zstdCompress);
/** Messages are put together here before they are compressed. */
const joinPool = new BufferPool(8 << 20);
const exportPath = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
const answerBytesMax = 1 << 20;
/** Requests that are wrong in themselves. All else (a wrong password, a wrong path, a limit) somebody can put right. */
const refusedStatuses: ReadonlySet<number | undefined> = new Set([400, 413, 422]);
const refusedGrpcStatus = 3;

export class ServerClient {
  readonly #options: ServerClientOptions;
  readonly #grpc: GrpcUnaryClient | undefined;
  readonly #agent: http.Agent;

  constructor(options: ServerClientOptions) {
    this.#options = options;
    const { protocol, url, tls } = options;
    const isTls = url.protocol === 'https:';
    this.#agent = isTls ? new https.Agent({ keepAlive: true, ...tls }) : new http.Agent({ keepAlive: true });
    if (protocol === 'http') return;
    const port = Number(url.port) || (isTls ? 443 : 80);
    this.#grpc = new GrpcUnaryClient({ host: url.hostname, port, tls: isTls ? tls : undefined });
  }

  /**
   * @param parts the message's bytes, one behind the other; may change as soon as this settles
   * @throws RefusedError, or RubatoError unavailable: try again
   */
  async send(
    parts: readonly Uint8Array[],
    extraHeaders: Readonly<Record<string, string>>,
    timeoutMs = this.#options.timeoutMs,
  ): Promise<Delivery> {
    const headers = { ...(await this.#options.headers()), ...extraHeaders };
    const message = await this.#encode(parts);
    const answer =
      this.#grpc === undefined
        ? await this.#post(message, headers, timeoutMs)
        : await this.#call(this.#grpc, message, headers, timeoutMs);
    return readAnswer(answer);
  }

  close(): void {
    this.#agent.destroy();
    this.#grpc?.close();
  }

  async #encode(parts: readonly Uint8Array[]): Promise<Uint8Array> {
    const { compression } = this.#options;
    if (compression === 'none') return joinParts(parts);
    const bytes = lengthOf(parts);
    const memory = joinPool.take(bytes);
    try {
      const message = copyParts(parts, new Uint8Array(memory, 0, bytes));
      return await (compression === 'gzip' ? gzip(message, { level: 1 }) : zstd(message, zstdOptions(bytes)));
    } finally {
      joinPool.give(memory);
    }
  }

  async #call(
    grpc: GrpcUnaryClient,
    message: Uint8Array,
    metadata: Record<string, string>,
    timeoutMs: number,
  ): Promise<Uint8Array> {
    const { compression } = this.#options;
    const lower = Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name.toLowerCase(), value]));
    const encoding = compression === 'none' ? undefined : compression;
    try {
      return await grpc.call({ path: exportPath, metadata: lower, message, encoding, timeoutMs });
    } catch (error) {
      if (!(error instanceof GrpcRefusedError)) throw error;
      if (error.status === refusedGrpcStatus) throw new RefusedError(error.message);
      throw unanswered(error.message, error);
    }
  }

  #post(message: Uint8Array, extra: Record<string, string>, timeoutMs: number): Promise<Uint8Array> {
    const { url, compression } = this.#options;
    const target = url.pathname === '/' ? new URL('/v1/traces', url) : url;
    const headers = {
      'content-type': 'application/x-protobuf',
      'content-length': String(message.length),
      ...(compression !== 'none' && { 'content-encoding': compression }),
      ...extra,
    };
    return new Promise((resolve, reject) => {
      const options = { method: 'POST', agent: this.#agent, headers, signal: AbortSignal.timeout(timeoutMs) };
      const request = (target.protocol === 'https:' ? https : http).request(target, options, (response) => {
        const chunks: Buffer[] = [];
        let length = 0;
        response.on('data', (chunk: Buffer) => {
          if ((length += chunk.length) <= answerBytesMax) chunks.push(chunk);
        });
        response.on('error', (error) => reject(unanswered(error.message, error)));
        response.on('end', () => {
          const answer = Buffer.concat(chunks);
          const { statusCode } = response;
          if (statusCode === 200 || statusCode === 202) resolve(answer);
          else if (refusedStatuses.has(statusCode))
            reject(new RefusedError(`status ${statusCode}: ${printable(answer)}`));
          else reject(unanswered(`status ${statusCode}: ${printable(answer)}`));
        });
      });
      request.on('error', (error) => reject(unanswered(error.message, error)));
      request.end(message);
    });
  }
}

function zstdOptions(bytes: number): zlib.ZstdOptions {
  return { params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 }, pledgedSrcSize: bytes };
}

function unanswered(message: string, cause?: unknown): RubatoError {
  return new RubatoError(ErrorKind.unavailable, 'server_unavailable', message, cause);
}

/** ExportTraceServiceResponse { 1 partial_success { 1 rejected_spans, 2 error_message } } */
function readAnswer(bytes: Uint8Array): Delivery {
  let rejectedSpans = 0;
  let message = '';
  try {
    const reader = new ProtoReader(bytes);
    while (reader.next()) {
      if (reader.field !== 1) {
        reader.skip();
        continue;
      }
      const partial = reader.message();
      while (partial.next()) {
        if (partial.field === 1) rejectedSpans = Number(partial.int64());
        else if (partial.field === 2) message = partial.string();
        else partial.skip();
      }
    }
  } catch {
    // Taken, says the status; some servers answer with text.
  }
  return { rejectedSpans, message };
}

/** Error bodies are protobuf or text; for people either way. */
function printable(body: Buffer): string {
  return body
    .toString('latin1')
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 300);
}

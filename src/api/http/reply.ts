/** Answers on the wire: one function for HTTP/1.1 and for the compatibility API of HTTP/2. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createGzip, gzip } from 'node:zlib';

export type Request = IncomingMessage | Http2ServerRequest;
export type Response = ServerResponse | Http2ServerResponse;

export interface Reply {
  /** Default 200. */
  readonly status?: number;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A whole body, or pieces that are made while they are sent. */
  readonly body: Uint8Array | string | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** For the audit log, when the request was an admin's: what was done. Never sent. */
  readonly audit?: Readonly<Record<string, unknown>>;
  /** Compressed when the client takes it. */
  readonly compressible?: boolean;
  /** The whole body compressed, where it is kept for others who ask for it. */
  readonly gzipped?: () => Promise<Uint8Array>;
}

/** Shorter bodies are not worth compressing. */
const GZIP_BYTES_MIN = 1024;
/** Answers are text and made once: level 4 costs a third of level 6 and is 5 % larger. */
const GZIP_LEVEL = 4;

const gzipAsync = promisify(gzip);

export const gzipped = (body: Uint8Array): Promise<Uint8Array> => gzipAsync(body, { level: GZIP_LEVEL });

export const textType = 'text/plain; charset=utf-8';
export const jsonType = 'application/json';
export const protobufType = 'application/protobuf';

/** @throws when the client goes away in the middle of a long body. */
export async function send(request: Request, response: Response, reply: Reply, signal: AbortSignal): Promise<void> {
  response.statusCode = reply.status ?? 200;
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  if (reply.contentType !== undefined) response.setHeader('content-type', reply.contentType);
  if (reply.compressible === true) response.setHeader('vary', 'Accept-Encoding');
  const compress = reply.compressible === true && acceptsGzip(request);
  const { body } = reply;
  if (typeof body === 'string' || body instanceof Uint8Array) {
    let bytes: Uint8Array = typeof body === 'string' ? Buffer.from(body) : body;
    if (compress && bytes.length > GZIP_BYTES_MIN) {
      bytes = await (reply.gzipped ?? (() => gzipped(bytes)))();
      response.setHeader('content-encoding', 'gzip');
    }
    response.setHeader('content-length', String(bytes.length));
    response.end(bytes);
    return;
  }
  const pieces = Readable.from(unhurried(body), { objectMode: false });
  const target = response as ServerResponse;
  if (compress) {
    response.setHeader('content-encoding', 'gzip');
    await pipeline(pieces, createGzip({ level: GZIP_LEVEL }), target, { signal });
  } else await pipeline(pieces, target, { signal });
}

/** Lets other requests in between two pieces. */
async function* unhurried(pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    yield piece;
    await setImmediate();
  }
}

function acceptsGzip(request: Request): boolean {
  const header = request.headers['accept-encoding'];
  const list = Array.isArray(header) ? header.join() : (header ?? '');
  for (const item of list.split(',')) {
    const [coding, ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    if (coding === 'gzip') return !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  }
  return false;
}

/** What the client asks for, by the first of these names that its Accept header contains. */
export function accepted(request: Request): 'protobuf' | 'json' | 'llm' {
  const header = String(request.headers.accept ?? '');
  if (header.includes(protobufType)) return 'protobuf';
  if (header.includes(jsonType)) return 'json';
  return header.includes('application/vnd.grafana.llm') ? 'llm' : 'json';
}

/** Sends OTLP requests: over HTTP when the URL has a path (`http://host:4318/v1/traces`), otherwise over gRPC. */
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { ErrorKind, RubatoError } from '../../base/errors.ts';

export interface Pusher {
  /** Resolves when the request is acknowledged. @throws RubatoError unavailable */
  push(body: Uint8Array): Promise<void>;
  close(): void;
}

export interface PushOptions {
  /** With scheme, or `host:port` as gRPC clients write it. */
  readonly url: string;
  readonly tls: boolean;
  readonly tenant: string | undefined;
  /** Value of the Authorization header. */
  readonly authorization?: string | undefined;
}

const pushMsMax = 30_000;
const grpcPath = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

/** @throws RubatoError config for a URL that is none */
export function createPusher(options: PushOptions): Pusher {
  const text = options.url.includes('://') ? options.url : `${options.tls ? 'https' : 'http'}://${options.url}`;
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new RubatoError(ErrorKind.config, 'bad_url', `${JSON.stringify(options.url)} is not an http(s) URL`);
  if (options.tls) url.protocol = 'https:';
  const { tenant, authorization } = options;
  const headers = {
    ...(tenant !== undefined && { 'x-scope-orgid': tenant }),
    ...(authorization !== undefined && { authorization }),
  };
  return url.pathname === '/' ? new GrpcPusher(url, headers) : new HttpPusher(url, headers);
}

class HttpPusher implements Pusher {
  readonly #url: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #agent: http.Agent;

  constructor(url: URL, headers: Readonly<Record<string, string>>) {
    this.#url = url;
    this.#headers = headers;
    this.#agent = new (url.protocol === 'https:' ? https : http).Agent({ keepAlive: true });
  }

  push(body: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const headers = { ...this.#headers, 'content-type': 'application/x-protobuf', 'content-length': body.length };
    const options = { method: 'POST', agent: this.#agent, headers, timeout: pushMsMax };
    const request = (this.#url.protocol === 'https:' ? https : http).request(this.#url, options, (response) => {
      response.resume();
      response.on('error', (error) => reject(notTaken(error.message, error)));
      response.on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(notTaken(`status ${response.statusCode}`));
      });
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${pushMsMax} ms`)));
    request.on('error', (error) => reject(notTaken(reasonOf(error), error)));
    request.end(body);
    return promise;
  }

  close(): void {
    this.#agent.destroy();
  }
}

/**
 * The one call of gRPC that is needed, on HTTP/2 as it is: a message is a byte 0 (not compressed), its length, its bytes;
 * the outcome stands in the trailers. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
class GrpcPusher implements Pusher {
  readonly #url: URL;
  readonly #headers: Readonly<Record<string, string>>;
  #session: http2.ClientHttp2Session | undefined;

  constructor(url: URL, headers: Readonly<Record<string, string>>) {
    this.#url = url;
    this.#headers = headers;
  }

  push(body: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stream = this.#connected().request({
      ...this.#headers,
      ':method': 'POST',
      ':path': grpcPath,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    let status: string | undefined;
    let message = '';
    const read = (headers: http2.IncomingHttpHeaders): void => {
      status ??= headers['grpc-status'] as string | undefined;
      message ||= String(headers['grpc-message'] ?? '');
    };
    // An error without an answer comes with the headers alone.
    stream.on('response', read);
    stream.on('trailers', read);
    stream.setTimeout(pushMsMax, () => stream.destroy(new Error(`no answer within ${pushMsMax} ms`)));
    stream.on('error', (error) => reject(notTaken(reasonOf(error), error)));
    stream.on('close', () => {
      if (status === '0') resolve();
      else reject(notTaken(status === undefined ? 'no answer' : `gRPC status ${status} ${message}`));
    });
    stream.resume();
    const head = Buffer.alloc(5);
    head.writeUInt32BE(body.length, 1);
    stream.end(Buffer.concat([head, body]));
    return promise;
  }

  close(): void {
    this.#session?.destroy();
  }

  #connected(): http2.ClientHttp2Session {
    if (this.#session !== undefined && !this.#session.closed && !this.#session.destroyed) return this.#session;
    const session = http2.connect(this.#url.origin);
    // Its calls fail with the same error.
    session.on('error', () => session.destroy());
    session.unref();
    this.#session = session;
    return session;
  }
}

function reasonOf(error: Error): string {
  return error.message || String((error as NodeJS.ErrnoException).code);
}

function notTaken(reason: string, cause?: unknown): RubatoError {
  return new RubatoError(ErrorKind.unavailable, 'push_failed', `a write was not acknowledged: ${reason}`, cause);
}

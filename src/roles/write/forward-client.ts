/** A gRPC client for unary calls with messages that are bytes already, on node:http2. One connection at a time. */
import http2 from 'node:http2';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import { frameBytes, grpcFrame } from './grpc-frame.ts';
import { GrpcCode } from './grpc-status.ts';

export interface GrpcTarget {
  readonly host: string;
  readonly port: number;
  /** Unset: plain HTTP/2. `ca`: PEM text of the authorities to believe, unset the system's. */
  readonly tls: ClientTls | undefined;
}

/** In the words of node:tls, with the texts of PEM files. */
export interface ClientTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

export interface GrpcCall {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly message: Uint8Array;
  /** What the message is compressed with already; unset: it is not. */
  readonly encoding?: string | undefined;
  readonly timeoutMs: number;
}

/** The server will not take this message, however often it is sent. */
export class GrpcRefusedError extends RubatoError {
  readonly status: number;

  constructor(status: number, message: string) {
    super(ErrorKind.invalid, 'forward_refused', `gRPC status ${status}: ${message}`);
    this.status = status;
  }
}

/** After these the same call may succeed later. https://opentelemetry.io/docs/specs/otlp/#failures */
const retryable: ReadonlySet<number> = new Set([1, 4, GrpcCode.resourceExhausted, 10, 11, GrpcCode.unavailable, 15]);

export class GrpcUnaryClient {
  readonly #target: GrpcTarget;
  #session: http2.ClientHttp2Session | undefined;

  constructor(target: GrpcTarget) {
    this.#target = target;
  }

  /** Resolves with the answer's message. @throws RubatoError: unavailable (may be tried again), or GrpcRefusedError. */
  call(call: GrpcCall): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const stream = this.#connected().request({
        ':method': 'POST',
        ':path': call.path,
        'content-type': 'application/grpc',
        te: 'trailers',
        'grpc-timeout': `${call.timeoutMs}m`,
        ...(call.encoding !== undefined && { 'grpc-encoding': call.encoding }),
        ...call.metadata,
      });
      const answer: Buffer[] = [];
      let status: string | undefined;
      let message = '';
      const read = (headers: http2.IncomingHttpHeaders): void => {
        const found = headers['grpc-status'];
        if (typeof found === 'string') status = found;
        if (typeof headers['grpc-message'] === 'string') message = decodeMessage(headers['grpc-message']);
        else if (headers[':status'] !== undefined && Number(headers[':status']) !== 200)
          message = `HTTP status ${headers[':status']}`;
      };
      stream.on('response', read);
      stream.on('trailers', read);
      let failure: Error | undefined;
      stream.on('error', (error: Error) => (failure = error));
      stream.setTimeout(call.timeoutMs, () => stream.close(http2.constants.NGHTTP2_CANCEL));
      stream.on('close', () => {
        if (status === '0') resolve(Buffer.concat(answer).subarray(frameBytes));
        else if (status === undefined || retryable.has(Number(status)))
          reject(unanswered(message || failure?.message || 'no answer', failure));
        else reject(new GrpcRefusedError(Number(status), message));
      });
      stream.on('data', (chunk: Buffer) => answer.push(chunk));
      stream.end(grpcFrame(call.message, call.encoding !== undefined));
    });
  }

  /** Ends calls in flight too. */
  close(): void {
    this.#session?.destroy();
    this.#session = undefined;
  }

  #connected(): http2.ClientHttp2Session {
    const known = this.#session;
    if (known !== undefined && !known.closed && !known.destroyed) return known;
    const { host, port, tls } = this.#target;
    const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    const session =
      tls === undefined ? http2.connect(`http://${authority}`) : http2.connect(`https://${authority}`, tls);
    this.#session = session;
    const forget = (): void => {
      if (this.#session === session) this.#session = undefined;
    };
    // Its streams tell their callers.
    session.on('error', forget);
    session.on('goaway', forget);
    session.on('close', forget);
    session.unref();
    return session;
  }
}

function unanswered(message: string, cause: unknown): RubatoError {
  return new RubatoError(ErrorKind.unavailable, 'forward_failed', message, cause);
}

/** Percent-encoded; other servers' may be damaged. */
function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

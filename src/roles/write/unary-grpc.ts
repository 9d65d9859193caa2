/**
 * A gRPC server for one unary method whose message goes on as bytes: it speaks gRPC on node:http2 itself instead of
 * through generated code, which would first build every span as an object.
 * Wire format: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md; messages: grpc-frame.ts.
 */
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { invalid } from '../../base/errors.ts';
import { encodeStatus } from '../../protocol/otlp/export-response.ts';
import { type BodyGate, HeldBody } from './body-gate.ts';
import { bodyTooLarge, decompress } from './decompress.ts';
import { frameBytes, grpcFrame } from './grpc-frame.ts';
import { GrpcCode, type SenderStatus, senderStatus } from './grpc-status.ts';
import { bodyPool } from './http-listener.ts';
import { admitted, type Doorkeeper, type PushOptions } from './ingest.ts';
import { defaultSenderTimes, type SenderTimes, SenderWatch } from './sender-watch.ts';
import { guardTls, nodeTls, type ServerTls } from './server-tls.ts';

export interface UnaryGrpcOptions extends Doorkeeper {
  readonly host: string;
  readonly port: number;
  /** Largest message, before and after decompression. */
  readonly messageBytesMax: number;
  /** Unset: plain HTTP/2. */
  readonly tls?: ServerTls | undefined;
  readonly times?: SenderTimes;
  readonly gate: BodyGate;
}

export interface UnaryMethod {
  /** `/package.Service/Method` */
  readonly path: string;
  /** The message of every answer. */
  readonly reply: Uint8Array;
  /** Owns `message`. Errors are answered by {@link senderStatus}. */
  readonly handle: (tenant: string, message: Buffer, options: PushOptions) => Promise<void>;
}

export class UnaryGrpcServer {
  readonly #server: http2.Http2Server | http2.Http2SecureServer;
  readonly #sessions = new Set<http2.ServerHttp2Session>();
  readonly #options: UnaryGrpcOptions;
  readonly #method: UnaryMethod;
  readonly #replyFrame: Buffer;

  constructor(options: UnaryGrpcOptions, method: UnaryMethod) {
    this.#options = options;
    this.#method = method;
    this.#replyFrame = grpcFrame(method.reply);
    // A window of several messages keeps a sender busy over a connection's round trip.
    const window = 4 * 1024 * 1024;
    const settings = { initialWindowSize: window, maxConcurrentStreams: 256 };
    if (options.tls) {
      const server = http2.createSecureServer({ settings, ...nodeTls(options.tls) });
      guardTls(server, options.tls);
      this.#server = server;
    } else this.#server = http2.createServer({ settings });
    this.#server.on('session', (session) => {
      session.setLocalWindowSize(window * 2);
      this.#keep(session);
    });
    this.#server.on('stream', (stream, headers) => {
      stream.on('error', () => stream.close());
      this.#handle(stream, headers).catch(() => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR));
    });
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

  /** Tells clients to go elsewhere; resolves when the running calls are answered. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const session of this.#sessions) session.close();
    await closed;
  }

  /** A connection that does not open as HTTP/2 does, and later one without calls, is let go. */
  #keep(session: http2.ServerHttp2Session): void {
    const { headMs, idleSessionMs } = this.#options.times ?? defaultSenderTimes;
    this.#sessions.add(session);
    const unopened = setTimeout(() => session.destroy(), headMs);
    session.once('remoteSettings', () => clearTimeout(unopened));
    session.setTimeout(idleSessionMs, () => session.close());
    session.on('close', () => {
      clearTimeout(unopened);
      this.#sessions.delete(session);
    });
    session.on('error', () => session.destroy());
  }

  async #handle(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): Promise<void> {
    const type = headers['content-type'] ?? '';
    if (headers[':method'] !== 'POST' || !type.startsWith('application/grpc')) {
      stream.respond({ ':status': 415 }, { endStream: true });
      return;
    }
    if (headers[':path'] !== this.#method.path) {
      finish(stream, { grpcCode: GrpcCode.unimplemented, message: `unknown method ${headers[':path']}` });
      return;
    }
    const held = new HeldBody(this.#options.gate);
    let memory: ArrayBuffer | undefined;
    const lend = (bytes: number): Buffer => {
      held.announced(bytes);
      memory = bodyPool.take(bytes);
      return Buffer.from(memory, 0, bytes);
    };
    try {
      const peerIp = stream.session?.socket.remoteAddress;
      const tenantOf = await admitted(this.#options, { headers, address: peerIp });
      const tenant = tenantOf(headerText(headers['x-scope-orgid']));
      const { compressed, body } = await readMessage(stream, lend, held, this.#options);
      const coding = compressed ? (headerText(headers['grpc-encoding']) ?? '') : '';
      const message = await decompress(coding, body, this.#options.messageBytesMax);
      if (message !== body) held.made(message.length);
      const noGenerateMetrics = 'no-generate-metrics' in headers;
      await this.#method.handle(tenant, message, { noGenerateMetrics, peerIp });
      stream.respond(
        {
          ':status': 200,
          'content-type': 'application/grpc',
          'grpc-accept-encoding': 'gzip,deflate,zstd,snappy,identity',
        },
        { waitForTrailers: true },
      );
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(this.#replyFrame);
    } catch (error) {
      if (!stream.destroyed) finish(stream, senderStatus(error));
    } finally {
      if (memory !== undefined) bodyPool.give(memory);
      held.release();
    }
  }
}

/** Trailers-only answer. */
function finish(stream: http2.ServerHttp2Stream, status: Omit<SenderStatus, 'httpStatus'>): void {
  const details = encodeStatus(status.grpcCode, status.message, status.retryAfterSeconds);
  stream.respond(
    {
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': String(status.grpcCode),
      'grpc-message': encodeURIComponent(status.message),
      'grpc-status-details-bin': Buffer.from(details).toString('base64'),
    },
    { endStream: true },
  );
  // The sender may still be writing; tell it to stop without calling that an error.
  if (!stream.readableEnded) stream.close(http2.constants.NGHTTP2_NO_ERROR);
}

function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** The one message of a unary call, in memory that `lend` gives. Nothing is written there once this has settled. */
function readMessage(
  stream: http2.ServerHttp2Stream,
  lend: (bytes: number) => Buffer,
  held: HeldBody,
  { messageBytesMax, times = defaultSenderTimes }: UnaryGrpcOptions,
): Promise<{ compressed: boolean; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const head = Buffer.alloc(frameBytes);
    let seen = 0;
    let body: Buffer | undefined;
    const onData = (chunk: Buffer): void => {
      watch.progress();
      let at = 0;
      if (body === undefined) {
        at = Math.min(frameBytes - seen, chunk.length);
        chunk.copy(head, seen, 0, at);
        seen += at;
        if (seen < frameBytes) return;
        const length = head.readUInt32BE(1);
        try {
          if (length > messageBytesMax) throw bodyTooLarge(messageBytesMax);
          body = lend(length);
        } catch (error) {
          fail(error);
          return;
        }
      }
      const take = Math.min(chunk.length - at, body.length - (seen - frameBytes));
      chunk.copy(body, seen - frameBytes, at, at + take);
      seen += take;
      try {
        held.received(seen);
      } catch (error) {
        fail(error);
      }
    };
    const fail = (error: unknown): void => {
      watch.done();
      stream.off('data', onData);
      stream.pause();
      reject(error);
    };
    const watch = new SenderWatch(times, fail);
    stream.on('data', onData);
    stream.on('end', () => {
      watch.done();
      if (body !== undefined && seen === frameBytes + body.length) resolve({ compressed: head[0] === 1, body });
      else reject(invalid('short_message', 'the request message ended early'));
    });
    stream.on('close', () => fail(new Error('the sender went away')));
  });
}

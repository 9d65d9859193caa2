/**
 * One TCP port for HTTP/1.1, HTTP/2 and gRPC. With TLS the client says in the handshake (ALPN) which version of HTTP it
 * speaks. Without, HTTP/2 comes by prior knowledge: the HTTP/1.1 server owns the port; before it
 * takes a connection, the first bytes are looked at once, and a connection that opens with HTTP/2's preface goes to the
 * HTTP/2 server. Nothing is copied or forwarded: after the first bytes both work on the socket itself.
 *
 *   connect ─► first bytes ─► "PRI " ─► HTTP/2 ─► content-type application/grpc… ─► grpc
 *                        │                    └─► anything else                  ─► http
 *                        └─► anything else ─► HTTP/1.1                           ─► http
 *
 * RFC 9113, 3.4: the preface is "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"; no HTTP/1.1 method begins with "PRI ".
 */
import http from 'node:http';
import http2, { type Http2ServerRequest, type Http2ServerResponse, type ServerHttp2Session } from 'node:http2';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Request, Response } from '../api/http/reply.ts';
import { guardTls, nodeTls, type ServerTls } from '../roles/write/server-tls.ts';

export interface ListenerHandlers {
  /** Requests that are not gRPC, over either version of HTTP. Without it the port is for gRPC alone. */
  readonly http?: (request: Request, response: Response) => void;
  readonly grpc: (request: Http2ServerRequest, response: Http2ServerResponse) => void;
}

export interface ListenerTimes {
  /** A connection that has not said by then which protocol it speaks, or ended its TLS handshake, is cut. */
  readonly firstBytesMs: number;
  /** Time for the head of an HTTP/1.1 request. */
  readonly headMs: number;
  /** Time for the head and body of a request. 0 = no limit. */
  readonly requestMs: number;
  /** Time for an answer that is not gRPC; its connection (HTTP/2: its stream) is cut then. 0 = no limit. */
  readonly answerMs: number;
  /** How long an HTTP/1.1 connection is kept between two requests. 0 = no limit. */
  readonly keepAliveMs: number;
  /** An HTTP/2 connection on which nothing happens is told to go: its open calls end first. */
  readonly idleSessionMs: number;
}

export const defaultListenerTimes: ListenerTimes = {
  firstBytesMs: 5_000,
  headMs: 10_000,
  requestMs: 60_000,
  answerMs: 0,
  keepAliveMs: 120_000,
  idleSessionMs: 15 * 60_000,
};

const prefaceStart = Buffer.from('PRI ');
/** Calls at the same time over one connection. */
const streamsMax = 256;
/** Head of a request: a query of 128 KiB stands in the URL, three bytes for one. As in servers written in Go. */
const headBytesMax = 1 << 20;
const grpcDeadlineExceeded = '4';

export class Listener {
  readonly #http1: http.Server | https.Server;
  readonly #http2: http2.Http2Server;
  readonly #times: ListenerTimes;
  /** Connections whose protocol is not known yet; with TLS all, underneath. */
  readonly #undecided = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  #isDraining = false;

  constructor(handlers: ListenerHandlers, times: ListenerTimes = defaultListenerTimes, tls?: ServerTls) {
    const answer = within(times.answerMs, handlers.http ?? refuse);
    const serve = (request: Request, response: Response): void => {
      if (this.#isDraining && 'shouldKeepAlive' in response) response.shouldKeepAlive = false;
      answer(request, response);
    };
    this.#times = times;
    const options = {
      headersTimeout: Math.min(times.headMs, times.requestMs || times.headMs),
      requestTimeout: times.requestMs,
      connectionsCheckingInterval: Math.ceil(times.headMs / 4),
      keepAliveTimeout: times.keepAliveMs,
      noDelay: true,
      maxHeaderSize: headBytesMax,
    };
    this.#http1 =
      tls === undefined
        ? this.#plainServer(http.createServer(options, serve))
        : this.#tlsServer(
            https.createServer(
              {
                ...options,
                ...nodeTls(tls),
                ALPNProtocols: ['h2', 'http/1.1'],
                handshakeTimeout: times.firstBytesMs,
              },
              serve,
            ),
            tls,
          );
    const settings = { maxConcurrentStreams: streamsMax, maxHeaderListSize: headBytesMax };
    this.#http2 = http2.createServer({ settings }, (request, response) => {
      cutWhenSlow(times.requestMs, request, response);
      if (isGrpc(request)) handlers.grpc(request, response);
      else serve(request, response);
    });
    this.#http2.on('session', (session) => this.#keep(session));
  }

  /** Resolves with the bound port. @throws the error of the system when the port cannot be had. */
  listen(port: number, host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#http1.once('error', reject);
      this.#http1.listen(port, host, () => {
        this.#http1.off('error', reject);
        resolve((this.#http1.address() as AddressInfo).port);
      });
    });
  }

  /** Connections of HTTP/1.1 end with their next answer, so that their clients are elsewhere when the port closes. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Takes no more connections and calls, lets those that run end, and cuts what is left after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#http1.close(() => resolve()));
    const cutUndecided = (): void => {
      for (const socket of this.#undecided) socket.destroy();
    };
    if (!(this.#http1 instanceof https.Server)) cutUndecided();
    for (const session of this.#sessions) session.close();
    // A connection that was busy when the port closed is idle after its answer.
    const sweep = setInterval(() => this.#http1.closeIdleConnections(), 20);
    const cut = setTimeout(() => {
      this.#http1.closeAllConnections();
      for (const session of this.#sessions) session.destroy();
      cutUndecided();
    }, graceMs);
    await closed;
    clearInterval(sweep);
    clearTimeout(cut);
  }

  #plainServer(server: http.Server): http.Server {
    const serveHttp1 = takeOver(server, 'connection');
    server.on('connection', (socket: Socket) => this.#decide(socket, serveHttp1));
    return server;
  }

  #tlsServer(server: https.Server, tls: ServerTls): https.Server {
    const serveHttp1 = takeOver(server, 'secureConnection');
    server.on('connection', (socket: Socket) => {
      this.#undecided.add(socket);
      socket.once('close', () => this.#undecided.delete(socket));
    });
    server.on('secureConnection', (socket: TLSSocket) => {
      if (socket.alpnProtocol === 'h2') this.#http2.emit('connection', socket);
      else serveHttp1(socket);
    });
    guardTls(server, tls);
    return server;
  }

  #decide(socket: Socket, serveHttp1: (socket: Socket) => void): void {
    let head: Buffer | undefined;
    const timer = setTimeout(() => socket.destroy(), this.#times.firstBytesMs);
    const forget = (): void => {
      clearTimeout(timer);
      this.#undecided.delete(socket);
      socket.off('data', onData).off('end', cut).off('error', cut).off('close', forget);
    };
    const cut = (): void => {
      socket.destroy();
    };
    const onData = (chunk: Buffer): void => {
      head = head === undefined ? chunk : Buffer.concat([head, chunk]);
      const known = Math.min(head.length, prefaceStart.length);
      const same = head.compare(prefaceStart, 0, known, 0, known) === 0;
      if (same && known < prefaceStart.length) return;
      forget();
      socket.pause();
      socket.unshift(head);
      if (same) this.#http2.emit('connection', socket);
      else {
        serveHttp1(socket);
        socket.resume();
      }
    };
    this.#undecided.add(socket);
    socket.on('data', onData).once('end', cut).once('error', cut).once('close', forget);
  }

  #keep(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.once('close', () => this.#sessions.delete(session));
    session.on('error', () => session.destroy());
    session.setTimeout(this.#times.idleSessionMs, () => {
      session.close();
      // A call whose client says nothing for as long again is not waited for.
      session.setTimeout(this.#times.idleSessionMs, () => session.destroy());
    });
  }
}

/** The server's own listener for connections, which is not called by itself any more. */
function takeOver(server: http.Server, event: 'connection' | 'secureConnection'): (socket: Socket) => void {
  const [listener] = server.listeners(event) as ((socket: Socket) => void)[];
  server.removeListener(event, listener!);
  return (socket) => listener!.call(server, socket);
}

function isGrpc(request: Http2ServerRequest): boolean {
  return request.headers['content-type']?.startsWith('application/grpc') === true;
}

/** Cuts answers that take longer. */
function within(
  answerMs: number,
  serve: (request: Request, response: Response) => void,
): (request: Request, response: Response) => void {
  if (answerMs === 0) return serve;
  return (request, response) => {
    const timer = setTimeout(() => response.destroy(), answerMs);
    response.once('close', () => clearTimeout(timer));
    serve(request, response);
  };
}

/** Cuts off a request over HTTP/2 that is not whole in time. The HTTP/1.1 server does so by itself. */
function cutWhenSlow(requestMs: number, request: Http2ServerRequest, response: Http2ServerResponse): void {
  const { stream } = request;
  if (requestMs === 0 || stream.endAfterHeaders) return;
  const cut = (): void => {
    if (stream.destroyed || stream.state.remoteClose === 1) return;
    if (response.headersSent) {
      stream.close(http2.constants.NGHTTP2_CANCEL);
      return;
    }
    const reason = `the request was not whole after ${requestMs} ms`;
    if (isGrpc(request)) {
      const status = { 'grpc-status': grpcDeadlineExceeded, 'grpc-message': reason };
      response.writeHead(200, { 'content-type': 'application/grpc', ...status });
      response.end();
    } else {
      response.writeHead(408, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(`${reason}\n`);
    }
    // The answer goes out before that.
    stream.close(http2.constants.NGHTTP2_NO_ERROR);
  };
  const timer = setTimeout(cut, requestMs);
  response.once('close', () => clearTimeout(timer));
}

function refuse(_request: Request, response: Response): void {
  response.statusCode = 415;
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.end('this port is for gRPC\n');
}

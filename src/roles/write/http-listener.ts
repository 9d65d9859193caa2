/** What the receivers over HTTP/1.1 share: life of the server, bodies read under the gate, plain answers, CORS. */
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Caller } from '../../auth/principal.ts';
import { BufferPool } from '../../base/buffer-pool.ts';
import { type BodyGate, HeldBody } from './body-gate.ts';
import { bodyTooLarge, decompress } from './decompress.ts';
import type { SenderStatus } from './grpc-status.ts';
import { defaultSenderTimes, type SenderTimes, SenderWatch } from './sender-watch.ts';
import { guardTls, nodeTls, type ServerTls } from './server-tls.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** Unset: plain HTTP. */
  readonly tls?: ServerTls | undefined;
  readonly times?: SenderTimes;
}

export class HttpListener {
  readonly #server: http.Server | https.Server;
  readonly #address: ListenAddress;
  #isDraining = false;

  constructor(
    address: ListenAddress,
    handle: (request: http.IncomingMessage, response: http.ServerResponse) => Promise<void>,
  ) {
    this.#address = address;
    const { headMs, requestMs } = address.times ?? defaultSenderTimes;
    const options = {
      headersTimeout: headMs,
      requestTimeout: requestMs,
      connectionsCheckingInterval: Math.ceil(headMs / 4),
      keepAliveTimeout: 65_000,
    };
    const listener = (request: http.IncomingMessage, response: http.ServerResponse): void => {
      if (this.#isDraining) response.shouldKeepAlive = false;
      handle(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
    };
    if (address.tls) {
      const server = https.createServer({ ...options, ...nodeTls(address.tls) }, listener);
      guardTls(server, address.tls);
      this.#server = server;
    } else this.#server = http.createServer(options, listener);
  }

  /** Resolves with the bound port. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#address.port, this.#address.host, () => {
        this.#server.off('error', reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** Connections end with their next answer. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Stops accepting; resolves when the running requests are answered. */
  async close(): Promise<void> {
    this.#isDraining = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    // A connection that was busy when the port closed is idle after its answer.
    const sweep = setInterval(() => this.#server.closeIdleConnections(), 20);
    await closed;
    clearInterval(sweep);
  }
}

export function header(request: http.IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Without parameters, in lower case. */
export function mediaType(request: http.IncomingMessage): string {
  return (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
}

/** The sender, as far as the request tells. */
export function callerOf(request: http.IncomingMessage): Caller {
  return { headers: request.headers, address: request.socket.remoteAddress };
}

/** Headers that belong to a refusal. */
export function setRefusalHeaders(response: http.ServerResponse, status: SenderStatus): void {
  if (status.retryAfterSeconds !== undefined) response.setHeader('Retry-After', String(status.retryAfterSeconds));
  if (status.challenges !== undefined) response.setHeader('WWW-Authenticate', status.challenges.join(', '));
}

export function answer(response: http.ServerResponse, status: number, type: string, body: Buffer): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': body.length });
  response.end(body);
}

/** As Go's http.Error, which the collector's receivers answer with. */
export function answerText(response: http.ServerResponse, status: number, text: string): void {
  response.setHeader('X-Content-Type-Options', 'nosniff');
  answer(response, status, 'text/plain; charset=utf-8', Buffer.from(`${text}\n`));
}

/** The sender left in the middle of its request: nobody to answer. */
export function senderLeft(request: http.IncomingMessage): boolean {
  return request.destroyed && !request.complete;
}

/** Those of our statuses that Zipkin's and Jaeger's clients are told too; everything else is 500 to them. */
const requestFaults: ReadonlySet<number> = new Set([400, 401, 403, 408, 413]);

export function faultOr500(httpStatus: number): number {
  return requestFaults.has(httpStatus) ? httpStatus : 500;
}

/** For an answer before the whole body was read: what is left is not read, the connection ends with the answer. */
export function endUnreadBody(request: http.IncomingMessage, response: http.ServerResponse): void {
  if (!request.complete) response.setHeader('Connection', 'close');
}

export interface BodyLimits {
  /** Largest body, before and after decompression. */
  readonly bodyBytesMax: number;
  readonly gate: BodyGate;
  readonly times?: SenderTimes;
}

/** Memory of bodies between requests, over all receivers of the thread. */
export const bodyPool = new BufferPool(16 * 1024 * 1024);

/**
 * Reads and decompresses the body, and holds room for it in the gate until `use` is done; the body's
 * memory is then lent to others.
 * @throws RubatoError: the body is too large, damaged or too slow, or the gate has no room
 */
export async function withBody(
  request: http.IncomingMessage,
  limits: BodyLimits,
  use: (body: Buffer) => Promise<void>,
): Promise<void> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > limits.bodyBytesMax) throw bodyTooLarge(limits.bodyBytesMax);
  const held = new HeldBody(limits.gate);
  held.announced(declared > 0 ? declared : undefined);
  const memory = declared > 0 ? bodyPool.take(declared) : undefined;
  try {
    const whole = memory === undefined ? undefined : Buffer.from(memory, 0, declared);
    const raw = await readBody(request, whole, held, limits);
    const coding = (header(request, 'content-encoding') ?? '').trim().toLowerCase();
    const plain = coding === '' ? raw : await decompress(coding, raw, limits.bodyBytesMax);
    if (plain !== raw) held.made(plain.length);
    await use(plain);
  } finally {
    if (memory !== undefined) bodyPool.give(memory);
    held.release();
  }
}

/** The whole body, in `whole` when its length was declared. Nothing is written there once this has settled. */
function readBody(
  request: http.IncomingMessage,
  whole: Buffer | undefined,
  held: HeldBody,
  { bodyBytesMax, times = defaultSenderTimes }: BodyLimits,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const onData = (chunk: Buffer): void => {
      // The parser lets no more through than was declared.
      if (whole !== undefined) chunk.copy(whole, length);
      else chunks.push(chunk);
      length += chunk.length;
      watch.progress();
      try {
        if (length > bodyBytesMax) throw bodyTooLarge(bodyBytesMax);
        held.received(length);
      } catch (error) {
        fail(error);
      }
    };
    const fail = (error: unknown): void => {
      watch.done();
      request.off('data', onData);
      request.pause();
      reject(error);
    };
    const watch = new SenderWatch(times, fail);
    request.on('data', onData);
    request.on('end', () => {
      watch.done();
      resolve(whole ?? Buffer.concat(chunks, length));
    });
    request.on('error', fail);
    request.on('close', () => fail(new Error('the sender went away')));
  });
}

/**
 * Lets browsers of allowed origins send. True when the request was a preflight and is answered.
 * @param origins may each hold one `*`; empty: none
 */
export function answerCors(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  origins: readonly string[],
): boolean {
  const origin = header(request, 'origin');
  if (origin === undefined || !originAllowed(origin, origins)) return false;
  response.setHeader('Access-Control-Allow-Origin', origin);
  response.setHeader('Vary', 'Origin');
  if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return false;
  response.setHeader('Access-Control-Allow-Methods', 'POST');
  const headers = header(request, 'access-control-request-headers');
  if (headers !== undefined) response.setHeader('Access-Control-Allow-Headers', headers);
  response.writeHead(204).end();
  return true;
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

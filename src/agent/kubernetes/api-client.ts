/** GET against a cluster's API: a JSON document, or a watch's documents line by line. */
import http from 'node:http';
import https from 'node:https';
import { StringDecoder } from 'node:string_decoder';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import type { ClusterAccess } from './cluster-access.ts';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** The API's answer was not 200, or its status document in a watch. */
export class ApiError extends RubatoError {
  readonly status: number;
  constructor(status: number, message: string) {
    super(ErrorKind.unavailable, 'kubernetes_api', `status ${status}: ${message}`);
    this.status = status;
  }
}

/** No byte for so long while a list is read: the connection is dead. */
const listIdleMsMax = 30_000;
/** A line of a watch is one object; etcd keeps none above 1.5 MiB. */
const lineCharsMax = 8 << 20;
/** Finds connections that died without a word, since a quiet watch is silent for minutes. */
const keepAliveAfterMs = 15_000;

export class ApiClient {
  readonly #access: ClusterAccess;

  constructor(access: ClusterAccess) {
    this.#access = access;
  }

  async getJson(path: string, query: Query, signal: AbortSignal): Promise<unknown> {
    const response = await this.#get(path, query, signal, listIdleMsMax);
    const body = await text(response);
    if (response.statusCode !== 200) throw apiError(response.statusCode ?? 0, body);
    return JSON.parse(body);
  }

  /** Calls `onLine` with each document; resolves when the server ends the answer. */
  async watch(
    path: string,
    query: Query,
    { signal, lifeMsMax, onLine }: { signal: AbortSignal; lifeMsMax: number; onLine: (document: unknown) => void },
  ): Promise<void> {
    const life = AbortSignal.any([signal, AbortSignal.timeout(lifeMsMax)]);
    const response = await this.#get(path, query, life, lifeMsMax);
    if (response.statusCode !== 200) throw apiError(response.statusCode ?? 0, await text(response));
    const decoder = new StringDecoder('utf8');
    let rest = '';
    for await (const chunk of response as AsyncIterable<Buffer>) {
      rest += decoder.write(chunk);
      let start = 0;
      for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n', start)) {
        if (end > start) onLine(JSON.parse(rest.slice(start, end)));
        start = end + 1;
      }
      rest = rest.slice(start);
      if (rest.length > lineCharsMax) throw new ApiError(200, 'a line of the watch is too long');
    }
  }

  async #get(path: string, query: Query, signal: AbortSignal, idleMsMax: number): Promise<http.IncomingMessage> {
    const { url } = this.#access;
    const target = new URL(`${url.pathname.replace(/\/$/, '')}${path}`, url);
    for (const [key, value] of Object.entries(query))
      if (value !== undefined) target.searchParams.set(key, String(value));
    const access = await this.#access.requestOptions();
    const isPlain = target.protocol === 'http:';
    // TLS options are of no use to a plain connection, and an agent for TLS refuses it.
    const { agent: _, ...plain } = access;
    const options = {
      ...(isPlain ? plain : access),
      headers: { accept: 'application/json', ...access.headers },
      signal,
    };
    return new Promise((resolve, reject) => {
      const request = (isPlain ? http : https).get(target, options, resolve);
      request.on('error', reject);
      request.on('socket', (socket) => socket.setKeepAlive(true, keepAliveAfterMs));
      request.setTimeout(idleMsMax, () => request.destroy(new Error(`no answer for ${idleMsMax} ms`)));
    });
  }
}

async function text(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Errors come as documents of kind Status, or from proxies as any text. */
function apiError(status: number, body: string): ApiError {
  try {
    const document = JSON.parse(body) as { message?: unknown };
    if (typeof document.message === 'string') return new ApiError(status, document.message);
  } catch {
    // Not JSON.
  }
  return new ApiError(status, body.slice(0, 200));
}

/** A client of the HTTP query API: over the network, or over a connection that somebody hands in. */
import http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import { ErrorKind, RubatoError } from '../base/errors.ts';

export interface QueryClientOptions {
  /** Scheme, host, and what `http_api_prefix` puts before paths. */
  readonly baseUrl: string;
  readonly tenant: string | undefined;
  /** Value of the Authorization header. */
  readonly authorization?: string | undefined;
  readonly connect?: () => Duplex;
  /** Give up after this long without a byte. Default: never. */
  readonly idleMsMax?: number;
}

export type QueryParameters = Readonly<Record<string, string | number | undefined>>;

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** The body of a 200. @throws RubatoError */
function checked({ status, body }: Answer): string {
  if (status === 200) return body;
  const kind = status === 404 ? ErrorKind.notFound : status < 500 ? ErrorKind.invalid : ErrorKind.unavailable;
  throw new RubatoError(kind, `status_${status}`, body.trim().slice(0, 2000) || `answered with status ${status}`);
}

export class QueryClient {
  readonly #options: QueryClientOptions;
  readonly #base: URL;
  readonly #agent: http.Agent | undefined;

  /** @throws RubatoError config for what is not an http or https URL */
  constructor(options: QueryClientOptions) {
    this.#options = options;
    const base = URL.parse(options.baseUrl);
    if (base === null || !/^https?:$/.test(base.protocol))
      throw new RubatoError(ErrorKind.config, 'bad_url', `${JSON.stringify(options.baseUrl)} is not an http(s) URL`);
    this.#base = base;
    const Agent = base.protocol === 'https:' ? https.Agent : http.Agent;
    this.#agent = options.connect === undefined ? new Agent({ keepAlive: true }) : undefined;
  }

  /** The text of a 200's body. @throws RubatoError notFound, invalid or unavailable, with the server's words */
  async text(path: string, parameters: QueryParameters = {}, signal?: AbortSignal): Promise<string> {
    return checked(await this.#request(path, { parameters, signal }));
  }

  /** The answer to a POST of JSON. @throws RubatoError as `text` */
  async post<Shape>(path: string, content: unknown): Promise<Shape> {
    return JSON.parse(checked(await this.#request(path, { content }))) as Shape;
  }

  async json<Shape>(path: string, parameters: QueryParameters = {}, signal?: AbortSignal): Promise<Shape> {
    const body = await this.text(path, parameters, signal);
    try {
      return JSON.parse(body) as Shape;
    } catch (error) {
      const message = `${this.#base.origin} does not answer ${path} with JSON; is it a query API?`;
      throw new RubatoError(ErrorKind.unavailable, 'not_json', message, error);
    }
  }

  close(): void {
    this.#agent?.destroy();
  }

  #request(
    path: string,
    call: {
      readonly parameters?: QueryParameters;
      readonly signal?: AbortSignal | undefined;
      /** Sent as JSON with POST. */
      readonly content?: unknown;
    },
  ): Promise<Answer> {
    const { parameters = {}, signal, content } = call;
    const url = new URL(this.#base);
    url.pathname = url.pathname.replace(/\/+$/, '') + path;
    for (const [name, value] of Object.entries(parameters))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const { tenant, authorization, connect, idleMsMax } = this.#options;
    const options: https.RequestOptions = {
      method: content === undefined ? 'GET' : 'POST',
      headers: {
        accept: 'application/json',
        ...(tenant !== undefined && { 'x-scope-orgid': tenant }),
        ...(authorization !== undefined && { authorization }),
      },
      ...(this.#agent && { agent: this.#agent }),
      ...(connect && { createConnection: connect }),
      ...(signal && { signal }),
      ...(idleMsMax && { timeout: idleMsMax }),
    };
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const fail = (error: Error): void => {
      const reason = error.message || (error as NodeJS.ErrnoException).code || 'no connection';
      reject(new RubatoError(ErrorKind.unavailable, 'no_answer', `${this.#base.origin}: ${reason}`, error));
    };
    const request = (url.protocol === 'https:' ? https : http).request(url, options, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', fail);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces).toString() });
      });
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${idleMsMax} ms`)));
    request.on('error', fail);
    request.end(content === undefined ? undefined : JSON.stringify(content));
    return promise;
  }
}

/** One remote write request over HTTP, and what its answer means for the next one. */
import type { IncomingMessage } from 'node:http';
import http from 'node:http';
import https from 'node:https';
import type { RemoteWriteVersion } from '../../generator/remote-write.ts';

export interface TlsOptions {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly serverName?: string | undefined;
  readonly skipVerify: boolean;
}

export interface Endpoint {
  /** For files and metrics. */
  readonly name: string;
  readonly url: string;
  readonly version: RemoteWriteVersion;
  readonly headers: Readonly<Record<string, string>>;
  /** Value of the Authorization header, read anew for each request: secrets in files change. */
  readonly authorization: () => Promise<string | undefined>;
  readonly tls: TlsOptions | undefined;
  readonly timeoutMs: number;
  readonly samplesMax: number;
  readonly exemplars: boolean;
  readonly retryOn429: boolean;
  readonly backoffMs: { readonly min: number; readonly max: number };
  readonly queueBytesMax: number;
}

export type SendOutcome =
  | { readonly kind: 'accepted' }
  /** To be tried again, not before `afterMs` if the receiver said so. */
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs: number | undefined }
  /** Will never be accepted. */
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string };

const contentTypes: Readonly<Record<RemoteWriteVersion, string>> = {
  '1.0': 'application/x-protobuf',
  '2.0': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
};
const protocolVersions: Readonly<Record<RemoteWriteVersion, string>> = { '1.0': '0.1.0', '2.0': '2.0.0' };
/** Characters of an answer that are shown. */
const reasonMax = 300;
/** A receiver that asks for more patience is asked again after this. */
const retryAfterMsMax = 5 * 60_000;

export class RemoteWriteClient {
  readonly #endpoint: Endpoint;
  readonly #agent: http.Agent;
  readonly #userAgent: string;

  constructor(endpoint: Endpoint, userAgent: string) {
    this.#endpoint = endpoint;
    this.#userAgent = userAgent;
    const { tls } = endpoint;
    const keep = { keepAlive: true, maxSockets: 4 };
    this.#agent = endpoint.url.startsWith('https:')
      ? new https.Agent({
          ...keep,
          rejectUnauthorized: tls?.skipVerify !== true,
          ...(tls?.ca !== undefined && { ca: tls.ca }),
          ...(tls?.cert !== undefined && { cert: tls.cert }),
          ...(tls?.key !== undefined && { key: tls.key }),
          ...(tls?.serverName !== undefined && { servername: tls.serverName }),
        })
      : new http.Agent(keep);
  }

  async send(
    body: Uint8Array,
    version: RemoteWriteVersion,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<SendOutcome> {
    const { url, timeoutMs, authorization } = this.#endpoint;
    try {
      const authorizationHeader = await authorization();
      const answer = await this.#post(url, body, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]), {
        'user-agent': this.#userAgent,
        'content-type': contentTypes[version],
        'content-encoding': 'snappy',
        'content-length': String(body.length),
        'x-prometheus-remote-write-version': protocolVersions[version],
        ...this.#endpoint.headers,
        ...headers,
        ...(authorizationHeader !== undefined && { authorization: authorizationHeader }),
      });
      return this.#outcome(answer.status, answer.text, answer.retryAfter);
    } catch (error) {
      return { kind: 'retry', reason: error instanceof Error ? error.message : String(error), afterMs: undefined };
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #outcome(status: number, text: string, retryAfter: string | undefined): SendOutcome {
    if (status >= 200 && status < 300) return { kind: 'accepted' };
    const reason = `status ${status}: ${text.trim().slice(0, reasonMax)}`;
    const isRetried = status >= 500 || (status === 429 && this.#endpoint.retryOn429);
    if (!isRetried) return { kind: 'refused', status, reason };
    return { kind: 'retry', reason, afterMs: retryAfterMs(retryAfter, Date.now()) };
  }

  #post(
    url: string,
    body: Uint8Array,
    signal: AbortSignal,
    headers: Readonly<Record<string, string>>,
  ): Promise<{ status: number; text: string; retryAfter: string | undefined }> {
    const request = url.startsWith('https:') ? https.request : http.request;
    return new Promise((resolve, reject) => {
      const call = request(url, { method: 'POST', agent: this.#agent, headers, signal }, (answer: IncomingMessage) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (piece: string) => {
          if (text.length < reasonMax) text += piece;
        });
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, text, retryAfter: answer.headers['retry-after'] }),
        );
        answer.on('error', reject);
      });
      call.on('error', reject);
      call.end(body);
    });
  }
}

/** Seconds, or a date. RFC 9110, 10.2.3 */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const seconds = /^\s*[0-9]+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs;
  return Number.isNaN(seconds) ? undefined : Math.min(retryAfterMsMax, Math.max(0, seconds));
}

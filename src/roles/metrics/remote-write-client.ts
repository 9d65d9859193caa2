/**
 * One remote write request over HTTP, and what its answer means for the next one.
 *
 * Which protocol an endpoint without a setting takes shows in its answers: a receiver of 2.0 says in headers what it wrote.
 * Older ones answer a request of 2.0 with 415 or 400, or, when they do not look at its type, with 204
 * and write nothing. So 2xx, 400 and 415 without such a header have the request repeated as 1.0; if that is accepted, 1.0 it is
 * for an hour, or until the next start.
 * https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/#required-written-response-headers
 */
import type { IncomingMessage } from 'node:http';
import http from 'node:http';
import https from 'node:https';
import { compress, uncompress } from 'snappyjs';
import type { Clock } from '../../base/clock.ts';
import type { RemoteWriteVersion } from '../../generator/remote-write.ts';
import { downgradeRemoteWrite } from '../../generator/remote-write-downgrade.ts';

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
  /** undefined: 2.0 if the receiver takes it. */
  readonly version: RemoteWriteVersion | undefined;
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

/** How long an endpoint that did not take 2.0 is not asked again. */
const oldReceiverMs = 60 * 60_000;

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | undefined;
  /** Says what it wrote, as receivers of 2.0 must. */
  readonly saysWritten: boolean;
}

export class RemoteWriteClient {
  readonly #endpoint: Endpoint;
  readonly #clock: Clock;
  /** Until then the receiver is taken for one of 1.0. */
  #oldUntilMs = 0;
  readonly #agent: http.Agent;
  readonly #userAgent: string;

  constructor(endpoint: Endpoint, userAgent: string, clock: Clock) {
    this.#endpoint = endpoint;
    this.#clock = clock;
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

  /** What to encode requests in now. */
  get version(): RemoteWriteVersion {
    return this.#endpoint.version ?? (this.#clock.nowMs() < this.#oldUntilMs ? '1.0' : '2.0');
  }

  /** @param version of the body; one of 2.0 may be sent as 1.0, unless the endpoint is set to 2.0 */
  async send(
    body: Uint8Array,
    version: RemoteWriteVersion,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<SendOutcome> {
    try {
      const mayBeOld = version === '2.0' && this.#endpoint.version !== '2.0';
      if (!mayBeOld) return this.#outcome(await this.#request(body, version, headers, signal));
      if (this.version === '2.0') {
        const answer = await this.#request(body, '2.0', headers, signal);
        if (!isOfOldReceiver(answer)) return this.#outcome(answer);
      }
      const old = compress(Buffer.from(downgradeRemoteWrite(uncompress(Buffer.from(body)))));
      const outcome = this.#outcome(await this.#request(old, '1.0', headers, signal));
      if (outcome.kind === 'accepted' && this.version === '2.0') this.#oldUntilMs = this.#clock.nowMs() + oldReceiverMs;
      return outcome;
    } catch (error) {
      return { kind: 'retry', reason: error instanceof Error ? error.message : String(error), afterMs: undefined };
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #request(
    body: Uint8Array,
    version: RemoteWriteVersion,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { url, timeoutMs, authorization } = this.#endpoint;
    const authorizationHeader = await authorization();
    return this.#post(url, body, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]), {
      ...this.#endpoint.headers,
      ...headers,
      'user-agent': this.#userAgent,
      'content-type': contentTypes[version],
      'content-encoding': 'snappy',
      'content-length': String(body.length),
      'x-prometheus-remote-write-version': protocolVersions[version],
      ...(authorizationHeader !== undefined && { authorization: authorizationHeader }),
    });
  }

  #outcome({ status, text, retryAfter }: Answer): SendOutcome {
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
  ): Promise<Answer> {
    const request = url.startsWith('https:') ? https.request : http.request;
    return new Promise((resolve, reject) => {
      const call = request(url, { method: 'POST', agent: this.#agent, headers, signal }, (answer: IncomingMessage) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (piece: string) => {
          if (text.length < reasonMax) text += piece;
        });
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            text,
            retryAfter: answer.headers['retry-after'],
            saysWritten: answer.headers['x-prometheus-remote-write-samples-written'] !== undefined,
          }),
        );
        answer.on('error', reject);
      });
      call.on('error', reject);
      call.end(body);
    });
  }
}

/** Of a request of 2.0. */
function isOfOldReceiver({ status, saysWritten }: Answer): boolean {
  return !saysWritten && ((status >= 200 && status < 300) || status === 400 || status === 415);
}

/** Seconds, or a date. RFC 9110, 10.2.3 */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const seconds = /^\s*[0-9]+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs;
  return Number.isNaN(seconds) ? undefined : Math.min(retryAfterMsMax, Math.max(0, seconds));
}

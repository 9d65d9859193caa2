/**
 * `http_sd_configs`: a list of targets as JSON behind a URL, asked for again and again. What it said last counts while it
 * does not answer. https://prometheus.io/docs/prometheus/latest/http_sd/
 */
import http from 'node:http';
import https from 'node:https';
import type { Clock } from '../../base/clock.ts';
import { type Discovery, type DiscoveryStatus, type OnGroup, parseGroups, staticTargets } from './target.ts';

export interface HttpDiscoveryOptions {
  readonly url: string;
  readonly refreshIntervalMs: number;
  /** With every request: passwords in files are renewed while we run. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
  readonly clock: Clock;
}

const answerMsMax = 10_000;
const answerBytesMax = 64 << 20;

export class HttpDiscovery implements Discovery {
  readonly status: DiscoveryStatus = { kind: 'http', failures: 0, lastError: undefined };
  readonly #options: HttpDiscoveryOptions;
  #groupCount = 0;

  constructor(options: HttpDiscoveryOptions) {
    this.#options = options;
  }

  async run(onGroup: OnGroup, signal: AbortSignal): Promise<void> {
    const { url, refreshIntervalMs, clock } = this.#options;
    while (!signal.aborted) {
      try {
        const groups = parseGroups(JSON.parse(await this.#get(signal)));
        for (const [index, group] of groups.entries())
          onGroup(`${url}:${index}`, staticTargets(group, { __meta_url: url }));
        for (let index = groups.length; index < this.#groupCount; index++) onGroup(`${url}:${index}`, []);
        this.#groupCount = groups.length;
        this.status.lastError = undefined;
      } catch (error) {
        if (signal.aborted) return;
        this.status.failures++;
        this.status.lastError = error instanceof Error ? error.message : String(error);
      }
      await clock.sleep(refreshIntervalMs, signal).catch(() => undefined);
    }
  }

  async #get(signal: AbortSignal): Promise<string> {
    const { url, refreshIntervalMs } = this.#options;
    const headers = await this.#options.headers();
    return new Promise((resolve, reject) => {
      const options = {
        signal: AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)]),
        headers: {
          accept: 'application/json',
          'x-prometheus-refresh-interval-seconds': String(refreshIntervalMs / 1000),
          ...headers,
        },
      };
      const request = (url.startsWith('https:') ? https : http).get(url, options, (response) => {
        const chunks: Buffer[] = [];
        let length = 0;
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          length += chunk.length;
          if (length > answerBytesMax) response.destroy(new Error('the answer is too large'));
        });
        response.on('error', reject);
        response.on('end', () => {
          if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString());
          else reject(new Error(`status ${response.statusCode}`));
        });
      });
      request.on('error', reject);
    });
  }
}

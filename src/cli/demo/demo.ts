/** Sends the bookshop's traffic to an OTLP/HTTP endpoint: a little of the past at once, then at a steady rate. */
import http from 'node:http';
import type { Clock } from '../../base/clock.ts';
import { type Rng, SeededRng } from '../../base/random.ts';
import type { PlainSpan } from '../../model/plain-span.ts';
import { plainSpansToOtlp } from '../../protocol/otlp/encode-plain.ts';
import { DemoLogFile } from './log-file.ts';
import { ShopTraffic } from './traffic.ts';

export interface DemoOptions {
  /** For example `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  readonly tracesPerSecond: number;
  readonly seed: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Where the shop's services write their logs; undefined: nowhere. */
  readonly logFile: string | undefined;
  /** Hears of the first failure in a row. */
  readonly onError: (error: Error) => void;
}

const historySeconds = 300;
const batchSpansMax = 2000;
const intervalMs = 500;

/** Runs until the signal aborts. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const { clock, signal, tracesPerSecond } = options;
  const rng: Rng = new SeededRng(options.seed);
  const traffic = new ShopTraffic(rng);
  const agent = new http.Agent({ keepAlive: true });
  const logs = options.logFile === undefined ? undefined : new DemoLogFile(options.logFile);
  let failing = false;
  const send = async (spans: readonly PlainSpan[]): Promise<void> => {
    if (spans.length === 0) return;
    try {
      await post(options.url, agent, plainSpansToOtlp(spans));
      logs?.write(spans);
      failing = false;
    } catch (error) {
      if (!failing && !signal.aborted) options.onError(error instanceof Error ? error : new Error(String(error)));
      failing = true;
    }
  };
  /** Visits that begin in [from, from + ms). */
  const visits = async (fromUnixNano: bigint, ms: number): Promise<void> => {
    const expected = (tracesPerSecond * ms) / 1000;
    const count = Math.floor(expected) + (rng.float() < expected % 1 ? 1 : 0);
    let batch: PlainSpan[] = [];
    for (let i = 0; i < count && !signal.aborted; i++) {
      batch.push(...traffic.visit(fromUnixNano + BigInt(Math.floor(rng.float() * ms * 1e6))));
      if (batch.length < batchSpansMax) continue;
      await send(batch);
      batch = [];
    }
    await send(batch);
  };
  try {
    // Whole visits must lie in the past, so the present is a few seconds behind the clock.
    const now = (): bigint => clock.nowUnixNano() - 3_000_000_000n;
    let sentUntil = now();
    for (let second = historySeconds; second > 0 && !signal.aborted; second -= 10) {
      await visits(sentUntil - BigInt(second) * 1_000_000_000n, 10_000);
    }
    while (!signal.aborted) {
      await clock.sleep(intervalMs, signal);
      const until = now();
      await visits(sentUntil, Number(until - sentUntil) / 1e6);
      sentUntil = until;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    agent.destroy();
  }
}

function post(url: string, agent: http.Agent, body: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/x-protobuf', 'Content-Length': body.length };
    const request = http.request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`the demo's spans were answered with status ${response.statusCode}`));
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Spans to measure with: the demo's shop, the same for the same seed, and so the same on every machine and commit. */
import { SeededRng } from '../src/base/random.ts';
import { ShopTraffic } from '../src/cli/demo/traffic.ts';
import type { PlainSpan } from '../src/model/plain-span.ts';
import { SpanTable } from '../src/model/span-table.ts';
import { plainSpansToOtlp } from '../src/protocol/otlp/encode-plain.ts';
import { OtlpScanner } from '../src/protocol/otlp/scan.ts';

export const newestUnixNano = 1_700_000_000_000_000_000n;
const spreadSeconds = 60;
const spansPerRequest = 512;

/** Whole traces, at least so many spans, in no order of time. */
export function* shopTraces(spans: number, seed = 1): Generator<readonly PlainSpan[]> {
  const traffic = new ShopTraffic(new SeededRng(seed));
  const rng = new SeededRng(seed + 1);
  for (let made = 0; made < spans; ) {
    const trace = traffic.visit(newestUnixNano + BigInt(Math.floor(rng.float() * spreadSeconds * 1e9)));
    made += trace.length;
    yield trace;
  }
}

/** Requests as a collector sends them: about 512 spans of several traces, grouped by resource. */
export function requestsOf(traces: Iterable<readonly PlainSpan[]>): Uint8Array[] {
  const requests: Uint8Array[] = [];
  let batch: PlainSpan[] = [];
  for (const trace of traces) {
    batch.push(...trace);
    if (batch.length < spansPerRequest) continue;
    requests.push(plainSpansToOtlp(batch));
    batch = [];
  }
  if (batch.length > 0) requests.push(plainSpansToOtlp(batch));
  return requests;
}

export function tableOf(requests: Iterable<Uint8Array>): SpanTable {
  const table = new SpanTable();
  const scanner = new OtlpScanner(table);
  for (const request of requests) scanner.scan(request);
  return table;
}

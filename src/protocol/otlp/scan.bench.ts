/**
 * Processor time of scanning OTLP requests into a table: `node src/protocol/otlp/scan.bench.ts --full`. Prints µs a span of
 * every round (a fresh table each) and a hash of what was scanned. Uses the shop traces of `../shared/tracegen` when that
 * folder stands beside the project, otherwise traces made here (and says so).
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AnyValue, KeyValue } from '../../model/any-value.ts';
import { type PlainResource, type PlainSpan, plainResource, plainScope, plainSpan } from '../../model/plain-span.ts';
import { SpanTable } from '../../model/span-table.ts';
import { plainSpansToOtlp } from './encode-plain.ts';
import { OtlpScanner } from './scan.ts';

export interface ScanBenchResult {
  readonly source: string;
  readonly spans: number;
  readonly bytes: number;
  /** Processor time of each round. */
  readonly microsPerSpan: readonly number[];
  /** The same for the same requests, whatever the speed. */
  readonly hash: number;
}

export async function scanBench(options: {
  readonly traces: number;
  readonly rounds: number;
}): Promise<ScanBenchResult> {
  const shared = await sharedRequests(options.traces);
  const requests = shared ?? madeRequests(options.traces);
  const microsPerSpan: number[] = [];
  let spans = 0;
  let hash = 0;
  for (let round = 0; round < options.rounds; round++) {
    const before = process.cpuUsage();
    const table = new SpanTable();
    const scanner = new OtlpScanner(table);
    for (const request of requests) scanner.scan(request);
    const took = process.cpuUsage(before);
    spans = table.spanCount;
    microsPerSpan.push((took.user + took.system) / spans);
    hash = hashOf(table);
  }
  const bytes = requests.reduce((sum, request) => sum + request.length, 0);
  return { source: shared === undefined ? 'made here' : 'shared/tracegen', spans, bytes, microsPerSpan, hash };
}

interface Tracegen {
  batches(options: { seed: number; traces: number; baseNs: bigint }): Iterable<{ bytes: Uint8Array }>;
}

async function sharedRequests(traces: number): Promise<Uint8Array[] | undefined> {
  const file = path.resolve(import.meta.dirname, '../../../../shared/tracegen/tracegen.mjs');
  let tracegen: Tracegen;
  try {
    tracegen = await import(pathToFileURL(file).href);
  } catch {
    return undefined;
  }
  return Array.from(tracegen.batches({ seed: 1, traces, baseNs: 1_795_507_200_000_000_000n }), (batch) => batch.bytes);
}

/** About 32 spans a trace, 350 bytes and 7 attributes a span, 40 resources; requests of 512 spans. */
function madeRequests(traces: number): Uint8Array[] {
  let state = 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const hex = (digits: number): string => {
    let text = '';
    while (text.length < digits) text += (random(0xffff) + 1).toString(16).padStart(4, '0');
    return text.slice(0, digits);
  };
  const text = (value: string): AnyValue => ({ type: 'string', value });
  const resources: PlainResource[] = Array.from({ length: 40 }, (_, i) =>
    plainResource({
      attributes: [
        { key: 'service.name', value: text(`service-${i >> 2}`) },
        { key: 'service.instance.id', value: text(hex(32)) },
        { key: 'k8s.pod.name', value: text(`service-${i >> 2}-${hex(9)}`) },
        { key: 'telemetry.sdk.name', value: text('opentelemetry') },
      ],
    }),
  );
  const spans: PlainSpan[] = [];
  for (let trace = 0; trace < traces; trace++) {
    const traceId = hex(32);
    const session = text(hex(16));
    for (let i = 0; i < 32; i++) {
      const attributes: KeyValue[] = [
        { key: 'session.id', value: session },
        { key: 'http.request.method', value: text(random(3) === 0 ? 'POST' : 'GET') },
        { key: 'http.route', value: text(`/api/v1/items/{id}/part-${random(40)}`) },
        { key: 'url.path', value: text(`/api/v1/items/${random(8000)}/part`) },
        { key: 'http.response.status_code', value: { type: 'int', value: random(20) === 0 ? 500n : 200n } },
        { key: 'thread.id', value: { type: 'int', value: BigInt(random(64)) } },
        { key: 'app.score', value: { type: 'double', value: random(1000) / 1000 } },
      ];
      spans.push(
        plainSpan({
          traceId,
          spanId: hex(16),
          parentSpanId: i === 0 ? '' : hex(16),
          name: `GET /items/${random(30)}`,
          kind: 2,
          startTimeUnixNano: 1_795_507_200_000_000_000n + BigInt(random(1e9)),
          endTimeUnixNano: 1_795_507_202_000_000_000n,
          attributes,
          resource: resources[random(resources.length)]!,
          scope: plainScope({ name: 'otel.server', version: '1.0.0' }),
        }),
      );
    }
  }
  const requests: Uint8Array[] = [];
  for (let at = 0; at < spans.length; at += 512) requests.push(plainSpansToOtlp(spans.slice(at, at + 512)));
  return requests;
}

/** Over what a faster scanner must not change. */
function hashOf(table: SpanTable): number {
  let h = table.valueCount;
  for (const [array, length] of [
    [table.trace, table.spanCount],
    [table.attrEnd, table.spanCount],
    [table.name, table.spanCount],
    [table.attrs, table.attrCount],
    [table.eventAttrs, table.eventAttrCount],
    [table.resourceAttrs, table.resourceAttrCount],
    [table.arena, table.arenaLength],
  ] as const)
    for (let i = 0; i < length; i++) h = Math.imul(h ^ array[i]!, 0x01000193) ^ (h >>> 15);
  return h >>> 0;
}

if (process.argv[1] === import.meta.filename) {
  const full = process.argv.includes('--full');
  const result = await scanBench(full ? { traces: 3000, rounds: 16 } : { traces: 20, rounds: 2 });
  console.log(`${result.spans} spans (${result.source}), ${(result.bytes / result.spans).toFixed(0)} bytes a span`);
  console.log(`µs a span: ${result.microsPerSpan.map((micros) => micros.toFixed(2)).join(' ')}`);
  console.log(`best ${Math.min(...result.microsPerSpan).toFixed(2)} µs a span, hash ${result.hash}`);
}

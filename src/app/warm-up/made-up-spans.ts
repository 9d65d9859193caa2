/**
 * Made-up spans to compile hot paths on before the first sender and the first query meet them. Code runs
 * slowly until it was compiled from what it was seen doing: without this the first 650,000 spans after a start cost about
 * 3 us of CPU each more than later ones. Each thread does it for its own part, in memory of its own, after the server is
 * ready, in short steps that let real work through.
 */
import { randomHex, SeededRng } from '../../base/random.ts';
import type { AnyValue } from '../../model/any-value.ts';
import { type PlainSpan, plainResource, plainSpan } from '../../model/plain-span.ts';
import { SpanTable } from '../../model/span-table.ts';
import { plainSpansToOtlp } from '../../protocol/otlp/encode-plain.ts';
import { OtlpScanner } from '../../protocol/otlp/scan.ts';

const requestCount = 12;
const tracesPerRequest = 12;
const spansPerTrace = 20;

/** Requests of the shapes that senders send: every type, events, links, some errors. The same each time. */
export function warmUpRequests(baseUnixMs: number): Uint8Array[] {
  const rng = new SeededRng(1);
  const string = (value: string): AnyValue => ({ type: 'string', value });
  const int = (value: number): AnyValue => ({ type: 'int', value: BigInt(value) });
  const resources = Array.from({ length: 12 }, (_, i) =>
    plainResource({
      attributes: [
        { key: 'service.name', value: string(`service-${i}`) },
        { key: 'k8s.pod.name', value: string(`service-${i}-${randomHex(rng, 4)}`) },
        { key: 'process.pid', value: int(i) },
      ],
    }),
  );
  const spanOf = (traceId: string, parentSpanId: string, i: number): PlainSpan => {
    const start = BigInt(baseUnixMs * 1000 + Math.floor(rng.float() * 60e6)) * 1000n;
    const failed = rng.float() < 0.05;
    return plainSpan({
      traceId,
      spanId: randomHex(rng, 8),
      parentSpanId,
      name: `operation ${i % 7}`,
      kind: 1 + (i % 5),
      startTimeUnixNano: start,
      endTimeUnixNano: start + BigInt(rng.uint32() >>> 4),
      statusCode: failed ? 2 : 0,
      statusMessage: failed ? 'failed' : '',
      attributes: [
        { key: 'http.route', value: string(`/path/${i % 9}`) },
        { key: 'http.response.status_code', value: int(failed ? 503 : 200) },
        { key: 'user.id', value: string(`user-${rng.uint32() % 5000}`) },
        { key: 'url.full', value: string(`https://shop.example.com/item/${randomHex(rng, 8)}`) },
        { key: 'thread.id', value: int(rng.uint32() % 64) },
        { key: 'offset', value: int(rng.uint32()) },
        { key: 'score', value: { type: 'double', value: rng.float() } },
        { key: 'cached', value: { type: 'bool', value: i % 2 === 0 } },
        ...(i % 5 === 0 ? [{ key: 'tags', value: { type: 'array', value: [string('a'), string('b')] } as const }] : []),
      ],
      events: failed
        ? [
            {
              timeUnixNano: start + 1000n,
              name: 'exception',
              attributes: [{ key: 'exception.type', value: string('TimeoutError') }],
              droppedAttributesCount: 0,
            },
          ]
        : [],
      resource: resources[rng.uint32() % resources.length]!,
    });
  };
  return Array.from({ length: requestCount }, () => {
    const spans: PlainSpan[] = [];
    for (let t = 0; t < tracesPerRequest; t++) {
      const traceId = randomHex(rng, 16);
      let parent = '';
      for (let i = 0; i < spansPerTrace; i++) {
        const span = spanOf(traceId, parent, i);
        spans.push(span);
        if (i % 3 === 0) parent = span.spanId;
      }
    }
    return plainSpansToOtlp(spans);
  });
}

/** The event loop turns, and what waits there goes first. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function tableOf(requests: readonly Uint8Array[]): SpanTable {
  const table = new SpanTable();
  const scanner = new OtlpScanner(table);
  for (const request of requests) scanner.scan(request);
  return table;
}

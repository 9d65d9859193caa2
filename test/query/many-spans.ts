/** Many spans with few and with many different values, the same every time, for tests of load. */
import { type PlainSpan, plainResource, plainSpan } from '../../src/model/plain-span.ts';

export const baseUnixSeconds = 1_700_000_000;

/** Traces of 7 spans, half a second apart: a root and two levels of children; every 11th span fails. */
export function manySpans(traces: number, startUnixSeconds = baseUnixSeconds): PlainSpan[] {
  const spans: PlainSpan[] = [];
  const resources = Array.from({ length: 8 }, (_, k) =>
    plainResource({ attributes: [{ key: 'service.name', value: { type: 'string', value: `service-${k}` } }] }),
  );
  for (let t = 0; t < traces; t++) {
    const traceId = (t + 1).toString(16).padStart(32, '0');
    const startTimeUnixNano = BigInt(startUnixSeconds) * 1_000_000_000n + BigInt(t) * 500_000_000n;
    for (let s = 0; s < 7; s++) {
      const number = t * 7 + s;
      const start = startTimeUnixNano + BigInt(s) * 1_000_000n;
      spans.push(
        plainSpan({
          traceId,
          spanId: (s + 1).toString(16).padStart(16, '0'),
          parentSpanId:
            s === 0
              ? ''
              : Math.ceil(s / 2)
                  .toString(16)
                  .padStart(16, '0'),
          name: `operation-${number % 12}`,
          kind: 1 + (s % 5),
          statusCode: number % 11 === 0 ? 2 : 0,
          startTimeUnixNano: start,
          endTimeUnixNano: start + BigInt(1_000_000 + ((number * 7919) % 100_000) * 1000),
          resource: resources[number % 8]!,
          attributes: [
            { key: 'http.route', value: { type: 'string', value: `/route/${number % 20}` } },
            { key: 'session', value: { type: 'string', value: `session-${number}` } },
            { key: 'load', value: { type: 'double', value: number / 7 } },
            { key: 'http.status_code', value: { type: 'int', value: BigInt(200 + (number % 5) * 100) } },
          ],
        }),
      );
    }
  }
  return spans;
}

/** Scanning OTLP requests into a table, a new one each time. */
import assert from 'node:assert/strict';
import { type Bench, lowestMs, runIfMain } from '../../../bench/measure.ts';
import { requestsOf, shopTraces, tableOf } from '../../../bench/traffic.ts';
import { tableToSpans } from '../../model/plain-span.ts';

export const bench: Bench = (size) => {
  const traces = [...shopTraces(size === 'quick' ? 2_000 : 100_000)];
  const requests = requestsOf(traces);
  const bytes = requests.reduce((sum, request) => sum + request.length, 0);
  const sent = traces.flat();
  let scanned = 0;
  const ms = lowestMs(size === 'quick' ? 2 : 15, () => {
    scanned = tableOf(requests).spanCount;
  });
  assert.equal(scanned, sent.length);
  if (size === 'quick') {
    const ids = (spans: readonly { spanId: string }[]): string[] => spans.map(({ spanId }) => spanId).sort();
    assert.deepEqual(ids(tableToSpans(tableOf(requests).share())), ids(sent));
  }
  return {
    figures: [
      { name: 'scan', value: (ms * 1000) / scanned, unit: 'µs/span' },
      { name: 'scan, bytes', value: bytes / 1e3 / ms, unit: 'MB/s' },
    ],
  };
};

await runIfMain(import.meta, bench);

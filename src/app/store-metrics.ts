/** The process's requests to its store, under Tempo's names where they mean the same. */
import { Counter, type Registry } from 'prom-client';
import { meterBucketsSeconds, meteredOperations, type StoreMeter } from '../objectstore/store-meter.ts';

const durations = 'tempodb_backend_request_duration_seconds';

export function registerStoreMetrics(registry: Registry, meter: StoreMeter): void {
  const bytes = new Counter({
    name: 'rubato_store_bytes_total',
    help: "Bytes of objects' contents sent to the store and read from it.",
    labelNames: ['operation'],
    registers: [registry],
    collect: () => {
      bytes.reset();
      for (const operation of meteredOperations) bytes.inc({ operation }, meter.bytes(operation));
    },
  });
  const hedged = new Counter({
    name: 'tempodb_backend_hedged_roundtrips_total',
    help: 'Requests sent because an earlier one for the same read was slow.',
    registers: [registry],
    collect: () => {
      hedged.reset();
      hedged.inc(meter.hedgedCount);
    },
  });
}

/** Text of the histogram: prom-client has no way to set the buckets of one that is counted elsewhere. */
export function storeDurationsText(meter: StoreMeter): string {
  const lines = [
    `# HELP ${durations} Time of requests to the store; a listing counts once, and only the time spent in the store.`,
    `# TYPE ${durations} histogram`,
  ];
  for (const { operation, status, buckets, sumSeconds } of meter.series()) {
    const labels = `operation="${operation}",status_code="${status}"`;
    let total = 0;
    for (const [i, requests] of buckets.entries()) {
      total += requests;
      lines.push(`${durations}_bucket{${labels},le="${meterBucketsSeconds[i] ?? '+Inf'}"} ${total}`);
    }
    lines.push(`${durations}_sum{${labels}} ${sumSeconds}`, `${durations}_count{${labels}} ${total}`);
  }
  return `${lines.join('\n')}\n`;
}

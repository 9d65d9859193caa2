/**
 * The `metrics` member of answers: what the query cost, in the fields that Tempo has for it.
 *
 *   search and metrics (SearchMetrics)   inspectedTraces 1, inspectedBytes 2, totalBlocks 3, completedJobs 4,
 *                                        totalJobs 5, totalBlockBytes 6, inspectedSpans 7
 *   tags and values (MetadataMetrics)    inspectedBytes 1, totalJobs 2, completedJobs 3, totalBlocks 4, totalBlockBytes 5
 *
 * Clients written in Go refuse fields they do not know, so our own `cost` is there only when the request asks for it.
 */
import type { ProtoWriter } from '../../base/protobuf.ts';
import type { QueryCost } from '../../traceql/result.ts';
import type { JsonWriter } from './json-writer.ts';

type CountName =
  | 'inspectedTraces'
  | 'inspectedBytes'
  | 'totalBlocks'
  | 'completedJobs'
  | 'totalJobs'
  | 'totalBlockBytes'
  | 'inspectedSpans';

interface Field {
  readonly name: CountName;
  readonly number: number;
  /** 64 bits: a string in JSON. */
  readonly wide: boolean;
}

const searchMetrics: readonly Field[] = [
  { name: 'inspectedTraces', number: 1, wide: false },
  { name: 'inspectedBytes', number: 2, wide: true },
  { name: 'totalBlocks', number: 3, wide: false },
  { name: 'completedJobs', number: 4, wide: false },
  { name: 'totalJobs', number: 5, wide: false },
  { name: 'totalBlockBytes', number: 6, wide: true },
  { name: 'inspectedSpans', number: 7, wide: true },
];

const metadataMetrics: readonly Field[] = [
  { name: 'inspectedBytes', number: 1, wide: true },
  { name: 'totalJobs', number: 2, wide: false },
  { name: 'completedJobs', number: 3, wide: false },
  { name: 'totalBlocks', number: 4, wide: false },
  { name: 'totalBlockBytes', number: 5, wide: true },
];

const fieldsOf = { search: searchMetrics, metadata: metadataMetrics } as const;
export type MetricsMessage = keyof typeof fieldsOf;

/** `"metrics":{…}` */
export function writeMetricsJson(
  writer: JsonWriter,
  message: MetricsMessage,
  cost: QueryCost,
  withCost: boolean,
): void {
  writer.raw('"metrics":');
  let open = '{';
  for (const { name, wide } of fieldsOf[message]) {
    const value = Math.round(cost[name]);
    if (value === 0) continue;
    writer.raw(`${open}"${name}":${wide ? `"${value}"` : value}`);
    open = ',';
  }
  if (withCost) {
    const { requests, pages, milliseconds, inspectedSpans } = cost;
    writer.raw(`${open}"cost":`);
    writer.rawBytes(Buffer.from(JSON.stringify({ requests, pages, inspectedSpans, milliseconds })));
    open = ',';
  }
  writer.raw(open === '{' ? '{}' : '}');
}

export function writeMetricsProto(writer: ProtoWriter, field: number, message: MetricsMessage, cost: QueryCost): void {
  writer.message(field, (metrics) => {
    for (const { name, number } of fieldsOf[message]) {
      const value = Math.round(cost[name]);
      if (value !== 0) metrics.uint(number, value);
    }
  });
}

/** What a query cost, in the terms of an answer. */
import type { QueryCost } from '../../traceql/result.ts';
import type { ReadCost, Snapshot } from '../../traceql/storage.ts';

/** Traces and spans that were looked at. */
export interface Inspected {
  readonly inspectedTraces: number;
  readonly inspectedSpans: number;
}

/** `totalJobs` counts fragments that had to be looked at. */
export function queryCost(
  snapshot: Snapshot,
  read: ReadCost,
  { inspectedTraces, inspectedSpans }: Inspected,
  totalJobs: number,
  completedJobs: number,
): QueryCost {
  let totalBlockBytes = 0;
  for (const fragment of snapshot.fragments) totalBlockBytes += fragment.sizeBytes;
  return {
    inspectedTraces,
    inspectedSpans,
    inspectedBytes: read.bytes,
    requests: read.requests,
    pages: read.pages,
    totalBlocks: snapshot.blockCount,
    totalBlockBytes,
    totalJobs,
    completedJobs,
    milliseconds: {},
  };
}

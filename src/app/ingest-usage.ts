/** What the write thread tells about requests: counts always, logs of spans and cost attribution when they are on. */

import { systemClock } from '../base/clock.ts';
import type { IngestObserver, RefusedRequest, StoredRequest } from '../roles/write/ingest-observer.ts';
import { SpanLog, type SpanLogOptions, type SpanLogs } from '../roles/write/span-log.ts';
import { UsageCounters, type UsageCounts } from '../roles/write/usage-counters.ts';
import { type CostAttribution, UsageTracker } from '../roles/write/usage-tracker.ts';
import type { Config } from './config/schema.ts';

export interface IngestUsage extends IngestObserver {
  counts(): UsageCounts;
  /** Prometheus text; empty when cost attribution is off. */
  costText(): string;
}

export function ingestUsage(
  distributor: Config['distributor'],
  attributionOf: (tenant: string) => CostAttribution,
  log: SpanLogs['log'],
): IngestUsage {
  const counters = new UsageCounters();
  const observers: IngestObserver[] = [counters];
  const logs = {
    received: spanLog(distributor.log_received_spans),
    discarded: spanLog(distributor.log_discarded_spans),
  };
  if (logs.received !== undefined || logs.discarded !== undefined) observers.push(new SpanLog({ ...logs, log }));
  const { enabled, stale_duration } = distributor.usage.cost_attribution;
  const costs = enabled
    ? new UsageTracker({ attributionOf, staleMs: stale_duration, nowMs: () => systemClock.nowMs() })
    : undefined;
  if (costs !== undefined) observers.push(costs);
  return {
    stored(request: StoredRequest): void {
      for (const observer of observers) observer.stored(request);
    },
    refused(request: RefusedRequest): void {
      for (const observer of observers) observer.refused(request);
    },
    counts: () => counters.snapshot(),
    costText: () => costs?.text() ?? '',
  };
}

function spanLog(config: Config['distributor']['log_received_spans']): SpanLogOptions | undefined {
  if (!config.enabled) return undefined;
  return { allAttributes: config.include_all_attributes, onlyErrors: config.filter_by_status_error };
}

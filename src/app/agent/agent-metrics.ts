/** The agent's own metrics. All is counted elsewhere and read when it is asked for. */
import { Counter, Gauge, Registry } from 'prom-client';
import type { AgentIngest } from '../../agent/agent-ingest.ts';
import type { Delivery } from '../../agent/delivery.ts';
import type { Enricher } from '../../agent/enricher.ts';
import type { Sender } from '../../agent/sender.ts';
import type { Spool } from '../../agent/spool.ts';
import type { Receivers } from '../../roles/write/receivers.ts';
import type { AgentDiscovery } from './agent-discovery.ts';

export interface AgentParts {
  readonly version: string;
  readonly ingest: AgentIngest;
  readonly enricher: Enricher;
  readonly spool: Spool;
  readonly spoolBytesMax: number;
  readonly sender: Sender;
  readonly delivery: Delivery;
  readonly discovery: AgentDiscovery;
  readonly receivers: Receivers;
}

interface Sample {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

export function agentMetrics(parts: AgentParts): Registry {
  const { ingest, enricher, spool, sender, delivery, discovery, receivers } = parts;
  const registry = new Registry();
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[], read: () => Iterable<Sample>): void => {
    const metric: Counter = new Counter({
      name,
      help,
      labelNames,
      registers,
      collect: () => {
        metric.reset();
        for (const { labels = {}, value } of read()) metric.inc(labels, value);
      },
    });
  };
  const gauge = (name: string, help: string, labelNames: string[], read: () => Iterable<Sample>): void => {
    const metric: Gauge = new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect: () => {
        metric.reset();
        for (const { labels = {}, value } of read()) metric.set(labels, value);
      },
    });
  };
  gauge('rubato_agent_build_info', 'Version of this program.', ['version'], () => [
    { labels: { version: parts.version }, value: 1 },
  ]);
  counter('rubato_agent_received_spans_total', 'Spans taken and answered, by receiver.', ['receiver'], () =>
    [...ingest.received].map(([receiver, { spans }]) => ({ labels: { receiver }, value: spans })),
  );
  counter('rubato_agent_received_requests_total', 'Requests taken and answered, by receiver.', ['receiver'], () =>
    [...ingest.received].map(([receiver, { requests }]) => ({ labels: { receiver }, value: requests })),
  );
  counter('rubato_agent_udp_packets_total', 'UDP packets by what became of them.', ['receiver', 'outcome'], () =>
    Object.entries(receivers.counters().udp).flatMap(([receiver, counters]) =>
      Object.entries(counters).map(([outcome, value]) => ({ labels: { receiver, outcome }, value })),
    ),
  );
  counter('rubato_agent_pod_found_spans_total', 'Spans whose pod was found.', [], () => [
    { value: enricher.counters.found },
  ]);
  counter('rubato_agent_pod_missed_spans_total', 'Spans whose pod was not found, by reason.', ['reason'], () =>
    Object.entries(enricher.counters.misses).map(([reason, value]) => ({ labels: { reason }, value })),
  );
  counter('rubato_agent_metadata_waits_total', 'Requests that waited for news of their pod.', [], () => [
    { value: enricher.counters.waits },
  ]);
  gauge('rubato_agent_pods', 'Pods that are known, those that ended lately included.', [], () => [
    { value: discovery.pods.size },
  ]);
  const mirrors = () => discovery.mirrors?.status() ?? [];
  gauge('rubato_agent_kubernetes_synced', '1 when all objects of a kind are known.', ['resource'], () =>
    mirrors().map(({ resource, isSynced }) => ({ labels: { resource }, value: isSynced ? 1 : 0 })),
  );
  for (const [key, help] of [
    ['lists', 'Complete lists read from the Kubernetes API.'],
    ['watches', 'Watches begun.'],
    ['gone', 'Versions that the API had forgotten (410), after which a list is read again.'],
    ['failures', 'Lists and watches that failed.'],
  ] as const) {
    counter(`rubato_agent_kubernetes_${key}_total`, help, ['resource'], () =>
      mirrors().map((status) => ({ labels: { resource: status.resource }, value: status[key] })),
    );
  }
  gauge('rubato_agent_targets', 'Targets of scrape_configs, kept and dropped by relabelling.', ['job', 'state'], () =>
    [...discovery.targets.counts()].flatMap(([job, { targets, dropped }]) => [
      { labels: { job, state: 'kept' }, value: targets },
      { labels: { job, state: 'dropped' }, value: dropped },
    ]),
  );
  counter('rubato_agent_discovery_failures_total', 'Sources of targets that could not be read.', ['job', 'kind'], () =>
    discovery.jobs.flatMap(({ name: job, discoveries }) =>
      discoveries.map(({ status }) => ({ labels: { job, kind: status.kind }, value: status.failures })),
    ),
  );
  gauge('rubato_agent_spool_bytes', 'Bytes that wait for the server.', [], () => [{ value: spool.bytes }]);
  gauge('rubato_agent_spool_bytes_max', 'Bytes that may wait; beyond them senders are answered 429.', [], () => [
    { value: parts.spoolBytesMax },
  ]);
  counter('rubato_agent_sent_spans_total', 'Spans that the server took.', [], () => [
    { value: sender.counters.sentSpans },
  ]);
  counter('rubato_agent_sent_requests_total', 'Requests that the server took.', [], () => [
    { value: sender.counters.requests },
  ]);
  counter('rubato_agent_lost_spans_total', 'Spans that the server will never take, by reason.', ['reason'], () => [
    { labels: { reason: 'refused' }, value: delivery.refusedSpans },
    { labels: { reason: 'rejected' }, value: sender.counters.rejectedSpans },
  ]);
  counter('rubato_agent_send_retries_total', 'Requests that were sent again.', [], () => [
    { value: sender.counters.retries },
  ]);
  gauge('process_resident_memory_bytes', 'Resident memory.', [], () => [{ value: process.memoryUsage.rss() }]);
  counter('process_cpu_seconds_total', 'User and system time.', [], () => {
    const { user, system } = process.cpuUsage();
    return [{ value: (user + system) / 1e6 }];
  });
  return registry;
}

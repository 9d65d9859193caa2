/** What the metrics generator says of itself, under Tempo's names where they mean the same. */
import { Counter, Gauge, Registry } from 'prom-client';
import type { MetricsStatus } from '../roles/metrics/metrics-role.ts';

interface Sample {
  readonly labels: Record<string, string>;
  readonly value: number;
}

export class GeneratorMetrics {
  readonly #registry = new Registry();
  /** The reading that one scrape shows. */
  #status: MetricsStatus | undefined;
  #lostSpans = 0;

  constructor() {
    this.#tenants('spans_received_total', 'Spans that came to the generator.', ({ spansReceived }) => spansReceived);
    this.#tenants('bytes_received_total', 'Their bytes as OTLP protobuf.', ({ bytesReceived }) => bytesReceived);
    this.#values(Counter, 'spans_discarded_total', 'Spans that are not counted.', ['tenant', 'reason'], (status) =>
      status.tenants.flatMap(({ tenant, counters }) =>
        Object.entries(counters.discarded).map(([reason, value]) => ({ labels: { tenant, reason }, value })),
      ),
    );
    this.#values(Gauge, 'active_processors', '1 for each processor.', ['tenant', 'processor'], (status) =>
      status.tenants.flatMap(({ tenant, processors }) =>
        processors.map((processor) => ({ labels: { tenant, processor }, value: 1 })),
      ),
    );
    this.#values(Counter, 'active_processors_update_failed_total', 'Settings that could not be used.', [], (status) => [
      { labels: {}, value: status.failedUpdates },
    ]);
    this.#values(Counter, 'registry_collections_total', 'Collections.', [], ({ collections }) => [
      { labels: {}, value: collections },
    ]);
    this.#values(Counter, 'registry_collections_failed_total', 'Collections that failed.', [], (status) => [
      { labels: {}, value: status.failedCollections },
    ]);
    this.#tenants('registry_active_series', 'Series.', ({ activeSeries }) => activeSeries, Gauge);
    this.#tenants('registry_active_entities', 'Label sets.', ({ activeEntities }) => activeEntities, Gauge);
    this.#tenants(
      'registry_active_series_demand_estimate',
      'Series there would be without a limit.',
      ({ seriesDemand }) => seriesDemand,
      Gauge,
    );
    this.#tenants(
      'registry_entity_demand_estimate',
      'Label sets there would be without a limit.',
      ({ entityDemand }) => entityDemand,
      Gauge,
    );
    this.#tenants(
      'registry_label_values_limited_total',
      'Values of labels that were replaced, because a label had too many.',
      ({ limitedLabelValues }) => limitedLabelValues,
    );
    this.#values(
      Gauge,
      'registry_label_cardinality_demand_estimate',
      'Values of labels that have a limit.',
      ['tenant', 'label_name'],
      (status) =>
        status.tenants.flatMap(({ tenant, counters }) =>
          Object.entries(counters.labelValues).map(([label, value]) => ({
            labels: { tenant, label_name: label },
            value,
          })),
        ),
    );
    this.#tenants('registry_spans_sanitized_total', 'Span names that became others.', (of) => of.sanitizedSpans);
    const graph = 'processor_service_graphs';
    this.#tenants(`${graph}_edges`, 'Requests between services, counted.', (of) => of.graph?.edges);
    this.#tenants(`${graph}_expired_edges`, 'Spans whose other half never came.', (of) => of.graph?.expiredEdges);
    this.#tenants(`${graph}_dropped_spans`, 'Spans that had no room to wait.', (of) => of.graph?.droppedSpans);
    this.#queues('sent_samples_total', 'Samples that were accepted.', ({ counters }) => counters.sentSamples);
    this.#queues('sent_histograms_total', 'Native histograms accepted.', ({ counters }) => counters.sentHistograms);
    this.#queues('sent_exemplars_total', 'Exemplars accepted.', ({ counters }) => counters.sentExemplars);
    this.#queues('refused_samples_total', 'Samples that were refused for good.', (of) => of.counters.refusedSamples);
    this.#queues('retries_total', 'Requests that are sent again.', ({ counters }) => counters.retries);
    this.#queues('dropped_requests_total', 'Requests dropped from a full queue.', (of) => of.droppedRequests);
    this.#queues('waiting_requests', 'Requests on disk.', ({ waitingRequests }) => waitingRequests, Gauge);
    this.#queues('waiting_bytes', 'Their bytes.', ({ waitingBytes }) => waitingBytes, Gauge);
    const lost: Counter = new Counter({
      name: 'rubato_metrics_generator_lost_spans_total',
      help: 'Spans that are missing because the metrics thread died.',
      registers: [this.#registry],
      collect: () => {
        lost.reset();
        lost.inc(this.#lostSpans);
      },
    });
  }

  /** Empty while no tenant wants metrics. */
  async text(status: MetricsStatus | undefined, lostSpans: number): Promise<string> {
    this.#status = status;
    this.#lostSpans = lostSpans;
    return status === undefined && lostSpans === 0 ? '' : this.#registry.metrics();
  }

  #tenants(
    name: string,
    help: string,
    read: (counters: MetricsStatus['tenants'][number]['counters']) => number | undefined,
    kind: typeof Counter | typeof Gauge = Counter,
  ): void {
    this.#values(kind, name, help, ['tenant'], (status) =>
      status.tenants.flatMap(({ tenant, counters }) => {
        const value = read(counters);
        return value === undefined ? [] : [{ labels: { tenant }, value }];
      }),
    );
  }

  #queues(
    name: string,
    help: string,
    read: (queue: MetricsStatus['remoteWrite'][number]) => number,
    kind: typeof Counter | typeof Gauge = Counter,
  ): void {
    this.#values(kind, `remote_write_${name}`, help, ['tenant', 'endpoint'], ({ remoteWrite }) =>
      remoteWrite.map((queue) => ({ labels: { tenant: queue.tenant, endpoint: queue.endpoint }, value: read(queue) })),
    );
  }

  #values(
    kind: typeof Counter | typeof Gauge,
    name: string,
    help: string,
    labelNames: readonly string[],
    read: (status: MetricsStatus) => readonly Sample[],
  ): void {
    // Remote write is ours alone: Tempo shows the metrics of the Prometheus inside it.
    const prefix = name.startsWith('remote_write_') ? 'rubato' : 'tempo';
    const metric: Counter | Gauge = new kind({
      name: `${prefix}_metrics_generator_${name}`,
      help,
      labelNames,
      registers: [this.#registry],
      collect: () => {
        metric.reset();
        for (const { labels, value } of this.#status === undefined ? [] : read(this.#status)) metric.inc(labels, value);
      },
    });
  }
}

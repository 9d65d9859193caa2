/** What came in and what was refused, under Tempo's names. */
import { Counter, type Registry } from 'prom-client';
import type { UsageCounts } from '../roles/write/usage-counters.ts';

interface Sample {
  readonly labels: Record<string, string>;
  readonly value: number;
}

/** @param read the counts that one scrape shows; undefined when the write role does not answer */
export function registerUsageMetrics(registry: Registry, read: () => UsageCounts | undefined): void {
  const counter = (
    name: string,
    help: string,
    labelNames: readonly string[],
    samples: (counts: UsageCounts) => readonly Sample[],
  ): void => {
    const metric: Counter = new Counter({
      name,
      help,
      labelNames,
      registers: [registry],
      collect: () => {
        const counts = read();
        if (counts === undefined) return;
        metric.reset();
        for (const { labels, value } of samples(counts)) metric.inc(labels, value);
      },
    });
  };
  const byTenant = (field: 'spans' | 'bytes' | 'ingressBytes' | 'truncatedAttributes') => (counts: UsageCounts) =>
    Object.entries(counts.tenants).map(([tenant, of]) => ({ labels: { tenant }, value: of[field] }));
  const byReceiver = (field: 'accepted' | 'refused') => (counts: UsageCounts) =>
    Object.entries(counts.receivers).map(([name, of]) => {
      const [receiver = '', transport = ''] = name.split('/');
      return { labels: { receiver, transport }, value: of[field] };
    });
  counter('tempo_distributor_spans_received_total', 'Spans acknowledged.', ['tenant'], byTenant('spans'));
  counter('tempo_distributor_bytes_received_total', 'OTLP bytes acknowledged.', ['tenant'], byTenant('bytes'));
  counter(
    'tempo_distributor_ingress_bytes_total',
    'OTLP bytes of all requests, also of refused ones.',
    ['tenant'],
    byTenant('ingressBytes'),
  );
  counter(
    'tempo_distributor_attributes_truncated_total',
    'Attribute keys and values cut.',
    ['tenant'],
    byTenant('truncatedAttributes'),
  );
  counter(
    'tempo_discarded_spans_total',
    'Spans of requests that were refused. Their senders know.',
    ['reason', 'tenant'],
    ({ discarded }) => discarded.map(({ reason, tenant, spans }) => ({ labels: { reason, tenant }, value: spans })),
  );
  const receiverLabels = ['receiver', 'transport'];
  counter('tempo_receiver_accepted_spans', 'Spans acknowledged.', receiverLabels, byReceiver('accepted'));
  counter(
    'tempo_receiver_refused_spans',
    'Spans of requests that were refused.',
    receiverLabels,
    byReceiver('refused'),
  );
}

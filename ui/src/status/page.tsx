/** Status: what this process receives, holds and asks of its store, from its own metrics. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { getJson, getText } from '../api/client.ts';
import { useRequest } from '../base/use-request.ts';
import { ErrorState } from '../components/error-state.tsx';
import { type Column, Table } from '../components/table.tsx';
import { formatBytes, formatCount, formatRate } from '../format/count.ts';
import { formatDuration } from '../format/duration.ts';
import { classOf, type Usage } from './cost.ts';
import { labelValues, parseMetrics, type Sample, total } from './metrics-text.ts';
import { StoreCost } from './store-cost.tsx';
import './status.css';

const refreshMs = 5000;

interface Reading {
  readonly atMs: number;
  readonly samples: readonly Sample[];
}

export default function StatusPage() {
  const [round, setRound] = useState(0);
  const before = useRef<Reading | undefined>(undefined);
  const version = useRequest((ended) => getJson<{ readonly version: string }>('/api/status/buildinfo', {}, ended), []);
  const { data, error } = useRequest(
    async (ended) => {
      const samples = parseMetrics(await getText('/metrics', {}, ended));
      const now: Reading = { atMs: Date.now(), samples };
      const last = before.current;
      before.current = now;
      return { now, last };
    },
    [round],
  );
  useEffect(() => {
    const timer = setInterval(() => setRound((count) => count + 1), refreshMs);
    return () => clearInterval(timer);
  }, []);
  if (error !== undefined) return <ErrorState error={error} retry={() => setRound(round + 1)} />;
  if (data === undefined) return <div class="status-page" aria-busy="true" />;
  const { now, last } = data;
  const { samples } = now;
  return (
    <div class="status-page">
      <h1>
        Rubato <span class="mono">{version.data?.version ?? ''}</span>
      </h1>
      <p class="soft">
        This process, up for {formatDuration(uptimeSeconds(now) * 1e9)}. Read again every {refreshMs / 1000} s.
      </p>
      <dl class="figures">
        <Figure name="spans received" value={rateOf(now, last, received)} />
        <Figure name="bytes received" value={byteRateOf(now, last, receivedBytes)} />
        <Figure name="live spans" value={formatCount(total(samples, 'rubato_live_spans'))} />
        <Figure
          name="blocks"
          value={`${formatCount(total(samples, 'tempodb_blocklist_length'))}, ${formatBytes(total(samples, blockBytes))}`}
        />
        <Figure name="store requests" value={rateOf(now, last, 'tempodb_backend_request_duration_seconds_count')} />
        <Figure name="memory" value={formatBytes(total(samples, 'process_resident_memory_bytes'))} />
      </dl>
      <div class="status-sections">
        <section>
          <h2>Tenants</h2>
          <Table label="Tenants" columns={tenantColumns(samples)} rows={tenantsOf(samples)} rowKey={(name) => name} />
        </section>
        <section>
          <h2>Receivers</h2>
          <Table label="Receivers" columns={receiverColumns} rows={receiversOf(samples)} rowKey={receiverKey} />
        </section>
        <section>
          <h2>Spans that were not taken</h2>
          {samples.some(({ name, value }) => name === discarded && value > 0) ? (
            <Table
              label="Spans not taken"
              columns={reasonColumns(samples)}
              rows={reasonsOf(samples)}
              rowKey={(r) => r}
            />
          ) : (
            <p class="soft">None.</p>
          )}
        </section>
        <section>
          <h2>Store</h2>
          <Table label="Store" columns={storeColumns(samples)} rows={operationsOf(samples)} rowKey={(name) => name} />
        </section>
        <section>
          <h2>What the store costs</h2>
          <StoreCost usage={usageOf(now)} />
        </section>
        <section>
          <h2>Limits</h2>
          <Table label="Limits" columns={limitColumns(samples)} rows={limitsOf(samples)} rowKey={(name) => name} />
        </section>
      </div>
    </div>
  );
}

function Figure({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class="mono">{value}</dd>
    </div>
  );
}

/** A second, between two readings; undefined before the second one. */
function perSecond(now: Reading, last: Reading | undefined, name: string): number | undefined {
  if (last === undefined || now.atMs === last.atMs) return undefined;
  const more = total(now.samples, name) - total(last.samples, name);
  // Less than before: the process started again in between.
  return more < 0 ? undefined : (more * 1000) / (now.atMs - last.atMs);
}

function rateOf(now: Reading, last: Reading | undefined, name: string): string {
  const rate = perSecond(now, last, name);
  return rate === undefined ? '–' : formatRate(rate);
}

function byteRateOf(now: Reading, last: Reading | undefined, name: string): string {
  const rate = perSecond(now, last, name);
  return rate === undefined ? '–' : `${formatBytes(rate)} /s`;
}

function uptimeSeconds({ atMs, samples }: Reading): number {
  return Math.max(1, atMs / 1000 - total(samples, 'process_start_time_seconds'));
}

/** Since the process started. */
function usageOf(now: Reading): Usage {
  const seconds = uptimeSeconds(now);
  const rate = (wanted: 'writes' | 'reads'): number => {
    const charged = operationsOf(now.samples).filter((operation) => classOf(operation) === wanted);
    return (
      charged.reduce((sum, operation) => sum + total(now.samples, `${requests}_count`, { operation }), 0) / seconds
    );
  };
  return {
    writesPerSecond: rate('writes'),
    readsPerSecond: rate('reads'),
    storedBytes: total(now.samples, blockBytes),
  };
}

const received = 'tempo_distributor_spans_received_total';
const receivedBytes = 'tempo_distributor_bytes_received_total';
const blockBytes = 'rubato_block_bytes';
const limitDefaults = 'tempo_limits_defaults';
const limitOverrides = 'tempo_limits_overrides';
const discarded = 'tempo_discarded_spans_total';
const requests = 'tempodb_backend_request_duration_seconds';

const tenantsOf = (samples: readonly Sample[]) => labelValues(samples, received, 'tenant');
const reasonsOf = (samples: readonly Sample[]) => labelValues(samples, discarded, 'reason');
const operationsOf = (samples: readonly Sample[]) => labelValues(samples, `${requests}_count`, 'operation');

function tenantColumns(samples: readonly Sample[]): readonly Column<string>[] {
  const of = (name: string, tenant: string) => total(samples, name, { tenant });
  return [
    { key: 'tenant', head: 'Tenant', cell: (tenant) => tenant },
    { key: 'spans', head: 'Spans', number: true, cell: (tenant) => formatCount(of(received, tenant)) },
    {
      key: 'bytes',
      head: 'Bytes',
      number: true,
      cell: (tenant) => formatBytes(of(receivedBytes, tenant)),
    },
    { key: 'refused', head: 'Spans not taken', number: true, cell: (tenant) => formatCount(of(discarded, tenant)) },
  ];
}

interface Receiver {
  readonly receiver: string;
  readonly transport: string;
  readonly accepted: number;
  readonly refused: number;
}

const receiverKey = ({ receiver, transport }: Receiver): string => `${receiver} ${transport}`;

function receiversOf(samples: readonly Sample[]): readonly Receiver[] {
  return samples.flatMap(({ name, labels, value }) => {
    if (name !== 'tempo_receiver_accepted_spans') return [];
    const [receiver, transport] = [labels.get('receiver') ?? '', labels.get('transport') ?? ''];
    const refused = total(samples, 'tempo_receiver_refused_spans', { receiver, transport });
    return [{ receiver, transport, accepted: value, refused }];
  });
}

const receiverColumns: readonly Column<Receiver>[] = [
  { key: 'receiver', head: 'Receiver', cell: ({ receiver }) => receiver },
  { key: 'transport', head: 'Transport', cell: ({ transport }) => transport },
  { key: 'accepted', head: 'Accepted spans', number: true, cell: ({ accepted }) => formatCount(accepted) },
  { key: 'refused', head: 'Refused spans', number: true, cell: ({ refused }) => formatCount(refused) },
];

function reasonColumns(samples: readonly Sample[]): readonly Column<string>[] {
  return [
    { key: 'reason', head: 'Reason', cell: (reason) => reason },
    {
      key: 'spans',
      head: 'Spans',
      number: true,
      cell: (reason) => formatCount(total(samples, discarded, { reason })),
    },
  ];
}

function storeColumns(samples: readonly Sample[]): readonly Column<string>[] {
  const count = (operation: string) => total(samples, `${requests}_count`, { operation });
  const seconds = (operation: string) => total(samples, `${requests}_sum`, { operation });
  return [
    { key: 'operation', head: 'Operation', cell: (operation) => operation },
    { key: 'requests', head: 'Requests', number: true, cell: (operation) => formatCount(count(operation)) },
    {
      key: 'mean',
      head: 'Mean time',
      number: true,
      cell: (operation) => formatDuration((seconds(operation) / count(operation)) * 1e9),
    },
    {
      key: 'bytes',
      head: 'Bytes',
      number: true,
      cell: (operation) => formatBytes(total(samples, 'rubato_store_bytes_total', { operation })),
    },
  ];
}

const limitsOf = (samples: readonly Sample[]) => labelValues(samples, limitDefaults, 'limit_name');

/** What holds for everybody, and a column for each tenant with limits of its own. */
function limitColumns(samples: readonly Sample[]): readonly Column<string>[] {
  const tenants = labelValues(samples, limitOverrides, 'user');
  return [
    { key: 'limit', head: 'Limit', cell: (name) => limitLabel(name) },
    {
      key: 'default',
      head: 'Everybody',
      number: true,
      cell: (name) => limitText(name, total(samples, limitDefaults, { limit_name: name })),
    },
    ...tenants.map((user) => ({
      key: user,
      head: user,
      number: true,
      cell: (name: string) => limitText(name, total(samples, limitOverrides, { limit_name: name, user })),
    })),
  ];
}

const limitLabel = (name: string): string => name.replaceAll('_', ' ').replace(/ (bytes|per user)$/, '');

function limitText(name: string, value: number): string {
  if (value === 0) return 'none';
  if (name === 'block_retention') return formatDuration(value * 1e9);
  return name.includes('bytes') ? formatBytes(value) : formatCount(value);
}

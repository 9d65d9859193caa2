/**
 * Writes Grafana's dashboards, deploy/grafana/dashboards/*.json, from the short description below: what is asked and how
 * it is shown, without the hundred fields that Grafana fills in by itself. `node scripts/dashboards.ts` after a change.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** [PromQL, legend] */
type Query = readonly [expression: string, legend: string];

interface Panel {
  readonly title: string;
  /** Grafana's name of a unit. */
  readonly unit: string;
  readonly queries: readonly Query[];
  readonly kind?: 'timeseries' | 'stat';
  readonly description?: string;
}

export interface Dashboard {
  readonly name: string;
  readonly title: string;
  readonly panels: readonly Panel[];
}

const on = 'job=~"$job"';
const quantiles = (metric: string, by: string, filter = ''): readonly Query[] =>
  ([0.5, 0.99] as const).map((q) => [
    `histogram_quantile(${q}, sum by (${by}, le) (rate(${metric}_bucket{${on}${filter}}[$__rate_interval])))`,
    `{{${by}}} p${q * 100}`,
  ]);
const rate = (metric: string, by: string, filter = ''): string =>
  `sum by (${by}) (rate(${metric}{${on}${filter}}[$__rate_interval]))`;

export const dashboards: readonly Dashboard[] = [
  {
    name: 'writes',
    title: 'Rubato / Writes',
    panels: [
      {
        title: 'Spans acknowledged',
        unit: 'cps',
        queries: [[rate('tempo_distributor_spans_received_total', 'tenant'), '{{tenant}}']],
      },
      {
        title: 'Spans refused',
        unit: 'cps',
        description: 'Their senders got an error.',
        queries: [[rate('tempo_discarded_spans_total', 'tenant, reason'), '{{tenant}} {{reason}}']],
      },
      {
        title: 'By receiver',
        unit: 'cps',
        queries: [[rate('tempo_receiver_accepted_spans', 'receiver, transport'), '{{receiver}} {{transport}}']],
      },
      {
        title: 'OTLP bytes',
        unit: 'Bps',
        queries: [[rate('tempo_distributor_bytes_received_total', 'tenant'), '{{tenant}}']],
      },
      { title: 'Spans not in blocks yet', unit: 'short', queries: [[`rubato_live_spans{${on}}`, '{{instance}}']] },
      {
        title: 'Bytes that wait',
        unit: 'bytes',
        queries: [
          [`rubato_receiver_held_bytes{${on}}`, '{{instance}} not answered'],
          [`rubato_segment_pending_bytes{${on}}`, '{{instance}} not durable'],
          [`rubato_forwarder_waiting_bytes{${on}}`, '{{instance}} to be forwarded'],
        ],
      },
      {
        title: 'Blocks built, and builds tried again',
        unit: 'short',
        queries: [
          [`increase(tempo_live_store_blocks_completed_total{${on}}[$__rate_interval])`, '{{instance}} built'],
          [`increase(tempo_live_store_completion_retries_total{${on}}[$__rate_interval])`, '{{instance}} tried again'],
        ],
      },
      {
        title: 'Blocks compacted, and waiting',
        unit: 'short',
        queries: [
          [`sum by (level) (increase(tempodb_compaction_blocks_total{${on}}[$__rate_interval]))`, 'level {{level}}'],
          [`max by (tenant) (tempodb_compaction_outstanding_blocks{${on}})`, '{{tenant}} waiting'],
        ],
      },
      {
        title: 'Blocks removed',
        unit: 'short',
        queries: [
          [
            `increase(tempodb_retention_marked_for_deletion_total{${on}}[$__rate_interval])`,
            '{{instance}} by retention',
          ],
          [`increase(tempodb_retention_deleted_total{${on}}[$__rate_interval])`, '{{instance}} files deleted'],
        ],
      },
    ],
  },
  {
    name: 'reads',
    title: 'Rubato / Reads',
    panels: [
      {
        title: 'Requests',
        unit: 'reqps',
        queries: [[rate('tempo_request_duration_seconds_count', 'route', ',route=~"/api/.*"'), '{{route}}']],
      },
      {
        title: 'Failures by our fault',
        unit: 'reqps',
        queries: [
          [
            rate('tempo_request_duration_seconds_count', 'route, status_code', ',status_code=~"5.."'),
            '{{route}} {{status_code}}',
          ],
        ],
      },
      {
        title: 'Time of answers',
        unit: 's',
        queries: quantiles('tempo_request_duration_seconds', 'route', ',route=~"/api/.*"'),
      },
      {
        title: 'Blocks that queries see',
        unit: 'short',
        queries: [[`tempodb_blocklist_length{${on}}`, '{{instance}}']],
      },
      {
        title: 'Disk cache: chunks found, and not',
        unit: 'cps',
        queries: [
          [rate('rubato_disk_cache_hits_total', 'instance'), '{{instance}} found'],
          [rate('rubato_disk_cache_misses_total', 'instance'), '{{instance}} not found'],
        ],
      },
      { title: 'Disk cache', unit: 'bytes', queries: [[`rubato_disk_cache_bytes{${on}}`, '{{instance}}']] },
    ],
  },
  {
    name: 'resources',
    title: 'Rubato / Resources',
    panels: [
      {
        title: 'Processors',
        unit: 'short',
        queries: [[rate('process_cpu_seconds_total', 'instance'), '{{instance}}']],
      },
      { title: 'Memory', unit: 'bytes', queries: [[`process_resident_memory_bytes{${on}}`, '{{instance}}']] },
      {
        title: 'Processor time a million spans',
        unit: 's',
        description: 'Everything that the processes do, queries included, by spans that came in.',
        queries: [['job:rubato_cpu_seconds_per_million_spans:ratio15m{job=~"$job"}', '{{job}}']],
      },
      {
        title: 'Requests to the store',
        unit: 'reqps',
        queries: [
          [
            rate('tempodb_backend_request_duration_seconds_count', 'operation, status_code'),
            '{{operation}} {{status_code}}',
          ],
        ],
      },
      {
        title: 'Time of the store',
        unit: 's',
        queries: quantiles('tempodb_backend_request_duration_seconds', 'operation'),
      },
      {
        title: 'Bytes to and from the store',
        unit: 'Bps',
        queries: [[rate('rubato_store_bytes_total', 'operation'), '{{operation}}']],
      },
      {
        title: 'Hedged reads',
        unit: 'reqps',
        queries: [[rate('tempodb_backend_hedged_roundtrips_total', 'instance'), '{{instance}}']],
      },
    ],
  },
  {
    name: 'tenants',
    title: 'Rubato / Tenants',
    panels: [
      {
        title: 'Spans, last day',
        unit: 'short',
        queries: [[`sum by (tenant) (increase(tempo_distributor_spans_received_total{${on}}[1d]))`, '{{tenant}}']],
      },
      {
        title: 'Bytes, last day',
        unit: 'bytes',
        queries: [[`sum by (tenant) (increase(tempo_distributor_bytes_received_total{${on}}[1d]))`, '{{tenant}}']],
      },
      {
        title: 'Bytes against the limit of the tenant, or the default',
        unit: 'percentunit',
        queries: [
          [
            `sum by (tenant) (rate(tempo_distributor_ingress_bytes_total{${on}}[5m])) / on (tenant) group_left max by (tenant) (label_replace(tempo_limits_overrides{${on},limit_name="ingestion_rate_limit_bytes"}, "tenant", "$1", "user", "(.*)"))`,
            '{{tenant}} of its own',
          ],
          [
            `sum by (tenant) (rate(tempo_distributor_ingress_bytes_total{${on}}[5m])) / on () group_left max(tempo_limits_defaults{${on},limit_name="ingestion_rate_limit_bytes"})`,
            '{{tenant}} of the default',
          ],
        ],
      },
      {
        title: 'Refused, last day',
        unit: 'short',
        queries: [
          [`sum by (tenant, reason) (increase(tempo_discarded_spans_total{${on}}[1d]))`, '{{tenant}} {{reason}}'],
        ],
      },
      {
        title: 'Generated series',
        unit: 'short',
        queries: [[`sum by (tenant) (tempo_metrics_generator_registry_active_series{${on}})`, '{{tenant}}']],
      },
    ],
  },
  {
    name: 'cost',
    title: 'Rubato / Cost',
    panels: [
      {
        title: 'Requests a month, dollars',
        unit: 'currencyUSD',
        kind: 'stat',
        description: 'At the prices above: PUT and LIST a thousand, GET a thousand. DELETE costs nothing.',
        queries: [
          [
            `2592000 * sum(rate(tempodb_backend_request_duration_seconds_count{${on},operation=~"PUT|LIST"}[1h])) * $put_dollars / 1000`,
            'PUT and LIST',
          ],
          [
            `2592000 * sum(rate(tempodb_backend_request_duration_seconds_count{${on},operation="GET"}[1h])) * $get_dollars / 1000`,
            'GET',
          ],
        ],
      },
      {
        title: 'Bytes stored a month, dollars',
        unit: 'currencyUSD',
        kind: 'stat',
        description: 'What one month of the bytes that are put now costs each month that it is kept.',
        queries: [
          [
            `2592000 * sum(rate(rubato_store_bytes_total{${on},operation="PUT"}[1h])) / 1e9 * $gb_month_dollars`,
            'stored',
          ],
        ],
      },
      {
        title: 'Processors a month, dollars',
        unit: 'currencyUSD',
        kind: 'stat',
        queries: [[`720 * sum(rate(process_cpu_seconds_total{${on}}[1h])) * $core_hour_dollars`, 'used']],
      },
      {
        title: 'Requests',
        unit: 'reqps',
        queries: [[rate('tempodb_backend_request_duration_seconds_count', 'operation'), '{{operation}}']],
      },
      {
        title: 'Bytes a span, put to the store',
        unit: 'bytes',
        description: 'Segments, blocks and compacted blocks together.',
        queries: [
          [
            `sum(rate(rubato_store_bytes_total{${on},operation="PUT"}[15m])) / sum(rate(tempo_distributor_spans_received_total{${on}}[15m]))`,
            'put',
          ],
        ],
      },
    ],
  },
];

const prices = { put_dollars: '0.005', get_dollars: '0.0004', gb_month_dollars: '0.023', core_hour_dollars: '0.04' };
const datasource = { type: 'prometheus', uid: '${datasource}' };
const columns = 2;
const height = 8;

/** Grafana's JSON. */
export function dashboardJson({ name, title, panels }: Dashboard): string {
  const width = 24 / columns;
  const variables = [
    { name: 'datasource', type: 'datasource', query: 'prometheus' },
    {
      name: 'job',
      type: 'query',
      datasource,
      query: 'label_values(tempo_build_info, job)',
      multi: true,
      includeAll: true,
    },
    ...(name === 'cost'
      ? Object.entries(prices).map(([price, value]) => ({ name: price, type: 'textbox', query: value }))
      : []),
  ];
  const json = {
    uid: `rubato-${name}`,
    title,
    tags: ['rubato'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    links: [{ title: 'Rubato', type: 'dashboards', tags: ['rubato'], asDropdown: true }],
    templating: { list: variables },
    panels: panels.map((panel, i) => ({
      id: i + 1,
      title: panel.title,
      ...(panel.description !== undefined && { description: panel.description }),
      type: panel.kind ?? 'timeseries',
      datasource,
      gridPos: { x: (i % columns) * width, y: Math.floor(i / columns) * height, w: width, h: height },
      fieldConfig: { defaults: { unit: panel.unit, min: 0 }, overrides: [] },
      targets: panel.queries.map(([expr, legendFormat], k) => ({
        refId: String.fromCharCode(65 + k),
        datasource,
        expr,
        legendFormat,
      })),
    })),
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

export const dashboardFolder = path.resolve(import.meta.dirname, '../deploy/grafana/dashboards');

if (process.argv[1] === import.meta.filename) {
  mkdirSync(dashboardFolder, { recursive: true });
  for (const dashboard of dashboards)
    writeFileSync(path.join(dashboardFolder, `${dashboard.name}.json`), dashboardJson(dashboard));
}

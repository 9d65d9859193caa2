/** The nodes as a sortable table. Every number leads to the traces behind it. */
import { useState } from 'preact/hooks';
import type { ServiceGraphAnswer, ServiceNodeJson } from '../../../src/api/contract/index.ts';
import { href } from '../app/router.ts';
import { ServiceMark } from '../components/service-mark.tsx';
import { type Column, Table } from '../components/table.tsx';
import { formatPercent, formatRate } from '../format/count.ts';
import { formatDuration } from '../format/duration.ts';
import { errorShare, nameOf } from './describe.ts';
import { pointedAt } from './pointed-at.ts';
import { nodeQuery } from './queries.ts';
import { nextSort, type Sort, sortRows } from './sort.ts';

const values: Readonly<Record<string, (node: ServiceNodeJson) => number | string>> = {
  name: nameOf,
  rate: ({ rate }) => rate,
  errors: errorShare,
  p50: ({ p50Nano }) => p50Nano,
  p95: ({ p95Nano }) => p95Nano,
};

const search = (q: string): string => href('/search', { q });

const columns: readonly Column<ServiceNodeJson>[] = [
  {
    key: 'name',
    head: 'Name',
    sortable: true,
    cell: (node) => (
      <span class="service-name" onPointerEnter={() => point(node.id)} onPointerLeave={() => point(undefined)}>
        {node.kind === 'service' ? <ServiceMark service={node.name} /> : <span class="peer-mark" aria-hidden="true" />}
        <a
          class="ellipsis"
          href={search(nodeQuery(node))}
          title={`Traces of ${nameOf(node)}`}
          onFocus={() => point(node.id)}
          onBlur={() => point(undefined)}
        >
          {nameOf(node)}
        </a>
        {node.kind !== 'service' && <span class="faint">{node.system || node.kind}</span>}
      </span>
    ),
  },
  {
    key: 'rate',
    head: 'Rate',
    number: true,
    sortable: true,
    cell: ({ rate }) => (rate === 0 ? '–' : formatRate(rate)),
  },
  {
    key: 'errors',
    head: 'Errors',
    number: true,
    sortable: true,
    cell: (node) =>
      node.errors === 0 ? (
        <span class="faint">{node.calls === 0 ? '–' : '0 %'}</span>
      ) : (
        <a
          class="error-text"
          href={search(nodeQuery(node, 'status = error'))}
          title={`Failed requests of ${nameOf(node)}`}
        >
          {formatPercent(errorShare(node))}
        </a>
      ),
  },
  { key: 'p50', head: 'p50', number: true, sortable: true, cell: ({ calls, p50Nano }) => duration(calls, p50Nano) },
  {
    key: 'p95',
    head: 'p95',
    number: true,
    sortable: true,
    cell: (node) =>
      node.calls === 0 ? (
        '–'
      ) : (
        <a
          class="plain-link"
          href={search(nodeQuery(node, `duration >= ${Math.round(node.p95Nano)}ns`))}
          title={`The slowest twentieth of ${nameOf(node)}`}
        >
          {formatDuration(node.p95Nano)}
        </a>
      ),
  },
];

const duration = (calls: number, nano: number): string => (calls === 0 ? '–' : formatDuration(nano));

function point(id: string | undefined): void {
  pointedAt.value = id;
}

interface ServiceTableProps {
  readonly data: ServiceGraphAnswer;
  readonly found: ReadonlySet<string> | undefined;
}

export function ServiceTable({ data, found }: ServiceTableProps) {
  const [sort, setSort] = useState<Sort>({ key: 'rate', descending: true });
  const shown = data.nodes.filter(({ id }) => found === undefined || found.has(id));
  return (
    <Table
      label="Services"
      columns={columns}
      rows={sortRows(shown, values[sort.key]!, sort.descending)}
      rowKey={(node) => node.id}
      sort={sort}
      onSort={(key) => setSort(nextSort(sort, key, key === 'name'))}
    />
  );
}

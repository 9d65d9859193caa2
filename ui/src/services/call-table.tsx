/** The edges as a sortable table: the way to them by keyboard. */
import { useState } from 'preact/hooks';
import type { ServiceEdgeJson, ServiceGraphAnswer, ServiceNodeJson } from '../../../src/api/contract/index.ts';
import { href } from '../app/router.ts';
import { type Column, Table } from '../components/table.tsx';
import { formatPercent, formatRate } from '../format/count.ts';
import { formatDuration } from '../format/duration.ts';
import { errorShare, nameOf } from './describe.ts';
import { edgeKey } from './layout.ts';
import { edgeQuery } from './queries.ts';
import { nextSort, type Sort, sortRows } from './sort.ts';

interface Call extends ServiceEdgeJson {
  readonly caller: ServiceNodeJson;
  readonly callee: ServiceNodeJson;
}

const values: Readonly<Record<string, (call: Call) => number | string>> = {
  calls: ({ caller, callee }) => `${nameOf(caller)} ${nameOf(callee)}`,
  rate: ({ rate }) => rate,
  errors: errorShare,
  p95: ({ p95Nano }) => p95Nano,
};

const columns: readonly Column<Call>[] = [
  {
    key: 'calls',
    head: 'Call',
    sortable: true,
    cell: ({ caller, callee }) => (
      <a class="call-name" href={href('/search', { q: edgeQuery(caller, callee) })}>
        {nameOf(caller)} <span class="faint">→</span> {nameOf(callee)}
      </a>
    ),
  },
  { key: 'rate', head: 'Rate', number: true, sortable: true, cell: ({ rate }) => formatRate(rate) },
  {
    key: 'errors',
    head: 'Errors',
    number: true,
    sortable: true,
    cell: (call) => <span class={call.errors === 0 ? 'faint' : 'error-text'}>{formatPercent(errorShare(call))}</span>,
  },
  { key: 'p95', head: 'p95', number: true, sortable: true, cell: ({ p95Nano }) => formatDuration(p95Nano) },
];

interface CallTableProps {
  readonly data: ServiceGraphAnswer;
  readonly found: ReadonlySet<string> | undefined;
}

export function CallTable({ data, found }: CallTableProps) {
  const [sort, setSort] = useState<Sort>({ key: 'rate', descending: true });
  const byId = new Map(data.nodes.map((node) => [node.id, node]));
  const calls = data.edges
    .filter(({ from, to }) => found === undefined || found.has(from) || found.has(to))
    .map((edge) => ({ ...edge, caller: byId.get(edge.from)!, callee: byId.get(edge.to)! }));
  return (
    <Table
      label="Calls"
      columns={columns}
      rows={sortRows(calls, values[sort.key]!, sort.descending)}
      rowKey={({ from, to }) => edgeKey(from, to)}
      sort={sort}
      onSort={(key) => setSort(nextSort(sort, key, key === 'calls'))}
    />
  );
}

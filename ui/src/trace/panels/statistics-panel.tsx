/** Durations in a table, by service, operation or any attribute; of the matches when there is a filter. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { ErrorState } from '../../components/error-state.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { formatCount, formatPercent } from '../../format/count.ts';
import { formatDuration } from '../../format/duration.ts';
import { type Group, statistics } from '../model/statistics.ts';
import { operationValues, type Values } from '../model/values.ts';
import type { TraceView } from '../view/trace-view.ts';
import { PropertyPicker } from './property-picker.tsx';

/** A value of its own for every span is no table. */
const rowsMax = 500;

export interface StatisticsPanelProps {
  readonly view: TraceView;
  readonly by: string;
  readonly setBy: (name: string) => void;
}

export function StatisticsPanel({ view, by, setBy }: StatisticsPanelProps) {
  const [values, setValues] = useState<Values | undefined>(undefined);
  const [error, setError] = useState<unknown>(undefined);
  const [sort, setSort] = useState({ key: 'self', descending: true });
  useEffect(() => {
    let current = true;
    const wanted = by === 'operation' ? Promise.resolve(operationValues(view.source.trace)) : view.values(by);
    wanted.then(
      (next) => {
        if (!current) return;
        setValues(next);
        setError(undefined);
      },
      (problem) => current && setError(problem),
    );
    return () => {
      current = false;
    };
  }, [view, by]);
  const { matches } = view.filter.value;
  const self = view.self.value;
  const groups = useMemo(
    () => (values === undefined ? [] : statistics(view.trace.value, self, values, matches)),
    [values, self, matches],
  );
  const sorted = useMemo(() => sortGroups(groups, sort), [groups, sort]);
  const selfTotal = groups.reduce((sum, group) => sum + group.self, 0);
  const number = (key: keyof Group, head: string, text: (group: Group) => string): Column<Group> => ({
    key,
    head,
    number: true,
    sortable: true,
    cell: text,
  });
  const columns: readonly Column<Group>[] = [
    {
      key: 'label',
      head: by,
      sortable: true,
      cell: (group) => (
        <button type="button" class="trace-more" title="Its longest span" onClick={() => view.select(group.longest)}>
          {group.label === '' ? '(none)' : group.label}
        </button>
      ),
    },
    number('count', 'spans', ({ count }) => formatCount(count)),
    {
      ...number('errors', 'errors', ({ errors }) => (errors === 0 ? '' : formatCount(errors))),
      cell: ({ errors }) => <span class="error-text">{errors === 0 ? '' : formatCount(errors)}</span>,
    },
    number('total', 'total', ({ total }) => formatDuration(total)),
    number('self', 'self', (group) => formatDuration(group.self)),
    {
      key: 'share',
      head: '',
      cell: (group) => <Share part={selfTotal === 0 ? 0 : group.self / selfTotal} />,
    },
    number('p50', 'p50', ({ p50 }) => formatDuration(p50)),
    number('p95', 'p95', ({ p95 }) => formatDuration(p95)),
    number('max', 'max', ({ max }) => formatDuration(max)),
  ];
  return (
    <>
      <div class="trace-panel-bar">
        <span class="soft">By</span>
        <PropertyPicker view={view} title="Statistics by" value={by} choose={setBy} withOperation />
        <span class="faint">
          {matches === undefined ? 'all spans' : `${formatCount(view.filter.value.count)} matching spans`},{' '}
          {formatCount(groups.length)} groups
          {groups.length > rowsMax && `, the first ${rowsMax} shown`}
        </span>
      </div>
      {error === undefined ? (
        <Table
          label={`Statistics by ${by}`}
          columns={columns}
          rows={sorted.slice(0, rowsMax)}
          rowKey={({ label }) => label}
          sort={sort}
          onSort={(key) => setSort({ key, descending: sort.key === key ? !sort.descending : key !== 'label' })}
        />
      ) : (
        <ErrorState error={error} />
      )}
    </>
  );
}

export function Share({ part }: { readonly part: number }) {
  return (
    <span class="trace-share" title={`${formatPercent(part)} of all self time`}>
      <span style={{ width: `${Math.max(0, part * 100)}%` }} />
    </span>
  );
}

function sortGroups(groups: readonly Group[], sort: { key: string; descending: boolean }): Group[] {
  const sign = sort.descending ? -1 : 1;
  return groups.toSorted((a, b) => {
    const [x, y] = [a[sort.key as keyof Group], b[sort.key as keyof Group]];
    return x === y ? 0 : x < y ? -sign : sign;
  });
}

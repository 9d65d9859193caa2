/** Search: a query, and the traces that it finds, which come in while they are found. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { searchStream } from '../api/client.ts';
import { href, param, setParams } from '../app/router.ts';
import { tenant } from '../app/tenant.ts';
import { timeRange } from '../app/time-range.ts';
import { useRequest } from '../base/use-request.ts';
import { Button } from '../components/button.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { ErrorState } from '../components/error-state.tsx';
import { ServiceMark } from '../components/service-mark.tsx';
import { type Column, Table } from '../components/table.tsx';
import { formatCount } from '../format/count.ts';
import { formatDuration } from '../format/duration.ts';
import { formatDateTime } from '../format/time.ts';
import { QueryEditor } from './query-editor.tsx';
import { type ReadQuery, readQuery, searchText } from './query-model.ts';
import { type Row, rowsOf } from './rows.ts';
import './search.css';

const sorts = ['start', 'duration', 'spans', 'errors'];
const limit = 200;

export default function SearchPage() {
  const q = param('q');
  const sort = sorts.find((name) => name === param('sort')) ?? 'start';
  const range = timeRange.value;
  const [written, setWritten] = useState(q);
  const [part, setPart] = useState<readonly Row[]>([]);
  const [tries, setTries] = useState(0);
  useEffect(() => setWritten(q), [q]);
  const read = useMemo(() => readQuery(q), [q]);
  const problem = problemOf(read);
  const run = (text: string): void => {
    if (text.trim() === q.trim()) setTries(tries + 1);
    else setParams({ q: text.trim() || undefined });
  };
  const { data, error, loading } = useRequest(
    async (ended) => {
      setPart([]);
      if (read.kind === 'bad' || problem !== undefined) return [];
      const query = { q: searchText(read.query), range, limit, spss: 1, sort };
      return rowsOf(await searchStream(query, (answer) => setPart(rowsOf(answer)), ended));
    },
    [q, sort, range.fromMs, range.toMs, tenant.value, tries],
  );
  const rows = loading && part.length > 0 ? part : (data ?? part);
  return (
    <div class="search-page" aria-busy={loading}>
      <h1 class="unseen">Search</h1>
      <div class="search-bar">
        <QueryEditor text={q} run={run} change={setWritten} />
        <Button kind="primary" onClick={() => run(written)}>
          Run
        </Button>
      </div>
      {problem !== undefined ? (
        <EmptyState title="This query cannot be run">
          <p>{problem}</p>
        </EmptyState>
      ) : error !== undefined && !loading ? (
        <ErrorState error={error} retry={() => setTries(tries + 1)} />
      ) : rows.length > 0 ? (
        <>
          <p class="search-count soft" role="status">
            {loading && 'Searching … '}
            {rows.length === limit ? `The first ${limit} traces` : `${formatCount(rows.length)} traces`}
          </p>
          <Table
            label="Traces"
            columns={columns}
            rows={rows}
            rowKey={({ traceId }) => traceId}
            sort={{ key: sort, descending: true }}
            onSort={(key) => setParams({ sort: key === 'start' ? undefined : key })}
          />
        </>
      ) : loading ? (
        <p class="search-count soft" role="status">
          Searching …
        </p>
      ) : (
        <EmptyState title="No traces">
          <p>Nothing in this time range matches. Try a longer range, or a wider query.</p>
          <p>
            If nothing has been sent yet: point an OpenTelemetry SDK at this host, port 4318, or start the server with{' '}
            <code>--demo</code>.
          </p>
        </EmptyState>
      )}
    </div>
  );
}

/** Why a query cannot be run here; undefined when it can. */
function problemOf(read: ReadQuery): string | undefined {
  if (read.kind === 'bad') return `At character ${read.offset + 1}: ${read.reason}`;
  // Metrics are a query, but not one whose answer is traces.
  return read.isMetrics ? 'It computes metrics, and Search shows traces. Take its filter alone.' : undefined;
}

const columns: readonly Column<Row>[] = [
  { key: 'start', head: 'Start', sortable: true, cell: ({ startMs }) => formatDateTime(startMs) },
  { key: 'trace', head: 'Root · matched span', cell: (row) => <Trace row={row} /> },
  {
    key: 'duration',
    head: 'Duration',
    number: true,
    sortable: true,
    cell: ({ durationMs }) => formatDuration(durationMs * 1e6),
  },
  { key: 'spans', head: 'Spans', number: true, sortable: true, cell: ({ spans }) => formatCount(spans) },
  {
    key: 'errors',
    head: 'Errors',
    number: true,
    sortable: true,
    cell: ({ errors }) => <span class={errors > 0 ? 'failed' : 'faint'}>{formatCount(errors)}</span>,
  },
];

function Trace({ row: { traceId, rootService, rootName, match } }: { readonly row: Row }) {
  const path = `/trace/${encodeURIComponent(traceId)}`;
  return (
    <span class="search-trace">
      <a href={href(path)}>
        {rootService === '' ? (
          'root span not received yet'
        ) : (
          <>
            <ServiceMark service={rootService} /> {rootService} {rootName}
          </>
        )}
      </a>
      {match !== undefined && (
        <a class="search-match" href={href(path, { span: match.spanId })}>
          › <ServiceMark service={match.service} /> {match.service}{' '}
          <span class={match.isError ? 'failed' : undefined}>{match.name}</span>
        </a>
      )}
    </span>
  );
}

/** The traces found, one a row: virtualised, so that thousands of them scroll like ten. */
import { useMemo, useRef } from 'preact/hooks';
import { useKeys } from '../app/keys.ts';
import { href, setParams } from '../app/router.ts';
import { Icon } from '../components/icons.tsx';
import { Menu } from '../components/menu.tsx';
import { ServiceMark } from '../components/service-mark.tsx';
import { formatCount } from '../format/count.ts';
import { formatDuration } from '../format/duration.ts';
import { formatClock, formatDate } from '../format/time.ts';
import { AttributeChoice } from './condition-sheets.tsx';
import { pointedTrace } from './pointed-trace.ts';
import { bareName, shortName } from './query-model.ts';
import { columnValue, type Row, type Value } from './rows.ts';
import { type SearchState, searchParams } from './search-state.ts';
import { type Sort, Sorts } from './sorts.ts';
import { useMedia } from './use-media.ts';
import { useVisibleRows } from './visible-rows.ts';
import './results.css';

export interface ResultsProps {
  readonly rows: readonly Row[];
  readonly state: SearchState;
  /** Those that have just come in. */
  readonly fresh: ReadonlySet<string>;
  /** Asks for the traces with this value alone. */
  readonly narrow: (attribute: string, value: Value) => void;
}

/** As in search.css. */
const narrowScreen = '(max-width: 720px)';
const rowPixels = { wide: 30, narrow: 56 };

export function Results({ rows, state, fresh, narrow }: ResultsProps) {
  const { sort, columns, live } = state;
  const body = useRef<HTMLTableSectionElement>(null);
  const adder = useRef<HTMLButtonElement>(null);
  const pixels = useMedia(narrowScreen) ? rowPixels.narrow : rowPixels.wide;
  const { first, end } = useVisibleRows(body, rows.length, pixels);
  useRowKeys(body, rows.length, first);
  const setColumns = (changed: readonly string[]): void => setParams(searchParams({ columns: changed }));
  useKeys(
    () => [
      { keys: 'c', does: 'Add a column', group: 'Search', run: () => adder.current?.click() },
      {
        keys: 'o',
        does: 'Another order',
        group: 'Search',
        run: () => setParams(searchParams({ sort: Sorts[(Sorts.indexOf(sort) + 1) % Sorts.length]! })),
      },
    ],
    [sort],
  );
  const names = useMemo(() => columns.map(bareName), [columns.join('\n')]);
  const longest = rows.reduce((most, { durationMs }) => Math.max(most, durationMs), 0);
  const head = (key: Sort, label: string, number = true) => (
    <SortHead
      label={label}
      number={number}
      sorted={sort === key}
      fixed={live}
      choose={() => setParams(searchParams({ sort: key }))}
    />
  );
  return (
    <table class="results" aria-label="Traces" aria-rowcount={rows.length + 1}>
      <colgroup>
        <col class="results-start" />
        <col />
        {columns.map((column) => (
          <col key={column} class="results-value" />
        ))}
        <col class="results-duration" />
        <col class="results-count" />
        <col class="results-count" />
        <col class="results-add" />
      </colgroup>
      <thead>
        <tr>
          {head('start', 'Start', false)}
          <th scope="col">Root › matched span</th>
          {columns.map((column) => (
            <th key={column} scope="col" title={column}>
              <span class="results-column">
                <span class="ellipsis">{shortName(column)}</span>
                <button
                  type="button"
                  class="chip-remove"
                  aria-label={`Remove column ${column}`}
                  onClick={() => setColumns(columns.filter((each) => each !== column))}
                >
                  <Icon name="close" />
                </button>
              </span>
            </th>
          ))}
          {head('duration', 'Duration')}
          {head('spans', 'Spans')}
          {head('errors', 'Errors')}
          <td class="results-adder">
            <Menu
              role="dialog"
              kind="quiet"
              alignEnd
              title="Add a column (c)"
              buttonRef={adder}
              label={<Icon name="plus" />}
            >
              {(close) => (
                <AttributeChoice
                  choose={(column) => {
                    close();
                    setColumns([...columns, column]);
                  }}
                />
              )}
            </Menu>
          </td>
        </tr>
      </thead>
      <tbody ref={body} onPointerLeave={() => (pointedTrace.value = undefined)}>
        {first > 0 && <Gap pixels={first * pixels} />}
        {rows.slice(first, end).map((row, index) => (
          <tr
            key={row.traceId}
            aria-rowindex={first + index + 2}
            data-index={first + index}
            data-fresh={fresh.has(row.traceId)}
            onPointerEnter={() => (pointedTrace.value = row.traceId)}
          >
            <td class="results-start" title={formatDate(row.startMs)}>
              {formatClock(row.startMs)}
            </td>
            <td class="results-trace">
              <Trace row={row} />
            </td>
            {columns.map((column, at) => (
              <td key={column} class="results-value">
                <ColumnValue column={column} value={columnValue(row, names[at]!)} narrow={narrow} />
              </td>
            ))}
            <td class="number results-duration">
              <span class="results-bar" style={{ width: barWidth(row.durationMs, longest) }} />
              <span>{formatDuration(row.durationMs * 1e6)}</span>
            </td>
            <td class="number results-spans">{formatCount(row.spans)}</td>
            <td class={row.errors > 0 ? 'number results-errors error-text' : 'number results-errors faint'}>
              {formatCount(row.errors)}
            </td>
            <td class="results-adder" />
          </tr>
        ))}
        {end < rows.length && <Gap pixels={(rows.length - end) * pixels} />}
      </tbody>
    </table>
  );
}

/** The rest of the cell is for the number. */
const barWidth = (ms: number, longestMs: number): string =>
  longestMs === 0 ? '0' : `calc((100% - 80px) * ${ms / longestMs})`;

const Gap = ({ pixels }: { readonly pixels: number }) => <tr class="results-gap" style={{ height: `${pixels}px` }} />;

interface SortHeadProps {
  readonly label: string;
  readonly number: boolean;
  readonly sorted: boolean;
  /** There is no other order. */
  readonly fixed: boolean;
  readonly choose: () => void;
}

function SortHead({ label, number, sorted, fixed, choose }: SortHeadProps) {
  return (
    <th class={number ? 'number' : undefined} aria-sort={sorted ? 'descending' : undefined} scope="col">
      {fixed ? (
        label
      ) : (
        <button type="button" class="sort-button" onClick={choose}>
          {label}
          {sorted && (
            <span class="sort-mark">
              <Icon name="down" />
            </span>
          )}
        </button>
      )}
    </th>
  );
}

/** The last link covers the row. */
function Trace({ row: { traceId, rootService, rootName, rootFailed, match, matched, spans } }: { readonly row: Row }) {
  const path = `/trace/${encodeURIComponent(traceId)}`;
  return (
    <>
      <a href={href(path)}>
        {rootService === '' ? (
          <span class="faint">root not received yet</span>
        ) : (
          <>
            <ServiceMark service={rootService} /> {rootService} <Operation name={rootName} failed={rootFailed} />
          </>
        )}
      </a>
      {match !== undefined && (
        <a href={href(path, { span: match.spanId })}>
          <span class="faint">›</span> <ServiceMark service={match.service} /> {match.service}{' '}
          <Operation name={match.name} failed={match.isError} />
        </a>
      )}
      {matched > 1 && matched < spans && (
        <span class="results-matched faint" title={`${formatCount(matched)} spans match`}>
          +{formatCount(matched - 1)}
        </span>
      )}
    </>
  );
}

function Operation({ name, failed }: { readonly name: string; readonly failed: boolean }) {
  if (!failed) return <span class="soft">{name}</span>;
  return (
    <span class="error-text">
      {name}{' '}
      <span role="img" aria-label="failed">
        ●
      </span>
    </span>
  );
}

interface ColumnValueProps {
  readonly column: string;
  readonly value: Value | undefined;
  readonly narrow: ResultsProps['narrow'];
}

function ColumnValue({ column, value, narrow }: ColumnValueProps) {
  if (value === undefined) return <span class="faint">–</span>;
  if (value.literal === undefined) return <>{value.text}</>;
  return (
    <button
      type="button"
      class="value-button ellipsis"
      title={`${column} = ${value.text}: only these`}
      onClick={() => narrow(column, value)}
    >
      {value.text}
    </button>
  );
}

/** ↑↓ move the focus from row to row, at first to where the list is scrolled to; Enter is the link's own. */
function useRowKeys(body: { readonly current: HTMLElement | null }, count: number, first: number): void {
  const latest = useRef({ count, first });
  latest.current = { count, first };
  const move = (step: 1 | -1): void => {
    const focused = document.activeElement?.closest<HTMLElement>('tr[data-index]')?.dataset['index'];
    const next = focused === undefined ? latest.current.first : Number(focused) + step;
    const index = Math.min(latest.current.count - 1, Math.max(0, next));
    const row = body.current?.querySelector(`tr[data-index="${index}"]`);
    [...(row?.querySelectorAll('a') ?? [])].at(-1)?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: 'nearest' });
  };
  const group = 'Search';
  useKeys(() => [
    { keys: 'ArrowDown', does: 'Next trace; Enter opens it', group, run: () => move(1) },
    { keys: 'ArrowUp', does: 'Trace before', group, run: () => move(-1) },
    { keys: 'j', does: 'Next trace', group, run: () => move(1) },
    { keys: 'k', does: 'Trace before', group, run: () => move(-1) },
  ]);
}

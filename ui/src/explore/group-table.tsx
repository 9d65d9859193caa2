/** The groups behind the charts' lines: their key, their numbers, and the way into one of them. */
import type { AnyValueJson } from '../../../src/api/contract/index.ts';
import { type Column, Table } from '../components/table.tsx';
import { formatPercent, formatRate } from '../format/count.ts';
import { formatDuration } from '../format/duration.ts';
import { hueColour } from './colours.ts';
import type { Group } from './red.ts';

export interface GroupRow {
  readonly group: Group;
  /** undefined: without a line. */
  readonly hue: number | undefined;
  /** Of the last interval in which something happened, ns. */
  readonly p95: number | undefined;
}

interface GroupTableProps {
  readonly rows: readonly GroupRow[];
  readonly by: string;
  readonly enter: (value: AnyValueJson | undefined) => void;
  readonly searchFor: (value: AnyValueJson | undefined, ...conditions: string[]) => string;
}

export function GroupTable({ rows, by, enter, searchFor }: GroupTableProps) {
  const columns: readonly Column<GroupRow>[] = [
    {
      key: 'name',
      head: by,
      cell: ({ group, hue }) => (
        <span class="group-name">
          <span
            class="service-mark"
            aria-hidden="true"
            style={{ background: hue === undefined ? 'transparent' : hueColour(hue) }}
          />
          <button type="button" class="link ellipsis" onClick={() => enter(group.value)} title="Only these">
            {group.name}
          </button>
        </span>
      ),
    },
    { key: 'rate', head: 'Rate', number: true, cell: ({ group }) => formatRate(group.rate) },
    {
      key: 'errors',
      head: 'Errors',
      number: true,
      cell: ({ group }) =>
        group.errorRate === 0 ? (
          <span class="faint">0 %</span>
        ) : (
          <a class="error-text" href={searchFor(group.value, 'status = error')}>
            {formatPercent(group.errorRate / group.rate)}
          </a>
        ),
    },
    { key: 'p95', head: 'p95 now', number: true, cell: ({ p95 }) => (p95 === undefined ? '–' : formatDuration(p95)) },
    {
      key: 'traces',
      head: '',
      cell: ({ group }) => (
        <a href={searchFor(group.value)} aria-label={`Traces of ${group.name}`}>
          Traces
        </a>
      ),
    },
  ];
  return <Table label="Groups" columns={columns} rows={rows} rowKey={({ group }) => group.name} />;
}

/** "What is different here?": attributes by how far the marked spans differ in them, as pairs of bars. */
import { useState } from 'preact/hooks';
import type { AnyValueJson } from '../../../src/api/contract/index.ts';
import { queryInstant } from '../api/client.ts';
import { href } from '../app/router.ts';
import { setTimeRange, type TimeRange } from '../app/time-range.ts';
import { useRequest } from '../base/use-request.ts';
import { Button } from '../components/button.tsx';
import { ErrorState } from '../components/error-state.tsx';
import { Icon } from '../components/icons.tsx';
import { formatCount, formatPercent } from '../format/count.ts';
import { formatDuration } from '../format/duration.ts';
import { formatSeconds } from '../format/time.ts';
import { readCompare } from './compare-answer.ts';
import { type Difference, type DifferingValue, rankDifferences } from './difference.ts';
import { compareQuery, conditionOf, regionConditions, valueText, withConditions } from './query.ts';
import type { Region } from './region.ts';

export interface DifferencePanelProps {
  readonly region: Region;
  /** The query with the choice of spans in it. */
  readonly scoped: string;
  readonly range: TimeRange;
  readonly tenant: string;
  readonly close: () => void;
  /** Adds a condition to the query. */
  readonly add: (condition: string) => void;
}

const shownAtFirst = 9;
const valuesShown = 5;

export function DifferencePanel({ region, scoped, range, tenant, close, add }: DifferencePanelProps) {
  const q = compareQuery(scoped, region);
  const [all, setAll] = useState(false);
  const { data, error, loading } = useRequest(
    async (ended) => {
      const compared = readCompare((await queryInstant({ q, range }, ended)).series, scoped);
      return { ...compared, ranked: rankDifferences(compared) };
    },
    [q, range.fromMs, range.toMs, tenant],
  );
  const { fromMs, toMs } = region;
  const between = fromMs === undefined || toMs === undefined ? undefined : { fromMs, toMs };
  const own = region.errors === true ? ['status'] : [];
  const ranked = data?.ranked.filter(({ key }) => !own.includes(key)) ?? [];
  const shown = all ? ranked : ranked.slice(0, shownAtFirst);
  return (
    <section class="difference" aria-label="What is different here?" aria-busy={loading}>
      <header>
        <h2>What is different here?</h2>
        <span class="soft">{describe(region)}</span>
        {data !== undefined && (
          <span class="faint">
            {formatCount(data.selection)} spans against {formatCount(data.baseline)} others
          </span>
        )}
        <span class="difference-tools">
          <a class="button" href={href('/search', searchParams(scoped, region, range))}>
            Traces
          </a>
          {between !== undefined && <Button onClick={() => setTimeRange(between)}>Zoom in</Button>}
          <Button kind="quiet" label="Close" onClick={close}>
            <Icon name="close" />
          </Button>
        </span>
      </header>
      <p class="difference-key faint" aria-hidden="true">
        <i class="bar-selection" /> marked <i class="bar-baseline" /> the others
      </p>
      {error !== undefined && <ErrorState error={error} />}
      {error === undefined && data !== undefined && ranked.length === 0 && (
        <p class="difference-none soft">
          {data.selection === 0
            ? 'There are no spans here.'
            : 'The marked spans differ from the others in no attribute.'}
        </p>
      )}
      <div class="difference-grid">
        {shown.map((difference) => (
          <Attribute key={difference.key} difference={difference} add={add} />
        ))}
      </div>
      {ranked.length > shownAtFirst && (
        <Button kind="quiet" onClick={() => setAll(!all)}>
          {all ? 'Fewer' : `${formatCount(ranked.length - shownAtFirst)} more attributes`}
        </Button>
      )}
    </section>
  );
}

/** Parameters of a search for the marked spans. */
function searchParams(scoped: string, region: Region, range: TimeRange) {
  return {
    q: withConditions(scoped, ...regionConditions(region)),
    from: String(Math.floor(region.fromMs ?? range.fromMs)),
    to: String(Math.ceil(region.toMs ?? range.toMs)),
  };
}

function describe({ fromMs, toMs, minNano, maxNano, errors }: Region): string {
  const parts: string[] = [];
  if (errors === true) parts.push('failed spans');
  if (minNano !== undefined && maxNano !== undefined)
    parts.push(`${formatDuration(minNano)} to ${formatDuration(maxNano)}`);
  else if (minNano !== undefined) parts.push(`${formatDuration(minNano)} and longer`);
  if (fromMs !== undefined && toMs !== undefined) parts.push(`${formatSeconds(fromMs)} – ${formatSeconds(toMs)}`);
  return parts.join(', ');
}

interface AttributeProps {
  readonly difference: Difference<AnyValueJson>;
  readonly add: (condition: string) => void;
}

function Attribute({ difference: { key, score, values }, add }: AttributeProps) {
  return (
    <article class="attribute">
      <h3>
        <span class="mono ellipsis" title={key}>
          {key}
        </span>
        <span class="faint" title="How much a value tells about the side of a span: 0 nothing, 100 everything">
          {Math.round(score * 100)}
        </span>
      </h3>
      <ul>
        {values.slice(0, valuesShown).map((value) => (
          <Value key={`${Object.keys(value.value)[0]} ${valueText(value.value)}`} name={key} value={value} add={add} />
        ))}
      </ul>
    </article>
  );
}

interface ValueProps {
  readonly name: string;
  readonly value: DifferingValue<AnyValueJson>;
  readonly add: (condition: string) => void;
}

function Value({ name, value, add }: ValueProps) {
  const text = valueText(value.value);
  const condition = conditionOf(name, value.value);
  const shares = `${formatPercent(value.selection)} of the marked spans, ${formatPercent(value.baseline)} of the others`;
  return (
    <li>
      <button
        type="button"
        class="value"
        disabled={condition === undefined}
        title={`Add ${condition ?? name} to the query. ${text}: ${shares}`}
        onClick={() => condition !== undefined && add(condition)}
      >
        <span class="ellipsis">{text === '' ? '(empty)' : text}</span>
        <span class="value-bars" aria-hidden="true">
          <i class="bar-selection" style={{ width: `${value.selection * 100}%` }} />
          <i class="bar-baseline" style={{ width: `${value.baseline * 100}%` }} />
        </span>
        <span class="value-share">
          {formatPercent(value.selection)}
          <span class="faint"> {formatPercent(value.baseline)}</span>
        </span>
      </button>
    </li>
  );
}

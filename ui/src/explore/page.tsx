/** Explore: rate, errors and durations by any attribute, durations over time, and what is different in a part of them. */
import { useMemo, useState } from 'preact/hooks';
import type { AnyValueJson, QueryRangeResponse } from '../../../src/api/contract/index.ts';
import { queryRange, tagNames } from '../api/client.ts';
import { href, navigate, param, setParams } from '../app/router.ts';
import { tenant } from '../app/tenant.ts';
import { timeRange } from '../app/time-range.ts';
import { useRequest } from '../base/use-request.ts';
import { Button } from '../components/button.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { ErrorState } from '../components/error-state.tsx';
import { DifferencePanel } from './difference-panel.tsx';
import { GroupTable } from './group-table.tsx';
import { readHeat } from './heat.ts';
import { Heatmap } from './heatmap.tsx';
import {
  conditionOf,
  problemOf,
  regionConditions,
  type SpanChoice,
  SpanChoices,
  scopedQuery,
  withConditions,
} from './query.ts';
import { QueryBar } from './query-bar.tsx';
import { readRed, stepMsFor } from './red.ts';
import { RedCharts } from './red-charts.tsx';
import { parseRegion, printRegion, type Region } from './region.ts';
import './explore.css';

const byDefault = 'resource.service.name';
const seriesMax = 500;
const exemplarsMax = 60;

export default function ExplorePage() {
  const q = param('q');
  const spans = SpanChoices.find((choice) => choice === param('spans')) ?? 'requests';
  const by = param('by') || byDefault;
  const range = timeRange.value;
  const stepMs = stepMsFor(range);
  const [tries, setTries] = useState(0);
  const problem = useMemo(() => problemOf(q), [q]);
  const scoped = problem === undefined ? scopedQuery(q, spans) : '{ }';
  const attributes = useRequest(
    (ended) => tagNames({ range, limit: 500 }, ended),
    [range.fromMs, range.toMs, tenant.value],
  );
  const { data, error, loading } = useRequest(
    async (ended) => {
      if (problem !== undefined) throw new Error(problem);
      const ask = (text: string, exemplars: number): Promise<QueryRangeResponse> =>
        queryRange({ q: text, range, step: `${stepMs / 1000}s`, maxSeries: seriesMax, exemplars }, ended);
      const [rates, errors, durations, histogram] = await Promise.all([
        ask(`${scoped} | rate() by (${by})`, 1),
        ask(`${withConditions(scoped, 'status = error')} | rate() by (${by})`, 1),
        ask(`${scoped} | quantile_over_time(duration, .5, .95, .99) by (${by})`, 1),
        ask(`${scoped} | histogram_over_time(duration)`, exemplarsMax),
      ]);
      return { red: readRed({ rates, errors, durations }, by, stepMs), heat: readHeat(histogram, stepMs), by };
    },
    [scoped, problem, by, range.fromMs, range.toMs, tenant.value, tries],
  );
  const region = parseRegion(param('region'));
  const mark = (next: Region | undefined): void =>
    setParams({ region: next === undefined ? undefined : printRegion(next) });
  const add = (condition: string): void => setParams({ q: withConditions(q, condition), region: undefined });
  const searchIn = (fromMs: number, toMs: number, ...conditions: string[]): string =>
    href('/search', {
      q: withConditions(scoped, ...conditions),
      from: String(Math.floor(fromMs)),
      to: String(Math.ceil(toMs)),
    });
  const searchFor = (value: AnyValueJson | undefined, ...conditions: string[]): string =>
    href('/search', { q: withConditions(scoped, ...groupCondition(by, value), ...conditions) });
  const enter = (value: AnyValueJson | undefined): void => {
    const [condition] = groupCondition(by, value);
    if (condition === undefined) return;
    // From a service to its operations: one value of the same attribute would be a single line.
    setParams({ q: withConditions(q, condition), by: by === byDefault ? 'name' : by, region: undefined });
  };
  const slowNano = data === undefined ? undefined : slowest(data.red);

  return (
    <div class="explore-page" aria-busy={loading}>
      <h1 class="unseen">Explore</h1>
      <QueryBar
        q={q}
        problem={problem}
        spans={spans}
        by={by}
        names={attributes.data}
        setQuery={(text) => setParams({ q: text, region: undefined })}
        setSpans={(choice: SpanChoice) => setParams({ spans: choice === 'requests' ? undefined : choice })}
        setBy={(name) => setParams({ by: name === byDefault ? undefined : name })}
      />
      {problem === undefined && error !== undefined && <ErrorState error={error} retry={() => setTries(tries + 1)} />}
      {data !== undefined && data.red.groups.length === 0 && error === undefined && (
        <EmptyState title="No spans in this time range">
          <p>
            {spans === 'requests' && 'Only requests that services serve are counted. '}
            Try all spans, a longer range, or a wider query.
          </p>
          <Button onClick={() => setParams({ spans: 'all', q: undefined })}>All spans</Button>
        </EmptyState>
      )}
      {data !== undefined && data.red.groups.length > 0 && (
        <>
          <RedCharts
            red={data.red}
            range={range}
            mark={mark}
            searchIn={(fromMs, toMs, value, conditions) =>
              navigate(searchIn(fromMs, toMs, ...groupCondition(data.by, value), ...conditions))
            }
          >
            {(rows) => <GroupTable rows={rows} by={data.by} enter={enter} searchFor={searchFor} />}
          </RedCharts>
          {data.heat !== undefined && (
            <section class="heat-panel" aria-label="Durations">
              <header>
                <h2>Durations</h2>
                <span class="faint">drag to ask what is different, click for traces; ◆ a trace</span>
                <span class="heat-tools">
                  <Button pressed={region?.errors === true} onClick={() => mark({ errors: true })}>
                    Failed: what is different?
                  </Button>
                  {slowNano !== undefined && (
                    <Button onClick={() => mark({ minNano: slowNano })}>Slowest: what is different?</Button>
                  )}
                </span>
              </header>
              <Heatmap
                heat={data.heat}
                region={region}
                onRegion={mark}
                onCell={(cell) => navigate(searchIn(cell.fromMs, cell.toMs, ...regionConditions(cell)))}
              />
            </section>
          )}
          {region !== undefined && (
            <DifferencePanel
              region={region}
              scoped={scoped}
              range={range}
              tenant={tenant.value}
              close={() => mark(undefined)}
              add={add}
            />
          )}
        </>
      )}
    </div>
  );
}

function groupCondition(by: string, value: AnyValueJson | undefined): string[] {
  const condition = value === undefined ? undefined : conditionOf(by, value);
  return condition === undefined ? [] : [condition];
}

/** ns: the middle of what the slowest twentieth of the intervals and groups begin at. */
function slowest({ groups }: ReturnType<typeof readRed>): number | undefined {
  const values = groups
    .flatMap(({ durations }) => durations[0.95].filter((value) => value !== null))
    .sort((a, b) => a - b);
  return values[Math.floor(values.length * 0.9)];
}

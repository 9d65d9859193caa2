/** Search: a query, and the traces that it finds, which come in while they are found. */
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { useKeys } from '../app/keys.ts';
import { href, setParams } from '../app/router.ts';
import { rangeIsRelative, refresh, setTimeRange, timeRange } from '../app/time-range.ts';
import { zoomed } from '../base/range.ts';
import { Button } from '../components/button.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { ErrorState } from '../components/error-state.tsx';
import { Icon } from '../components/icons.tsx';
import { Builder } from './builder.tsx';
import { chipsOf, narrowed, textOf, withTraceDurations } from './chips.ts';
import type { Selection } from './draw-timeline.ts';
import { NothingFound } from './nothing-found.tsx';
import { QueriesMenu } from './queries-menu.tsx';
import { QueryEditor } from './query-editor.tsx';
import { type ReadQuery, readQuery, searchText } from './query-model.ts';
import { Results } from './results.tsx';
import { mergeRows, type Value } from './rows.ts';
import { noteRecent } from './saved-queries.ts';
import { Limits, readSearchState, searchParams } from './search-state.ts';
import { Summary } from './summary.tsx';
import { Timeline } from './timeline.tsx';
import { liveRowsMax, useLive } from './use-live.ts';
import { useHistogram, useSearch } from './use-search.ts';
import { useScrolled } from './visible-rows.ts';
import './search.css';

export default function SearchPage() {
  const state = readSearchState();
  const { q, columns, limit, live: isLive } = state;
  const [written, setWritten] = useState(q);
  const [tries, setTries] = useState(0);
  const [paused, setPaused] = useState(false);
  const scrolled = useScrolled();
  useEffect(() => setWritten(q), [q]);
  const read = useMemo(() => readQuery(q), [q]);
  const problem = problemOf(read);
  const query = read.kind === 'query' && problem === undefined ? read.query : undefined;
  const run = (text: string): void => {
    // Whoever runs a query means the time until now.
    refresh();
    if (text.trim() === q.trim()) setTries(tries + 1);
    else setParams(searchParams({ q: text }));
  };

  const range = timeRange.value;
  const { found, error, loading } = useSearch(query, state, range, tries);
  const liveText = isLive && query !== undefined ? searchText(query, columns) : undefined;
  const live = useLive(liveText, paused || scrolled);
  // Live goes on from what is there now.
  useEffect(() => {
    if (liveText !== undefined) refresh();
  }, [liveText]);
  // While live, the window moves on with what comes in, its bars every ten seconds.
  const aheadMs = isLive ? Math.max(0, live.nowMs - range.toMs) : 0;
  const shown = { fromMs: range.fromMs + aheadMs, toMs: range.toMs + aheadMs };
  const steadyMs = Math.floor(aheadMs / 10_000) * 10_000;
  const asked = { fromMs: range.fromMs + steadyMs, toMs: range.toMs + steadyMs };
  const histogram = useHistogram(query, q, asked, tries);
  const rows = useMemo(
    () => (isLive ? mergeRows(found?.rows ?? [], live.rows, liveRowsMax) : (found?.rows ?? [])),
    [found, live.rows, isLive],
  );
  useEffect(() => {
    if (query !== undefined) noteRecent(q, Date.now());
  }, [q]);

  const setLive = (on: boolean): void => {
    setPaused(false);
    // What comes in is of now.
    setParams({
      ...searchParams({ live: on, sort: 'start' }),
      ...(!rangeIsRelative.value && { from: undefined, to: undefined }),
    });
  };
  usePageKeys({ isLive, setLive, pause: () => setPaused((before) => !before) });
  const zoom = ({ fromMs, toMs, durationsMs }: Selection): void => {
    // The server's times are whole seconds.
    const from = Math.floor(fromMs / 1000) * 1000;
    const to = Math.max(from + 1000, Math.ceil(toMs / 1000) * 1000);
    const chips = durationsMs === undefined ? undefined : chipsOf(q);
    setParams({
      ...searchParams({
        live: false,
        ...(chips !== undefined && {
          q: textOf({ ...chips, conditions: withTraceDurations(chips.conditions, durationsMs!) }),
        }),
      }),
      from: String(from),
      to: String(to),
    });
  };
  const narrow = (attribute: string, { text, literal = text }: Value): void => {
    const value = wordAttributes.has(attribute) ? text : literal;
    // Hardly two spans take exactly as long.
    const op = attribute === 'duration' ? '>=' : '=';
    const to = narrowed(q, { kind: 'comparison', attribute, op, value });
    if (to !== undefined) run(to);
  };
  const isFull = rows.length >= limit && !isLive;
  const more = Limits.find((each) => each > limit);

  return (
    <div class="search-page" aria-busy={loading}>
      <h1 class="unseen">Search</h1>
      <div class="search-bar">
        <QueryEditor text={q} run={run} change={setWritten} />
        <Button kind="primary" onClick={() => run(written)}>
          Run
        </Button>
        <QueriesMenu state={state} />
      </div>
      <Builder text={written} run={run} />
      {problem !== undefined ? (
        <EmptyState title="This query cannot be run">
          <p>{problem}</p>
        </EmptyState>
      ) : (
        <>
          <Timeline
            range={shown}
            bars={histogram.bars}
            stepMs={histogram.stepMs}
            rows={rows}
            zoom={zoom}
            loadedFromMs={isFull && state.sort === 'start' ? rows.at(-1)?.startMs : undefined}
          />
          <Summary
            state={state}
            rows={rows.length}
            isFull={isFull}
            bars={histogram.bars}
            barsError={histogram.error}
            found={found}
            loading={loading}
            failed={error !== undefined && !loading}
          >
            <a
              class="button quiet search-wide"
              title="Rates, durations and what is different"
              href={href('/explore', { q, spans: 'all' })}
            >
              Explore
            </a>
            <LiveTools
              isLive={isLive}
              setLive={setLive}
              paused={paused}
              setPaused={setPaused}
              held={live.held}
              error={live.error}
            />
          </Summary>
          {error !== undefined && !loading ? (
            <ErrorState error={error} retry={() => setTries(tries + 1)} />
          ) : rows.length > 0 ? (
            <>
              <Results rows={rows} state={state} fresh={live.fresh} narrow={narrow} />
              {isFull && more !== undefined && (
                <p class="search-more">
                  <Button onClick={() => setParams(searchParams({ limit: more }), { replace: true })}>
                    Up to {more.toLocaleString('en')} traces
                  </Button>
                </p>
              )}
            </>
          ) : loading ? null : isLive ? (
            <EmptyState title="Nothing yet">
              <p>Traces that match show up here as they come in.</p>
            </EmptyState>
          ) : (
            <NothingFound q={q} range={range} />
          )}
        </>
      )}
    </div>
  );
}

/** Their values are words of the language. */
const wordAttributes = new Set(['status', 'kind', 'span:status', 'span:kind']);

/** Why a query cannot be run here; undefined when it can. */
function problemOf(read: ReadQuery): string | undefined {
  if (read.kind === 'bad') return `At character ${read.offset + 1}: ${read.reason}`;
  // Metrics are a query, but not one whose answer is traces.
  return read.isMetrics ? 'It computes metrics, and Search shows traces. Take its filter alone.' : undefined;
}

interface PageKeys {
  readonly isLive: boolean;
  readonly setLive: (on: boolean) => void;
  readonly pause: () => void;
}

function usePageKeys({ isLive, setLive, pause }: PageKeys): void {
  const group = 'Search';
  useKeys(
    () => [
      { keys: 'l', does: 'Live tail on or off', group, run: () => setLive(!isLive) },
      ...(isLive ? [{ keys: 'p', does: 'Hold or go on', group, run: pause }] : []),
      {
        keys: '+',
        does: 'Half the time range',
        group,
        run: () => setTimeRange(zoomed(timeRange.value, 0.5, Date.now())),
      },
      {
        keys: '-',
        does: 'Twice the time range',
        group,
        run: () => setTimeRange(zoomed(timeRange.value, 2, Date.now())),
      },
    ],
    [isLive],
  );
}

interface LiveToolsProps {
  readonly isLive: boolean;
  readonly setLive: (on: boolean) => void;
  readonly paused: boolean;
  readonly setPaused: (paused: boolean) => void;
  readonly held: number;
  readonly error: unknown;
}

function LiveTools({ isLive, setLive, paused, setPaused, held, error }: LiveToolsProps): ComponentChildren {
  const goOn = (): void => {
    setPaused(false);
    document.querySelector('main')?.scrollTo({ top: 0 });
  };
  return (
    <span class="search-live">
      {isLive && error !== undefined && <span class="error-text">the server does not answer, asking again</span>}
      {isLive && held > 0 && <Button onClick={goOn}>{held.toLocaleString('en')} new</Button>}
      {isLive && (
        <Button kind="quiet" pressed={paused} label="Hold (p)" onClick={() => setPaused(!paused)}>
          {paused ? 'Held' : 'Hold'}
        </Button>
      )}
      <Button kind="quiet" pressed={isLive} label="Live tail (l)" onClick={() => setLive(!isLive)}>
        <Icon name="live" />
        Live
      </Button>
    </span>
  );
}

/** A trace that is there: head, tools, chart with the span beside it, and the panels below. */
import { useEffect } from 'preact/hooks';
import { uiSettings } from '../api/settings.ts';
import { param, setParams } from '../app/router.ts';
import { Tabs } from '../components/tabs.tsx';
import { formatCount } from '../format/count.ts';
import { operationOf, rowOfSpan, spanIdText } from './model/trace.ts';
import { ComparePanel } from './panels/compare-panel.tsx';
import { FlamePanel } from './panels/flame-panel.tsx';
import { JsonPanel } from './panels/json-panel.tsx';
import { SpanPanel, useSpan } from './panels/span-panel.tsx';
import { StatisticsPanel } from './panels/statistics-panel.tsx';
import { TraceHead } from './trace-head.tsx';
import { useTraceKeys } from './trace-keys.ts';
import { TraceTools } from './trace-tools.tsx';
import { Chart } from './view/chart.tsx';
import { Overview } from './view/overview.tsx';
import type { TraceView } from './view/trace-view.ts';

const panels = [
  { name: 'timeline', label: 'Timeline' },
  { name: 'flame', label: 'Flame graph' },
  { name: 'statistics', label: 'Statistics' },
  { name: 'compare', label: 'Compare' },
  { name: 'json', label: 'JSON' },
] as const;
type PanelName = (typeof panels)[number]['name'];

export function TraceScreen({ view, reload }: { readonly view: TraceView; readonly reload: () => void }) {
  const { trace } = view.source;
  useAddress(view);
  useTraceKeys(view);
  const settings = uiSettings.value;
  const span = useSpan(view);
  const tab = panels.find(({ name }) => name === param('tab'))?.name ?? 'timeline';
  const filterBy = (condition: string): void => setParams({ filter: condition });
  const close = (): void => {
    view.selected.value = -1;
  };
  useEffect(() => {
    const root = trace.spans > 0 ? operationOf(trace, 0) : undefined;
    document.title = root === undefined ? 'Trace · Rubato' : `${root.service} ${root.name} · Rubato`;
    return () => {
      document.title = 'Rubato';
    };
  }, [view]);
  useEffect(() => {
    const { startUnixNano } = trace;
    view.events.value = span?.detail?.events.map(({ timeUnixNano }) => Number(timeUnixNano - startUnixNano)) ?? [];
  }, [view, span]);
  return (
    <div class="trace-page">
      <TraceHead view={view} />
      {trace.totalSpans > trace.spans && (
        <p class="trace-notice" role="status">
          This trace has {formatCount(trace.totalSpans)} spans; the first {formatCount(trace.spans)} are shown.
        </p>
      )}
      {span?.error !== undefined && span.error instanceof Error && span.error.name === 'TraceGrown' && (
        <p class="trace-notice">
          {span.error.message}{' '}
          <button type="button" class="button" onClick={reload}>
            Load again
          </button>
        </p>
      )}
      <Overview view={view} />
      <TraceTools view={view} reload={reload} />
      <div class="trace-main">
        <Chart view={view} />
        {span !== undefined && (
          <SpanPanel view={view} span={span} settings={settings} close={close} filterBy={filterBy} />
        )}
      </div>
      <div class="trace-dock" data-open={tab !== 'timeline'}>
        <Tabs<PanelName>
          label="Views of the trace"
          tabs={panels}
          selected={tab}
          select={(name) => setParams({ tab: name === 'timeline' ? undefined : name }, { replace: true })}
          panelId="trace-panel"
        />
        <div id="trace-panel" class="trace-panel" role="tabpanel" aria-label={tab}>
          {tab === 'flame' && <FlamePanel view={view} />}
          {tab === 'statistics' && (
            <StatisticsPanel
              view={view}
              by={param('by') || 'operation'}
              setBy={(by) => setParams({ by }, { replace: true })}
            />
          )}
          {tab === 'compare' && (
            <ComparePanel view={view} other={param('with')} setOther={(id) => setParams({ with: id })} />
          )}
          {tab === 'json' && <JsonPanel view={view} />}
        </div>
      </div>
    </div>
  );
}

/** Between two writes of the address; browsers refuse more than about a hundred in half a minute. */
const writeEveryMs = 400;

/** The view follows the address, and the address the view. */
function useAddress(view: TraceView): void {
  const { trace } = view.source;
  const span = param('span');
  const filter = param('filter');
  const only = param('only') === '1';
  const colour = param('colour') || 'service';
  useEffect(() => {
    const row = span === '' ? -1 : rowOfSpan(trace, span);
    if (row !== -1 && row !== view.selected.peek()) view.select(row);
  }, [view, span]);
  useEffect(() => void view.setFilter(filter), [view, filter]);
  useEffect(() => {
    view.onlyMatches.value = only;
    view.scrollTo(view.top.peek());
  }, [view, only]);
  useEffect(() => {
    view.values(colour).then(
      (values) => view.colourBy(colour, values),
      () => undefined,
    );
  }, [view, colour]);
  useEffect(() => {
    const [from, to] = param('window').split('-').map(Number);
    if (from !== undefined && to !== undefined && to > from) view.setWindow(from, to);
  }, [view]);

  const selected = view.selected.value;
  const { from, to } = view.window.value;
  useEffect(() => {
    const timer = setTimeout(() => {
      setParams(
        {
          span: selected === -1 ? undefined : spanIdText(trace, selected),
          window: view.isZoomed ? `${Math.round(from)}-${Math.round(to)}` : undefined,
          only: view.onlyMatches.peek() ? '1' : undefined,
        },
        { replace: true },
      );
    }, writeEveryMs);
    return () => clearTimeout(timer);
  }, [view, selected, from, to]);
}

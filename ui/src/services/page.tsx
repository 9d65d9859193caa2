/** Services: the graph of who calls whom, and the same as tables beside it. */
import { useMemo, useState } from 'preact/hooks';
import type { ServiceGraphAnswer } from '../../../src/api/contract/index.ts';
import { getJson, rangeParams } from '../api/client.ts';
import { href, param, setParams } from '../app/router.ts';
import { tenant } from '../app/tenant.ts';
import { timeRange } from '../app/time-range.ts';
import { recall, remember } from '../base/memory.ts';
import { useRequest } from '../base/use-request.ts';
import { EmptyState } from '../components/empty-state.tsx';
import { ErrorState } from '../components/error-state.tsx';
import { Tabs } from '../components/tabs.tsx';
import { formatCount } from '../format/count.ts';
import { CallTable } from './call-table.tsx';
import { GraphView } from './graph-view.tsx';
import { emptyLayout, freshLayout, type GraphShape, type Layout, updateLayout } from './layout.ts';
import { ServiceTable } from './service-table.tsx';
import './services.css';

/** Layouts by tenant: the picture is the same when one comes back, also in the next session. */
const layouts = new Map<string, Layout>();

type Listing = 'services' | 'calls';

export default function ServicesPage() {
  const range = timeRange.value;
  const [tries, setTries] = useState(0);
  const { data, error, loading } = useRequest<ServiceGraphAnswer>(
    (ended) => getJson('/api/service-graph', { ...rangeParams(range), limit: 200 }, ended),
    [range.fromMs, range.toMs, tenant.value, tries],
  );
  if (data === undefined) {
    if (error !== undefined) return <ErrorState error={error} retry={() => setTries(tries + 1)} />;
    return <div class="services-page" aria-busy="true" />;
  }
  if (data.nodes.length === 0) {
    return (
      <EmptyState title="No requests in this time range">
        <p>Services show up here as soon as their spans arrive.</p>
        <a href={href('/setup')}>How to send traces</a>
      </EmptyState>
    );
  }
  return <Graph data={data} loading={loading} error={error} />;
}

interface GraphProps {
  readonly data: ServiceGraphAnswer;
  readonly loading: boolean;
  readonly error: unknown;
}

function Graph({ data, loading, error }: GraphProps) {
  const find = param('find');
  const listing: Listing = param('list') === 'calls' ? 'calls' : 'services';
  const [arranged, setArranged] = useState(0);
  const layout = useMemo(() => layoutOf(data), [data, arranged]);
  const found = useMemo(() => matching(data, find), [data, find]);
  const { nodes, edges, nodesLeftOut } = data;
  const services = nodes.filter(({ kind }) => kind === 'service').length;
  const arrange = (): void => {
    keepLayout(freshLayout(shapeOf(data)));
    setArranged(arranged + 1);
  };
  return (
    <div class="services-page" aria-busy={loading}>
      <h1 class="unseen">Services</h1>
      <GraphView data={data} layout={layout} found={found} arrange={arrange} />
      <section class="services-side" aria-label="Lists">
        <div class="services-head">
          <input
            class="field"
            type="search"
            aria-label="Find a service"
            placeholder="Find a service"
            value={find}
            onInput={(event) => setParams({ find: event.currentTarget.value }, { replace: true })}
          />
          <p class="faint">
            {formatCount(services)} services, {formatCount(nodes.length - services)} peers, {formatCount(edges.length)}{' '}
            calls
            {nodesLeftOut > 0 && `; ${formatCount(nodesLeftOut)} with few requests are left out`}
          </p>
        </div>
        {error !== undefined && <p class="error-text services-error">{error instanceof Error ? error.message : ''}</p>}
        <Tabs<Listing>
          label="Lists"
          panelId="services-list"
          tabs={[
            { name: 'services', label: 'Services' },
            { name: 'calls', label: 'Calls' },
          ]}
          selected={listing}
          select={(name) => setParams({ list: name === 'calls' ? 'calls' : undefined }, { replace: true })}
        />
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so keys must reach it */}
        <div id="services-list" role="tabpanel" class="services-list" tabIndex={0} aria-label={listing}>
          {listing === 'services' ? (
            <ServiceTable data={data} found={found} />
          ) : (
            <CallTable data={data} found={found} />
          )}
        </div>
      </section>
    </div>
  );
}

const shapeOf = ({ nodes, edges }: ServiceGraphAnswer): GraphShape => ({ nodes: nodes.map(({ id }) => id), edges });

function layoutOf(data: ServiceGraphAnswer): Layout {
  const layout = updateLayout(shapeOf(data), layouts.get(tenant.peek()) ?? recalledLayout());
  keepLayout(layout);
  return layout;
}

const memoryKey = (): string => `services.layout.${tenant.peek()}`;

function recalledLayout(): Layout {
  const kept = recall<{ nodes?: [string, never][]; edges?: [string, never][] }>(memoryKey(), {});
  if (!Array.isArray(kept.nodes) || !Array.isArray(kept.edges)) return emptyLayout;
  return { nodes: new Map(kept.nodes), edges: new Map(kept.edges) };
}

function keepLayout(layout: Layout): void {
  if (layouts.get(tenant.peek()) === layout) return;
  layouts.set(tenant.peek(), layout);
  remember(memoryKey(), { nodes: [...layout.nodes], edges: [...layout.edges] });
}

/** Ids of the nodes whose name or system has the text; undefined for all. */
function matching({ nodes }: ServiceGraphAnswer, text: string): ReadonlySet<string> | undefined {
  if (text === '') return undefined;
  const wanted = text.toLowerCase();
  return new Set(
    nodes.filter(({ name, system }) => `${name} ${system}`.toLowerCase().includes(wanted)).map((n) => n.id),
  );
}

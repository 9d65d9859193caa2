/**
 * One tenant's metrics, out of the rows of its span tables. Pure: time comes in with the rows, samples go out to a sink,
 * and the whole state is plain data, so that whoever runs it can go on from where it was.
 *
 * Rows must come once each, and of one table in order; `tableId` tells tables apart.
 */
import type { SpanTableData } from '../model/span-table.ts';
import { HostInfo } from './host-info.ts';
import { type FamilyState, Registry } from './registry.ts';
import { type EdgeState, type GraphCounters, ServiceGraphs } from './service-graphs.ts';
import type { GeneratorSettings } from './settings.ts';
import type { SampleSink } from './sink.ts';
import { SpanMetrics } from './span-metrics.ts';
import { SpanNames } from './span-names.ts';
import { SlotPlan, TableView } from './table-view.ts';

export interface GeneratorState {
  readonly families: readonly FamilyState[];
  readonly edges: readonly EdgeState[];
}

export interface GeneratorCounters {
  readonly spansReceived: number;
  readonly bytesReceived: number;
  readonly discarded: Readonly<Record<DiscardReason, number>>;
  readonly activeSeries: number;
  readonly activeEntities: number;
  /** Active, and those that limits refused since the last collection. */
  readonly seriesDemand: number;
  readonly entityDemand: number;
  readonly limitedLabelValues: number;
  readonly labelValues: Readonly<Record<string, number>>;
  readonly sanitizedSpans: number;
  readonly graph: GraphCounters | undefined;
  readonly waitingEdges: number;
}

export type DiscardReason =
  | 'outside_metrics_ingestion_slack'
  | 'span_metrics_filtered'
  | 'service_graphs_filtered'
  | 'invalid_utf8';

/** Tables of a tenant that are looked at alternately: the open one, and one that is being replayed. */
const viewsMax = 2;

export class Generator {
  readonly #settings: GeneratorSettings;
  readonly #registry: Registry;
  readonly #plan = new SlotPlan();
  readonly #spanMetrics: SpanMetrics | undefined;
  readonly #serviceGraphs: ServiceGraphs | undefined;
  readonly #hostInfo: HostInfo | undefined;
  readonly #names: SpanNames;
  /** The one used last is at the end. */
  readonly #views = new Map<string, TableView>();
  #spansReceived = 0;
  #bytesReceived = 0;
  readonly #discarded = {
    outside_metrics_ingestion_slack: 0,
    span_metrics_filtered: 0,
    service_graphs_filtered: 0,
    invalid_utf8: 0,
  };

  /** @throws when settings cannot be used: a bad regular expression of a filter */
  constructor(settings: GeneratorSettings, state?: GeneratorState) {
    const { spanMetrics, serviceGraphs, hostInfo, spanNames } = settings;
    this.#settings = settings;
    this.#registry = new Registry(settings.registry, state?.families);
    this.#names = new SpanNames(spanNames);
    const { nameOf } = this.#names;
    if (spanMetrics !== undefined) this.#spanMetrics = new SpanMetrics(spanMetrics, this.#registry, this.#plan, nameOf);
    if (serviceGraphs !== undefined)
      this.#serviceGraphs = new ServiceGraphs(serviceGraphs, this.#registry, this.#plan, state?.edges);
    if (hostInfo !== undefined) this.#hostInfo = new HostInfo(hostInfo, this.#registry, this.#plan);
  }

  /**
   * Counts rows `from` (inclusive) to `to` (exclusive).
   * @param receivedMs when they came in: what is late or early is measured against it, also in a replay
   */
  apply(tableId: string, data: SpanTableData, from: number, to: number, receivedMs: number): void {
    const view = this.#viewOf(tableId);
    view.update(data);
    const { start, end } = data;
    const earliest = receivedMs - this.#settings.slackMs;
    const latest = receivedMs + this.#settings.slackMs;
    const discarded = this.#discarded;
    const spanMetrics = this.#spanMetrics;
    const serviceGraphs = this.#serviceGraphs;
    serviceGraphs?.expire(receivedMs);
    for (let row = from; row < to; row++) {
      const bytes = view.readSpan(row);
      this.#bytesReceived += bytes;
      const endHigh = end[row * 2 + 1]!;
      const endLow = end[row * 2]!;
      const endMs = (endHigh * 4294967296 + endLow) / 1e6;
      if (endMs < earliest || endMs > latest) {
        discarded.outside_metrics_ingestion_slack++;
        continue;
      }
      const nanos = (endHigh - start[row * 2 + 1]!) * 4294967296 + (endLow - start[row * 2]!);
      const seconds = nanos > 0 ? nanos / 1e9 : 0;
      if (spanMetrics !== undefined) {
        const outcome = spanMetrics.count(view, row, seconds, bytes, receivedMs);
        if (outcome === 'filtered') discarded.span_metrics_filtered++;
        else if (outcome === 'invalid_utf8') discarded.invalid_utf8++;
      }
      if (serviceGraphs !== undefined && serviceGraphs.count(view, row, seconds, receivedMs) === 'filtered')
        discarded.service_graphs_filtered++;
      this.#hostInfo?.see(view, row, receivedMs);
    }
    this.#spansReceived += to - from;
    view.release();
  }

  /**
   * Gives all series to the sink. What has not changed for long is gone after it.
   * @param zeroMs when series that are new were 0; undefined leaves them new
   */
  collect(sink: SampleSink, options: { nowMs: number; exemplarsSinceMs: number; zeroMs: number | undefined }): void {
    this.#serviceGraphs?.expire(options.nowMs);
    if (options.zeroMs !== undefined && this.#registry.removeStale(options.nowMs)) {
      this.#views.clear();
      this.#serviceGraphs?.forgetSeries();
    }
    this.#registry.collect(sink, options);
  }

  state(): GeneratorState {
    return { families: this.#registry.states(), edges: this.#serviceGraphs?.states() ?? [] };
  }

  counters(): GeneratorCounters {
    const { limiter } = this.#registry;
    return {
      spansReceived: this.#spansReceived,
      bytesReceived: this.#bytesReceived,
      discarded: { ...this.#discarded },
      activeSeries: limiter.series,
      activeEntities: limiter.entities,
      seriesDemand: limiter.series + limiter.refusedSeries.count,
      entityDemand: limiter.entities + limiter.refusedEntities.count,
      limitedLabelValues: limiter.limitedValues,
      labelValues: Object.fromEntries(limiter.valueCounts),
      sanitizedSpans: this.#names.changed,
      graph: this.#serviceGraphs && { ...this.#serviceGraphs.counters },
      waitingEdges: this.#serviceGraphs?.waiting ?? 0,
    };
  }

  #viewOf(tableId: string): TableView {
    let view = this.#views.get(tableId);
    if (view === undefined) {
      view = new TableView(this.#plan);
      if (this.#views.size >= viewsMax) this.#views.delete(this.#views.keys().next().value!);
    } else this.#views.delete(tableId);
    this.#views.set(tableId, view);
    return view;
  }
}

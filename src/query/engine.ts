/** The query engine: searches, metrics and tags over whatever storage satisfies the port. */
import type { Clock } from '../base/clock.ts';
import { LruCache } from '../base/lru-cache.ts';
import type {
  MetricsRequest,
  MetricsResult,
  QueryBudget,
  QueryEngine,
  SearchRequest,
  SearchResult,
  TagNamesRequest,
  TagNamesResult,
  TagValuesRequest,
  TagValuesResult,
  TimeRange,
} from '../traceql/result.ts';
import type { ServiceGraphRequest, ServiceGraphResult } from '../traceql/service-graph.ts';
import type { ReadCost, TraceStorage } from '../traceql/storage.ts';
import { explainMetrics, type MetricsExplanation } from './metrics/explain.ts';
import { runMetrics } from './metrics/run-metrics.ts';
import { explainSearch, type SearchExplanation } from './search/explain.ts';
import { runSearch } from './search/run-search.ts';
import { runServiceGraph } from './service-graph/run-service-graph.ts';
import { runTagNames, runTagValues } from './tags/run-tags.ts';
import { Turns } from './work.ts';

export interface EngineOptions {
  readonly storage: TraceStorage;
  readonly clock: Clock;
  readonly defaults: {
    /** What one query may use. */
    readonly budget: QueryBudget;
    /** Answers and parts of answers that are kept for the next query; 0 keeps none. */
    readonly cacheBytesMax: number;
  };
}

/** What all queries of an engine work with. */
interface EngineContext {
  readonly storage: TraceStorage;
  readonly budget: QueryBudget;
  readonly cache: LruCache;
  pause(): Promise<void> | undefined;
  nowMs(): number;
}

export class Engine implements QueryEngine {
  readonly #context: EngineContext;

  constructor({ storage, clock, defaults }: EngineOptions) {
    const turns = new Turns();
    this.#context = {
      storage,
      budget: defaults.budget,
      cache: new LruCache(defaults.cacheBytesMax),
      pause: () => turns.pause(),
      nowMs: () => clock.nowMs(),
    };
  }

  search(
    request: SearchRequest,
    signal: AbortSignal,
    onPartial?: (partial: SearchResult) => void,
  ): Promise<SearchResult> {
    return runSearch(this.#context, request, signal, onPartial);
  }

  metrics(
    request: MetricsRequest,
    signal: AbortSignal,
    onPartial?: (partial: MetricsResult) => void,
  ): Promise<MetricsResult> {
    return runMetrics(this.#context, request, signal, onPartial);
  }

  tagNames(request: TagNamesRequest, signal: AbortSignal): Promise<TagNamesResult> {
    return runTagNames(this.#context, request, signal);
  }

  tagValues(request: TagValuesRequest, signal: AbortSignal): Promise<TagValuesResult> {
    return runTagValues(this.#context, request, signal);
  }

  serviceGraph(request: ServiceGraphRequest, signal: AbortSignal): Promise<ServiceGraphResult> {
    return runServiceGraph(this.#context, request, signal);
  }

  async version(
    { tenant, range }: { readonly tenant: string; readonly range: TimeRange },
    signal: AbortSignal,
  ): Promise<string> {
    const cost: ReadCost = { requests: 0, bytes: 0, pages: 0 };
    return (await this.#context.storage.snapshot({ tenant, ...range }, cost, signal)).version;
  }

  /** How a query would be executed. Reads indexes and traces tables, no spans. */
  async explain(
    request: SearchRequest | MetricsRequest,
    signal: AbortSignal,
  ): Promise<SearchExplanation | MetricsExplanation> {
    const cost: ReadCost = { requests: 0, bytes: 0, pages: 0 };
    const snapshot = await this.#context.storage.snapshot({ tenant: request.tenant, ...request.range }, cost, signal);
    return 'sort' in request
      ? explainSearch(request, snapshot, cost, signal)
      : explainMetrics(request, snapshot, this.#context.budget, cost, signal);
  }
}

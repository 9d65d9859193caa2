/**
 * What a query asks for and answers, as plain data. Shared by the engine (`src/query`), the routes (`src/api`), the
 * command line and the web UI, so it belongs to the language. Times are Unix nanoseconds unless a name says otherwise.
 */
import type { Query, Static } from './ast.ts';
import type { ServiceGraphRequest, ServiceGraphResult } from './service-graph.ts';

/** A value in an answer: a scalar, or an array, map or bytes value as OTLP AnyValue protobuf. */
export type ResultValue = Static | { readonly type: 'any'; readonly anyValue: Uint8Array };

export interface ResultAttribute {
  readonly key: string;
  readonly value: ResultValue;
}

/** Inclusive bounds; both 0n when the whole store is meant. */
export interface TimeRange {
  readonly startUnixNano: bigint;
  readonly endUnixNano: bigint;
}

/** Limits that one query may use; beyond them it is stopped with an error of kind `exhausted`. */
export interface QueryBudget {
  readonly memoryBytesMax: number;
}

/** What a query cost. `milliseconds` by stage: parse, plan, read, evaluate, encode. */
export interface QueryCost {
  inspectedTraces: number;
  inspectedSpans: number;
  inspectedBytes: number;
  requests: number;
  pages: number;
  totalBlocks: number;
  totalBlockBytes: number;
  totalJobs: number;
  completedJobs: number;
  readonly milliseconds: Record<string, number>;
}

export const SearchSorts = ['start', 'duration', 'spans', 'errors'] as const;
export type SearchSort = (typeof SearchSorts)[number];

/** Legacy `tags=` search: every pair must match a string attribute of one resource's spans; durations are of the trace. */
export interface TagSearch {
  readonly tags: readonly { readonly key: string; readonly value: string }[];
  readonly minDurationNano: number;
  /** 0 = no bound. */
  readonly maxDurationNano: number;
}

export interface SearchRequest {
  readonly tenant: string;
  readonly range: TimeRange;
  /** A checked TraceQL query, or a legacy tag search. */
  readonly query: Query | TagSearch;
  readonly limit: number;
  readonly spansPerSpanSet: number;
  /**
   * `start`: newest first (the default). `duration`: longest trace first; `spans`, `errors`: the one with most of them.
   * Over the whole range.
   */
  readonly sort: SearchSort;
  /** Count every match instead of stopping early. */
  readonly totals: boolean;
}

export interface SpanResult {
  /** 16 hex digits. */
  readonly spanId: string;
  /** Only when the query refers to the name. */
  readonly name?: string;
  readonly startUnixNano: bigint;
  readonly durationNano: number;
  readonly attributes: readonly ResultAttribute[];
}

export interface SpanSetResult {
  readonly spans: readonly SpanResult[];
  /** Spans in the set before `spans` was cut. */
  readonly matched: number;
  /** by() and aggregate values. */
  readonly attributes: readonly ResultAttribute[];
}

export interface TraceResult {
  /** 32 hex digits. */
  readonly traceId: string;
  /** Empty when no root span was received. */
  readonly rootServiceName: string;
  readonly rootTraceName: string;
  readonly startUnixNano: bigint;
  readonly durationNano: number;
  /** Empty for a tag search and for a search without a query. */
  readonly spanSets: readonly SpanSetResult[];
  readonly serviceStats: readonly {
    readonly service: string;
    readonly spanCount: number;
    readonly errorCount: number;
  }[];
}

export interface SearchResult {
  readonly traces: readonly TraceResult[];
  /** With `totals`: how many traces and spans match in all. */
  readonly totals?: { readonly traces: number; readonly spans: number };
  readonly cost: QueryCost;
}

export interface MetricsRequest {
  readonly tenant: string;
  /** A checked TraceQL query with a metrics stage. */
  readonly query: Query;
  /** Range queries: aligned by the caller; a span counts when start < t <= end. Instant: both ends closed. */
  readonly range: TimeRange;
  /** ns; 0 for an instant query: one interval over the range. */
  readonly stepNano: bigint;
  /** 0 = none. */
  readonly exemplars: number;
  /** 0 = no limit. */
  readonly maxSeries: number;
}

export interface Exemplar {
  readonly labels: readonly ResultAttribute[];
  readonly value: number;
  readonly timestampMs: number;
}

export interface MetricsSeries {
  readonly labels: readonly ResultAttribute[];
  /** Right edges of the intervals, Unix ms; one sample for an instant query. */
  readonly timestampsMs: readonly number[];
  readonly values: readonly number[];
  readonly exemplars: readonly Exemplar[];
}

export interface MetricsResult {
  readonly series: readonly MetricsSeries[];
  /** True when `maxSeries` cut the answer. */
  readonly truncated: boolean;
  /** Partial answers: the intervals, by their right edges, whose values will not change any more. */
  readonly completeMs?: readonly number[];
  readonly cost: QueryCost;
}

export const TagScopes = ['resource', 'span', 'event', 'link', 'instrumentation', 'trace', 'intrinsic'] as const;
export type TagScope = (typeof TagScopes)[number];

export interface TagNamesRequest {
  readonly tenant: string;
  readonly range: TimeRange;
  /** undefined: all scopes. */
  readonly scope?: TagScope;
  /** Only tags of spans that match this pipeline. */
  readonly filter?: Query;
  /** Per scope; 0 = no limit. */
  readonly limit: number;
  /** Bytes of names in the answer; beyond it the answer is cut. */
  readonly maxBytes: number;
}

export interface TagNamesResult {
  /** Sorted names; scopes without names are left out. */
  readonly scopes: readonly { readonly name: TagScope; readonly tags: readonly string[] }[];
  readonly cost: QueryCost;
}

export interface TagValuesRequest {
  readonly tenant: string;
  readonly range: TimeRange;
  /** A TraceQL identifier (`span.http.route`, `.a`, `name`), parsed; or a plain v1 tag name. */
  readonly tag: import('./ast.ts').AttributeRef | string;
  readonly filter?: Query;
  readonly limit: number;
  readonly maxBytes: number;
}

export type TagValueType = 'string' | 'int' | 'float' | 'bool' | 'duration' | 'keyword';

export interface TagValuesResult {
  readonly values: readonly { readonly type: TagValueType; readonly value: string }[];
  readonly cost: QueryCost;
}

/** The engine as its callers see it. Every call stops when the signal aborts. */
export interface QueryEngine {
  /** `onPartial` gets what is known so far, at most every few hundred milliseconds. */
  search(
    request: SearchRequest,
    signal: AbortSignal,
    onPartial?: (partial: SearchResult) => void,
  ): Promise<SearchResult>;
  metrics(
    request: MetricsRequest,
    signal: AbortSignal,
    onPartial?: (partial: MetricsResult) => void,
  ): Promise<MetricsResult>;
  tagNames(request: TagNamesRequest, signal: AbortSignal): Promise<TagNamesResult>;
  tagValues(request: TagValuesRequest, signal: AbortSignal): Promise<TagValuesResult>;
  serviceGraph(request: ServiceGraphRequest, signal: AbortSignal): Promise<ServiceGraphResult>;
  /** Changes whenever the answer to any query over the range could change. */
  version(request: { readonly tenant: string; readonly range: TimeRange }, signal: AbortSignal): Promise<string>;
}

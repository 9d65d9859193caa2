import type { KeyValueJson, QueryMetricsJson } from './common.ts';

/** `GET /api/search` */
export interface SearchResponse {
  readonly traces: readonly TraceSummaryJson[];
  readonly metrics: QueryMetricsJson;
  /** With `totals=true`: how many match in all. */
  readonly totals?: { readonly traces: number; readonly spans: number };
  /** With `explain=true`. */
  readonly explain?: unknown;
}

export interface TraceSummaryJson {
  /** Hex without leading zeros. */
  readonly traceID: string;
  /** `<root span not yet received>` when there is none. */
  readonly rootServiceName: string;
  readonly rootTraceName?: string;
  readonly startTimeUnixNano?: string;
  readonly durationMs?: number;
  /** The first of `spanSets`. */
  readonly spanSet?: SpanSetJson;
  /** Missing in answers to a tag search. */
  readonly spanSets?: readonly SpanSetJson[];
  readonly serviceStats?: Readonly<Record<string, ServiceStatsJson>>;
}

export interface ServiceStatsJson {
  readonly spanCount?: number;
  readonly errorCount?: number;
}

export interface SpanSetJson {
  readonly spans?: readonly SpanSummaryJson[];
  /** Spans in the set before `spans` was cut. */
  readonly matched?: number;
  /** Values of `by()` and of aggregates. */
  readonly attributes?: readonly KeyValueJson[];
}

export interface SpanSummaryJson {
  /** 16 hex digits. */
  readonly spanID: string;
  /** Only when the query refers to the name. */
  readonly name?: string;
  readonly startTimeUnixNano?: string;
  readonly durationNanos?: string;
  readonly attributes?: readonly KeyValueJson[];
}

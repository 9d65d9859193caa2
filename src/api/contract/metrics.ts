import type { DoubleJson, KeyValueJson, QueryMetricsJson } from './common.ts';

interface MetricsResponse {
  readonly metrics: QueryMetricsJson;
  /** More series than allowed; `message` says so. */
  readonly status?: 'PARTIAL';
  readonly message?: string;
  /** With `explain=true`. */
  readonly explain?: unknown;
}

/** `GET /api/metrics/query_range` */
export interface QueryRangeResponse extends MetricsResponse {
  readonly series: readonly TimeSeriesJson[];
}

/** `GET /api/metrics/query` */
export interface QueryInstantResponse extends MetricsResponse {
  readonly series: readonly InstantSeriesJson[];
}

export interface TimeSeriesJson {
  readonly labels?: readonly KeyValueJson[];
  readonly samples: readonly SampleJson[];
  readonly exemplars?: readonly ExemplarJson[];
}

export interface InstantSeriesJson {
  readonly labels?: readonly KeyValueJson[];
  /** Missing when 0. */
  readonly value?: DoubleJson;
}

export interface SampleJson {
  /** Right edge of the interval. */
  readonly timestampMs: string;
  /** Missing when 0. */
  readonly value?: DoubleJson;
}

export interface ExemplarJson {
  readonly labels?: readonly KeyValueJson[];
  readonly value?: DoubleJson;
  readonly timestampMs: string;
}

import type { QueryMetricsJson } from './common.ts';

/** `GET /api/search/tags` */
export interface TagNamesResponse {
  readonly tagNames: readonly string[];
  readonly metrics: QueryMetricsJson;
}

/** `GET /api/v2/search/tags` */
export interface ScopedTagNamesResponse {
  readonly scopes: readonly { readonly name: string; readonly tags: readonly string[] }[];
  readonly metrics: QueryMetricsJson;
}

/** `GET /api/search/tag/{name}/values` */
export interface TagValuesResponse {
  readonly tagValues: readonly string[];
  readonly metrics: QueryMetricsJson;
}

/** `GET /api/v2/search/tag/{name}/values` */
export interface TypedTagValuesResponse {
  readonly tagValues: readonly TagValueJson[];
  readonly metrics: QueryMetricsJson;
}

export interface TagValueJson {
  readonly type: 'string' | 'int' | 'float' | 'bool' | 'duration' | 'keyword';
  /** Missing when empty. */
  readonly value?: string;
}

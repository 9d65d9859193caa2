/** Pieces that several answers share. JSON as it is on the wire: 64-bit numbers are strings, defaults are left out. */

/** Exactly one member, or none for an empty value. */
export interface AnyValueJson {
  readonly stringValue?: string;
  /** int64 */
  readonly intValue?: string;
  readonly doubleValue?: DoubleJson;
  readonly boolValue?: boolean;
  readonly arrayValue?: { readonly values?: readonly AnyValueJson[] };
  readonly kvlistValue?: { readonly values?: readonly KeyValueJson[] };
  /** base64 */
  readonly bytesValue?: string;
}

export interface KeyValueJson {
  readonly key: string;
  readonly value: AnyValueJson;
}

/** What JSON has no number for is a string. */
export type DoubleJson = number | 'NaN' | 'Infinity' | '-Infinity';

/** What the query cost; a member that is missing is 0. */
export interface QueryMetricsJson {
  readonly inspectedTraces?: number;
  readonly inspectedBytes?: string;
  readonly inspectedSpans?: string;
  readonly totalBlocks?: number;
  readonly totalBlockBytes?: string;
  readonly totalJobs?: number;
  readonly completedJobs?: number;
  /** With `cost=true`. */
  readonly cost?: QueryCostJson;
}

export interface QueryCostJson {
  readonly requests: number;
  readonly pages: number;
  readonly inspectedSpans: number;
  /** By stage: parse, plan, read, evaluate, encode. */
  readonly milliseconds: Readonly<Record<string, number>>;
}

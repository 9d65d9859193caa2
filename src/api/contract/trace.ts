import type { KeyValueJson } from './common.ts';

/** `GET /api/traces/{traceID}` */
export interface TraceV1Response {
  readonly batches: readonly ResourceSpansJson[];
}

/** `GET /api/v2/traces/{traceID}` */
export interface TraceV2Response {
  /** Empty when there is no such trace. */
  readonly trace: { readonly resourceSpans?: readonly ResourceSpansJson[] };
  readonly metrics: {
    readonly inspectedBytes?: string;
    /** With `cost=true`. */
    readonly cost?: { readonly requests: number; readonly pages: number };
  };
  /** The trace is larger than allowed; `trace` holds its first spans, `message` says so. */
  readonly status?: 'PARTIAL';
  readonly message?: string;
}

export interface ResourceSpansJson {
  readonly resource: {
    readonly attributes?: readonly KeyValueJson[];
    readonly droppedAttributesCount?: number;
    readonly entityRefs?: readonly EntityRefJson[];
  };
  readonly scopeSpans: readonly ScopeSpansJson[];
  readonly schemaUrl?: string;
}

export interface EntityRefJson {
  readonly schemaUrl?: string;
  readonly type?: string;
  readonly idKeys?: readonly string[];
  readonly descriptionKeys?: readonly string[];
}

export interface ScopeSpansJson {
  readonly scope: {
    readonly name?: string;
    readonly version?: string;
    readonly attributes?: readonly KeyValueJson[];
    readonly droppedAttributesCount?: number;
  };
  readonly spans: readonly SpanJson[];
  readonly schemaUrl?: string;
}

export const SpanKinds = [
  'SPAN_KIND_INTERNAL',
  'SPAN_KIND_SERVER',
  'SPAN_KIND_CLIENT',
  'SPAN_KIND_PRODUCER',
  'SPAN_KIND_CONSUMER',
] as const;
export type SpanKindJson = (typeof SpanKinds)[number];

/** Ids are base64. */
export interface SpanJson {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState?: string;
  /** Missing for a root. */
  readonly parentSpanId?: string;
  readonly flags?: number;
  readonly name?: string;
  /** Missing when unspecified. */
  readonly kind?: SpanKindJson;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly KeyValueJson[];
  readonly droppedAttributesCount?: number;
  readonly events?: readonly EventJson[];
  readonly droppedEventsCount?: number;
  readonly links?: readonly LinkJson[];
  readonly droppedLinksCount?: number;
  readonly status: { readonly message?: string; readonly code?: 'STATUS_CODE_OK' | 'STATUS_CODE_ERROR' };
}

export interface EventJson {
  readonly timeUnixNano: string;
  readonly name?: string;
  readonly attributes?: readonly KeyValueJson[];
  readonly droppedAttributesCount?: number;
}

/** Ids are base64. */
export interface LinkJson {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState?: string;
  readonly attributes?: readonly KeyValueJson[];
  readonly droppedAttributesCount?: number;
  readonly flags?: number;
}

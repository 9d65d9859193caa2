import type { SectionName } from '../../base/sections.ts';

export interface OperationJson {
  /** Empty when the resource has none. */
  readonly service: string;
  readonly name: string;
  /** OTLP numbers: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
}

export interface TraceAttributeName {
  readonly scope: 'span' | 'resource';
  readonly key: string;
}

/** Head of `GET /api/ui/trace-columns/{traceID}`; its sections are in docs/format/trace-columns.md. */
export interface TraceColumnsHead {
  /** 32 hex digits. */
  readonly traceId: string;
  /** Of the earliest span. */
  readonly startUnixNano: string;
  readonly spans: number;
  /** More than `spans` when the trace is too large to be given out whole. */
  readonly totalSpans: number;
  readonly operations: readonly OperationJson[];
  /** By scope and key. Others' traces may be the only ones that have a value. */
  readonly attributes: readonly TraceAttributeName[];
  readonly sections: readonly SectionName[];
}

export type AttributeJsonValue = string | number | boolean;

/** Head of `GET /api/ui/trace-attribute/{traceID}`. Section `codes`: by row 0, or 1 + index into `values`. */
export interface TraceAttributeHead {
  /** Rows counted as in the trace's columns; another number means that the trace has grown. */
  readonly spans: number;
  /** Integers beyond 2^53 and values that are no scalars are text. */
  readonly values: readonly AttributeJsonValue[];
  readonly sections: readonly SectionName[];
}

/** Head of `GET /api/ui/trace-find/{traceID}`. Section `rows`: ascending, each as the difference to the one before. */
export interface TraceFindHead {
  readonly spans: number;
  readonly rows: number;
  readonly sections: readonly SectionName[];
}

/** `GET /api/ui/settings` */
export interface UiSettings {
  /** Where a span's logs, metrics and the like are; see `ui.span_links` in docs/configuration.md. */
  readonly spanLinks: readonly { readonly name: string; readonly url: string }[];
  /** Where this process takes spans over HTTP and gRPC; empty when others do. */
  readonly receivers: readonly UiReceiver[];
  /** Requests must name a tenant. */
  readonly multitenancy: boolean;
}

export interface UiReceiver {
  readonly protocol: 'otlp/grpc' | 'otlp/http';
  readonly port: number;
  readonly tls: boolean;
}

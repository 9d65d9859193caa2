/** Zipkin spans as plain data, of API v2 (JSON, protobuf) and of v1 (JSON, Thrift). One span at a time is in memory. */
import type { AnyValue } from '../../model/any-value.ts';

export interface ZipkinEndpoint {
  /** Empty: unknown, as the others. */
  readonly serviceName: string;
  readonly ipv4: string;
  readonly ipv6: string;
  /** 0: unknown. */
  readonly port: number;
}

export interface ZipkinAnnotation {
  readonly timestampMicros: bigint;
  readonly value: string;
}

/** https://github.com/openzipkin/zipkin-api/blob/master/zipkin2-api.yaml */
export interface ZipkinSpan {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly id: string;
  /** 16 hex digits, or empty. */
  readonly parentId: string;
  readonly name: string;
  readonly kind: string;
  /** 0: unknown. */
  readonly timestampMicros: bigint;
  readonly durationMicros: bigint;
  readonly localEndpoint: ZipkinEndpoint | undefined;
  readonly remoteEndpoint: ZipkinEndpoint | undefined;
  readonly annotations: readonly ZipkinAnnotation[];
  readonly tags: Map<string, string>;
}

export interface ZipkinV1Annotation extends ZipkinAnnotation {
  readonly endpoint: ZipkinEndpoint | undefined;
}

export interface ZipkinV1BinaryAnnotation {
  readonly key: string;
  readonly value: AnyValue;
  readonly endpoint: ZipkinEndpoint | undefined;
}

/** https://github.com/openzipkin/zipkin-api/blob/master/zipkin-api.yaml, thrift/zipkinCore.thrift */
export interface ZipkinV1Span {
  readonly traceId: string;
  readonly id: string;
  readonly parentId: string;
  readonly name: string;
  readonly timestampMicros: bigint;
  readonly durationMicros: bigint;
  readonly annotations: readonly ZipkinV1Annotation[];
  readonly binaryAnnotations: readonly ZipkinV1BinaryAnnotation[];
}

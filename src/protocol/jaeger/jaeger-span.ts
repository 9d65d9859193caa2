/** What Jaeger's Thrift and protobuf formats both say, as plain data. One span at a time is in memory. */
import type { AnyValue } from '../../model/any-value.ts';

/** The last value of a key stands, at the place of the first. */
export type Tags = Map<string, AnyValue>;

export interface JaegerProcess {
  readonly serviceName: string;
  readonly tags: Tags;
}

export interface JaegerSpan {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** 16 hex digits, or empty: then it is to be found in the references. */
  readonly parentSpanId: string;
  readonly operationName: string;
  readonly references: readonly JaegerReference[];
  readonly startTimeUnixNano: bigint;
  readonly durationNano: bigint;
  readonly tags: Tags;
  readonly logs: readonly JaegerLog[];
}

export const ReferenceType = { childOf: 0, followsFrom: 1 } as const;

export interface JaegerReference {
  /** A {@link ReferenceType}; what is unknown counts as followsFrom. */
  readonly type: number;
  readonly traceId: string;
  readonly spanId: string;
}

export interface JaegerLog {
  readonly timeUnixNano: bigint;
  readonly fields: Tags;
}

/** A value whose type the format does not know, as the OpenTelemetry collector shows it. */
export function unknownTagType(type: number): AnyValue {
  return { type: 'string', value: `<Unknown Jaeger TagType "${type}">` };
}

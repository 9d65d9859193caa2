/** OTLP requests for tests of the API, from a few words about each span. */
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type {
  AnyValueSchema,
  KeyValueSchema,
} from '../../src/api/generated/opentelemetry/proto/common/v1/common_pb.ts';
import {
  type Span_SpanKind,
  type SpanSchema,
  TracesDataSchema,
} from '../../src/api/generated/opentelemetry/proto/trace/v1/trace_pb.ts';

export interface TestSpan {
  /** Small numbers; the ids are these, padded. */
  readonly trace: number;
  readonly span: number;
  readonly parent?: number;
  readonly service: string;
  readonly name: string;
  readonly kind?: Span_SpanKind;
  readonly error?: boolean;
  readonly startMs: number;
  readonly durationMs: number;
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
}

export function otlpOf(spans: readonly TestSpan[]): Uint8Array {
  const services = Map.groupBy(spans, ({ service }) => service);
  const resourceSpans = [...services].map(([service, own]) => ({
    resource: { attributes: keyValues({ 'service.name': service, 'host.name': `${service}-1` }) },
    scopeSpans: [{ scope: { name: 'test', version: '1' }, spans: own.map(otlpSpan) }],
  }));
  return toBinary(TracesDataSchema, create(TracesDataSchema, { resourceSpans }));
}

export const traceIdOf = (trace: number): string => trace.toString(16).padStart(32, '0');
export const spanIdOf = (span: number): string => span.toString(16).padStart(16, '0');

function otlpSpan(span: TestSpan): MessageInitShape<typeof SpanSchema> {
  const startTimeUnixNano = BigInt(span.startMs) * 1_000_000n;
  return {
    traceId: Buffer.from(traceIdOf(span.trace), 'hex'),
    spanId: Buffer.from(spanIdOf(span.span), 'hex'),
    parentSpanId: span.parent === undefined ? new Uint8Array() : Buffer.from(spanIdOf(span.parent), 'hex'),
    name: span.name,
    kind: span.kind ?? 2,
    startTimeUnixNano,
    endTimeUnixNano: startTimeUnixNano + BigInt(Math.round(span.durationMs * 1e6)),
    attributes: keyValues(span.attributes ?? {}),
    status: span.error === true ? { code: 2, message: 'it failed' } : {},
  };
}

function keyValues(
  attributes: Readonly<Record<string, string | number | boolean>>,
): MessageInitShape<typeof KeyValueSchema>[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: { value: anyValue(value) } }));
}

function anyValue(value: string | number | boolean): MessageInitShape<typeof AnyValueSchema>['value'] & object {
  if (typeof value === 'string') return { case: 'stringValue', value };
  if (typeof value === 'boolean') return { case: 'boolValue', value };
  if (Number.isInteger(value)) return { case: 'intValue', value: BigInt(value) };
  return { case: 'doubleValue', value };
}

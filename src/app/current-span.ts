/**
 * The request that runs now, as tracing knows it: by the caller's trace when there was a `traceparent`, by one of our own
 * when spans are recorded (`tracing.ts`). Without either there is none, and a stage is a call of its work.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

export type Attributes = Readonly<Record<string, string | number>>;

export interface OpenSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly startNano: bigint;
  /** Undefined: not recorded. */
  readonly recorder: SpanRecorder | undefined;
}

export type SpanKind = 'internal' | 'server' | 'client';

export interface SpanRecorder {
  child(parent: OpenSpan): OpenSpan;
  /** @param error what failed; undefined: nothing did */
  end(span: OpenSpan, name: string, kind: SpanKind, attributes: Attributes, error?: string): void;
}

export const currentSpan = new AsyncLocalStorage<OpenSpan>();

/** What log lines of a request carry. */
export function traceFields(): object {
  const span = currentSpan.getStore();
  return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId };
}

/** A stage of the request that runs now: a span of its own when the request is recorded. */
export async function traced<T>(
  name: string,
  attributes: Attributes,
  work: () => Promise<T>,
  kind: SpanKind = 'internal',
): Promise<T> {
  const parent = currentSpan.getStore();
  if (parent?.recorder === undefined) return work();
  const { recorder } = parent;
  const span = recorder.child(parent);
  try {
    const result = await currentSpan.run(span, work);
    recorder.end(span, name, kind, attributes);
    return result;
  } catch (error) {
    recorder.end(span, name, kind, attributes, error instanceof Error ? error.message : String(error));
    throw error;
  }
}

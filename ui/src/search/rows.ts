/** Answers of the search as rows of the results. */
import type { KeyValueJson, SearchResponse, TraceSummaryJson } from '../../../src/api/contract/index.ts';
import { anyValueText } from '../format/any-value.ts';

export interface Row {
  readonly traceId: string;
  readonly startMs: number;
  readonly durationMs: number;
  /** Empty when the root has not been received. */
  readonly rootService: string;
  readonly rootName: string;
  /** The first span that matches, unless it is the root. */
  readonly match: MatchedSpan | undefined;
  readonly spans: number;
  readonly errors: number;
}

export interface MatchedSpan {
  readonly spanId: string;
  readonly service: string;
  readonly name: string;
  readonly isError: boolean;
}

const rootMissing = '<root span not yet received>';

export const rowsOf = (answer: SearchResponse): readonly Row[] => answer.traces.map(rowOf);

function rowOf(trace: TraceSummaryJson): Row {
  const sets = trace.spanSets ?? (trace.spanSet === undefined ? [] : [trace.spanSet]);
  const span = sets[0]?.spans?.[0];
  const values = valuesOf(span?.attributes ?? []);
  const rootService = trace.rootServiceName === rootMissing ? '' : trace.rootServiceName;
  const rootName = trace.rootTraceName ?? '';
  const service = values.get('service.name') ?? '';
  const name = span?.name ?? '';
  const isRoot = service === rootService && name === rootName;
  const stats = Object.values(trace.serviceStats ?? {});
  return {
    traceId: trace.traceID,
    startMs: Number(BigInt(trace.startTimeUnixNano ?? '0') / 1000n) / 1000,
    durationMs: trace.durationMs ?? 0,
    rootService,
    rootName,
    match:
      span === undefined || isRoot
        ? undefined
        : { spanId: span.spanID, service, name, isError: values.get('status') === 'error' },
    spans: stats.reduce((sum, { spanCount = 0 }) => sum + spanCount, 0),
    errors: stats.reduce((sum, { errorCount = 0 }) => sum + errorCount, 0),
  };
}

/** The search names attributes without their scope; one that a span does not have is `nil`. */
function valuesOf(attributes: readonly KeyValueJson[]): ReadonlyMap<string, string> {
  const texts = attributes.map(({ key, value }) => [key, anyValueText(value)] as const);
  return new Map(texts.filter(([, text]) => text !== 'nil'));
}

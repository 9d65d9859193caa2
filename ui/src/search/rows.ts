/** Answers of the search as rows of the results. */
import type { AnyValueJson, KeyValueJson, SearchResponse, TraceSummaryJson } from '../../../src/api/contract/index.ts';
import { literal } from '../base/literal.ts';
import { anyValueText } from '../format/any-value.ts';
import { formatDuration } from '../format/duration.ts';

export interface Row {
  readonly traceId: string;
  readonly startMs: number;
  readonly durationMs: number;
  /** Empty when the root has not been received. */
  readonly rootService: string;
  readonly rootName: string;
  /** It is the first span that matches, and it failed. */
  readonly rootFailed: boolean;
  /** The first span that matches, unless it is the root. */
  readonly match: MatchedSpan | undefined;
  /** Spans that match. */
  readonly matched: number;
  readonly spans: number;
  readonly errors: number;
  /** Of the first span that matches, and of its group: by the attribute's name without scope. */
  readonly values: ReadonlyMap<string, Value>;
}

export interface MatchedSpan {
  readonly spanId: string;
  readonly service: string;
  readonly name: string;
  readonly isError: boolean;
}

export interface Value {
  readonly text: string;
  /** As TraceQL writes it; undefined for lists and maps, which nothing can be compared with. */
  readonly literal: string | undefined;
}

const rootMissing = '<root span not yet received>';

export const rowsOf = (answer: SearchResponse): readonly Row[] => answer.traces.map(rowOf);

function rowOf(trace: TraceSummaryJson): Row {
  const sets = trace.spanSets ?? (trace.spanSet === undefined ? [] : [trace.spanSet]);
  const span = sets[0]?.spans?.[0];
  const values = new Map<string, Value>();
  if (span?.durationNanos !== undefined) values.set('duration', durationValue(Number(span.durationNanos)));
  addValues(values, sets[0]?.attributes);
  addValues(values, span?.attributes);
  const rootService = trace.rootServiceName === rootMissing ? '' : trace.rootServiceName;
  const rootName = trace.rootTraceName ?? '';
  const service = values.get('service.name')?.text ?? '';
  const name = span?.name ?? '';
  const isRoot = service === rootService && name === rootName;
  const isError = values.get('status')?.text === 'error';
  const stats = Object.values(trace.serviceStats ?? {});
  return {
    traceId: trace.traceID,
    startMs: Number(BigInt(trace.startTimeUnixNano ?? '0') / 1000n) / 1000,
    durationMs: trace.durationMs ?? 0,
    rootService,
    rootName,
    rootFailed: isRoot && isError,
    match: span === undefined || isRoot ? undefined : { spanId: span.spanID, service, name, isError },
    matched: sets.reduce((sum, set) => sum + (set.matched ?? 0), 0),
    spans: stats.reduce((sum, { spanCount = 0 }) => sum + spanCount, 0),
    errors: stats.reduce((sum, { errorCount = 0 }) => sum + errorCount, 0),
    values,
  };
}

/** The search names attributes without their scope; one that a span does not have is `nil`. */
function addValues(values: Map<string, Value>, attributes: readonly KeyValueJson[] | undefined): void {
  for (const { key, value } of attributes ?? []) {
    const text = anyValueText(value);
    if (text !== 'nil') values.set(key, { text, literal: literalOf(value, text) });
  }
}

function literalOf(value: AnyValueJson, text: string): string | undefined {
  if (value.stringValue !== undefined) return literal(text);
  return value.arrayValue === undefined && value.kvlistValue === undefined ? text : undefined;
}

function durationValue(nanos: number): Value {
  return { text: formatDuration(nanos), literal: `${Number((nanos / 1e6).toPrecision(3))}ms` };
}

/** A column's value in a row; undefined when the span has none. `name` is the column's bare name. */
export function columnValue({ values, match, rootName }: Row, name: string): Value | undefined {
  // The name stands beside the attributes.
  if (name === 'name' || name === 'span:name') {
    const text = match?.name ?? rootName;
    return { text, literal: literal(text) };
  }
  return values.get(name);
}

/** Newest first; a trace that is there already is replaced, since more of its spans may have come. */
export function mergeRows(old: readonly Row[], found: readonly Row[], countMax: number): readonly Row[] {
  if (found.length === 0) return old;
  const rows = new Map(old.map((row) => [row.traceId, row]));
  for (const row of found) rows.set(row.traceId, row);
  return [...rows.values()].sort((a, b) => b.startMs - a.startMs).slice(0, countMax);
}

/** Search answers: tempopb.SearchResponse as JSON and protobuf. Field numbers stand beside their names. */
import { ProtoWriter } from '../../base/protobuf.ts';
import type { SearchResult, SpanResult, SpanSetResult, TraceResult } from '../../traceql/result.ts';
import { JsonWriter } from './json-writer.ts';
import { writeMetricsJson, writeMetricsProto } from './query-metrics.ts';
import { writeAttributesJson, writeAttributesProto } from './result-value.ts';

/** Shown as the root service of a trace whose root span has not arrived. */
const ROOT_MISSING = '<root span not yet received>';

export interface SearchEncoding {
  readonly leftPadTraceIds: boolean;
  /** Adds our own `cost` to the metrics. */
  readonly withCost: boolean;
  /** What `explain` answered; left out when undefined. */
  readonly explain?: unknown;
}

export function searchJson(result: SearchResult, encoding: SearchEncoding): Buffer {
  const writer = new JsonWriter(16 * 1024);
  writer.raw('{"traces":[');
  for (const [index, trace] of result.traces.entries()) {
    if (index > 0) writer.raw(',');
    traceJson(writer, trace, encoding.leftPadTraceIds);
  }
  writer.raw('],');
  writeMetricsJson(writer, 'search', result.cost, encoding.withCost);
  if (result.totals !== undefined)
    writer.raw(`,"totals":{"traces":${result.totals.traces},"spans":${result.totals.spans}}`);
  if (encoding.explain !== undefined) {
    writer.raw(',"explain":');
    writer.rawBytes(Buffer.from(JSON.stringify(encoding.explain)));
  }
  writer.raw('}');
  return writer.finish();
}

export function searchProto(result: SearchResult, leftPadTraceIds: boolean): Uint8Array {
  const writer = new ProtoWriter(16 * 1024);
  for (const trace of result.traces) writer.message(1, (message) => traceProto(message, trace, leftPadTraceIds));
  writeMetricsProto(writer, 2, 'search', result.cost);
  return writer.finish();
}

/** Search answers and exemplars write trace ids without leading zeros. */
function shownTraceId(traceId: string, leftPad: boolean): string {
  return leftPad ? traceId : traceId.replace(/^0+(?=.)/, '');
}

/** Spans that start before 1970 or end before they start do not occur; the formats have no negative numbers here. */
const wholeMs = (nano: number): number => Math.max(0, Math.floor(nano / 1e6));

function traceJson(writer: JsonWriter, trace: TraceResult, leftPad: boolean): void {
  writer.raw('{"traceID":');
  writer.string(shownTraceId(trace.traceId, leftPad));
  writer.raw(',"rootServiceName":');
  writer.string(trace.rootServiceName === '' ? ROOT_MISSING : trace.rootServiceName);
  if (trace.rootTraceName !== '') {
    writer.raw(',"rootTraceName":');
    writer.string(trace.rootTraceName);
  }
  if (trace.startUnixNano !== 0n) {
    writer.raw(',"startTimeUnixNano":');
    writer.int64(trace.startUnixNano);
  }
  const durationMs = wholeMs(trace.durationNano);
  if (durationMs !== 0) writer.raw(`,"durationMs":${durationMs}`);
  if (trace.spanSets.length > 0) {
    // `spanSet` is the first of `spanSets`, for old clients.
    writer.raw(',"spanSet":');
    const start = writer.length;
    spanSetJson(writer, trace.spanSets[0]!);
    const end = writer.length;
    writer.raw(',"spanSets":[');
    writer.repeat(start, end);
    for (const spanSet of trace.spanSets.slice(1)) {
      writer.raw(',');
      spanSetJson(writer, spanSet);
    }
    writer.raw(']');
  }
  if (trace.serviceStats.length > 0) {
    for (const [index, stats] of trace.serviceStats.entries()) {
      writer.raw(index === 0 ? ',"serviceStats":{' : ',');
      writer.string(stats.service);
      writer.raw(':{');
      if (stats.spanCount !== 0) writer.raw(`"spanCount":${stats.spanCount}`);
      if (stats.errorCount !== 0) writer.raw(`${stats.spanCount !== 0 ? ',' : ''}"errorCount":${stats.errorCount}`);
      writer.raw('}');
    }
    writer.raw('}');
  }
  writer.raw('}');
}

function spanSetJson(writer: JsonWriter, spanSet: SpanSetResult): void {
  let open = '{';
  if (spanSet.spans.length > 0) {
    for (const [index, span] of spanSet.spans.entries()) {
      writer.raw(index === 0 ? '{"spans":[' : ',');
      spanJson(writer, span);
    }
    writer.raw(']');
    open = ',';
  }
  if (spanSet.matched !== 0) {
    writer.raw(`${open}"matched":${spanSet.matched}`);
    open = ',';
  }
  writeAttributesJson(writer, open, 'attributes', spanSet.attributes);
  writer.raw(open === '{' && spanSet.attributes.length === 0 ? '{}' : '}');
}

function spanJson(writer: JsonWriter, span: SpanResult): void {
  writer.raw('{"spanID":"');
  writer.raw(span.spanId);
  writer.raw('"');
  if (span.name !== undefined && span.name !== '') {
    writer.raw(',"name":');
    writer.string(span.name);
  }
  if (span.startUnixNano !== 0n) {
    writer.raw(',"startTimeUnixNano":');
    writer.int64(span.startUnixNano);
  }
  if (span.durationNano > 0) {
    writer.raw(',"durationNanos":');
    writer.quotedInteger(span.durationNano);
  }
  writeAttributesJson(writer, ',', 'attributes', span.attributes);
  writer.raw('}');
}

/** TraceSearchMetadata */
function traceProto(writer: ProtoWriter, trace: TraceResult, leftPad: boolean): void {
  writer.string(1, shownTraceId(trace.traceId, leftPad));
  writer.string(2, trace.rootServiceName === '' ? ROOT_MISSING : trace.rootServiceName);
  if (trace.rootTraceName !== '') writer.string(3, trace.rootTraceName);
  if (trace.startUnixNano !== 0n) writer.int64(4, trace.startUnixNano);
  const durationMs = wholeMs(trace.durationNano);
  if (durationMs !== 0) writer.uint(5, durationMs);
  const first = trace.spanSets[0];
  if (first !== undefined) writer.message(6, (message) => spanSetProto(message, first));
  for (const spanSet of trace.spanSets) writer.message(7, (message) => spanSetProto(message, spanSet));
  for (const stats of trace.serviceStats) {
    writer.message(8, (entry) => {
      entry.string(1, stats.service);
      entry.message(2, (value) => {
        if (stats.spanCount !== 0) value.uint(1, stats.spanCount);
        if (stats.errorCount !== 0) value.uint(2, stats.errorCount);
      });
    });
  }
}

/** SpanSet: spans 1, matched 2, attributes 3 */
function spanSetProto(writer: ProtoWriter, spanSet: SpanSetResult): void {
  for (const span of spanSet.spans) writer.message(1, (message) => spanProto(message, span));
  if (spanSet.matched !== 0) writer.uint(2, spanSet.matched);
  writeAttributesProto(writer, 3, spanSet.attributes);
}

/** Span: spanID 1, name 2, startTimeUnixNano 3, durationNanos 4, attributes 5 */
function spanProto(writer: ProtoWriter, span: SpanResult): void {
  writer.string(1, span.spanId);
  if (span.name !== undefined && span.name !== '') writer.string(2, span.name);
  if (span.startUnixNano !== 0n) writer.int64(3, span.startUnixNano);
  if (span.durationNano > 0) writer.uint(4, span.durationNano);
  writeAttributesProto(writer, 5, span.attributes);
}

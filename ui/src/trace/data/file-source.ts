/**
 * A trace out of a file, without a server: OTLP/JSON, what the query API answers (`batches`, `trace.resourceSpans`), one
 * OTLP request a line, or Jaeger's JSON. Small enough for objects: the browser has parsed the file as such already.
 */
import type { OperationJson, TraceAttributeName } from '../../../../src/api/contract/index.ts';
import { placeRows, type Trace } from '../model/trace.ts';
import type { Values } from '../model/values.ts';
import { type Attribute, readDetails, type SpanDetail } from './detail.ts';
import { jaegerToOtlp } from './jaeger-file.ts';
import type { TraceSource } from './source.ts';

/** @throws Error that says what is wrong with the file */
export function fileSource(fileName: string, text: string): TraceSource {
  const groups = parseFile(text).flatMap(resourceSpansOf);
  const all = readDetails(groups);
  if (all.length === 0) throw new Error(`${fileName} holds no spans of OTLP or Jaeger JSON`);
  const byTrace = Map.groupBy(all, ({ traceId }) => traceId);
  const details = [...byTrace.values()].reduce((most, spans) => (spans.length > most.length ? spans : most));
  const ordered = depthFirst(details);
  const trace = traceOf(ordered);
  const others = byTrace.size - 1;
  return {
    trace,
    fileName,
    detail: (row) => Promise.resolve(ordered[row]?.span),
    attribute: (name) => Promise.resolve(attributeOf(ordered, name)),
    find: (wanted) => Promise.resolve(findText(ordered, wanted)),
    json: () =>
      Promise.resolve({
        resourceSpans: groups,
        missing: others > 0 ? `The file holds ${others} more traces; the largest is shown` : '',
      }),
  };
}

function parseFile(text: string): unknown[] {
  try {
    return [JSON.parse(text)];
  } catch (error) {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    if (lines.length < 2) throw new Error(`This is no JSON: ${error instanceof Error ? error.message : error}`);
    return lines.map((line, index) => {
      try {
        return JSON.parse(line) as unknown;
      } catch {
        throw new Error(`This is no JSON, neither as a whole nor in line ${index + 1}`);
      }
    });
  }
}

type Json = Readonly<Record<string, unknown>>;

function resourceSpansOf(file: unknown): unknown[] {
  if (Array.isArray(file)) return file.flatMap(resourceSpansOf);
  if (typeof file !== 'object' || file === null) return [];
  const json = file as Json;
  for (const name of ['resourceSpans', 'batches']) if (Array.isArray(json[name])) return json[name] as unknown[];
  if (json['trace'] !== undefined) return resourceSpansOf(json['trace']);
  if (Array.isArray(json['data'])) return jaegerToOtlp(json['data']);
  return Array.isArray(json['spans']) ? jaegerToOtlp([json]) : [];
}

interface Placed {
  readonly span: SpanDetail;
  readonly isOrphan: boolean;
  size: number;
}

/** Roots before orphans, siblings by start; spans in a circle become orphans. */
function depthFirst(spans: readonly SpanDetail[]): Placed[] {
  const byStart = spans.toSorted((a, b) => (a.startUnixNano < b.startUnixNano ? -1 : 1));
  const ids = new Set(byStart.map(({ spanId }) => spanId));
  const children = Map.groupBy(byStart, ({ parentSpanId }) => parentSpanId);
  const seen = new Set<SpanDetail>();
  const placed: Placed[] = [];
  const add = (top: SpanDetail, isOrphan: boolean): void => {
    const open: { readonly span: SpanDetail; entry?: Placed; at?: number }[] = [{ span: top }];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (next.entry !== undefined) {
        next.entry.size = placed.length - next.at!;
        continue;
      }
      if (seen.has(next.span)) continue;
      seen.add(next.span);
      const entry: Placed = { span: next.span, isOrphan: isOrphan && next.span === top, size: 1 };
      const at = placed.push(entry) - 1;
      open.push({ span: next.span, entry, at });
      for (const child of (children.get(next.span.spanId) ?? []).toReversed()) open.push({ span: child });
    }
  };
  for (const span of byStart) if (span.parentSpanId === '') add(span, false);
  for (const span of byStart) if (span.parentSpanId !== '' && !ids.has(span.parentSpanId)) add(span, true);
  for (const span of byStart) add(span, true);
  return placed;
}

function traceOf(placed: readonly Placed[]): Trace {
  let { startUnixNano } = placed[0]!.span;
  for (const { span } of placed) if (span.startUnixNano < startUnixNano) startUnixNano = span.startUnixNano;
  const operations: OperationJson[] = [];
  const codes = new Map<string, number>();
  const operation = Uint32Array.from(placed, ({ span }) => {
    const service = serviceOf(span.resource);
    const key = `${span.kind}\0${service}\0${span.name}`;
    let code = codes.get(key);
    if (code === undefined) codes.set(key, (code = operations.push({ service, name: span.name, kind: span.kind }) - 1));
    return code;
  });
  const subtree = Uint32Array.from(placed, ({ size }) => size);
  const counts = (of: (span: SpanDetail) => number): Map<number, number> =>
    new Map(placed.flatMap(({ span }, row) => (of(span) > 0 ? [[row, of(span)] as const] : [])));
  const spanId = new Uint8Array(placed.length * 8);
  placed.forEach(({ span }, row) => {
    for (let i = 0; i < 8; i++) spanId[row * 8 + i] = Number.parseInt(span.spanId.slice(i * 2, i * 2 + 2), 16) || 0;
  });
  return {
    traceId: placed[0]!.span.traceId,
    startUnixNano,
    spans: placed.length,
    totalSpans: placed.length,
    operations,
    attributes: attributeNames(placed),
    start: Float64Array.from(placed, ({ span }) => Number(span.startUnixNano - startUnixNano)),
    duration: Float64Array.from(placed, ({ span }) => Math.max(0, Number(span.endUnixNano - span.startUnixNano))),
    ...placeRows(subtree, (row) => placed[row]!.isOrphan),
    subtree,
    operation,
    status: Uint8Array.from(placed, ({ span }) => span.status),
    events: counts(({ events }) => events.length),
    links: counts(({ links }) => links.length),
    spanId,
  };
}

export function serviceOf(resource: readonly Attribute[]): string {
  return String(resource.find(({ key }) => key === 'service.name')?.value ?? '');
}

function attributeNames(placed: readonly Placed[]): TraceAttributeName[] {
  const names = new Set<string>();
  for (const { span } of placed) {
    for (const { key } of span.attributes) names.add(`span.${key}`);
    for (const { key } of span.resource) names.add(`resource.${key}`);
  }
  return [...names].sort().map((name) => {
    const dot = name.indexOf('.');
    return { scope: name.slice(0, dot) as 'span' | 'resource', key: name.slice(dot + 1) };
  });
}

function attributeOf(placed: readonly Placed[], name: string): Values {
  const dot = name.indexOf('.');
  const scope = name.slice(0, dot) === 'resource' ? 'resource' : 'attributes';
  const key = name.slice(dot + 1);
  const values: Values['values'][number][] = [];
  const known = new Map<unknown, number>();
  const codes = Uint32Array.from(placed, ({ span }) => {
    const value = span[scope].find((attribute) => attribute.key === key)?.value;
    if (value === undefined) return 0;
    let code = known.get(value);
    if (code === undefined) known.set(value, (code = values.push(value)));
    return code;
  });
  return { codes, values };
}

function findText(placed: readonly Placed[], text: string): Uint32Array {
  const needle = text.toLowerCase();
  const has = (value: unknown): boolean => String(value).toLowerCase().includes(needle);
  const inAny = (attributes: readonly Attribute[]): boolean => attributes.some(({ value }) => has(value));
  return Uint32Array.from(
    [...placed.keys()].filter((row) => {
      const { span } = placed[row]!;
      return (
        has(span.name) ||
        has(span.statusMessage) ||
        inAny(span.attributes) ||
        inAny(span.resource) ||
        span.events.some((event) => has(event.name) || inAny(event.attributes))
      );
    }),
  );
}

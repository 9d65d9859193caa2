/** Search answers in the canonical form of the conformance corpus (see its README). */
import { createHash } from 'node:crypto';
import { type AnyValue, decodeAnyValue } from '../../src/model/any-value.ts';
import { formatDuration } from '../../src/traceql/format-duration.ts';
import type { ResultAttribute, ResultValue, SearchResult, SpanResult, TraceResult } from '../../src/traceql/result.ts';
import { type Answer, atSecond } from './in-process.ts';

const inlineBytesMax = 40_000;
const listMax = 200;

export interface SearchEntry {
  readonly check?: string;
  readonly ignoreAttrs?: boolean;
  readonly spss?: number | null;
}

interface CanonicalSet {
  readonly matched: number;
  readonly by?: Readonly<Record<string, string>>;
  readonly spans: readonly unknown[][];
}

interface CanonicalTrace {
  readonly root: readonly (string | null)[];
  readonly ms: number;
  readonly off: number;
  readonly sets: readonly CanonicalSet[];
  readonly stats: Readonly<Record<string, readonly number[]>>;
}

const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
const before = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const relative = (unixNano: bigint): number => Number(unixNano - atSecond(0));

function typed(value: ResultValue): string {
  switch (value.type) {
    case 'string':
    case 'status':
    case 'kind':
      return `s:${value.value}`;
    case 'nil':
      return 's:nil';
    case 'duration':
      return `s:${formatDuration(value.value)}`;
    case 'int':
      return `i:${value.value}`;
    case 'float':
      return `d:${value.value}`;
    case 'bool':
      return `b:${value.value}`;
    case 'any':
      return typedAny(decodeAnyValue(value.anyValue));
  }
}

function typedAny(value: AnyValue): string {
  switch (value.type) {
    case 'string':
      return `s:${value.value}`;
    case 'int':
      return `i:${value.value}`;
    case 'double':
      return `d:${value.value}`;
    case 'bool':
      return `b:${value.value}`;
    case 'array':
      return `[${value.value.map(typedAny).join(',')}]`;
    default:
      return value.type;
  }
}

function attributeMap(attributes: readonly ResultAttribute[]): Record<string, string> {
  const pairs = attributes.map(({ key, value }) => [key, typed(value)] as const);
  return Object.fromEntries(pairs.sort((a, b) => before(a[0], b[0]) || before(a[1], b[1])));
}

function canonicalSpan(span: SpanResult, ignoreAttributes: boolean): unknown[] {
  const attributes = ignoreAttributes ? {} : attributeMap(span.attributes);
  return [
    span.spanId,
    relative(span.startUnixNano),
    span.durationNano,
    ...(span.name === undefined ? [] : [span.name]),
    ...(Object.keys(attributes).length === 0 ? [] : [attributes]),
  ];
}

function canonicalTrace(trace: TraceResult, ignoreAttributes: boolean): CanonicalTrace {
  const sets = trace.spanSets.map(({ spans, matched, attributes }) => {
    const by = attributeMap(attributes);
    return {
      matched,
      ...(Object.keys(by).length > 0 && { by }),
      spans: spans
        .map((span) => canonicalSpan(span, ignoreAttributes))
        .sort((a, b) => before(String(a[0]), String(b[0]))),
    };
  });
  return {
    root: [trace.rootServiceName || '<root span not yet received>', trace.rootTraceName || null],
    ms: Math.floor(trace.durationNano / 1e6),
    off: relative(trace.startUnixNano),
    sets: sets.sort((a, b) => before(JSON.stringify(a), JSON.stringify(b))),
    stats: Object.fromEntries(trace.serviceStats.map((stats) => [stats.service, [stats.spanCount, stats.errorCount]])),
  };
}

/** A trace without span attributes and service statistics. */
const loosen = ({ root, ms, off, sets }: CanonicalTrace): unknown => ({
  root,
  ms,
  off,
  sets: sets.map(({ matched, by, spans }) => ({
    matched,
    ...(by && { by }),
    spans: spans.map((span) => span.slice(0, 3)),
  })),
});

export function canonicalSearch(result: SearchResult, entry: SearchEntry): Answer {
  const traces = Object.fromEntries(
    result.traces
      .map((trace) => [trace.traceId, canonicalTrace(trace, entry.ignoreAttrs === true)] as const)
      .sort((a, b) => before(a[0], b[0])),
  );
  const ids = Object.keys(traces);
  let matched = 0;
  let spans = 0;
  for (const set of Object.values(traces).flatMap((trace) => trace.sets)) {
    matched += set.matched;
    spans += set.spans.length;
  }
  if (entry.check === 'count') return { status: 200, n: ids.length, ...('spss' in entry && { matched, spans }) };
  if (entry.check === 'traces') {
    const list = ids.map((id) => {
      const { root, ms, off, sets } = traces[id]!;
      return `${id} ${root.join('/')} ${ms}ms @${off} matched ${sets.map((set) => set.matched)}`;
    });
    return { status: 200, n: ids.length, list };
  }
  const full = { n: ids.length, matched, spans, traces };
  if (ids.length <= listMax && JSON.stringify(full).length <= inlineBytesMax) return { status: 200, ...full };
  const digests = ids.map((id) => {
    const strict = sha(JSON.stringify(traces[id])).slice(0, 8);
    return `${id}:${strict}:${sha(JSON.stringify(loosen(traces[id]!))).slice(0, 8)}`;
  });
  const parts = digests.map((digest) => digest.split(':'));
  return {
    status: 200,
    n: ids.length,
    matched,
    spans,
    sha256: sha(parts.map(([id, strict]) => `${id}:${strict}`).join('\n')),
    loose: sha(parts.map(([id, , loose]) => `${id}:${loose}`).join('\n')),
    ...(ids.length <= listMax && { digests }),
  };
}

/** What a fragment must answer, worked out from plain spans the slow and obvious way. */
import { type FragmentSpan, type FragmentTrace, type PlainSpan, traceTime } from './plain-spans.ts';

const NO_ID = '0000000000000000';

/** Text that is the same for spans that say the same. */
export const spanText = (span: PlainSpan): string =>
  JSON.stringify(span, (_key, value: unknown) => {
    if (typeof value === 'bigint') return String(value);
    if (value !== null && typeof value === 'object' && !Array.isArray(value))
      return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
    return value;
  });

const compare = <T>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);

/** Traces in the order of a fragment. Spans that share trace, id and start may come in any order. */
export function expectedTraces(spans: readonly PlainSpan[]): FragmentTrace[] {
  const byTrace = new Map<string, Map<string, PlainSpan>>();
  for (const span of spans) {
    const distinct = byTrace.get(span.traceId) ?? new Map<string, PlainSpan>();
    distinct.set(spanText(span), span);
    byTrace.set(span.traceId, distinct);
  }
  const traces = [...byTrace.values()].map((distinct) => expectedTrace([...distinct.values()]));
  const start = (trace: FragmentTrace) => trace.spans.map((span) => span.start).toSorted(compare)[0]!;
  return traces.sort((a, b) => compare(start(a), start(b)) || compare(a.traceId, b.traceId));
}

function expectedTrace(unsorted: readonly PlainSpan[]): FragmentTrace {
  const spans = unsorted.toSorted((a, b) => compare(a.start, b.start) || compare(a.spanId, b.spanId));
  const parents = spans.map((span) => parentOf(span, spans));
  for (const span of spans) cutCycle(span, spans, parents);
  const placed: FragmentSpan[] = [];
  const place = (span: PlainSpan, parentInTrace: number): void => {
    const at = placed.length;
    const events = span.events.toSorted((a, b) => compare(a.time, b.time));
    placed.push({ ...span, events, parentInTrace, subtreeSize: 0 });
    spans.forEach((child, i) => {
      if (parents[i] === span) place(child, at);
    });
    placed[at] = { ...placed[at]!, subtreeSize: placed.length - at };
  };
  spans.forEach((span, i) => {
    if (parents[i] === 'none') place(span, -1);
  });
  spans.forEach((span, i) => {
    if (parents[i] === 'missing') place(span, -2);
  });
  const root = spans.findLast((_, i) => parents[i] === 'none');
  const service = root?.resource['resource/string/service.name'];
  return {
    traceId: spans[0]!.traceId,
    start: traceTime(spans[0]!.start),
    end: traceTime(
      spans
        .map((span) => span.end)
        .toSorted(compare)
        .at(-1)!,
    ),
    rootName: root?.name,
    rootService: service === undefined ? undefined : Buffer.from(service, 'hex').toString(),
    spans: placed,
  };
}

type Parent = PlainSpan | 'none' | 'missing';

function parentOf(span: PlainSpan, spans: readonly PlainSpan[]): Parent {
  if (span.kind === 2) {
    const client = spans.find((s) => s.spanId === span.spanId && s.kind === 3);
    if (client !== undefined && client.parentId === span.parentId) return client;
  }
  if (span.parentId === NO_ID) return 'none';
  if (span.parentId === span.spanId) return 'missing';
  const named = spans.filter((s) => s.spanId === span.parentId);
  return named.find((s) => s.kind === 2) ?? named[0] ?? 'missing';
}

function cutCycle(span: PlainSpan, spans: readonly PlainSpan[], parents: Parent[]): void {
  const path: number[] = [];
  for (let at = spans.indexOf(span); ; ) {
    const again = path.indexOf(at);
    if (again >= 0) {
      parents[Math.min(...path.slice(again))] = 'missing';
      return;
    }
    path.push(at);
    const parent = parents[at]!;
    if (parent === 'none' || parent === 'missing') return;
    at = spans.indexOf(parent);
  }
}

/** Which rows of a fragment's tables belong to spans that match a filter. */
import { throwIfAborted } from '../../base/abort.ts';
import type { Pipeline, Query } from '../../traceql/ast.ts';
import type { TimeRange } from '../../traceql/result.ts';
import type { Fragment, LoadRequest, ReadCost } from '../../traceql/storage.ts';
import { childRows, type Level, Reads, type TraceRange } from '../expression/index.ts';
import { SpanSource } from '../metrics/span-source.ts';
import { traceRanges } from '../metrics/visit.ts';
import { strictPipeline } from './strict-literals.ts';

export interface TagContext {
  readonly cost: ReadCost;
  readonly signal: AbortSignal;
  /** Called between chunks of work; undefined unless other work has waited too long. */
  pause(): Promise<void> | undefined;
}

/** Span rows that are loaded and looked at together. */
const windowRows = 1 << 16;

const everything: Pipeline = { kind: 'pipeline', stages: [], pos: { offset: 0, line: 1, column: 1 } };

/** The matching spans of a range; never empty. `mask[i]` is span row range.firstRow + i. */
export interface Matches {
  readonly range: TraceRange;
  readonly mask: Uint8Array;
}

/**
 * The spans of traces within the range that match, or that exist when there is no filter. What `request` names is loaded
 * for each range that is given.
 */
export async function* matchingSpans(
  fragment: Fragment,
  timeRange: TimeRange,
  filter: Query | undefined,
  request: LoadRequest,
  context: TagContext,
): AsyncGenerator<Matches> {
  const { cost, signal } = context;
  await fragment.loadTraces(cost, signal);
  const source = new SpanSource(
    filter === undefined ? everything : strictPipeline(filter.pipeline, fragment),
    fragment,
  );
  if (source.isEmpty) return;
  const [first, end] = tracesWithin(fragment, timeRange);
  for (const range of traceRanges(fragment, first, end, windowRows)) {
    const wait = context.pause();
    if (wait !== undefined) await wait;
    throwIfAborted(signal);
    await fragment.load(source.request, range.firstTrace, range.endTrace, cost, signal);
    const mask = source.mask(range);
    if (mask.indexOf(1) < 0) continue;
    await fragment.load(request, range.firstTrace, range.endTrace, cost, signal);
    yield { range, mask };
  }
}

/** Traces [first, end) among which are all that overlap the range. */
function tracesWithin(fragment: Fragment, { startUnixNano, endUnixNano }: TimeRange): readonly [number, number] {
  const { traceCount, traceStart, traceEnd, baseUnixNano } = fragment;
  if (startUnixNano === 0n && endUnixNano === 0n) return [0, traceCount];
  const from = Number(startUnixNano - baseUnixNano);
  const to = Number(endUnixNano - baseUnixNano);
  let first = 0;
  while (first < traceCount && traceEnd[first]! < from) first++;
  let end = traceCount;
  while (end > first && traceStart[end - 1]! > to) end--;
  return [first, end];
}

/** Fixed columns that lead from spans to the rows of a level. */
export function levelRequest(level: Level): LoadRequest {
  const reads = new Reads();
  if (level === 'resource') reads.addFixed('resource');
  else if (level === 'event') reads.addFixed('events');
  else if (level === 'link') reads.addFixed('links');
  return reads.request();
}

/** Calls `visit` with each row of the level that belongs to a matching span, while it returns true. */
export function visitLevelRows(
  fragment: Fragment,
  level: Level,
  { range, mask }: Matches,
  visit: (row: number) => boolean,
): void {
  const { firstRow } = range;
  switch (level) {
    case 'span':
      for (let i = 0; i < mask.length; i++) if (mask[i] !== 0 && !visit(firstRow + i)) return;
      return;
    case 'resource': {
      const seen = new Uint8Array(fragment.resourceCount);
      for (let i = 0; i < mask.length; i++) if (mask[i] !== 0) seen[fragment.resource[firstRow + i]!] = 1;
      for (let row = 0; row < seen.length; row++) if (seen[row] !== 0 && !visit(row)) return;
      return;
    }
    case 'trace': {
      let next = mask.indexOf(1);
      for (let trace = range.firstTrace; trace < range.endTrace && next >= 0; trace++) {
        const end = fragment.traceFirstSpan[trace + 1]! - firstRow;
        if (next >= end) continue;
        if (!visit(trace)) return;
        next = mask.indexOf(1, end);
      }
      return;
    }
    default: {
      const { owner, first, end } = childRows(fragment, level, range);
      for (let row = first; row < end; row++) {
        if (mask[owner[row]! - firstRow] !== 0 && !visit(row)) return;
      }
    }
  }
}

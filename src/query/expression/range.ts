import { lowerBound } from '../../base/lower-bound.ts';
import type { Fragment } from '../../traceql/storage.ts';

/** Whole traces of a fragment: the unit that is loaded and evaluated at once. Row i of a vector is span `firstRow + i`. */
export interface TraceRange {
  readonly firstTrace: number;
  readonly endTrace: number;
  readonly firstRow: number;
  readonly endRow: number;
}

/** Traces [firstTrace, endTrace) of a fragment whose traces are loaded. */
export function traceRange(fragment: Fragment, firstTrace: number, endTrace: number): TraceRange {
  return {
    firstTrace,
    endTrace,
    firstRow: fragment.traceFirstSpan[firstTrace]!,
    endRow: fragment.traceFirstSpan[endTrace]!,
  };
}

/** The trace that a span row belongs to. */
export function traceOfRow(fragment: Fragment, row: number): number {
  return lowerBound(fragment.traceFirstSpan, fragment.traceCount + 1, row + 1) - 1;
}

/** Rows [first, end) of the events or links of a range's spans, and the span row of each row. */
export interface ChildRows {
  readonly owner: Uint32Array;
  readonly first: number;
  readonly end: number;
}

export function childRows(fragment: Fragment, level: 'event' | 'link', range: TraceRange): ChildRows {
  const isEvent = level === 'event';
  const firsts = isEvent ? fragment.traceFirstEvent : fragment.traceFirstLink;
  return {
    owner: isEvent ? fragment.eventSpan : fragment.linkSpan,
    first: firsts[range.firstTrace]!,
    end: firsts[range.endTrace]!,
  };
}

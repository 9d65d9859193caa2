/**
 * Walks through the spans of a fragment that a pipeline lets through.
 *
 *   traces in the time range ─► windows (loaded at once) ─► chunks (evaluated at once, small enough for the caches)
 *
 * What the filter needs is loaded first; the rest only for those traces of a window from which on something matched.
 */
import { throwIfAborted } from '../../base/abort.ts';
import type { Fragment, LoadRequest, ReadCost } from '../../traceql/storage.ts';
import { Reads, type TraceRange, traceRange } from '../expression/index.ts';
import type { MemoryBudget } from '../work.ts';
import { type Grid, Selection, tracesInGrid } from './grid.ts';
import type { Inspected } from './partial.ts';
import type { SpanSource } from './span-source.ts';

/** What evaluating needs beside the query. */
export interface EvaluationContext {
  readonly cost: ReadCost;
  readonly signal: AbortSignal;
  /** Of the query, over all its fragments. */
  readonly budget: MemoryBudget;
  /** Called between chunks of work; undefined unless other work has waited too long. */
  pause(): Promise<void> | undefined;
}

export interface Visitor {
  readonly grid: Grid;
  readonly source: SpanSource;
  /** Needed beside what the source needs, where spans are selected. */
  readonly request: LoadRequest;
  /** The selection is not empty, belongs to the visitor until it returns, and may be narrowed by it. */
  visit(chunk: TraceRange, selection: Selection): void;
}

/** Span rows that are loaded at once. */
const windowRows = 1 << 17;
/** Span rows that are evaluated at once; a trace is never divided. */
export const chunkRows = 1 << 14;

/** Ranges of whole traces of about `rows` span rows that cover the traces [first, end). */
export function* traceRanges(fragment: Fragment, first: number, end: number, rows: number): Generator<TraceRange> {
  const { traceFirstSpan } = fragment;
  for (let trace = first; trace < end; ) {
    const from = trace++;
    while (trace < end && traceFirstSpan[trace + 1]! - traceFirstSpan[from]! <= rows) trace++;
    yield traceRange(fragment, from, trace);
  }
}

/** What finding the visitor's spans reads. */
export const filterRequest = ({ source }: Visitor): LoadRequest =>
  new Reads().addFixed('start').add(source.request).request();

export async function visitSelected(
  fragment: Fragment,
  visitor: Visitor,
  context: EvaluationContext,
): Promise<Inspected> {
  const { source, grid } = visitor;
  const { cost, signal } = context;
  await fragment.loadTraces(cost, signal);
  if (source.isEmpty) return { traces: 0, spans: 0 };
  const { first, end } = tracesInGrid(grid, fragment);
  const toFilter = filterRequest(visitor);
  const selection = new Selection();
  let spans = 0;
  for (const window of traceRanges(fragment, first, end, windowRows)) {
    await fragment.load(toFilter, window.firstTrace, window.endTrace, cost, signal);
    let hasRest = false;
    for (const chunk of traceRanges(fragment, window.firstTrace, window.endTrace, chunkRows)) {
      const wait = context.pause();
      if (wait !== undefined) await wait;
      throwIfAborted(signal);
      source.select(grid, chunk, selection);
      if (selection.length === 0) continue;
      if (!hasRest) {
        hasRest = true;
        await fragment.load(visitor.request, chunk.firstTrace, window.endTrace, cost, signal);
      }
      visitor.visit(chunk, selection);
    }
    spans += window.endRow - window.firstRow;
  }
  return { traces: end - first, spans };
}

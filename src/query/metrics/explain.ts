/** How a metrics query would be executed, as plain data. Reads traces tables, nothing else. */
import { printMetrics } from '../../traceql/print.ts';
import type { MetricsRequest, QueryBudget } from '../../traceql/result.ts';
import type { LoadRequest, ReadCost, Snapshot } from '../../traceql/storage.ts';
import { type ColumnNames, columnNames, type FragmentExplanation, predicatesOf } from '../explanation.ts';
import { MemoryBudget } from '../work.ts';
import { compareVisitor } from './compare.ts';
import { evaluationVisitor } from './evaluate.ts';
import { tracesInGrid } from './grid.ts';
import { type MetricsPlan, planMetrics, type Sampling } from './plan.ts';
import { type GridFragment, gridFragments } from './run-metrics.ts';
import { chunkRows, filterRequest, traceRanges, type Visitor } from './visit.ts';

export interface MetricsExplanation {
  /** The metrics stage, as written. */
  readonly metrics: string;
  readonly intervals: number;
  readonly stepNano: number;
  readonly sampling?: Sampling;
  readonly predicates: readonly string[];
  readonly fragments: readonly MetricsFragmentExplanation[];
}

export interface MetricsFragmentExplanation extends FragmentExplanation {
  /** Read beside `columns` where a span was found: what is measured, and what it is grouped by. */
  readonly measured: ColumnNames;
}

const nothing: LoadRequest = { fixed: [], columns: [] };

export async function explainMetrics(
  request: MetricsRequest,
  snapshot: Snapshot,
  budget: QueryBudget,
  cost: ReadCost,
  signal: AbortSignal,
): Promise<MetricsExplanation> {
  const plan = planMetrics(request);
  const { grid, pipeline, sampling } = plan;
  const memory = new MemoryBudget(budget.memoryBytesMax);
  const fragments: MetricsFragmentExplanation[] = [];
  for (const part of gridFragments(snapshot, grid)) {
    await part.fragment.loadTraces(cost, signal);
    fragments.push(explainFragment(part, visitorOf(plan, part, memory)));
  }
  return {
    metrics: printMetrics(request.query.metrics!),
    intervals: grid.intervals,
    stepNano: grid.stepNano,
    ...(sampling !== undefined && { sampling }),
    predicates: predicatesOf(pipeline),
    fragments,
  };
}

function visitorOf(plan: MetricsPlan, { fragment, grid }: GridFragment, budget: MemoryBudget): Visitor {
  return plan.kind === 'compare'
    ? compareVisitor(plan, grid, fragment)
    : evaluationVisitor(plan, grid, fragment, budget);
}

function explainFragment({ fragment, grid }: GridFragment, visitor: Visitor): MetricsFragmentExplanation {
  const { first, end } = tracesInGrid(grid, fragment);
  const chunks = [...traceRanges(fragment, first, end, chunkRows)];
  const { constant, isEmpty } = visitor.source;
  return {
    id: fragment.id,
    traces: fragment.traceCount,
    spans: fragment.spanCount,
    chunks: chunks.length,
    chunkSpans: chunks.reduce((sum, { firstRow, endRow }) => sum + endRow - firstRow, 0),
    ...(constant !== undefined && { constant }),
    ...columnNames(isEmpty ? nothing : filterRequest(visitor)),
    measured: columnNames(isEmpty ? nothing : visitor.request),
  };
}

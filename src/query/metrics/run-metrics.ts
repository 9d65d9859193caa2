/**
 * Metrics queries: a part of the answer from each fragment, kept for the next time, then put together.
 *
 *   snapshot ─► fragments ─► partials (cached by fragment and query) ─► merged ─► series ─► topk, > … ─► answer
 */
import type { MetricsRequest, MetricsResult, QueryBudget, QueryCost } from '../../traceql/result.ts';
import type { Fragment, ReadCost, Snapshot, TraceStorage } from '../../traceql/storage.ts';
import { runCompare } from './compare.ts';
import { evaluateAggregate } from './evaluate.ts';
import { finishAggregate } from './finish.ts';
import { fragmentGrid, type Grid, gridKey, timestampsMs } from './grid.ts';
import { type MetricsPartial, mergePartials, partialBytes } from './partial.ts';
import { type AggregatePlan, canonical, planMetrics } from './plan.ts';
import { fragmentKey, type QueryCache } from './query-cache.ts';
import { type Inspected, queryCost } from './query-cost.ts';
import { applySecondStages } from './second-stage.ts';
import { type DenseSeries, seriesBytes, sortSeries, toMetricsSeries } from './series.ts';
import type { EvaluationContext } from './visit.ts';

export interface MetricsContext {
  readonly storage: TraceStorage;
  readonly budget: QueryBudget;
  readonly cache: QueryCache;
  /** Called between chunks of work; see EvaluationContext. */
  pause(): Promise<void>;
  /** For the pace of partial answers. */
  nowMs(): number;
}

/** Fragments whose reads are under way at the same time. */
const concurrentFragments = 8;
/** Least time between two partial answers. */
const partialIntervalMs = 300;

/** A fragment and those intervals of the query that its spans can start in. */
export interface GridFragment {
  readonly fragment: Fragment;
  readonly grid: Grid;
  readonly key: string;
}

export async function runMetrics(
  context: MetricsContext,
  request: MetricsRequest,
  signal: AbortSignal,
  onPartial?: (partial: MetricsResult) => void,
): Promise<MetricsResult> {
  const plan = planMetrics(request);
  const readCost: ReadCost = { requests: 0, bytes: 0, pages: 0 };
  const { startUnixNano, endUnixNano } = request.range;
  const snapshot = await context.storage.snapshot(
    { tenant: request.tenant, startUnixNano, endUnixNano },
    readCost,
    signal,
  );
  const parts = gridFragments(snapshot, plan.grid);
  const cost = (inspected: Inspected, completedJobs: number): QueryCost =>
    queryCost(snapshot, readCost, inspected, parts.length, completedJobs);

  const shape = `${plan.key} ${canonical(request.query.secondStages)} ${request.maxSeries}`;
  const answerKey = `answer ${shape} ${gridKey(plan.grid)} ${parts.map(({ key }) => key).join('|')}`;
  const known = context.cache.get(answerKey) as Answer | undefined;
  if (known !== undefined) return { ...known, cost: cost(known.inspected, parts.length) };

  const evaluation: EvaluationContext = {
    cost: readCost,
    signal,
    memoryBytesMax: context.budget.memoryBytesMax,
    pause: context.pause,
  };
  const answerOf = (series: DenseSeries[], inspected: Inspected): Answer => {
    applySecondStages(series, request.query.secondStages);
    const all = toMetricsSeries(sortSeries(series), timestampsMs(plan.grid));
    const truncated = request.maxSeries > 0 && all.length > request.maxSeries;
    return { series: truncated ? all.slice(0, request.maxSeries) : all, truncated, inspected };
  };

  let answer: Answer;
  if (plan.kind === 'compare') {
    const { series, inspected } = await runCompare(plan, parts, evaluation);
    answer = answerOf(series, inspected);
  } else {
    const partials: MetricsPartial[] = [];
    const merged = (): MetricsPartial => mergePartials(plan, partials, evaluation.memoryBytesMax);
    let emittedMs = context.nowMs();
    await forEachConcurrently(parts, concurrentFragments, async (part) => {
      partials.push(await partialOf(plan, part, context.cache, evaluation));
      if (onPartial === undefined || partials.length === parts.length) return;
      if (context.nowMs() - emittedMs < partialIntervalMs) return;
      const partial = merged();
      const { series, truncated } = answerOf(finishAggregate(plan, partial), partial);
      onPartial({ series, truncated, cost: cost(partial, partials.length) });
      emittedMs = context.nowMs();
    });
    const partial = merged();
    answer = answerOf(finishAggregate(plan, partial), partial);
  }
  context.cache.set(answerKey, answer, seriesBytes(answer.series));
  return { series: answer.series, truncated: answer.truncated, cost: cost(answer.inspected, parts.length) };
}

interface Answer extends Pick<MetricsResult, 'series' | 'truncated'> {
  readonly inspected: Inspected;
}

function gridFragments(snapshot: Snapshot, grid: Grid): GridFragment[] {
  const parts: GridFragment[] = [];
  for (const fragment of snapshot.fragments) {
    const own = fragment.traceCount === 0 ? undefined : fragmentGrid(grid, fragment);
    if (own !== undefined) parts.push({ fragment, grid: own, key: `${fragmentKey(fragment)} ${gridKey(own)}` });
  }
  return parts;
}

async function partialOf(
  plan: AggregatePlan,
  { fragment, grid, key }: GridFragment,
  cache: QueryCache,
  evaluation: EvaluationContext,
): Promise<MetricsPartial> {
  const cacheKey = `partial ${plan.key} ${key}`;
  const known = cache.get(cacheKey) as MetricsPartial | undefined;
  if (known !== undefined) return known;
  const partial = await evaluateAggregate(plan, grid, fragment, evaluation);
  cache.set(cacheKey, partial, partialBytes(partial));
  return partial;
}

/** Runs `work` for all items, at most `limit` at a time. The first error stops it from taking on more. */
export async function forEachConcurrently<Item>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    try {
      while (next < items.length && !failed) await work(items[next++]!);
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}

/**
 * Metrics queries: a part of the answer from each fragment, kept for the next time, then put together.
 *
 *   snapshot ─► fragments ─► partials (cached by fragment and query) ─► merged ─► series ─► topk, > … ─► answer
 */

import { throwIfAborted } from '../../base/abort.ts';
import type { LruCache } from '../../base/lru-cache.ts';
import { canonical } from '../../traceql/canonical.ts';
import type { MetricsRequest, MetricsResult, QueryBudget } from '../../traceql/result.ts';
import type { Fragment, ReadCost, Snapshot, TraceStorage } from '../../traceql/storage.ts';
import { fragmentKey } from '../fragment-key.ts';
import { MemoryBudget, queryCost, Stopwatch, totalBytes } from '../work.ts';
import { runCompare } from './compare.ts';
import { concurrentFragments, consumeConcurrently } from './concurrently.ts';
import { evaluateAggregate } from './evaluate.ts';
import { finishAggregate } from './finish.ts';
import { fragmentGrid, type Grid, gridKey, timestampsMs } from './grid.ts';
import { type Inspected, type MetricsPartial, mergePartials, partialBytes, sumBytes } from './partial.ts';
import { type AggregatePlan, type MetricsPlan, planMetrics } from './plan.ts';
import { applySecondStages } from './second-stage.ts';
import { type DenseSeries, seriesBytes, sortSeries, toMetricsSeries } from './series.ts';
import type { EvaluationContext } from './visit.ts';

export interface MetricsContext {
  readonly storage: TraceStorage;
  readonly budget: QueryBudget;
  readonly cache: LruCache;
  /** Called between chunks of work; undefined unless other work has waited too long. */
  pause(): Promise<void> | undefined;
  /** For the pace of partial answers. */
  nowMs(): number;
}

/** Least time between two partial answers. */
const partialIntervalMs = 500;

/** A fragment and those intervals of the query in which its spans can start. */
export interface GridFragment {
  readonly fragment: Fragment;
  readonly grid: Grid;
  readonly key: string;
}

type Blocks = Parameters<typeof queryCost>[0];
type Answer = Pick<MetricsResult, 'series' | 'truncated'> & { readonly inspected: Inspected };

export async function runMetrics(
  context: MetricsContext,
  request: MetricsRequest,
  signal: AbortSignal,
  onPartial?: (partial: MetricsResult) => void,
): Promise<MetricsResult> {
  throwIfAborted(signal);
  const query = new RunningQuery(context, request, signal);
  return query.run(await query.open(), onPartial);
}

class RunningQuery {
  readonly #context: MetricsContext;
  readonly #request: MetricsRequest;
  readonly #plan: MetricsPlan;
  readonly #evaluation: EvaluationContext;
  readonly #watch = new Stopwatch();
  #blocks: Blocks = { totalBlocks: 0, totalBlockBytes: 0 };
  #jobs = 0;

  constructor(context: MetricsContext, request: MetricsRequest, signal: AbortSignal) {
    this.#context = context;
    this.#request = request;
    this.#plan = planMetrics(request);
    this.#evaluation = {
      cost: { requests: 0, bytes: 0, pages: 0 } satisfies ReadCost,
      signal,
      budget: new MemoryBudget(context.budget.memoryBytesMax),
      pause: context.pause,
    };
  }

  /** The fragments to evaluate. Nothing else holds them: what one has read goes when it has been evaluated. */
  async open(): Promise<GridFragment[]> {
    const { tenant, range } = this.#request;
    const { cost, signal } = this.#evaluation;
    const snapshot = await this.#context.storage.snapshot({ tenant, ...range }, cost, signal);
    const parts = gridFragments(snapshot, this.#plan.grid);
    this.#blocks = { totalBlocks: snapshot.blockCount, totalBlockBytes: totalBytes(snapshot) };
    this.#jobs = parts.length;
    this.#watch.lap('plan');
    return parts;
  }

  async run(parts: GridFragment[], onPartial: ((partial: MetricsResult) => void) | undefined): Promise<MetricsResult> {
    const { cache } = this.#context;
    const { query, maxSeries } = this.#request;
    const plan = this.#plan;
    const shape = `${plan.key} ${canonical(query.secondStages)} ${maxSeries} ${gridKey(plan.grid)}`;
    const key = `answer ${shape} ${parts.map((part) => part.key).join('|')}`;
    let answer = cache.get(key) as Answer | undefined;
    if (answer === undefined) {
      answer = plan.kind === 'compare' ? await this.#compare(plan, parts) : await this.#add(plan, parts, onPartial);
      cache.set(key, answer, seriesBytes(answer.series));
    }
    return this.#result(answer, this.#jobs);
  }

  async #compare(plan: MetricsPlan & { kind: 'compare' }, parts: readonly GridFragment[]): Promise<Answer> {
    const { series, inspected } = await runCompare(plan, parts, this.#evaluation);
    this.#watch.lap('evaluate');
    return this.#answer(series, inspected);
  }

  async #add(
    plan: AggregatePlan,
    parts: GridFragment[],
    onPartial: ((partial: MetricsResult) => void) | undefined,
  ): Promise<Answer> {
    const { nowMs } = this.#context;
    const partials: MetricsPartial[] = [];
    const open = new Set(parts.map((part) => part.grid));
    let emittedMs = nowMs();
    await consumeConcurrently(parts, concurrentFragments, async (part) => {
      partials.push(await this.#partial(plan, part));
      open.delete(part.grid);
      if (onPartial === undefined || partials.length === this.#jobs) return;
      if (nowMs() - emittedMs < partialIntervalMs) return;
      const known = this.#result(this.#merge(plan, partials), partials.length);
      onPartial({ ...known, completeMs: completeMs(plan.grid, open) });
      emittedMs = nowMs();
    });
    this.#watch.lap('evaluate');
    return this.#merge(plan, partials);
  }

  /** One fragment's part, known or computed. */
  async #partial(plan: AggregatePlan, { fragment, grid, key }: GridFragment): Promise<MetricsPartial> {
    const { cache } = this.#context;
    const cacheKey = `partial ${plan.key} ${key}`;
    const known = cache.get(cacheKey) as MetricsPartial | undefined;
    if (known !== undefined) return known;
    const partial = await evaluateAggregate(plan, grid, fragment, this.#evaluation);
    cache.set(cacheKey, partial, partialBytes(partial));
    return partial;
  }

  #merge(plan: AggregatePlan, partials: readonly MetricsPartial[]): Answer {
    const { budget } = this.#evaluation;
    const merged = mergePartials(plan, partials, budget);
    const answer = this.#answer(finishAggregate(plan, merged), merged.inspected);
    budget.release(sumBytes(merged));
    return answer;
  }

  #answer(series: DenseSeries[], inspected: Inspected): Answer {
    const { query, maxSeries } = this.#request;
    applySecondStages(series, query.secondStages);
    const all = toMetricsSeries(sortSeries(series), timestampsMs(this.#plan.grid));
    const truncated = maxSeries > 0 && all.length > maxSeries;
    return { series: truncated ? all.slice(0, maxSeries) : all, truncated, inspected };
  }

  #result({ series, truncated, inspected }: Answer, completedJobs: number): MetricsResult {
    this.#watch.lap('encode');
    const progress = {
      inspectedTraces: inspected.traces,
      inspectedSpans: inspected.spans,
      totalJobs: this.#jobs,
      completedJobs,
    };
    const cost = queryCost(this.#blocks, this.#evaluation.cost, progress, this.#watch.milliseconds);
    return { series, truncated, cost };
  }
}

/** Right edges of the intervals that none of the grids has a part of. */
function completeMs(grid: Grid, open: Iterable<Grid>): number[] {
  const isOpen = new Uint8Array(grid.intervals);
  for (const part of open) {
    const first = Math.floor(Number(part.startUnixNano - grid.startUnixNano) / Math.max(grid.stepNano, 1));
    isOpen.fill(1, first, first + part.intervals);
  }
  return timestampsMs(grid).filter((_, interval) => isOpen[interval] === 0);
}

export function gridFragments(snapshot: Snapshot, grid: Grid): GridFragment[] {
  const parts: GridFragment[] = [];
  for (const fragment of snapshot.fragments) {
    const own = fragment.traceCount === 0 ? undefined : fragmentGrid(grid, fragment);
    if (own !== undefined) parts.push({ fragment, grid: own, key: `${fragmentKey(fragment)} ${gridKey(own)}` });
  }
  return parts;
}

/**
 * The service graph of a time range: the calls in each fragment, kept for the next time, then put together.
 *
 *   snapshot ─► fragments ─► call graphs (cached by fragment) ─► merged ─► peers that are services ─► busiest nodes
 */

import { throwIfAborted } from '../../base/abort.ts';
import { canonical } from '../../traceql/canonical.ts';
import type { ServiceGraphRequest, ServiceGraphResult } from '../../traceql/service-graph.ts';
import type { ReadCost } from '../../traceql/storage.ts';
import { concurrentFragments, consumeConcurrently } from '../metrics/concurrently.ts';
import { gridOf } from '../metrics/grid.ts';
import { gridFragments, type MetricsContext } from '../metrics/run-metrics.ts';
import { MemoryBudget, queryCost, Stopwatch, totalBytes } from '../work.ts';
import { CallGraph } from './call-graph.ts';
import { countCalls } from './count-calls.ts';

export async function runServiceGraph(
  context: MetricsContext,
  request: ServiceGraphRequest,
  signal: AbortSignal,
): Promise<ServiceGraphResult> {
  throwIfAborted(signal);
  const { tenant, range, filter, nodesMax } = request;
  const watch = new Stopwatch();
  const cost: ReadCost = { requests: 0, bytes: 0, pages: 0 };
  const snapshot = await context.storage.snapshot({ tenant, ...range }, cost, signal);
  const blocks = { totalBlocks: snapshot.blockCount, totalBlockBytes: totalBytes(snapshot) };
  const parts = gridFragments(snapshot, gridOf({ range, stepNano: 0n }));
  const totalJobs = parts.length;
  watch.lap('plan');

  const budget = new MemoryBudget(context.budget.memoryBytesMax);
  const evaluation = { cost, signal, budget, pause: context.pause };
  const filterKey = filter === undefined ? '' : canonical(filter);
  const merged = new CallGraph(budget);
  await consumeConcurrently(parts, concurrentFragments, async ({ fragment, grid, key }) => {
    const cacheKey = `calls ${filterKey} ${key}`;
    let graph = context.cache.get(cacheKey) as CallGraph | undefined;
    if (graph === undefined) {
      graph = await countCalls(filter, grid, fragment, evaluation);
      context.cache.set(cacheKey, graph, graph.bytes);
    }
    merged.merge(graph);
  });
  const { inspected } = merged;
  const answer = merged.withPeersResolved().summary(nodesMax);
  watch.lap('evaluate');
  const progress = {
    inspectedTraces: inspected.traces,
    inspectedSpans: inspected.spans,
    totalJobs,
    completedJobs: totalJobs,
  };
  return { ...answer, cost: queryCost(blocks, cost, progress, watch.milliseconds) };
}

/** How a search would be executed, as plain data that can be shown and compared. Reads traces tables, nothing else. */
import { printAttribute } from '../../traceql/print.ts';
import type { SearchRequest } from '../../traceql/result.ts';
import type { ReadCost, Snapshot } from '../../traceql/storage.ts';
import { columnNames, type FragmentExplanation, predicatesOf } from '../explanation.ts';
import { type Chunk, ChunkQueue } from './chunks.ts';
import { planSearch } from './matcher.ts';

export interface SearchExplanation {
  readonly order: SearchRequest['sort'];
  /** Whether the search stops before it has seen everything. */
  readonly stopsEarly: boolean;
  /** Conditions on spans, as written; those of one filter are tried in this order. */
  readonly predicates: readonly string[];
  /** Attributes that are read for the spans of the answer only. */
  readonly resultAttributes: readonly string[];
  readonly fragments: readonly FragmentExplanation[];
}

export async function explainSearch(
  request: Pick<SearchRequest, 'query' | 'range' | 'sort' | 'totals'>,
  snapshot: Snapshot,
  cost: ReadCost,
  signal: AbortSignal,
): Promise<SearchExplanation> {
  const plan = planSearch(request);
  const queue = new ChunkQueue(snapshot.fragments, request.range, cost, signal);
  const chunks: Chunk[] = [];
  for (let next = await queue.take(1024); next.length > 0; next = await queue.take(1024)) chunks.push(...next);
  const fragments: FragmentExplanation[] = [];
  for (const fragment of snapshot.fragments) {
    const own = chunks.filter((chunk) => chunk.fragment.fragment === fragment);
    if (own.length === 0) continue;
    const { constant, request: load } = plan.compile(fragment);
    fragments.push({
      id: fragment.id,
      traces: fragment.traceCount,
      spans: fragment.spanCount,
      chunks: own.length,
      chunkSpans: own.reduce((sum, { range }) => sum + range.endRow - range.firstRow, 0),
      ...(constant !== undefined && { constant }),
      ...columnNames(constant === undefined ? load : { fixed: [], columns: [] }),
    });
  }
  return {
    order: request.sort,
    stopsEarly: request.sort === 'start' && !request.totals,
    predicates:
      'tags' in request.query
        ? request.query.tags.map(({ key, value }) => `${key}=${value}`)
        : predicatesOf(request.query.pipeline),
    resultAttributes: plan.mentions.attributes.map(({ ref }) => printAttribute(ref)),
    fragments,
  };
}

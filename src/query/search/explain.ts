/** How a search would be executed, as plain data that can be shown and compared. Reads traces tables, nothing else. */
import type { FieldExpression, Pipeline, PipelineStage } from '../../traceql/ast.ts';
import { printAttribute, printExpression } from '../../traceql/print.ts';
import type { SearchRequest } from '../../traceql/result.ts';
import type { LoadRequest, ReadCost, Snapshot } from '../../traceql/storage.ts';
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

export interface FragmentExplanation {
  readonly id: string;
  readonly traces: number;
  readonly spans: number;
  /** Chunks that overlap the time range. */
  readonly chunks: number;
  readonly chunkSpans: number;
  /** `true`, `false`: known without reading. */
  readonly constant?: boolean;
  readonly fixedColumns: readonly string[];
  /** As `scope.key: type`. */
  readonly columns: readonly string[];
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

function columnNames({ fixed, columns }: LoadRequest): Pick<FragmentExplanation, 'fixedColumns' | 'columns'> {
  return {
    fixedColumns: fixed,
    columns: columns.map(({ scope, key, type }) => `${scope}.${key}: ${type}`),
  };
}

function predicatesOf(pipeline: Pipeline): string[] {
  return pipeline.stages.flatMap(stagePredicates);
}

function stagePredicates(stage: PipelineStage): string[] {
  switch (stage.kind) {
    case 'spansetFilter':
      return conjuncts(stage.expression).map(printExpression);
    case 'spansetOperation':
      return [...stagePredicates(stage.lhs), ...stagePredicates(stage.rhs)];
    case 'pipeline':
      return predicatesOf(stage);
    default:
      return [];
  }
}

function conjuncts(expression: FieldExpression): FieldExpression[] {
  return expression.kind === 'binary' && expression.op === '&&'
    ? [...conjuncts(expression.lhs), ...conjuncts(expression.rhs)]
    : [expression];
}

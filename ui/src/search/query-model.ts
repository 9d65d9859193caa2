/** The query as the search page works with it. Text is the truth, in the address and in the editor. */
import type { AttributeRef, PipelineStage, Position, Query } from '../../../src/traceql/ast.ts';
import { checkQuery } from '../../../src/traceql/check.ts';
import { TraceQLError } from '../../../src/traceql/error.ts';
import { parseAttribute, parseQuery } from '../../../src/traceql/parser.ts';
import { printQuery } from '../../../src/traceql/print.ts';

export type ReadQuery =
  | { readonly kind: 'query'; readonly query: Query; readonly isMetrics: boolean }
  | { readonly kind: 'bad'; readonly offset: number; readonly reason: string };

const nowhere: Position = { offset: 0, line: 1, column: 1 };
export const everything = '{ }';

/** An empty text asks for everything. */
export function readQuery(text: string): ReadQuery {
  try {
    const query = checkQuery(parseQuery(text.trim() === '' ? everything : text));
    return { kind: 'query', query, isMetrics: query.metrics !== undefined };
  } catch (error) {
    if (error instanceof TraceQLError) return { kind: 'bad', offset: error.offset, reason: error.reason };
    return { kind: 'bad', offset: 0, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Attributes that every row shows beside the columns that were added. */
const rowAttributes = ['name', 'resource.service.name', 'status'];

/** What is sent: the query, with the attributes that rows show. Columns that name no attribute are left out. */
export function searchText(query: Query, columns: readonly string[] = []): string {
  const attributes = [...rowAttributes, ...columns].flatMap((name) => attributeOf(name) ?? []);
  const { pipeline } = query;
  const select: PipelineStage = { kind: 'select', attributes, pos: nowhere };
  return printQuery({ ...query, pipeline: { ...pipeline, stages: [...pipeline.stages, select] } });
}

/** Matching spans over time by status; undefined when the language has no metrics of such a query. */
export function histogramText(query: Query): string | undefined {
  const text = printQuery({
    ...query,
    metrics: {
      kind: 'metricsAggregate',
      name: 'count_over_time',
      quantiles: [],
      by: [parseAttribute('status')],
      pos: nowhere,
    },
  });
  return readQuery(text).kind === 'bad' ? undefined : text;
}

/** Undefined when the text names no attribute. */
export function attributeOf(text: string): AttributeRef | undefined {
  try {
    return parseAttribute(text);
  } catch {
    return undefined;
  }
}

/** As answers name an attribute: without scope and quotes. */
export function bareName(attribute: string): string {
  const ref = attributeOf(attribute);
  return ref?.kind === 'attribute' ? ref.name : attribute;
}

/** `resource.service.name` → `service`; what chips and column heads say. */
export function shortName(attribute: string): string {
  if (attribute === 'resource.service.name') return 'service';
  return attribute === 'name' ? 'operation' : bareName(attribute);
}

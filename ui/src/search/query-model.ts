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

/** Attributes that every row shows. */
const rowAttributes: AttributeRef[] = ['name', 'resource.service.name', 'status'].map((name) => parseAttribute(name));

/** What is sent: the query, with the attributes that rows show. */
export function searchText(query: Query): string {
  const { pipeline } = query;
  const select: PipelineStage = { kind: 'select', attributes: rowAttributes, pos: nowhere };
  return printQuery({ ...query, pipeline: { ...pipeline, stages: [...pipeline.stages, select] } });
}

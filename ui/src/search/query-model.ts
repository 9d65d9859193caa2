/**
 * The query as the search page works with it. Text is the truth, in the address and in the editor; chips are a view of
 * texts of the form `{ a = 1 && b = 2 … } | …`, and change the text.
 */
import type {
  AttributeRef,
  FieldExpression,
  PipelineStage,
  Position,
  Query,
  StaticNode,
} from '../../../src/traceql/ast.ts';
import { checkQuery } from '../../../src/traceql/check.ts';
import { TraceQLError } from '../../../src/traceql/error.ts';
import { parseAttribute, parseQuery } from '../../../src/traceql/parser.ts';
import { printAttribute, printExpression, printQuery } from '../../../src/traceql/print.ts';
import { literal } from '../base/literal.ts';

export type ReadQuery =
  | { readonly kind: 'query'; readonly query: Query; readonly isMetrics: boolean }
  | { readonly kind: 'bad'; readonly offset: number; readonly reason: string };

/** One comparison of a filter's conjunction, each part as TraceQL writes it. */
export interface Condition {
  readonly attribute: string;
  readonly op: string;
  readonly value: string;
}

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

const comparisons = new Set(['=', '!=', '=~', '!~', '<', '<=', '>', '>=']);

/** Undefined when the text is more than one filter of conditions that must all hold. */
export function conditionsOf(text: string): readonly Condition[] | undefined {
  const read = readQuery(text);
  if (read.kind === 'bad') return undefined;
  const [filter] = read.query.pipeline.stages;
  if (filter?.kind !== 'spansetFilter') return undefined;
  const conditions: Condition[] = [];
  for (const part of conjuncts(filter.expression)) {
    if (part.kind === 'static' && part.static.type === 'bool' && part.static.value) continue;
    if (part.kind !== 'binary' || !comparisons.has(part.op) || part.rhs.kind !== 'static') return undefined;
    if (part.lhs.kind !== 'attribute' && part.lhs.kind !== 'intrinsic') return undefined;
    conditions.push({ attribute: printAttribute(part.lhs), op: part.op, value: literalOf(part.rhs) });
  }
  return conditions;
}

function literalOf(node: StaticNode): string {
  return node.static.type === 'string' ? literal(node.static.value) : printExpression(node);
}

function conjuncts(expression: FieldExpression): FieldExpression[] {
  return expression.kind === 'binary' && expression.op === '&&'
    ? [...conjuncts(expression.lhs), ...conjuncts(expression.rhs)]
    : [expression];
}

/** The text with other conditions in its filter; stages behind the filter stay. */
export function withConditions(text: string, conditions: readonly Condition[]): string {
  const filter =
    conditions.length === 0
      ? everything
      : `{ ${conditions.map(({ attribute, op, value }) => `${attribute} ${op} ${value}`).join(' && ')} }`;
  const read = readQuery(text);
  if (read.kind === 'bad') return filter;
  const { pipeline, hints } = read.query;
  const rest = printQuery({
    ...read.query,
    pipeline: { ...pipeline, stages: [trueFilter, ...pipeline.stages.slice(1)] },
  });
  return pipeline.stages.length === 1 && hints.length === 0 && read.query.metrics === undefined
    ? filter
    : filter + rest.slice(printQuery({ ...bare, pipeline: { ...pipeline, stages: [trueFilter] } }).length);
}

const trueFilter: PipelineStage = {
  kind: 'spansetFilter',
  expression: { kind: 'static', static: { type: 'bool', value: true }, pos: nowhere },
  pos: nowhere,
};
const bare = { kind: 'query', secondStages: [], hints: [] } as const;

/** Sets a condition: an equality replaces the one on the same attribute, everything else is added. */
export function addCondition(conditions: readonly Condition[], added: Condition): readonly Condition[] {
  const at = conditions.findIndex(({ attribute, op }) => attribute === added.attribute && op === added.op);
  return at === -1 ? [...conditions, added] : conditions.with(at, added);
}

/** Attributes that every row shows beside the columns that were added. */
const rowAttributes = ['name', 'resource.service.name', 'status'];

/** What is sent: the query, with the attributes that rows show. */
export function searchText(query: Query, columns: readonly string[]): string {
  const attributes = [...rowAttributes, ...columns].flatMap((name) => attributeOf(name) ?? []);
  const { pipeline } = query;
  const select: PipelineStage = { kind: 'select', attributes, pos: nowhere };
  return printQuery({ ...query, pipeline: { ...pipeline, stages: [...pipeline.stages, select] } });
}

/** Matching spans over time by status; undefined when the language has no metrics of such a query. */
export function histogramText(query: Query): string | undefined {
  const status = attributeOf('status')!;
  const counted: Query = {
    ...query,
    metrics: { kind: 'metricsAggregate', name: 'count_over_time', quantiles: [], by: [status], pos: nowhere },
  };
  const text = printQuery(counted);
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

/** `resource.service.name` → `service`; what chips and column heads say. */
export function shortName(attribute: string): string {
  if (attribute === 'resource.service.name') return 'service';
  if (attribute === 'name') return 'operation';
  return attribute.replace(/^(?:span|resource|event|link|instrumentation)?\./, '');
}

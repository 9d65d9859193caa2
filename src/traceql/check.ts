/**
 * Refuses queries that parse but cannot be meant: types that never match, forms that are not supported, limits. What is
 * known only for each span (the type of an attribute) is left to the engine. The rules are Tempo's, except that metrics
 * over strings and grouping by `parent.` attributes, which Tempo accepts and answers with nothing, are refused.
 */
import type {
  Aggregate,
  AttributeRef,
  BinaryNode,
  BinaryOperator,
  FieldExpression,
  MetricsAggregate,
  MetricsCompare,
  PipelineStage,
  Position,
  Query,
  ScalarFilter,
  SpansetExpression,
  UnaryNode,
} from './ast.ts';
import { TraceQLError } from './error.ts';
import { type ExpressionType, intrinsicTypes } from './intrinsics.ts';
import { formatStatic, printAggregate, printAttribute, printExpression, printGroup } from './print.ts';
import { checkRegexSyntax } from './regex-syntax.ts';

export interface CheckOptions {
  /** Throws when the pattern cannot be compiled. The default finds only what no engine would take. */
  readonly compileRegex?: (pattern: string) => unknown;
}

export interface MetricsQuery extends Query {
  readonly metrics: MetricsAggregate | MetricsCompare;
}

/** Attributes a metrics function may group by. Functions that make their own label leave room for it. */
export const groupByMax = 5;

const groupByMaxOf: Readonly<Record<MetricsAggregate['name'], number>> = {
  rate: groupByMax,
  count_over_time: groupByMax,
  min_over_time: groupByMax,
  max_over_time: groupByMax,
  sum_over_time: groupByMax,
  avg_over_time: groupByMax - 1,
  quantile_over_time: groupByMax - 1,
  histogram_over_time: groupByMax - 1,
};

/** The query itself when it can be run. @throws TraceQLError */
export function checkQuery(query: Query, options: CheckOptions = {}): Query {
  const check = new Checker(options.compileRegex ?? checkRegexSyntax);
  for (const stage of query.pipeline.stages) check.stage(stage);
  if (query.metrics === undefined) return query;
  if (query.metrics.kind === 'metricsCompare') check.compare(query.metrics, query.secondStages.length > 0);
  else check.metrics(query.metrics);
  for (const stage of query.secondStages)
    if (stage.kind !== 'metricsFilter' && stage.limit <= 0) refuse(stage.pos, 'limit must be greater than 0');
  return query;
}

/** The query when it can be run and has a metrics stage. @throws TraceQLError */
export function checkMetrics(query: Query, options: CheckOptions = {}): MetricsQuery {
  if (query.metrics === undefined) refuse(query.pipeline.pos, 'not a metrics query');
  return checkQuery(query, options) as MetricsQuery;
}

/** What stands between `{` and `}`. @throws TraceQLError */
export function checkFilter(expression: FieldExpression, options: CheckOptions = {}): void {
  new Checker(options.compileRegex ?? checkRegexSyntax).filter(expression);
}

/** What an expression gives as far as the query says: an operation on attributes of unknown type is `attribute`. */
export function typeOf(expression: FieldExpression): ExpressionType {
  switch (expression.kind) {
    case 'static':
      return expression.static.type;
    case 'attribute':
      return 'attribute';
    case 'intrinsic':
      return intrinsicTypes[expression.intrinsic];
    case 'unary':
      return typeOf(expression.operand);
    case 'binary':
      return binaryType(expression.op, typeOf(expression.lhs), typeOf(expression.rhs));
  }
}

function binaryType(op: BinaryOperator, left: ExpressionType, right: ExpressionType): ExpressionType {
  if (!isArithmetic(op)) return 'bool';
  return left === 'attribute' ? right : left;
}

/** Whether the value can differ from span to span. */
export function referencesSpan(expression: FieldExpression): boolean {
  switch (expression.kind) {
    case 'static':
      return false;
    case 'attribute':
    case 'intrinsic':
      return true;
    case 'unary':
      return referencesSpan(expression.operand);
    case 'binary':
      return referencesSpan(expression.lhs) || referencesSpan(expression.rhs);
  }
}

function refuse(pos: Position, reason: string): never {
  const shown = reason.length > reasonLengthMax ? `${reason.slice(0, reasonLengthMax)}…` : reason;
  throw new TraceQLError('traceql_check', pos, shown);
}

/** Reasons quote the query, which may be long. */
const reasonLengthMax = 500;

class Checker {
  private readonly compileRegex: (pattern: string) => unknown;

  constructor(compileRegex: (pattern: string) => unknown) {
    this.compileRegex = compileRegex;
  }

  stage(stage: PipelineStage): void {
    switch (stage.kind) {
      case 'spansetFilter':
      case 'spansetOperation':
      case 'pipeline':
        this.spanset(stage);
        break;
      case 'scalarFilter':
        this.scalarFilter(stage);
        break;
      case 'group':
        this.expression(stage.by);
        if (!referencesSpan(stage.by))
          refuse(stage.pos, `grouping field expressions must reference the span: ${printGroup(stage)}`);
        break;
      case 'select':
        for (const attribute of stage.attributes) checkAttribute(attribute);
        break;
      case 'coalesce':
        break;
    }
  }

  private spanset(spanset: SpansetExpression): void {
    switch (spanset.kind) {
      case 'spansetFilter':
        this.filter(spanset.expression);
        break;
      case 'spansetOperation':
        this.spanset(spanset.lhs);
        this.spanset(spanset.rhs);
        break;
      case 'pipeline':
        for (const stage of spanset.stages) this.stage(stage);
        break;
    }
  }

  filter(expression: FieldExpression): void {
    const type = this.expression(expression);
    if (type !== 'bool' && type !== 'attribute')
      refuse(
        expression.pos,
        `span filter field expressions must resolve to a boolean: { ${printExpression(expression)} }`,
      );
  }

  private scalarFilter(filter: ScalarFilter): void {
    const { lhs, rhs } = filter;
    if (lhs.kind !== 'aggregate')
      refuse(
        lhs.pos,
        `scalar filter lhs of type (${lhs.kind}) not yet supported: compare one aggregate with one number`,
      );
    if (rhs.kind !== 'static')
      refuse(
        rhs.pos,
        `scalar filter rhs of type (${rhs.kind}) not yet supported: compare one aggregate with one number`,
      );
    this.aggregate(lhs);
  }

  private aggregate(aggregate: Aggregate): void {
    const { expression } = aggregate;
    if (expression === undefined) return;
    const type = this.expression(expression);
    if (type !== 'attribute' && !isNumeric(type))
      refuse(aggregate.pos, `aggregate field expressions must resolve to a number type: ${printAggregate(aggregate)}`);
    if (!referencesSpan(expression))
      refuse(aggregate.pos, `aggregate field expressions must reference the span: ${printAggregate(aggregate)}`);
  }

  metrics(metrics: MetricsAggregate): void {
    const { name, attribute, quantiles, by } = metrics;
    if (attribute !== undefined) {
      checkAttribute(attribute);
      const type = typeOf(attribute);
      if (type !== 'attribute' && !isNumeric(type))
        refuse(attribute.pos, `${name}() needs numbers, but ${printAttribute(attribute)} is a ${type}`);
    }
    for (const quantile of quantiles)
      if (quantile < 0 || quantile > 1) refuse(metrics.pos, `quantile must be between 0 and 1: ${quantile}`);
    for (const group of by) checkAttribute(group);
    const max = groupByMaxOf[name];
    if (by.length > max)
      refuse(by[max]!.pos, `metrics group by ${by.length} values not yet supported: ${name}() takes at most ${max}`);
  }

  compare(compare: MetricsCompare, followed: boolean): void {
    const { pos, startUnixNano, endUnixNano } = compare;
    this.filter(compare.selection.expression);
    if (compare.topN <= 0) refuse(pos, 'compare() top number of values must be integer greater than 0');
    if ((startUnixNano !== 0n || endUnixNano !== 0n) && endUnixNano <= startUnixNano)
      refuse(pos, 'compare() end timestamp must be greater than start timestamp');
    if (followed) refuse(pos, '`compare()` cannot be used with second stage functions');
  }

  /** Checks from the leaves up and gives what {@link typeOf} gives. */
  private expression(expression: FieldExpression): ExpressionType {
    switch (expression.kind) {
      case 'static':
        return expression.static.type;
      case 'attribute':
      case 'intrinsic':
        checkAttribute(expression);
        return typeOf(expression);
      case 'unary':
        return this.unary(expression);
      case 'binary':
        return this.binary(expression);
    }
  }

  private unary(expression: UnaryNode): ExpressionType {
    const { op, operand } = expression;
    const type = this.expression(operand);
    if (type !== 'attribute' && (op === '!' ? type !== 'bool' : !isNumeric(type)))
      refuse(expression.pos, `illegal operation for the given type: ${printExpression(expression)}`);
    return type;
  }

  private binary(expression: BinaryNode): ExpressionType {
    const { op, lhs, rhs } = expression;
    const left = this.expression(lhs);
    const right = this.expression(rhs);
    if (isNil(lhs) || isNil(rhs)) {
      checkNil(expression, isNil(lhs) ? rhs : lhs);
      return 'bool';
    }
    if (left !== right && left !== 'attribute' && right !== 'attribute' && !(isNumeric(left) && isNumeric(right)))
      refuse(expression.pos, `binary operations must operate on the same type: ${printExpression(expression)}`);
    if (!takes(op, left) || !takes(op, right))
      refuse(expression.pos, `illegal operation for the given types: ${printExpression(expression)}`);
    if (op === '=~' || op === '!~') this.regex(rhs);
    return binaryType(op, left, right);
  }

  private regex(pattern: FieldExpression): void {
    if (pattern.kind !== 'static' || pattern.static.type !== 'string')
      refuse(pattern.pos, `invalid regex: a string is expected, not ${printExpression(pattern)}`);
    try {
      this.compileRegex(pattern.static.value);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      refuse(pattern.pos, `invalid regex: ${formatStatic(pattern.static)}: ${why}`);
    }
  }
}

/** `other` stands beside a nil. */
function checkNil(expression: BinaryNode, other: FieldExpression): void {
  if (expression.op !== '=' && expression.op !== '!=')
    refuse(expression.pos, `illegal operation for the given types: ${printExpression(expression)}`);
  if (expression.op === '!=') return;
  if (other.kind === 'intrinsic')
    refuse(other.pos, `${printAttribute(other)}=nil is not valid because intrinsics cannot be nil`);
  if (other.kind === 'attribute' && other.scope === 'resource' && other.name === 'service.name')
    refuse(other.pos, 'resource.service.name=nil is not valid because resource.service.name cannot be nil');
}

function checkAttribute(attribute: AttributeRef): void {
  if (attribute.kind === 'attribute') {
    if (attribute.parent) refuse(attribute.pos, 'parent not yet supported');
  } else if (attribute.intrinsic === 'parent') refuse(attribute.pos, 'intrinsic (parent) not yet supported');
}

function isNil(expression: FieldExpression): boolean {
  return expression.kind === 'static' && expression.static.type === 'nil';
}

function isNumeric(type: ExpressionType): boolean {
  return type === 'int' || type === 'float' || type === 'duration';
}

function isArithmetic(op: BinaryOperator): boolean {
  return op === '+' || op === '-' || op === '*' || op === '/' || op === '%' || op === '^';
}

/** Whether an operator is defined on a type. */
function takes(op: BinaryOperator, type: ExpressionType): boolean {
  switch (type) {
    case 'attribute':
      return true;
    case 'int':
    case 'float':
    case 'duration':
      return isArithmetic(op) || isOrdering(op) || isEquality(op);
    case 'string':
      return isOrdering(op) || isEquality(op) || op === '=~' || op === '!~';
    case 'bool':
      return isEquality(op) || op === '&&' || op === '||';
    case 'status':
    case 'kind':
    case 'nil':
      return isEquality(op);
  }
}

function isEquality(op: BinaryOperator): boolean {
  return op === '=' || op === '!=';
}

function isOrdering(op: BinaryOperator): boolean {
  return op === '<' || op === '<=' || op === '>' || op === '>=';
}

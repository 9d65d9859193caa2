/**
 * Syntax tree → canonical text, which parses to the same tree. Labels and span set attributes are named by it
 * (`by(span.thread.id % 2)`, `avg(duration)`), so the texts of expressions are the ones Tempo gives: operands that are
 * operations themselves always stand in parentheses, strings in backquotes.
 */
import type {
  Aggregate,
  AttributeRef,
  FieldExpression,
  GroupStage,
  MetricsAggregate,
  MetricsCompare,
  MetricsSecondStage,
  Pipeline,
  PipelineStage,
  Query,
  ScalarExpression,
  SpansetExpression,
  Static,
} from './ast.ts';
import { formatDuration } from './format-duration.ts';
import { compareTopNDefault } from './parse-metrics.ts';
import { quoteName, quoteString } from './strings.ts';

export { formatDuration } from './format-duration.ts';

export function printQuery(query: Query): string {
  const { pipeline, metrics, secondStages, hints } = query;
  let text = printPipeline(pipeline);
  if (metrics !== undefined) text += ` | ${printMetrics(metrics)}`;
  for (const stage of secondStages) text += printSecondStage(stage);
  if (hints.length > 0)
    text += ` with (${hints.map(({ name, value }) => `${name} = ${formatStatic(value)}`).join(', ')})`;
  return text;
}

export function printExpression(expression: FieldExpression): string {
  switch (expression.kind) {
    case 'static':
      return formatStatic(expression.static);
    case 'attribute':
    case 'intrinsic':
      return printAttribute(expression);
    case 'unary':
      return `${expression.op}${printOperand(expression.operand)}`;
    case 'binary': {
      const tight = expression.op === '*' || expression.op === '/' || expression.op === '%' || expression.op === '^';
      const lhs = printOperand(expression.lhs);
      // A sign binds less than these operators: without parentheses `-2 ^ 2` would be -(2 ^ 2).
      const signed = tight && expression.lhs.kind === 'static' && lhs.startsWith('-');
      return `${signed ? `(${lhs})` : lhs} ${expression.op} ${printOperand(expression.rhs)}`;
    }
  }
}

function printOperand(expression: FieldExpression): string {
  const text = printExpression(expression);
  return expression.kind === 'binary' || expression.kind === 'unary' ? `(${text})` : text;
}

/** As written in a query: `.foo`, `span."foo bar"`, `duration`, `event:name`. Labels of series have these names. */
export function printAttribute(attribute: AttributeRef): string {
  if (attribute.kind === 'intrinsic') return attribute.text;
  const { parent, scope } = attribute;
  let name = quoteName(attribute.name);
  // Names that would be read as a number or as a scope.
  const misread = scope === 'none' && (parent ? /^(?:span|resource)\./.test(name) : /^\d/.test(name));
  if (misread) name = `"${name}"`;
  return `${parent ? 'parent.' : ''}${scope === 'none' ? (parent ? '' : '.') : `${scope}.`}${name}`;
}

/** As a literal in a query. Values that have no literal (NaN, infinities) are named as Go names them. */
export function formatStatic(value: Static): string {
  switch (value.type) {
    case 'nil':
      return 'nil';
    case 'int':
      return value.value === -(1n << 63n) ? 'minInt' : value.value.toString();
    case 'float':
      return formatFloat(value.value);
    case 'string':
      return quoteString(value.value);
    case 'bool':
      return value.value ? 'true' : 'false';
    case 'duration':
      return formatDuration(value.value);
    case 'status':
    case 'kind':
      return value.value;
  }
}

/** The shortest digits that read back as the same double, always with `.` or `e`: `2.0`, `0.05`, `1e+21`. */
export function formatFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const text = Object.is(value, -0) ? '-0' : String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** `count()`, `avg(duration)`: also the name of the span set attribute with its value. */
export function printAggregate(aggregate: Aggregate): string {
  const { name, expression } = aggregate;
  return `${name}(${expression === undefined ? '' : printExpression(expression)})`;
}

/** `by(kind)`: also the name of the span set attribute with the group's value. */
export function printGroup(group: GroupStage): string {
  return `by(${printExpression(group.by)})`;
}

function printPipeline(pipeline: Pipeline): string {
  return pipeline.stages.map(printStage).join(' | ');
}

function printStage(stage: PipelineStage): string {
  switch (stage.kind) {
    case 'group':
      return printGroup(stage);
    case 'select':
      return `select(${stage.attributes.map(printAttribute).join(', ')})`;
    case 'coalesce':
      return 'coalesce()';
    case 'scalarFilter':
      return `${printScalarOperand(stage.lhs, false)} ${stage.op} ${printScalarOperand(stage.rhs, false)}`;
    case 'spansetFilter':
    case 'spansetOperation':
    case 'pipeline':
      return printSpanset(stage);
  }
}

function printSpanset(spanset: SpansetExpression): string {
  return spansetText(spanset).text;
}

/** `pipelines`: has pipelines in it; filters beside those need parentheses of their own. */
function spansetText(spanset: SpansetExpression): { readonly text: string; readonly pipelines: boolean } {
  switch (spanset.kind) {
    case 'spansetFilter':
      return { text: `{ ${printExpression(spanset.expression)} }`, pipelines: false };
    case 'pipeline':
      return { text: `(${printPipeline(spanset)})`, pipelines: true };
    case 'spansetOperation': {
      const lhs = spansetText(spanset.lhs);
      const rhs = spansetText(spanset.rhs);
      const pipelines = lhs.pipelines || rhs.pipelines;
      const operand = ({ kind }: SpansetExpression, text: string) =>
        kind === 'spansetOperation' || (kind === 'spansetFilter' && pipelines) ? `(${text})` : text;
      return { text: `${operand(spanset.lhs, lhs.text)} ${spanset.op} ${operand(spanset.rhs, rhs.text)}`, pipelines };
    }
  }
}

export function printScalar(scalar: ScalarExpression): string {
  switch (scalar.kind) {
    case 'aggregate':
      return printAggregate(scalar);
    case 'static':
      return formatStatic(scalar.static);
    case 'scalarPipeline':
      return `(${[...scalar.stages.map(printStage), printAggregate(scalar.aggregate)].join(' | ')})`;
    case 'scalarOperation':
      return `${printScalarOperand(scalar.lhs, true)} ${scalar.op} ${printScalarOperand(scalar.rhs, true)}`;
  }
}

function printScalarOperand(operand: ScalarExpression, insideOperation: boolean): string {
  const text = printScalar(operand);
  return insideOperation && operand.kind === 'scalarOperation' ? `(${text})` : text;
}

export function printMetrics(metrics: MetricsAggregate | MetricsCompare): string {
  if (metrics.kind === 'metricsCompare') {
    const { selection, topN, startUnixNano, endUnixNano } = metrics;
    const parts = [printSpanset(selection)];
    const ranged = startUnixNano !== 0n || endUnixNano !== 0n;
    if (ranged || topN !== compareTopNDefault) parts.push(String(topN));
    if (ranged) parts.push(String(startUnixNano), String(endUnixNano));
    return `compare(${parts.join(', ')})`;
  }
  const parts = metrics.attribute === undefined ? [] : [printAttribute(metrics.attribute)];
  parts.push(...metrics.quantiles.map(String));
  const by = metrics.by.length === 0 ? '' : ` by (${metrics.by.map(printAttribute).join(', ')})`;
  return `${metrics.name}(${parts.join(', ')})${by}`;
}

function printSecondStage(stage: MetricsSecondStage): string {
  if (stage.kind !== 'metricsFilter') return ` | ${stage.kind}(${stage.limit})`;
  const exact = Number.isSafeInteger(stage.value) && !Object.is(stage.value, -0);
  return ` ${stage.op} ${exact ? String(stage.value) : formatFloat(stage.value)}`;
}

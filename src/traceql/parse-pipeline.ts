/**
 * Everything outside `{ }` up to the metrics stage: span sets and scalars with their operators, and the stages of a
 * pipeline.
 *
 *   level  operators
 *   1      && ||                                            between span sets
 *   2      > >> < << ~ and their ! and & forms              between span sets
 *          = != < <= > >=                                   between scalars
 *   3, 5   + -, * / %                                       between scalars
 *   6      ^                                                groups from the right
 *
 * `(` may open a span set, a scalar, a whole pipeline, or a pipeline that ends in an aggregate. Which one shows only
 * inside, so one function reads them all and says what it found (`Term`); operators then ask for the forms they join.
 * What joins pipelines must be the whole query: nothing is piped into it or behind it.
 */
import {
  type Aggregate,
  type AggregateName,
  AggregateNames,
  type ArithmeticOperator,
  ArithmeticOperators,
  type AttributeRef,
  type CoalesceStage,
  type ComparisonOperator,
  ComparisonOperators,
  type GroupStage,
  type Pipeline,
  type PipelineStage,
  type Position,
  type ScalarExpression,
  type ScalarFilter,
  type ScalarPipeline,
  type SelectStage,
  type SpansetExpression,
  type SpansetFilter,
  type SpansetOperation,
  type SpansetOperator,
  SpansetOperators,
} from './ast.ts';
import { acceptAttributeRef, acceptStatic, closeExpression, negate, parseFieldExpression } from './parse-field.ts';
import { joinRun, type TokenReader } from './token-reader.ts';

export type Term =
  /** Of filters only. `wrapped`: in parentheses of its own, so that it may stand beside a pipeline. */
  | { readonly form: 'spanset'; readonly node: SpansetExpression; readonly wrapped: boolean }
  /** Pipelines in parentheses and operations on them. */
  | { readonly form: 'pipelines'; readonly node: SpansetExpression }
  /** `whole`: has pipelines in it and must be the whole query. */
  | { readonly form: 'scalar'; readonly node: ScalarExpression; readonly whole: boolean }
  | { readonly form: 'scalarFilter'; readonly node: ScalarFilter; readonly whole: boolean }
  | { readonly form: 'stage'; readonly node: GroupStage | SelectStage | CoalesceStage }
  | { readonly form: 'stages'; readonly node: Pipeline };

const booleanLevel = 1;
const comparisonLevel = 2;
const powerLevel = 6;

const spansetOperators: ReadonlyMap<string, SpansetOperator> = new Map(SpansetOperators.map((op) => [op, op]));
const comparisons: ReadonlyMap<string, ComparisonOperator> = new Map(ComparisonOperators.map((op) => [op, op]));
const arithmetic: ReadonlyMap<string, ArithmeticOperator> = new Map(ArithmeticOperators.map((op) => [op, op]));
const arithmeticLevels: Readonly<Record<ArithmeticOperator, number>> = {
  '+': 3,
  '-': 3,
  '*': 5,
  '/': 5,
  '%': 5,
  '^': powerLevel,
};

const aggregateNames: ReadonlyMap<string, AggregateName> = new Map(AggregateNames.map((name) => [name, name]));

const stageExpected = '{, (, by, select or an aggregate';
const laterStageExpected = '{, (, by, select, coalesce, an aggregate or a metrics function';
const spansetExpected = '{ or (';
const scalarExpected = 'an aggregate, a number or a duration';
/** What a stage that is only a scalar lacks. */
const comparisonExpected = 'a comparison such as > 1';

/**
 * Stages up to the end, a closing parenthesis, or a `|` before which `stop` says so.
 * `top`: not inside parentheses, where a pipeline may end in an aggregate.
 */
export function parseStages(reader: TokenReader, top: boolean, stop: () => boolean): Term {
  const { pos } = reader.token;
  const first = parseStage(reader, true);
  if (first.form === 'scalar' && reader.atSymbol('|')) reader.fail(comparisonExpected);
  if (!reader.atSymbol('|') || stop()) return first;
  const stages: PipelineStage[] = [stageOf(reader, first)];
  let height = reader.height;
  while (reader.atSymbol('|') && !stop()) {
    reader.take();
    const term = parseStage(reader, false);
    height = Math.max(height, reader.height);
    if (term.form === 'scalar') {
      if (top || !reader.atSymbol(')') || term.node.kind !== 'aggregate') reader.fail(comparisonExpected);
      reader.built(height + 1);
      const node: ScalarPipeline = { kind: 'scalarPipeline', stages, aggregate: term.node, pos };
      return { form: 'scalar', node, whole: true };
    }
    stages.push(stageOf(reader, term));
  }
  reader.built(height + 1);
  return { form: 'stages', node: { kind: 'pipeline', stages, pos } };
}

function stageOf(reader: TokenReader, term: Term): PipelineStage {
  if (term.form === 'pipelines' || term.form === 'stages' || term.form === 'scalar' || isWhole(term))
    reader.failBecause('syntax error: pipelines in parentheses cannot be combined with further stages', term.node.pos);
  return term.node;
}

function isWhole(term: Term): boolean {
  return term.form === 'scalarFilter' && term.whole;
}

function parseStage(reader: TokenReader, first: boolean): Term {
  const { token } = reader;
  if (token.kind === 'identifier') {
    if (token.text === 'by') return { form: 'stage', node: parseGroup(reader) };
    if (token.text === 'select') return { form: 'stage', node: parseSelect(reader) };
    if (token.text === 'coalesce') {
      if (first) reader.failBecause('syntax error: coalesce() cannot start a pipeline');
      reader.take();
      reader.expectSymbol('(');
      reader.expectSymbol(')');
      reader.built(1);
      return { form: 'stage', node: { kind: 'coalesce', pos: token.pos } };
    }
  }
  return climb(reader, booleanLevel, first ? stageExpected : laterStageExpected);
}

function parseGroup(reader: TokenReader): GroupStage {
  const { pos } = reader.take();
  reader.expectSymbol('(');
  const by = parseFieldExpression(reader);
  reader.expectSymbol(')', 'an operator or )');
  return { kind: 'group', by, pos };
}

function parseSelect(reader: TokenReader): SelectStage {
  const { pos } = reader.take();
  return { kind: 'select', attributes: parseAttributeList(reader), pos };
}

/** `(a, b)`, at least one. */
export function parseAttributeList(reader: TokenReader): readonly AttributeRef[] {
  reader.expectSymbol('(');
  const attributes: AttributeRef[] = [];
  do attributes.push(parseAttributeRef(reader));
  while (reader.acceptSymbol(','));
  reader.expectSymbol(')', ') or ,');
  reader.built(1);
  return attributes;
}

export function parseAttributeRef(reader: TokenReader): AttributeRef {
  return acceptAttributeRef(reader) ?? reader.fail('an attribute such as span.name or .name');
}

/** Operators of `levelMin` and tighter. `expecting` words the error when there is no operand at all. */
function climb(reader: TokenReader, levelMin: number, expecting: string): Term {
  let left = parseOperand(reader, expecting);
  for (;;) {
    const next = operatorBehind(left, reader);
    if (next === undefined || next.level < levelMin) return left;
    if (next.level === booleanLevel) {
      left = parseRun(reader, next.op as SpansetOperator, left);
      continue;
    }
    const leftHeight = reader.height;
    reader.take();
    reader.enter();
    const rightPos = reader.token.pos;
    const rightMin = next.level === powerLevel ? powerLevel : next.level + 1;
    const right = climb(reader, rightMin, left.form === 'scalar' ? scalarExpected : spansetExpected);
    reader.leave();
    left = combine(reader, next.op, left, right, rightPos);
    reader.built(1 + Math.max(leftHeight, reader.height));
  }
}

interface NextOperator {
  readonly op: SpansetOperator | ComparisonOperator | ArithmeticOperator;
  readonly level: number;
}

/** The operator at the current token if it can follow what is on its left. */
function operatorBehind(left: Term, reader: TokenReader): NextOperator | undefined {
  const { token } = reader;
  if (token.kind !== 'symbol') return undefined;
  if (left.form === 'spanset' || left.form === 'pipelines') {
    const op = spansetOperators.get(token.text);
    if (op === undefined) return undefined;
    return { op, level: op === '&&' || op === '||' ? booleanLevel : comparisonLevel };
  }
  if (left.form !== 'scalar') return undefined;
  const sign = arithmetic.get(token.text);
  if (sign !== undefined) return { op: sign, level: arithmeticLevels[sign] };
  const comparison = comparisons.get(token.text);
  return comparison === undefined ? undefined : { op: comparison, level: comparisonLevel };
}

/** `left op b op c …` with the same boolean operator. */
function parseRun(reader: TokenReader, op: SpansetOperator, left: Term): Term {
  const operands: { node: Term; height: number }[] = [{ node: left, height: reader.height }];
  while (reader.acceptSymbol(op)) {
    reader.enter();
    const { pos } = reader.token;
    const node = climb(reader, booleanLevel + 1, spansetExpected);
    reader.leave();
    requireSpansets(reader, left, node, pos);
    operands.push({ node, height: reader.height });
  }
  return joinRun<Term>(reader, operands, (lhs, rhs) => joinSpansets(op, lhs, rhs) as Term);
}

function combine(reader: TokenReader, op: NextOperator['op'], left: Term, right: Term, rightPos: Position): Term {
  if (left.form === 'scalar') {
    if (right.form !== 'scalar') reader.failBecause(`syntax error: expecting ${scalarExpected}`, rightPos);
    const whole = left.whole || right.whole;
    const sign = arithmetic.get(op);
    const parts = { lhs: left.node, rhs: right.node, pos: left.node.pos };
    if (sign !== undefined) return { form: 'scalar', whole, node: { kind: 'scalarOperation', op: sign, ...parts } };
    return { form: 'scalarFilter', whole, node: { kind: 'scalarFilter', op: op as ComparisonOperator, ...parts } };
  }
  requireSpansets(reader, left, right, rightPos);
  return joinSpansets(op as SpansetOperator, left, right)!;
}

function requireSpansets(reader: TokenReader, left: Term, right: Term, rightPos: Position): void {
  if (right.form !== 'spanset' && right.form !== 'pipelines')
    reader.failBecause(`syntax error: expecting ${spansetExpected} on the right of a span set operator`, rightPos);
  if (joinSpansets('&&', left, right) === undefined)
    reader.failBecause(
      'syntax error: beside a pipeline in parentheses, span sets need parentheses of their own',
      left.form === 'pipelines' ? rightPos : left.node.pos,
    );
}

/** Filters with filters; pipelines with pipelines or with what has parentheses too. Otherwise undefined. */
function joinSpansets(op: SpansetOperator, left: Term, right: Term): Term | undefined {
  if (left.form !== 'spanset' && left.form !== 'pipelines') return undefined;
  if (right.form !== 'spanset' && right.form !== 'pipelines') return undefined;
  const node: SpansetOperation = {
    kind: 'spansetOperation',
    op,
    lhs: left.node,
    rhs: right.node,
    pos: left.node.pos,
  };
  if (left.form === 'spanset' && right.form === 'spanset') return { form: 'spanset', node, wrapped: false };
  const bothWrapped = (left.form === 'pipelines' || left.wrapped) && (right.form === 'pipelines' || right.wrapped);
  return bothWrapped ? { form: 'pipelines', node } : undefined;
}

function parseOperand(reader: TokenReader, expecting: string): Term {
  const { token } = reader;
  if (token.kind === 'symbol') {
    if (token.text === '{') return { form: 'spanset', node: parseSpansetFilter(reader), wrapped: false };
    if (token.text === '(') return parseParentheses(reader);
  }
  const name = token.kind === 'identifier' ? aggregateNames.get(token.text) : undefined;
  if (name !== undefined) return { form: 'scalar', node: parseAggregate(reader, name), whole: false };
  const negative = reader.acceptSymbol('-');
  const { kind, text } = reader.token;
  // The smallest int has no positive counterpart to put a sign before; it is printed, and so must be read, by name.
  const named = kind === 'identifier' && !negative && (text === 'minInt' || text === 'maxInt');
  const number = kind === 'int' || kind === 'float' || kind === 'duration' || named;
  const literal = number ? acceptStatic(reader) : undefined;
  if (literal === undefined) reader.fail(negative ? 'a number or duration' : expecting);
  const value = negative ? (negate(literal) ?? literal) : literal;
  reader.built(1);
  return { form: 'scalar', node: { kind: 'static', static: value, pos: token.pos }, whole: false };
}

export function parseSpansetFilter(reader: TokenReader): SpansetFilter {
  const { pos } = reader.token;
  reader.expectSymbol('{');
  if (reader.atSymbol('}')) {
    reader.take();
    reader.built(1);
    return { kind: 'spansetFilter', expression: { kind: 'static', static: { type: 'bool', value: true }, pos }, pos };
  }
  const expression = parseFieldExpression(reader);
  closeExpression(reader, '}');
  return { kind: 'spansetFilter', expression, pos };
}

function parseParentheses(reader: TokenReader): Term {
  reader.take();
  reader.enter();
  const inner = parseStages(reader, false, () => false);
  reader.leave();
  reader.expectSymbol(')');
  switch (inner.form) {
    case 'spanset':
      return { ...inner, wrapped: true };
    case 'pipelines':
    case 'scalar':
      return inner;
    case 'scalarFilter':
    case 'stage':
      return {
        form: 'pipelines',
        node: { kind: 'pipeline', stages: [inner.node], pos: inner.node.pos },
      };
    case 'stages':
      return { form: 'pipelines', node: inner.node };
  }
}

function parseAggregate(reader: TokenReader, name: AggregateName): Aggregate {
  const { pos } = reader.take();
  reader.expectSymbol('(');
  if (name === 'count') {
    reader.expectSymbol(')');
    reader.built(1);
    return { kind: 'aggregate', name, pos };
  }
  const expression = parseFieldExpression(reader);
  reader.expectSymbol(')', 'an operator or )');
  return { kind: 'aggregate', name, expression, pos };
}

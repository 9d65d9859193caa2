/**
 * Compiles expressions for a fragment.
 *
 * Conditions become masks over whole vectors of spans. A mask has a byte a span row, 1 while the row may still match; every node of a
 * compiled condition takes rows out of it (`refine`), so `&&` is one node after the other and skips what is left to do
 * once nothing remains, `||` refines copies of what is undecided, and `!` takes out what its operand leaves in.
 *
 * Conditions `attribute op literal` work on codes and numbers directly (attribute-mask.ts); anything else is evaluated
 * row by row (expression.ts), as are values to group by or to aggregate.
 */
import type { BinaryOperator, FieldExpression } from '../../traceql/ast.ts';
import type { Fragment, LoadRequest } from '../../traceql/storage.ts';
import { attributeMask } from './attribute-mask.ts';
import { Constant, combine, constantValue, Expression, Negation, Not, Reference } from './expression.ts';
import { predicate, present } from './predicate.ts';
import type { TraceRange } from './range.ts';
import { Reads, resolve } from './source.ts';
import { literalValue, Type, type Value } from './value.ts';

export interface MaskNode {
  /** Clears `mask[i]` for the rows `range.firstRow + i` that do not match. The mask is as long as the range. */
  refine(range: TraceRange, mask: Uint8Array): void;
}

export interface CompiledFilter {
  /** What must be loaded for a range before its mask is asked for. */
  readonly request: LoadRequest;
  /** Set when every span, or none, of the fragment matches; nothing needs to be loaded then. */
  readonly constant: boolean | undefined;
  /** Writes 1 for matching rows and 0 for others into `out`, whose length is the number of rows in the range. */
  mask(range: TraceRange, out: Uint8Array): void;
  /** The same, but only clears rows that are set. */
  refine(range: TraceRange, mask: Uint8Array): void;
}

/** Compiles the expression of a span set filter for one fragment. No I/O. */
export function compileFilter(expression: FieldExpression, fragment: Fragment): CompiledFilter {
  const reads = new Reads();
  const node = truth(expression, { fragment, reads });
  if (typeof node === 'boolean') {
    const fill = node ? 1 : 0;
    return {
      request: new Reads().request(),
      constant: node,
      mask: (_range, out) => void out.fill(fill),
      refine: (_range, mask) => {
        if (!node) mask.fill(0);
      },
    };
  }
  return {
    request: reads.request(),
    constant: undefined,
    mask: (range, out) => {
      out.fill(1);
      node.refine(range, out);
    },
    refine: (range, mask) => node.refine(range, mask),
  };
}

interface Context {
  readonly fragment: Fragment;
  readonly reads: Reads;
}

/** A constant, or a node. */
type Condition = MaskNode | boolean;

const isTrue = (value: Value): boolean => value.type === Type.bool && value.num !== 0;

/** Where the expression is true. */
function truth(expression: FieldExpression, context: Context): Condition {
  const constant = constantValue(expression);
  if (constant !== undefined) return isTrue(constant);
  switch (expression.kind) {
    case 'static':
      return false;
    case 'attribute':
    case 'intrinsic':
      return attributeCondition(expression, '=', booleanLiteral(true), context);
    case 'unary':
      return expression.op === '!' ? falsehood(expression.operand, context) : false;
    case 'binary':
      return binaryTruth(expression, context);
  }
}

/** Where the expression is false: the complement for what is always true or false, else where it is the value false. */
function falsehood(expression: FieldExpression, context: Context): Condition {
  const constant = constantValue(expression);
  if (constant !== undefined) return constant.type === Type.bool && constant.num === 0;
  switch (expression.kind) {
    case 'static':
      return false;
    case 'attribute':
    case 'intrinsic':
      return attributeCondition(expression, '=', booleanLiteral(false), context);
    case 'unary':
      return expression.op === '!' ? truth(expression.operand, context) : false;
    case 'binary':
      return isBoolean(expression) ? not(truth(expression, context)) : false;
  }
}

/** True for expressions that are true or false, never nil, for every span. */
function isBoolean(expression: FieldExpression): boolean {
  return expression.kind === 'binary' && !'+-*/%^'.includes(expression.op);
}

function binaryTruth(expression: FieldExpression & { kind: 'binary' }, context: Context): Condition {
  const { op, lhs, rhs } = expression;
  if (op === '&&') return and(truth(lhs, context), truth(rhs, context));
  if (op === '||') return or(truth(lhs, context), truth(rhs, context));
  if (!isBoolean(expression)) return false;
  const left = constantValue(lhs);
  const right = constantValue(rhs);
  const whole = right !== undefined ? literalCondition(lhs, op, right, context) : undefined;
  if (whole !== undefined) return whole;
  const mirrored = mirror[op];
  if (left !== undefined && mirrored !== undefined) {
    const condition = literalCondition(rhs, mirrored, left, context);
    if (condition !== undefined) return and(condition, literalFirst(op, rhs, left, context));
  }
  const { fragment, reads } = context;
  return new RowMask(combine(op, compileExpression(lhs, fragment, reads), compileExpression(rhs, fragment, reads)));
}

/**
 * What else must hold for `literal op attribute`. Tempo reads it as `attribute op literal` too and answers where both are
 * true, so `5 < x` finds nothing and `5 <= x` finds 5. Its recorded answers are our contract (corpus: compare-013).
 */
function literalFirst(op: BinaryOperator, rhs: FieldExpression, literal: Value, context: Context): Condition {
  const isOrdering = op !== '=' && op !== '!=';
  const isReference = rhs.kind === 'attribute' || rhs.kind === 'intrinsic';
  return isOrdering && isReference ? attributeCondition(rhs, op, literal, context) : true;
}

/** The operator that says the same with exchanged operands. */
export const mirror: Partial<Record<BinaryOperator, BinaryOperator>> = {
  '=': '=',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

/** `expression op literal` without evaluating rows, or undefined. */
function literalCondition(
  expression: FieldExpression,
  op: BinaryOperator,
  literal: Value,
  context: Context,
): Condition | undefined {
  if (expression.kind === 'attribute' || expression.kind === 'intrinsic')
    return attributeCondition(expression, op, literal, context);
  if (!isBoolean(expression) && !(expression.kind === 'unary' && expression.op === '!')) return undefined;
  if (literal.type === Type.nil && isBoolean(expression)) return op === '!=';
  if (literal.type !== Type.bool || (op !== '=' && op !== '!=')) return undefined;
  return (op === '=') === (literal.num !== 0) ? truth(expression, context) : falsehood(expression, context);
}

function attributeCondition(
  ref: FieldExpression & { kind: 'attribute' | 'intrinsic' },
  op: BinaryOperator,
  literal: Value,
  context: Context,
): Condition {
  const source = resolve(ref, context.fragment);
  const asksNil = literal.type === Type.nil;
  if (asksNil && op !== '=' && op !== '!=') return false;
  if (source.length === 0) return asksNil && op === '=';
  // A duration is no type of attributes: such a condition is of the wrong type, like a string beside an int.
  if (literal.type === Type.duration && ref.kind === 'attribute') return false;
  context.reads.addSource(source);
  if (!asksNil) return attributeMask(source, predicate(op, literal), context.fragment);
  const exists = attributeMask(source, present, context.fragment);
  return op === '=' ? not(exists) : exists;
}

function booleanLiteral(value: boolean): Value {
  return { type: Type.bool, num: value ? 1 : 0, ref: undefined };
}

const isEmpty = (mask: Uint8Array): boolean => mask.indexOf(1) < 0;

function and(lhs: Condition, rhs: Condition): Condition {
  if (lhs === false || rhs === false) return false;
  if (lhs === true) return rhs;
  if (rhs === true) return lhs;
  return {
    refine(range, mask) {
      lhs.refine(range, mask);
      if (!isEmpty(mask)) rhs.refine(range, mask);
    },
  };
}

function or(lhs: Condition, rhs: Condition): Condition {
  if (lhs === true || rhs === true) return true;
  if (lhs === false) return rhs;
  if (rhs === false) return lhs;
  return {
    refine(range, mask) {
      const rest = mask.slice();
      lhs.refine(range, mask);
      for (let i = 0; i < rest.length; i++) rest[i]! ^= mask[i]!;
      if (isEmpty(rest)) return;
      rhs.refine(range, rest);
      for (let i = 0; i < rest.length; i++) mask[i]! |= rest[i]!;
    },
  };
}

function not(condition: Condition): Condition {
  if (typeof condition === 'boolean') return !condition;
  return {
    refine(range, mask) {
      const inner = mask.slice();
      condition.refine(range, inner);
      for (let i = 0; i < inner.length; i++) mask[i]! ^= inner[i]!;
    },
  };
}

/** Evaluates an expression for each row that is left. */
class RowMask implements MaskNode {
  readonly #expression: Expression;

  constructor(expression: Expression) {
    this.#expression = expression;
  }

  refine(range: TraceRange, mask: Uint8Array): void {
    const expression = this.#expression;
    expression.prepare(range);
    for (let i = 0; i < mask.length; i++) {
      if (mask[i] === 0) continue;
      expression.at(range.firstRow + i);
      if (!isTrue(expression)) mask[i] = 0;
    }
  }
}

/**
 * Compiles an expression whose value is wanted; what it needs is added to `reads`. What is true or false is so by the
 * same rules as in a filter: a condition on events is met by any of them.
 */
export function compileExpression(expression: FieldExpression, fragment: Fragment, reads: Reads): Expression {
  switch (expression.kind) {
    case 'static':
      return new Constant(literalValue(expression.static));
    case 'attribute':
    case 'intrinsic':
      return new Reference(expression, fragment, reads);
    case 'unary': {
      const operand = compileExpression(expression.operand, fragment, reads);
      return expression.op === '!' ? new Not(operand) : new Negation(operand);
    }
    case 'binary': {
      if (isBoolean(expression)) return new Truth(truth(expression, { fragment, reads }));
      const lhs = compileExpression(expression.lhs, fragment, reads);
      const rhs = compileExpression(expression.rhs, fragment, reads);
      return combine(expression.op, lhs, rhs);
    }
  }
}

/** A condition as the value true or false. */
class Truth extends Expression {
  readonly #condition: Condition;
  #mask = new Uint8Array(0);
  #firstRow = 0;

  constructor(condition: Condition) {
    super();
    this.#condition = condition;
  }

  override prepare(range: TraceRange): void {
    this.#firstRow = range.firstRow;
    this.#mask = new Uint8Array(range.endRow - range.firstRow).fill(this.#condition === false ? 0 : 1);
    if (typeof this.#condition !== 'boolean') this.#condition.refine(range, this.#mask);
  }

  override at(row: number): void {
    this.setBool(this.#mask[row - this.#firstRow] !== 0);
  }
}

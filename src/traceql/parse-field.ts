/**
 * Expressions over the values of one span, inside `{ }`, `by( )` and aggregates: precedence climbing.
 *
 *   level  operators, weakest first
 *   1      && ||                      equal: a || b && c is (a || b) && c
 *   2      = != < <= > >= =~ !~
 *   3      + -   and unary -          -a * b is -(a * b)
 *   4      unary !                    !a = b is (!a) = b
 *   5      * / %
 *   6      ^                          groups from the right, all others from the left
 */
import {
  type AttributeRef,
  type BinaryOperator,
  BinaryOperators,
  type FieldExpression,
  type KindName,
  KindNames,
  type Static,
  type StatusName,
  StatusNames,
} from './ast.ts';
import { intrinsicAliases, intrinsicNames, scopedIntrinsics } from './intrinsics.ts';
import { intMin, type Token } from './lexer.ts';
import { joinRun, type TokenReader } from './token-reader.ts';

const booleanLevel = 1;
const minusLevel = 3;
const notLevel = 4;
const powerLevel = 6;

const levels: Readonly<Record<BinaryOperator, number>> = {
  '||': booleanLevel,
  '&&': booleanLevel,
  '=': 2,
  '!=': 2,
  '<': 2,
  '<=': 2,
  '>': 2,
  '>=': 2,
  '=~': 2,
  '!~': 2,
  '+': minusLevel,
  '-': minusLevel,
  '*': 5,
  '/': 5,
  '%': 5,
  '^': powerLevel,
};

const binaryOperators: ReadonlyMap<string, BinaryOperator> = new Map(BinaryOperators.map((op) => [op, op]));

const keywordStatics: ReadonlyMap<string, Static> = new Map<string, Static>([
  ['nil', { type: 'nil' }],
  ['true', { type: 'bool', value: true }],
  ['false', { type: 'bool', value: false }],
  ['minInt', { type: 'int', value: intMin }],
  ['maxInt', { type: 'int', value: -(intMin + 1n) }],
  ...StatusNames.map((value: StatusName): [string, Static] => [value, { type: 'status', value }]),
  ...KindNames.map((value: KindName): [string, Static] => [value, { type: 'kind', value }]),
]);

export function parseFieldExpression(reader: TokenReader): FieldExpression {
  return climb(reader, booleanLevel);
}

/** Operators of `levelMin` and tighter. */
function climb(reader: TokenReader, levelMin: number): FieldExpression {
  let left = parseOperand(reader);
  for (;;) {
    const op = operatorAt(reader.token);
    if (op === undefined || levels[op] < levelMin) return left;
    if (levels[op] === booleanLevel) {
      left = parseRun(reader, op, left);
      continue;
    }
    const leftHeight = reader.height;
    reader.take();
    const right = descend(reader, levels[op] === powerLevel ? powerLevel : levels[op] + 1);
    left = { kind: 'binary', op, lhs: left, rhs: right, pos: left.pos };
    reader.built(1 + Math.max(leftHeight, reader.height));
  }
}

/** `left op b op c …` with the same boolean operator. */
function parseRun(reader: TokenReader, op: BinaryOperator, left: FieldExpression): FieldExpression {
  const operands = [{ node: left, height: reader.height }];
  while (reader.acceptSymbol(op)) {
    const node = descend(reader, booleanLevel + 1);
    operands.push({ node, height: reader.height });
  }
  return joinRun<FieldExpression>(reader, operands, (lhs, rhs) => ({ kind: 'binary', op, lhs, rhs, pos: lhs.pos }));
}

function descend(reader: TokenReader, levelMin: number): FieldExpression {
  reader.enter();
  const expression = climb(reader, levelMin);
  reader.leave();
  return expression;
}

function operatorAt(token: Token): BinaryOperator | undefined {
  return token.kind === 'symbol' ? binaryOperators.get(token.text) : undefined;
}

function parseOperand(reader: TokenReader): FieldExpression {
  const { token } = reader;
  if (token.kind === 'symbol') {
    if (token.text === '(') {
      reader.take();
      const inner = descend(reader, booleanLevel);
      closeExpression(reader, ')');
      return inner;
    }
    if (token.text === '-' || token.text === '!') {
      reader.take();
      const operand = descend(reader, token.text === '-' ? minusLevel + 1 : notLevel + 1);
      const literal = token.text === '-' && operand.kind === 'static' ? negate(operand.static) : undefined;
      if (literal !== undefined) return { kind: 'static', static: literal, pos: token.pos };
      reader.built(reader.height + 1);
      return { kind: 'unary', op: token.text, operand, pos: token.pos };
    }
  }
  const literal = acceptStatic(reader);
  if (literal !== undefined) {
    reader.built(1);
    return { kind: 'static', static: literal, pos: token.pos };
  }
  const attribute = acceptAttributeRef(reader);
  if (attribute !== undefined) {
    reader.built(1);
    return attribute;
  }
  if (token.kind === 'identifier') reader.failBecause(unknownIdentifier(token.text));
  const doubled = reader.atSymbol('=') && reader.previous?.text === '=';
  reader.fail(doubled ? 'a value (equality is a single =)' : 'an attribute, a value, ! or (');
}

/** Takes the bracket that ends an expression. */
export function closeExpression(reader: TokenReader, bracket: string): void {
  const { token } = reader;
  const operator = token.kind === 'identifier' ? spelledOperators.get(token.text.toLowerCase()) : undefined;
  reader.expectSymbol(bracket, operator ?? `an operator or ${bracket}`);
}

const spelledOperators: ReadonlyMap<string, string> = new Map([
  ['and', '&&'],
  ['or', '||'],
]);

/** Negative numbers are literals, so that `-1` is one. minInt has no positive counterpart and stays an operation. */
export function negate(literal: Static): Static | undefined {
  switch (literal.type) {
    case 'int':
      return literal.value === intMin ? undefined : { type: 'int', value: -literal.value };
    case 'float':
      return { type: 'float', value: -literal.value };
    case 'duration':
      return { type: 'duration', value: literal.value === 0 ? 0 : -literal.value };
    default:
      return undefined;
  }
}

/** A literal without sign, taken if there is one. */
export function acceptStatic(reader: TokenReader): Static | undefined {
  const { token } = reader;
  switch (token.kind) {
    case 'string':
      reader.take();
      return { type: 'string', value: token.value };
    case 'int':
      reader.take();
      return { type: 'int', value: token.value };
    case 'float':
    case 'duration':
      reader.take();
      return { type: token.kind, value: token.value };
    case 'identifier': {
      const literal = keywordStatics.get(token.text);
      if (literal !== undefined) reader.take();
      return literal;
    }
    default:
      return undefined;
  }
}

/** An attribute or intrinsic, taken if there is one. */
export function acceptAttributeRef(reader: TokenReader): AttributeRef | undefined {
  const { token } = reader;
  if (token.kind === 'attribute') {
    reader.take();
    return { kind: 'attribute', scope: token.scope, parent: token.parent, name: token.name, pos: token.pos };
  }
  if (token.kind === 'identifier') {
    const intrinsic = intrinsicAliases.get(token.text);
    if (intrinsic === undefined) return undefined;
    reader.take();
    return { kind: 'intrinsic', intrinsic, text: token.text, pos: token.pos };
  }
  if (token.kind === 'prefix') {
    reader.take();
    const names = scopedIntrinsics.get(token.scope)!;
    const name = reader.token;
    const intrinsic = name.kind === 'identifier' ? intrinsicNames.get(`${token.scope}:${name.text}`) : undefined;
    if (intrinsic === undefined) reader.fail(names.join(' or '));
    reader.take();
    return { kind: 'intrinsic', intrinsic, text: intrinsic, pos: token.pos };
  }
  return undefined;
}

function unknownIdentifier(name: string): string {
  return `unknown identifier: ${name} (attributes are written .${name}, span.${name}, resource.${name})`;
}

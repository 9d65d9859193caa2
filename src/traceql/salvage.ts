/**
 * A boolean expression that is still being typed: operands that parse and check are kept, the others dropped, so that
 * the result lets through what was meant and perhaps more. Behind `lenient.ts` and `complete.ts`.
 */
import type { BinaryOperator, FieldExpression } from './ast.ts';
import { type CheckOptions, checkFilter } from './check.ts';
import { TraceQLError } from './error.ts';
import type { Token } from './lexer.ts';
import { parseFieldExpression } from './parse-field.ts';
import { TokenReader } from './token-reader.ts';

/**
 * What is left of the tokens between `{` and `}`; undefined when that is nothing, or an alternative is still open.
 * The operand at `cursor` (an offset in the text) does not count.
 */
export function salvageExpression(
  tokens: readonly Token[],
  options: CheckOptions,
  cursor?: number,
): FieldExpression | undefined {
  return new Salvage(tokens, options, cursor).run();
}

/** Nobody types more than this; machines that do send whole queries. Keeps the tree shallow. */
const operandsMax = 200;

/** Reads operands between `&&` and `||` and keeps those that parse and check. Each token is parsed once. */
class Salvage {
  private readonly tokens: readonly Token[];
  private readonly options: CheckOptions;
  private readonly cursor: number | undefined;
  /** For each `(` the index of its `)`, or the number of tokens when it is missing. */
  private readonly closing: ReadonlyMap<number, number>;
  private at = 0;
  private operandCount = 0;

  constructor(tokens: readonly Token[], options: CheckOptions, cursor: number | undefined) {
    this.tokens = tokens;
    this.options = options;
    this.cursor = cursor;
    const closing = new Map<number, number>();
    const open: number[] = [];
    tokens.forEach((token, index) => {
      if (isSymbol(token, '(')) open.push(index);
      else if (isSymbol(token, ')') && open.length > 0) closing.set(open.pop()!, index);
    });
    for (const index of open) closing.set(index, tokens.length);
    this.closing = closing;
  }

  run(): FieldExpression | undefined {
    const expression = this.operands();
    // Stopped early: a closing parenthesis too many, or more than anybody types.
    return this.at < this.tokens.length || this.operandCount > operandsMax ? undefined : expression;
  }

  /** Up to the parenthesis that closes this level, or the end. */
  private operands(): FieldExpression | undefined {
    let result = this.operand();
    for (;;) {
      const token = this.tokens[this.at];
      if (token === undefined || isSymbol(token, ')')) return result;
      this.at += 1;
      result = join(token.text as BinaryOperator, result, this.operand());
    }
  }

  /** Undefined: may become anything. */
  private operand(): FieldExpression | undefined {
    const start = this.at;
    const end = this.operandEnd();
    this.operandCount += 1;
    let operand: FieldExpression | undefined;
    if (this.operandCount <= operandsMax) {
      const closing = this.closing.get(start);
      if (closing !== undefined && closing >= end - 1) {
        this.at = start + 1;
        operand = this.operands();
      } else operand = this.parse(start, end);
    }
    this.at = end;
    return operand;
  }

  /** The next boolean operator outside of parentheses, the parenthesis that closes this level, or the end. */
  private operandEnd(): number {
    for (let at = this.at; at < this.tokens.length; at += 1) {
      const token = this.tokens[at]!;
      if (isSymbol(token, '(')) at = this.closing.get(at)!;
      else if (isSymbol(token, ')') || isSymbol(token, '&&') || isSymbol(token, '||')) return at;
    }
    return this.tokens.length;
  }

  /** A name alone is taken for one whose condition is still to come. */
  private parse(start: number, end: number): FieldExpression | undefined {
    const last = this.tokens[end - 1];
    if (start === end || last === undefined) return undefined;
    const first = this.tokens[start]!;
    if (this.cursor !== undefined && first.pos.offset <= this.cursor && this.cursor <= endOf(last)) return undefined;
    const stop: Token = { kind: 'end', text: '', pos: last.pos };
    return attempt(() => {
      const reader = new TokenReader([...this.tokens.slice(start, end), stop]);
      const expression = parseFieldExpression(reader);
      if (reader.token !== stop || expression.kind === 'attribute' || expression.kind === 'intrinsic') return undefined;
      checkFilter(expression, this.options);
      return expression;
    });
  }
}

function join(
  op: BinaryOperator,
  lhs: FieldExpression | undefined,
  rhs: FieldExpression | undefined,
): FieldExpression | undefined {
  if (lhs !== undefined && rhs !== undefined) return { kind: 'binary', op, lhs, rhs, pos: lhs.pos };
  return op === '&&' ? (lhs ?? rhs) : undefined;
}

/** Undefined for what is refused. */
export function attempt<Value>(read: () => Value | undefined): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof TraceQLError) return undefined;
    throw error;
  }
}

export function isSymbol(token: Token, text: string): boolean {
  return token.kind === 'symbol' && token.text === text;
}

/** Offset behind a token. */
export function endOf(token: Token): number {
  return token.pos.offset + token.text.length;
}

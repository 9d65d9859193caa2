import type { Position } from './ast.ts';
import { TraceQLError } from './error.ts';
import type { Token } from './lexer.ts';

/**
 * How deep a query may be: brackets within brackets, and the tree that comes of it. Everything that walks a query may
 * recurse, here and in the engine, and must not run out of stack. People stay below 10.
 */
export const queryDepthMax = 1000;

/** Hands tokens to the parser, and words the errors. */
export class TokenReader {
  private readonly tokens: readonly Token[];
  private index = 0;
  private depth = 0;
  /** Levels of the tree built last. Set through {@link built}. */
  height = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  get token(): Token {
    return this.tokens[this.index]!;
  }

  /** The token behind the current one; the last token when there is none. */
  get following(): Token {
    return this.tokens[Math.min(this.index + 1, this.tokens.length - 1)]!;
  }

  get previous(): Token | undefined {
    return this.tokens[this.index - 1];
  }

  take(): Token {
    const token = this.token;
    if (this.index < this.tokens.length - 1) this.index += 1;
    return token;
  }

  atSymbol(text: string): boolean {
    return this.token.kind === 'symbol' && this.token.text === text;
  }

  atWord(text: string): boolean {
    return this.token.kind === 'identifier' && this.token.text === text;
  }

  acceptSymbol(text: string): boolean {
    if (!this.atSymbol(text)) return false;
    this.take();
    return true;
  }

  expectSymbol(text: string, expecting = text): void {
    if (!this.acceptSymbol(text)) this.fail(expecting);
  }

  /** @throws TraceQLError at the current token. */
  fail(expecting: string): never {
    const { token } = this;
    if (token.kind === 'bad') throw new TraceQLError('traceql_syntax', token.pos, token.reason);
    this.failBecause(`syntax error: unexpected ${describe(token)}, expecting ${expecting}`);
  }

  failBecause(reason: string, pos: Position = this.token.pos): never {
    throw new TraceQLError('traceql_syntax', pos, reason);
  }

  /** Goes one level down the grammar; {@link leave} must follow unless it throws. */
  enter(): void {
    this.depth += 1;
    if (this.depth > queryDepthMax) this.failBecause(`query is nested more than ${queryDepthMax} levels deep`);
  }

  leave(): void {
    this.depth -= 1;
  }

  /** Notes the height of a tree just built from parts. */
  built(height: number): void {
    this.height = height;
    if (height > queryDepthMax) this.failBecause(`query has more than ${queryDepthMax} operations in a row`);
  }
}

function describe(token: Token): string {
  const shown = token.text.length > 40 ? `${token.text.slice(0, 40)}…` : token.text;
  switch (token.kind) {
    case 'end':
      return 'end of query';
    case 'string':
      return `string ${shown}`;
    case 'attribute':
      return `attribute ${shown}`;
    case 'int':
    case 'float':
      return `number ${shown}`;
    case 'duration':
      return `duration ${shown}`;
    case 'symbol':
    case 'identifier':
    case 'prefix':
    case 'bad':
      return shown;
  }
}

/**
 * Joins the operands of `a && b && c …`, all with one associative operator: from left to right as written, or as a
 * balanced tree when there are so many that the tree would become too deep (generated queries list thousands of ids).
 */
export function joinRun<Node>(
  reader: TokenReader,
  operands: readonly { readonly node: Node; readonly height: number }[],
  join: (left: Node, right: Node) => Node,
): Node {
  const balanced = operands.length > runLengthMax;
  const build = (from: number, end: number): { node: Node; height: number } => {
    if (end - from === 1) return operands[from]!;
    const middle = balanced ? (from + end) >>> 1 : end - 1;
    const left = build(from, middle);
    const right = build(middle, end);
    return { node: join(left.node, right.node), height: 1 + Math.max(left.height, right.height) };
  };
  const result = build(0, operands.length);
  reader.built(result.height);
  return result.node;
}

/** Longer runs of one operator become balanced trees. */
const runLengthMax = 200;

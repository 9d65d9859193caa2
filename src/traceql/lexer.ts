/**
 * Text → tokens, in one pass.
 *
 *   identifier  keywords and names; the parser knows which word means what where it stands
 *   attribute   a scope prefix with its name, `span.http.route` or `."a b"`, read as a whole because names follow rules
 *               of their own: they run to white space or an operator, so `.a-b` is one name and `.a - .b` are two
 *   prefix      `span:` and the like; the name of an intrinsic follows
 *   string, int, float, duration
 *   symbol      operators and brackets, the longest that fits
 *   bad         what cannot start or finish any token; ends the list, with the reason
 *   end         ends the list otherwise
 *
 * A word is a scope prefix only with its `.` or `:` directly behind it.
 */
import type { AttributeScope, Position } from './ast.ts';
import { parseDurationLiteral } from './duration.ts';
import { type IntrinsicScope, IntrinsicScopes } from './intrinsics.ts';
import { isNameEnd, unescapeString } from './strings.ts';

interface TokenBase {
  readonly text: string;
  readonly pos: Position;
}

export interface AttributeToken extends TokenBase {
  readonly kind: 'attribute';
  readonly scope: AttributeScope;
  readonly parent: boolean;
  readonly name: string;
}

export type Token =
  | AttributeToken
  | (TokenBase & { readonly kind: 'symbol' | 'identifier' | 'end' })
  | (TokenBase & { readonly kind: 'prefix'; readonly scope: IntrinsicScope })
  | (TokenBase & { readonly kind: 'string'; readonly value: string })
  | (TokenBase & { readonly kind: 'int'; readonly value: bigint })
  | (TokenBase & { readonly kind: 'float' | 'duration'; readonly value: number })
  | (TokenBase & { readonly kind: 'bad'; readonly reason: string });

const intMax = (1n << 63n) - 1n;
export const intMin: bigint = -(1n << 63n);

const space = /[\s\u0085]+/y;
const word = /[\p{L}_][\p{L}\p{Nd}_]*/uy;
const number = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
/** Digits and the letters of all units: what belongs to a duration once a number is followed by a letter of these. */
const durationRest = /[\d.nu\u00b5\u03bcmshdwy]*/y;
const wordCharacter = /[\p{L}\p{Nd}_]/uy;
const doubleQuoted = /"([^"\\\n]*(?:\\[^\n][^"\\\n]*)*)"/y;
const rawQuoted = /`([^`]*)`/y;
const symbol = /!>>|!<<|&>>|&<<|!>|!<|!~|!=|&>|&<|&~|&&|\|\||>>|<<|>=|<=|=~|[=<>!~+\-*/%^{}()|,]/y;

const attributeScopes: ReadonlyMap<string, AttributeScope> = new Map([
  ['span', 'span'],
  ['resource', 'resource'],
  ['event', 'event'],
  ['link', 'link'],
  ['instrumentation', 'instrumentation'],
]);

/** The tokens of a text; the last one is `end` or `bad`. Never throws. Linear in the text. */
export function tokenize(text: string): Token[] {
  return new Lexer(text).run();
}

class Lexer {
  private readonly text: string;
  private readonly tokens: Token[] = [];
  private offset = 0;
  /** Line breaks before `lineSeen` are counted. */
  private line = 1;
  private lineStart = 0;
  private nextBreak: number;

  constructor(text: string) {
    this.text = text;
    this.nextBreak = text.indexOf('\n');
  }

  run(): Token[] {
    for (;;) {
      this.skipSpace();
      const token = this.next();
      this.tokens.push(token);
      if (token.kind === 'end' || token.kind === 'bad') return this.tokens;
    }
  }

  /** White space and comments. Stops at a block comment without an end. */
  private skipSpace(): void {
    const { text } = this;
    for (;;) {
      this.match(space);
      if (text.charAt(this.offset) !== '/') return;
      const second = text.charAt(this.offset + 1);
      if (second === '/') {
        const end = text.indexOf('\n', this.offset);
        this.offset = end === -1 ? text.length : end;
      } else if (second === '*') {
        const end = text.indexOf('*/', this.offset + 2);
        if (end === -1) return;
        this.offset = end + 2;
      } else return;
    }
  }

  private next(): Token {
    const { text, offset } = this;
    const pos = this.position(offset);
    if (offset >= text.length) return { kind: 'end', text: '', pos };
    const char = text.charAt(offset);
    if (char === '"') return this.quoted(pos);
    if (char === '`') return this.raw(pos);
    if (isDigit(char) || (char === '.' && isDigit(text.charAt(offset + 1)))) return this.number(pos);
    if (char === '.') {
      this.offset += 1;
      return this.attribute(pos, 'none', false);
    }
    const name = this.match(word);
    if (name !== undefined) return this.afterWord(pos, name);
    if (text.startsWith('/*', offset)) return this.bad(pos, 'comment not terminated');
    const operator = this.match(symbol);
    if (operator !== undefined) return { kind: 'symbol', text: operator, pos };
    if (char === "'") return this.bad(pos, 'strings are written in double quotes or backquotes, not single quotes');
    return this.bad(pos, `unknown identifier: ${String.fromCodePoint(text.codePointAt(offset)!)}`);
  }

  private afterWord(pos: Position, name: string): Token {
    const follower = this.text.charAt(this.offset);
    if (follower === '.') {
      const scope = attributeScopes.get(name);
      if (scope !== undefined) {
        this.offset += 1;
        return this.attribute(pos, scope, false);
      }
      if (name === 'parent') {
        this.offset += 1;
        for (const inner of ['span', 'resource'] as const) {
          if (!this.text.startsWith(`${inner}.`, this.offset)) continue;
          this.offset += inner.length + 1;
          return this.attribute(pos, inner, true);
        }
        return this.attribute(pos, 'none', true);
      }
    }
    if (follower === ':') {
      const scope = IntrinsicScopes.find((candidate) => candidate === name);
      if (scope !== undefined) {
        this.offset += 1;
        return { kind: 'prefix', text: `${name}:`, scope, pos };
      }
    }
    return { kind: 'identifier', text: name, pos };
  }

  /** `this.offset` is behind the prefix. Quoted and unquoted parts may alternate. */
  private attribute(pos: Position, scope: AttributeScope, parent: boolean): Token {
    const { text } = this;
    const start = this.offset;
    const parts: string[] = [];
    let partStart = start;
    let at = start;
    while (at < text.length && !isNameEnd(text.charAt(at))) {
      if (text.charAt(at) !== '"') {
        at += 1;
        continue;
      }
      if (at > partStart) parts.push(text.slice(partStart, at));
      const opening = this.position(at);
      for (at += 1; text.charAt(at) !== '"'; at += 1) {
        if (at >= text.length) return this.bad(opening, 'attribute name: closing quote missing');
        if (text.charAt(at) === '\\') {
          at += 1;
          if (text.charAt(at) !== '"' && text.charAt(at) !== '\\')
            return this.bad(opening, 'attribute name: invalid escape sequence, only \\" and \\\\ are known');
        }
        parts.push(text.charAt(at));
      }
      at += 1;
      partStart = at;
    }
    if (at === start)
      return this.bad(
        pos,
        `syntax error: unexpected end of attribute, expecting a name after ${text.slice(pos.offset, at)}`,
      );
    if (at > partStart) parts.push(text.slice(partStart, at));
    this.offset = at;
    return { kind: 'attribute', text: text.slice(pos.offset, at), pos, scope, parent, name: parts.join('') };
  }

  private number(pos: Position): Token {
    const start = this.offset;
    const digits = this.match(number)!;
    if (this.match(durationRest) !== '') {
      const text = this.text.slice(start, this.offset);
      if (this.match(wordCharacter) !== undefined) return this.badNumber(pos, start);
      try {
        return { kind: 'duration', text, pos, value: parseDurationLiteral(text) };
      } catch (error) {
        return this.bad(pos, (error as Error).message);
      }
    }
    if (this.match(wordCharacter) !== undefined) return this.badNumber(pos, start);
    if (!/^\d+$/.test(digits)) {
      const value = Number(digits);
      if (value === Number.POSITIVE_INFINITY) return this.bad(pos, `number out of range: ${shorten(digits)}`);
      return { kind: 'float', text: digits, pos, value };
    }
    // 19 significant digits hold every int64; longer ones are not worth converting.
    const significant = digits.replace(/^0+(?=\d)/, '');
    const value = significant.length > 19 ? intMax + 1n : BigInt(significant);
    if (value > intMax) return this.bad(pos, `integer out of range: ${shorten(digits)}`);
    return { kind: 'int', text: digits, pos, value };
  }

  private badNumber(pos: Position, start: number): Token {
    this.match(word);
    const shown = shorten(this.text.slice(start, this.offset));
    return this.bad(pos, `not a number or duration: ${shown} (units are ns us ms s m h d w y)`);
  }

  private quoted(pos: Position): Token {
    doubleQuoted.lastIndex = this.offset;
    const match = doubleQuoted.exec(this.text);
    if (match === null) return this.bad(pos, 'string not terminated');
    this.offset = doubleQuoted.lastIndex;
    const value = unescapeString(match[1]!);
    if (value === undefined) return this.bad(pos, `invalid escape in string ${shorten(match[0])}`);
    return { kind: 'string', text: match[0], pos, value };
  }

  private raw(pos: Position): Token {
    rawQuoted.lastIndex = this.offset;
    const match = rawQuoted.exec(this.text);
    if (match === null) return this.bad(pos, 'string not terminated');
    this.offset = rawQuoted.lastIndex;
    return { kind: 'string', text: match[0], pos, value: match[1]!.replaceAll('\r', '') };
  }

  private bad(pos: Position, reason: string): Token {
    const text = this.text.slice(pos.offset, Math.max(this.offset, pos.offset));
    return { kind: 'bad', text, pos, reason };
  }

  /** Takes what a sticky pattern finds here. */
  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.offset;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.offset += found.length;
    return found;
  }

  /** Must be asked with growing offsets. */
  private position(offset: number): Position {
    while (this.nextBreak !== -1 && this.nextBreak < offset) {
      this.line += 1;
      this.lineStart = this.nextBreak + 1;
      this.nextBreak = this.text.indexOf('\n', this.lineStart);
    }
    return { offset, line: this.line, column: offset - this.lineStart + 1 };
  }
}

function isDigit(char: string): boolean {
  return char >= '0' && char <= '9';
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

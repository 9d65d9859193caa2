/**
 * What can stand at a place of a query that is being written, for editors. Works on tokens, so that the text need not
 * parse: the word at the cursor is set aside, the tokens before it say in which brackets and behind what it stands.
 */
import {
  AggregateNames,
  type AttributeRef,
  type AttributeScope,
  KindNames,
  MetricsFunctions,
  SpansetOperators,
  StatusNames,
} from './ast.ts';
import type { CheckOptions } from './check.ts';
import { IntrinsicScopes, intrinsicAliases, intrinsicTypes, scopedIntrinsics } from './intrinsics.ts';
import { type Token, tokenize } from './lexer.ts';
import { acceptAttributeRef } from './parse-field.ts';
import { printExpression } from './print.ts';
import { endOf, isSymbol, salvageExpression } from './salvage.ts';
import { isNameEnd } from './strings.ts';
import { TokenReader } from './token-reader.ts';

export interface Completion {
  /** The part of the text that a choice replaces; the same when the cursor stands between words. */
  readonly from: number;
  readonly to: number;
  /** What of it is written before the cursor. */
  readonly prefix: string;
  /** Words and symbols of the language, as they are written. */
  readonly words: readonly string[];
  /** Names of attributes are wanted: of the scope as far as it is written, that start with `name`. */
  readonly attribute?: { readonly scope?: AttributeScope; readonly name: string };
  /** Values of this attribute are wanted. `quoted`: the cursor is inside of quotes, which `from` … `to` include. */
  readonly value?: { readonly of: AttributeRef; readonly text: string; readonly quoted: boolean };
}

const metricsFunctions: readonly string[] = [...MetricsFunctions, 'compare'];
const withMeasure: readonly string[] = MetricsFunctions.filter(
  (name) => name.endsWith('_over_time') && name !== 'count_over_time',
);
const hintNames = ['most_recent', 'exemplars', 'sample', 'span_sample', 'trace_sample'];
const hintNameWords = hintNames.map((name) => `${name}=`);

const attributeScopes: readonly AttributeScope[] = ['span', 'resource', 'event', 'link', 'instrumentation'];
const comparisons = ['=', '!=', '=~', '!~', '>', '>=', '<', '<='];
const numberComparisons = ['>', '>=', '<', '<=', '=', '!='];
const arithmetic = ['+', '-', '*', '/', '%', '^'];
const aggregateWords = AggregateNames.map((name) => `${name}(`);
const attributeWords = [
  '.',
  ...attributeScopes.map((scope) => `${scope}.`),
  ...IntrinsicScopes.map((scope) => `${scope}:`),
  ...[...intrinsicAliases.keys()].filter((name) => name !== 'parent'),
];

/** What the brackets around a place are. */
type Surroundings =
  /** Outside of brackets, or in parentheses around span sets. */
  | 'stages'
  /** `{ }`, and parentheses, `by( )` and aggregates with an expression in them. */
  | 'filter'
  | 'expression'
  /** A list of attributes and nothing else. */
  | 'attributes'
  | 'compare'
  | 'hints'
  /** Nothing to suggest: `count( )`, numbers. */
  | 'other';

/** What can stand at `offset` (in UTF-16 units). Never throws. */
export function complete(text: string, offset: number): Completion {
  const before = tokenize(text.slice(0, offset));
  const last = before.pop()!;
  const open = last.kind === 'bad' ? openWord(text, offset, last) : undefined;
  if (last.kind === 'bad' && open === undefined) return nothing(offset);
  // Comments and white space are no tokens: a word counts only when it reaches the cursor.
  const touching = before.at(-1);
  let word = open;
  if (word === undefined && touching !== undefined && endOf(touching) === offset && isWord(touching)) {
    before.pop();
    word = { from: touching.pos.offset, to: wordEnd(text, offset, touching), token: touching };
  }
  // `event:na`: the prefix belongs to the word.
  const prefix = before.at(-1);
  if (prefix?.kind === 'prefix') {
    before.pop();
    const words = scopedIntrinsics.get(prefix.scope)!.map((name) => `${prefix.scope}:${name}`);
    const to = word?.to ?? offset;
    return { from: prefix.pos.offset, to, prefix: text.slice(prefix.pos.offset, offset), words };
  }
  const from = word?.from ?? offset;
  const place = { from, to: word?.to ?? offset, prefix: text.slice(from, offset) };
  return { ...place, ...suggest(before, word) };
}

interface Word {
  readonly from: number;
  readonly to: number;
  /** Absent inside quotes. */
  readonly token?: Token;
  /** An attribute whose name is not there yet or is still inside quotes. */
  readonly attribute?: { readonly scope: AttributeScope; readonly name: string };
  readonly string?: string;
}

type Suggestion = Omit<Completion, 'from' | 'to' | 'prefix'>;

function nothing(offset: number): Completion {
  return { from: offset, to: offset, prefix: '', words: [] };
}

function isWord(token: Token): boolean {
  return token.kind === 'identifier' || token.kind === 'attribute' || token.kind === 'int' || token.kind === 'float';
}

function wordEnd(text: string, offset: number, token: Token): number {
  let end = offset;
  if (token.kind === 'attribute') while (end < text.length && !isNameEnd(text.charAt(end))) end += 1;
  else while (/[\p{L}\p{Nd}_]/u.test(text.charAt(end))) end += 1;
  return end;
}

/** A string or an attribute name that ends with the cursor instead of with its quote. */
function openWord(text: string, offset: number, bad: Token): Word | undefined {
  const start = bad.pos.offset;
  const quote = text.charAt(start);
  const scope = /(?:(?<![\p{L}\p{Nd}_])(span|resource|event|link|instrumentation))?\.$/u;
  if (quote === '"' || quote === '`') {
    if (/\n/.test(text.slice(start, offset)) && quote === '"') return undefined;
    const closing = text.indexOf(quote, offset);
    const lineEnd = text.indexOf('\n', offset);
    const closed = closing !== -1 && (lineEnd === -1 || closing < lineEnd);
    const to = closed ? closing + 1 : offset;
    const name = text.slice(start + 1, offset);
    const owner = scope.exec(text.slice(Math.max(0, start - 20), start));
    if (owner === null || quote === '`') return { from: start, to, string: name };
    return { from: start - owner[0].length, to, attribute: { scope: scopeOf(owner[1]), name } };
  }
  const prefix = scope.exec(text.slice(start, offset));
  if (prefix === null || prefix[0].length !== offset - start) return undefined;
  return { from: start, to: offset, attribute: { scope: scopeOf(prefix[1]), name: '' } };
}

function scopeOf(word: string | undefined): AttributeScope {
  return attributeScopes.find((scope) => scope === word) ?? 'none';
}

function suggest(before: readonly Token[], word: Word | undefined): Suggestion {
  const around = surroundings(before);
  switch (around) {
    case 'stages':
      return { words: stageWords(before) };
    case 'filter':
    case 'expression':
      return expressionSuggestion(before, word, around === 'filter' ? '}' : ')');
    case 'attributes':
      return expectsOperand(before) ? attributeSuggestion(word) : { words: [',', ')'] };
    case 'compare':
      return { words: isSymbol(before.at(-1)!, '(') ? ['{'] : [',', ')'] };
    case 'hints':
      if (isSymbol(before.at(-1)!, '=')) return { words: ['true', 'false'] };
      return { words: expectsOperand(before) ? hintNameWords : [',', ')'] };
    case 'other':
      return { words: [')'] };
  }
}

function surroundings(before: readonly Token[]): Surroundings {
  const stack: Surroundings[] = ['stages'];
  let metrics = false;
  before.forEach((token, index) => {
    const inside = stack.at(-1)!;
    if (isSymbol(token, '{')) stack.push('filter');
    else if (isSymbol(token, '(')) stack.push(bracket(inside, before[index - 1], metrics));
    else if ((isSymbol(token, ')') || isSymbol(token, '}')) && stack.length > 1) stack.pop();
    else if (token.kind === 'identifier' && inside === 'stages' && metricsFunctions.includes(token.text))
      metrics = true;
  });
  return stack.at(-1)!;
}

/** What an opening parenthesis behind `owner` holds. */
function bracket(inside: Surroundings, owner: Token | undefined, metrics: boolean): Surroundings {
  if (inside === 'filter' || inside === 'expression') return 'expression';
  if (owner?.kind !== 'identifier') return inside;
  const { text } = owner;
  if (text === 'by') return metrics ? 'attributes' : 'expression';
  if (text === 'select' || withMeasure.includes(text)) return 'attributes';
  if (text === 'with') return 'hints';
  if (text === 'compare') return 'compare';
  return text !== 'count' && AggregateNames.some((name) => name === text) ? 'expression' : 'other';
}

/** Behind these an operand follows. */
function expectsOperand(before: readonly Token[]): boolean {
  const last = before.at(-1);
  if (last === undefined) return true;
  return last.kind === 'symbol' && last.text !== ')' && last.text !== '}';
}

function stageWords(before: readonly Token[]): readonly string[] {
  const last = before.at(-1);
  const metrics = before.some((token) => token.kind === 'identifier' && metricsFunctions.includes(token.text));
  if (last === undefined || isSymbol(last, '(')) return ['{', '(', 'by(', 'select(', ...aggregateWords];
  if (isSymbol(last, '|')) {
    if (metrics) return ['topk(', 'bottomk('];
    return ['{', 'by(', 'select(', 'coalesce()', ...aggregateWords, ...metricsFunctions.map((name) => `${name}(`)];
  }
  if (isSymbol(last, '}')) return ['|', ...SpansetOperators, 'with'];
  if (isSymbol(last, ')')) return closedWords(before, metrics);
  if (last.kind === 'symbol') return SpansetOperators.some((op) => op === last.text) ? ['{', '('] : [];
  return last.kind === 'identifier' ? ['('] : ['|', 'with'];
}

/** Behind a `)` outside of `{ }`. */
function closedWords(before: readonly Token[], metrics: boolean): readonly string[] {
  let depth = 0;
  let index = before.length - 1;
  for (; index >= 0; index -= 1) {
    if (isSymbol(before[index]!, ')')) depth += 1;
    else if (isSymbol(before[index]!, '(') && (depth -= 1) === 0) break;
  }
  const owner = before[index - 1];
  if (owner?.kind !== 'identifier') return ['|', ...SpansetOperators, 'with'];
  if (AggregateNames.some((name) => name === owner.text)) return numberComparisons;
  if (owner.text === 'with') return ['with'];
  if (!metrics) return ['|', 'with'];
  const grouping = owner.text === 'by' || owner.text === 'topk' || owner.text === 'bottomk' || owner.text === 'compare';
  return [...(grouping ? [] : ['by (']), '|', ...numberComparisons, 'with'];
}

function expressionSuggestion(before: readonly Token[], word: Word | undefined, closing: string): Suggestion {
  if (!expectsOperand(before)) {
    const operators = behindReference(before) === undefined ? arithmetic : [...comparisons, ...arithmetic];
    return { words: [...operators, '&&', '||', closing] };
  }
  const operator = before.at(-1)!;
  const of = comparisons.includes(operator.text) ? behindReference(before.slice(0, -1)) : undefined;
  if (of === undefined) {
    const attribute = attributeSuggestion(word);
    return { ...attribute, words: [...attribute.words, ...(word?.attribute === undefined ? ['!', '('] : [])] };
  }
  const text = word?.string ?? word?.token?.text ?? '';
  return { words: valueWords(of), value: { of, text, quoted: word?.string !== undefined } };
}

/** The attribute or intrinsic that the tokens end with. */
function behindReference(before: readonly Token[]): AttributeRef | undefined {
  const last = before.at(-1);
  if (last === undefined) return undefined;
  const start = before.at(-2)?.kind === 'prefix' ? before.length - 2 : before.length - 1;
  const end: Token = { kind: 'end', text: '', pos: last.pos };
  if (last.kind !== 'attribute' && last.kind !== 'identifier') return undefined;
  if (last.kind === 'identifier' && start === before.length - 1 && !intrinsicAliases.has(last.text)) return undefined;
  const prefix = before[start]!;
  if (prefix.kind === 'prefix' && !scopedIntrinsics.get(prefix.scope)!.includes(last.text)) return undefined;
  return acceptAttributeRef(new TokenReader([...before.slice(start), end]));
}

function attributeSuggestion(word: Word | undefined): Suggestion {
  if (word?.attribute !== undefined) return { words: [], attribute: word.attribute };
  const token = word?.token;
  if (token?.kind === 'attribute') return { words: [], attribute: { scope: token.scope, name: token.name } };
  if (word?.string !== undefined || token?.kind === 'int' || token?.kind === 'float') return { words: [] };
  return { words: attributeWords, attribute: { name: token?.text ?? '' } };
}

function valueWords(of: AttributeRef): readonly string[] {
  const type = of.kind === 'attribute' ? 'attribute' : intrinsicTypes[of.intrinsic];
  if (type === 'status') return StatusNames;
  if (type === 'kind') return KindNames;
  return type === 'attribute' ? ['true', 'false', 'nil'] : [];
}

/**
 * The condition around the cursor without the part that is being written, as a query for the filter of tag endpoints:
 * suggestions then fit the rest. Undefined when there is nothing to go by.
 */
export function filterAround(text: string, offset: number, options: CheckOptions = {}): string | undefined {
  const tokens = tokenize(text);
  let open = -1;
  tokens.forEach((token, index) => {
    if (token.pos.offset >= offset) return;
    if (isSymbol(token, '{')) open = index;
    else if (isSymbol(token, '}')) open = -1;
  });
  if (open === -1) return undefined;
  const ends = tokens.findIndex((token, index) => index > open && (isSymbol(token, '}') || isSymbol(token, '{')));
  const body = tokens.slice(open + 1, ends === -1 ? tokens.length - 1 : ends);
  const expression = salvageExpression(body, options, offset);
  return expression && `{ ${printExpression(expression)} }`;
}

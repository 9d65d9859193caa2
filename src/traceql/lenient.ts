/**
 * The `q` of tag endpoints: a filter that somebody is still typing. Its conditions narrow the suggestions; what is not
 * finished must not get in the way.
 *
 *   { .a = "x" && .b = }           →  { .a = "x" }
 *   { .a = "x" && (.b = 1 && .c    →  { .a = "x" && .b = 1 }
 *   { .a = "x" || .b = }           →  no filter: the open side may become anything
 *
 * The result may let through more than what was meant, never less. Structure cannot be used here at all.
 */
import type { Query, SpansetFilter } from './ast.ts';
import { type CheckOptions, checkFilter } from './check.ts';
import { tokenize } from './lexer.ts';
import { parseQuery, queryLengthMax } from './parser.ts';
import { attempt, isSymbol, salvageExpression } from './salvage.ts';

/** A checked query of one spanset filter, or undefined when there is nothing to go by. Never throws. */
export function parseTagFilter(text: string, options: CheckOptions = {}): Query | undefined {
  if (text.length > queryLengthMax) return undefined;
  const filter = wholeFilter(text, options) ?? partialFilter(text, options);
  if (filter === undefined) return undefined;
  return {
    kind: 'query',
    pipeline: { kind: 'pipeline', stages: [filter], pos: filter.pos },
    secondStages: [],
    hints: [],
  };
}

/** Of a query that is one filter, perhaps with stages behind it that only shape the answer. */
function wholeFilter(text: string, options: CheckOptions): SpansetFilter | undefined {
  return attempt(() => {
    const [first, ...rest] = parseQuery(text).pipeline.stages;
    if (first?.kind !== 'spansetFilter' || rest.some((stage) => stage.kind === 'spansetOperation')) return undefined;
    checkFilter(first.expression, options);
    return first;
  });
}

function partialFilter(text: string, options: CheckOptions): SpansetFilter | undefined {
  const tokens = tokenize(text);
  const open = tokens[0]!;
  if (!isSymbol(open, '{') || tokens.slice(1).some((token) => isSymbol(token, '{'))) return undefined;
  const close = tokens.findIndex((token) => isSymbol(token, '}'));
  const expression = salvageExpression(tokens.slice(1, close === -1 ? tokens.length - 1 : close), options);
  return expression && { kind: 'spansetFilter', expression, pos: open.pos };
}

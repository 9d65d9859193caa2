/**
 * TraceQL text → syntax tree. Recursive descent over tokens, linear in the text; queries that would make a tree deeper
 * than `queryDepthMax` are refused, so whoever walks the tree may recurse. The grammar is what Tempo accepts.
 */
import type { AttributeRef, MetricsAggregate, MetricsCompare, MetricsSecondStage, Pipeline, Query } from './ast.ts';
import { TraceQLError } from './error.ts';
import { tokenize } from './lexer.ts';
import { acceptAttributeRef } from './parse-field.ts';
import { atMetrics, parseHints, parseMetrics, parseSecondStages } from './parse-metrics.ts';
import { parseStages, type Term } from './parse-pipeline.ts';
import { TokenReader } from './token-reader.ts';

/** Longer queries are refused unread. Tempo's default limit is 128 KiB. In UTF-16 units. */
export const queryLengthMax = 1 << 20;

/**
 * Says what the text means, not whether it makes sense: that is `checkQuery`.
 * @throws TraceQLError with the place where the text stops being TraceQL.
 */
export function parseQuery(text: string): Query {
  const reader: TokenReader = readerOf(text);
  const term = parseStages(reader, true, () => atMetrics(reader));
  const pipeline = pipelineOf(reader, term);
  let metrics: MetricsAggregate | MetricsCompare | undefined;
  let secondStages: readonly MetricsSecondStage[] = [];
  if (atMetrics(reader)) {
    if (term.form === 'pipelines' || (term.form === 'scalarFilter' && term.whole))
      reader.failBecause('syntax error: metrics functions cannot follow pipelines in parentheses');
    metrics = parseMetrics(reader);
    secondStages = parseSecondStages(reader);
  }
  const hints = parseHints(reader);
  if (reader.token.kind !== 'end') reader.fail(expectedAtEnd(term, metrics !== undefined, hints.length > 0));
  return { kind: 'query', pipeline, ...(metrics && { metrics }), secondStages, hints };
}

/**
 * A tag name as endpoints take it: `.foo`, `span.foo`, `resource."a b"`, `name`, `event:name`.
 * @throws TraceQLError
 */
export function parseAttribute(text: string): AttributeRef {
  try {
    const reader: TokenReader = readerOf(text);
    const { token } = reader;
    const attribute = acceptAttributeRef(reader);
    if (attribute === undefined) {
      if (token.kind === 'identifier') reader.failBecause(`unknown identifier: ${token.text}`);
      reader.fail('an attribute such as span.name or .name');
    }
    if (reader.token.kind !== 'end') reader.fail('the end of the name');
    return attribute;
  } catch (error) {
    if (!(error instanceof TraceQLError)) throw error;
    const shown = text.length > 100 ? `${text.slice(0, 100)}…` : text;
    throw new TraceQLError('traceql_syntax', error, error.reason, `failed to parse identifier ${shown}`);
  }
}

function readerOf(text: string): TokenReader {
  if (text.length > queryLengthMax)
    throw new TraceQLError(
      'traceql_syntax',
      { offset: 0, line: 1, column: 1 },
      `query is longer than ${queryLengthMax} characters`,
    );
  return new TokenReader(tokenize(text));
}

function pipelineOf(reader: TokenReader, term: Term): Pipeline {
  switch (term.form) {
    case 'stages':
      return term.node;
    case 'pipelines':
      if (term.node.kind === 'pipeline') return term.node;
      break;
    case 'scalar':
      reader.fail('a comparison such as > 1');
      break;
    case 'spanset':
    case 'scalarFilter':
    case 'stage':
      break;
  }
  return { kind: 'pipeline', stages: [term.node], pos: term.node.pos };
}

function expectedAtEnd(term: Term, metrics: boolean, hints: boolean): string {
  if (hints) return 'with or the end of the query';
  if (metrics) return '| topk, | bottomk, a comparison, with, or the end of the query';
  if (term.form === 'pipelines') return 'an operator, with, or the end of the query';
  return 'an operator, |, with, or the end of the query';
}

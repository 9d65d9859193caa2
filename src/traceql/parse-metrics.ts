/** The metrics stage, the stages behind it, and hints. */
import {
  type AttributeRef,
  type ComparisonOperator,
  ComparisonOperators,
  type Hint,
  type MetricsAggregate,
  type MetricsCompare,
  type MetricsFunction,
  MetricsFunctions,
  type MetricsSecondStage,
} from './ast.ts';
import { acceptStatic } from './parse-field.ts';
import { parseAttributeList, parseAttributeRef, parseSpansetFilter } from './parse-pipeline.ts';
import type { TokenReader } from './token-reader.ts';

const metricsFunctions: ReadonlyMap<string, MetricsFunction> = new Map(MetricsFunctions.map((name) => [name, name]));
const comparisons: ReadonlyMap<string, ComparisonOperator> = new Map(ComparisonOperators.map((op) => [op, op]));

export const compareTopNDefault = 10;

/** At `|` with a metrics function behind it. */
export function atMetrics(reader: TokenReader): boolean {
  const { following } = reader;
  return (
    reader.atSymbol('|') &&
    following.kind === 'identifier' &&
    (following.text === 'compare' || metricsFunctions.has(following.text))
  );
}

/** Requires {@link atMetrics}. */
export function parseMetrics(reader: TokenReader): MetricsAggregate | MetricsCompare {
  reader.take();
  const name = metricsFunctions.get(reader.token.text);
  return name === undefined ? parseCompare(reader) : parseAggregate(reader, name);
}

function parseAggregate(reader: TokenReader, name: MetricsFunction): MetricsAggregate {
  const { pos } = reader.take();
  reader.expectSymbol('(');
  let attribute: AttributeRef | undefined;
  const quantiles: number[] = [];
  if (name !== 'rate' && name !== 'count_over_time') {
    attribute = parseAttributeRef(reader);
    if (name === 'quantile_over_time') {
      reader.expectSymbol(',', ', and a quantile such as 0.9');
      do quantiles.push(parseNumber(reader));
      while (reader.acceptSymbol(','));
    }
  }
  reader.expectSymbol(')');
  let by: readonly AttributeRef[] = [];
  if (reader.atWord('by')) {
    reader.take();
    by = parseAttributeList(reader);
  }
  return { kind: 'metricsAggregate', name, ...(attribute && { attribute }), quantiles, by, pos };
}

function parseCompare(reader: TokenReader): MetricsCompare {
  const { pos } = reader.take();
  reader.expectSymbol('(');
  const selection = parseSpansetFilter(reader);
  let topN = compareTopNDefault;
  let startUnixNano = 0n;
  let endUnixNano = 0n;
  if (reader.acceptSymbol(',')) {
    topN = safeNumber(parseInteger(reader));
    if (reader.acceptSymbol(',')) {
      startUnixNano = parseInteger(reader);
      reader.expectSymbol(',', ', and the end of the time range');
      endUnixNano = parseInteger(reader);
    }
  }
  reader.expectSymbol(')', ') or ,');
  return { kind: 'metricsCompare', selection, topN, startUnixNano, endUnixNano, pos };
}

export function parseSecondStages(reader: TokenReader): readonly MetricsSecondStage[] {
  const stages: MetricsSecondStage[] = [];
  for (;;) {
    const { token } = reader;
    const op = token.kind === 'symbol' ? comparisons.get(token.text) : undefined;
    if (op !== undefined) {
      reader.take();
      stages.push({ kind: 'metricsFilter', op, value: parseThreshold(reader), pos: token.pos });
    } else if (reader.acceptSymbol('|')) {
      const { text: kind, pos } = reader.token;
      if (reader.token.kind !== 'identifier' || (kind !== 'topk' && kind !== 'bottomk')) reader.fail('topk or bottomk');
      reader.take();
      reader.expectSymbol('(');
      stages.push({ kind, limit: safeNumber(parseInteger(reader)), pos });
      reader.expectSymbol(')');
    } else return stages;
  }
}

/** Series are compared with plain numbers; durations are seconds there. */
function parseThreshold(reader: TokenReader): number {
  const sign = reader.acceptSymbol('-') ? -1 : 1;
  const { token } = reader;
  if (token.kind !== 'int' && token.kind !== 'float' && token.kind !== 'duration')
    reader.fail(sign < 0 ? 'a number or duration' : 'a number, a duration or -');
  reader.take();
  return sign * (token.kind === 'duration' ? token.value / 1e9 : Number(token.value));
}

function parseNumber(reader: TokenReader): number {
  const { token } = reader;
  if (token.kind !== 'int' && token.kind !== 'float') reader.fail('a number');
  reader.take();
  return Number(token.value);
}

function parseInteger(reader: TokenReader): bigint {
  const { token } = reader;
  if (token.kind !== 'int') reader.fail('a whole number');
  reader.take();
  return token.value;
}

/** A count: what is beyond the range of exact numbers means "all" just as well. */
function safeNumber(value: bigint): number {
  return Math.min(Number(value), Number.MAX_SAFE_INTEGER);
}

/** Any number of `with (name = value, …)`. */
export function parseHints(reader: TokenReader): readonly Hint[] {
  const hints: Hint[] = [];
  while (reader.atWord('with')) {
    reader.take();
    reader.expectSymbol('(');
    do {
      const { token } = reader;
      if (token.kind !== 'identifier') reader.fail('the name of a hint');
      reader.take();
      reader.expectSymbol('=');
      hints.push({ name: token.text, value: acceptStatic(reader) ?? reader.fail('a value') });
    } while (reader.acceptSymbol(','));
    reader.expectSymbol(')', ') or ,');
  }
  return hints;
}

/** Texts of TraceQL: a query with conditions added, and what the page asks the server. */
import type { AnyValueJson } from '../../../src/api/contract/index.ts';
import { checkQuery } from '../../../src/traceql/check.ts';
import { parseQuery } from '../../../src/traceql/parser.ts';
import { literal } from '../base/literal.ts';
import type { Region } from './region.ts';

/** Which spans count. `requests`: what services serve; `roots`: one span a trace. */
export const SpanChoices = ['requests', 'roots', 'all'] as const;
export type SpanChoice = (typeof SpanChoices)[number];

const choiceConditions: Readonly<Record<SpanChoice, readonly string[]>> = {
  requests: ['(kind = server || kind = consumer)'],
  roots: ['nestedSetParent < 0'],
  all: [],
};

/**
 * The spans that a query finds and that meet the conditions: inside the braces where there is one pair of them, else as a
 * filter behind it. An empty query finds all. @throws TraceQLError
 */
export function withConditions(q: string, ...conditions: readonly string[]): string {
  const text = q.trim() === '' ? '{ }' : q.trim();
  const { pipeline, metrics } = parseQuery(text);
  if (metrics !== undefined) throw new Error('Explore adds its own metrics functions: give the filter alone');
  const [first, ...rest] = pipeline.stages;
  // What the user wrote stays as it was written.
  if (first?.kind === 'spansetFilter' && rest.length === 0 && text.startsWith('{') && text.endsWith('}')) {
    const { expression } = first;
    const inner = text.slice(1, -1).trim();
    const isOr = expression.kind === 'binary' && expression.op === '||';
    const own = inner === '' ? [] : [isOr && conditions.length > 0 ? `(${inner})` : inner];
    const all = [...own, ...conditions];
    return all.length === 0 ? '{ }' : `{ ${all.join(' && ')} }`;
  }
  return conditions.length === 0 ? text : `${text} | { ${conditions.join(' && ')} }`;
}

export const scopedQuery = (q: string, spans: SpanChoice): string => withConditions(q, ...choiceConditions[spans]);

/** What is wrong with a text; undefined when it can be asked. */
export function problemOf(q: string): string | undefined {
  try {
    checkQuery(parseQuery(withConditions(q)));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Values of these are words of the language, not strings. */
const keywords = new Set(['status', 'kind', 'span:status', 'span:kind']);

/** `attribute = value`; undefined where nothing can be compared with. */
export function conditionOf(attribute: string, value: AnyValueJson, operator: '=' | '!=' = '='): string | undefined {
  const text = literalOf(attribute, value);
  return text === undefined ? undefined : `${attribute} ${operator} ${text}`;
}

function literalOf(attribute: string, value: AnyValueJson): string | undefined {
  if (value.stringValue !== undefined) {
    if (value.stringValue === missing) return undefined;
    return keywords.has(attribute) ? value.stringValue : literal(value.stringValue);
  }
  if (value.intValue !== undefined) return value.intValue;
  if (value.boolValue !== undefined) return String(value.boolValue);
  return typeof value.doubleValue === 'number' ? String(value.doubleValue) : undefined;
}

/** What the server calls an attribute that a span has not. */
export const missing = 'nil';

export function valueText(value: AnyValueJson | undefined): string {
  if (value === undefined) return missing;
  const { stringValue, intValue, boolValue, doubleValue } = value;
  return String(stringValue ?? intValue ?? boolValue ?? doubleValue ?? missing);
}

/** Conditions on the spans of a region, its times aside. */
export function regionConditions({ minNano, maxNano, errors }: Region): string[] {
  const conditions: string[] = [];
  if (minNano !== undefined) conditions.push(`duration >= ${Math.round(minNano)}ns`);
  if (maxNano !== undefined) conditions.push(`duration <= ${Math.round(maxNano)}ns`);
  if (errors === true) conditions.push('status = error');
  return conditions;
}

/** Values that the server reports of each attribute and side. */
export const comparedValuesMax = 100;

export function compareQuery(scoped: string, region: Region): string {
  const conditions = regionConditions(region);
  const inside = conditions.length === 0 ? '{ true }' : `{ ${conditions.join(' && ')} }`;
  const { fromMs, toMs } = region;
  const times =
    fromMs === undefined || toMs === undefined ? '' : `, ${Math.floor(fromMs)}000000, ${Math.ceil(toMs)}000000`;
  return `${scoped} | compare(${inside}, ${comparedValuesMax}${times})`;
}

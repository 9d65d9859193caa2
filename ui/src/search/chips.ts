/**
 * A query as chips, and back: the conditions of its one filter that must all hold, and what stands behind the filter.
 * A condition is a comparison of an attribute with a literal, which can be edited, or any other expression, which can
 * only be taken away. Queries with several filters have no chips.
 */
import type { FieldExpression, PipelineStage, Position, StaticNode } from '../../../src/traceql/ast.ts';
import { printAttribute, printExpression, printQuery } from '../../../src/traceql/print.ts';
import { literal } from '../base/literal.ts';
import { everything, readQuery } from './query-model.ts';

/** Each part as TraceQL writes it. */
export interface Comparison {
  readonly kind: 'comparison';
  readonly attribute: string;
  readonly op: string;
  readonly value: string;
}

export type Condition = Comparison | { readonly kind: 'other'; readonly text: string };

export interface Chips {
  readonly conditions: readonly Condition[];
  /** Stages and hints behind the filter, with what separates them from it: ` | count() > 2`. */
  readonly rest: string;
}

const comparisons = new Set(['=', '!=', '=~', '!~', '<', '<=', '>', '>=']);

/** Undefined when the text does not begin with one filter, or is wrong. */
export function chipsOf(text: string): Chips | undefined {
  const read = readQuery(text);
  if (read.kind === 'bad') return undefined;
  const { pipeline } = read.query;
  const [filter, ...stages] = pipeline.stages;
  if (filter?.kind !== 'spansetFilter') return undefined;
  const whole = printQuery({ ...read.query, pipeline: { ...pipeline, stages: [trueFilter, ...stages] } });
  return { conditions: conjuncts(filter.expression).flatMap(conditionOf), rest: whole.slice(trueText.length) };
}

export function textOf({ conditions, rest }: Chips): string {
  const filter = conditions.length === 0 ? everything : `{ ${conditions.map(conditionText).join(' && ')} }`;
  return filter + rest;
}

export const conditionText = (condition: Condition): string =>
  condition.kind === 'other' ? condition.text : `${condition.attribute} ${condition.op} ${condition.value}`;

/** A condition more; it replaces one that compares the same attribute in the same way. */
export function addCondition(conditions: readonly Condition[], added: Comparison): readonly Condition[] {
  const at = conditions.findIndex(
    (old) => old.kind === 'comparison' && old.attribute === added.attribute && old.op === added.op,
  );
  return at === -1 ? [...conditions, added] : conditions.with(at, added);
}

/** The query with a condition more: behind several filters it is another one. Undefined when the text is wrong. */
export function narrowed(text: string, added: Comparison): string | undefined {
  const chips = chipsOf(text);
  if (chips !== undefined) return textOf({ ...chips, conditions: addCondition(chips.conditions, added) });
  const behind = `${text.trim()} | { ${conditionText(added)} }`;
  return readQuery(behind).kind === 'bad' ? undefined : behind;
}

/** `traceDuration` between the two, milliseconds to three digits. */
export function withTraceDurations(
  conditions: readonly Condition[],
  [lowMs, highMs]: readonly [number, number],
): readonly Condition[] {
  const bound = (op: string, ms: number): Comparison => ({
    kind: 'comparison',
    attribute: 'traceDuration',
    op,
    value: `${Number(ms.toPrecision(3))}ms`,
  });
  return addCondition(addCondition(conditions, bound('>=', lowMs)), bound('<=', highMs));
}

/** What an attribute can be compared by, as far as a value of it tells. */
export function operatorsFor(value: string): readonly string[] {
  if (/^["`]/.test(value)) return ['=', '!=', '=~', '!~'];
  return /^[-\d]/.test(value) ? ['=', '!=', '>', '>=', '<', '<='] : ['=', '!='];
}

function conditionOf(part: FieldExpression): Condition[] {
  if (part.kind === 'static' && part.static.type === 'bool' && part.static.value) return [];
  if (
    part.kind === 'binary' &&
    comparisons.has(part.op) &&
    (part.lhs.kind === 'attribute' || part.lhs.kind === 'intrinsic') &&
    part.rhs.kind === 'static'
  ) {
    return [{ kind: 'comparison', attribute: printAttribute(part.lhs), op: part.op, value: literalOf(part.rhs) }];
  }
  const text = printExpression(part);
  // Beside other conditions an alternative needs parentheses.
  return [{ kind: 'other', text: part.kind === 'binary' && part.op === '||' ? `(${text})` : text }];
}

const literalOf = (node: StaticNode): string =>
  node.static.type === 'string' ? literal(node.static.value) : printExpression(node);

function conjuncts(expression: FieldExpression): FieldExpression[] {
  return expression.kind === 'binary' && expression.op === '&&'
    ? [...conjuncts(expression.lhs), ...conjuncts(expression.rhs)]
    : [expression];
}

const nowhere: Position = { offset: 0, line: 1, column: 1 };
const trueFilter: PipelineStage = {
  kind: 'spansetFilter',
  expression: { kind: 'static', static: { type: 'bool', value: true }, pos: nowhere },
  pos: nowhere,
};
const trueText = '{ true }';

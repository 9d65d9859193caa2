/**
 * TraceQL over plain span objects, one span after the other: the slow, obvious evaluator that the engine must agree with.
 * No columns, no masks, no code shared with `src/query`.
 */

import type { KeyValue } from '../../src/model/any-value.ts';
import type { PlainSpan } from '../../src/model/plain-span.ts';
import {
  type AttributeRef,
  type FieldExpression,
  KindNames,
  type Pipeline,
  type PipelineStage,
  type ScalarFilter,
  type SpansetOperation,
  StatusNames,
} from '../../src/traceql/ast.ts';
import { printAggregate, printGroup } from '../../src/traceql/print.ts';
import { durationOf, type Node, type Trace } from './trace.ts';
import {
  aggregate,
  arithmetic,
  bool,
  compare,
  fromAny,
  int,
  matches,
  nil,
  type OracleValue,
  text,
  textOf,
} from './values.ts';

export interface OracleSet {
  readonly nodes: readonly Node[];
  readonly attributes: readonly { readonly key: string; readonly value: OracleValue }[];
}

/** The sets of one trace that a pipeline leaves. */
export function evaluatePipeline(pipeline: Pipeline, trace: Trace): OracleSet[] {
  return runPipeline(pipeline, [{ nodes: trace.nodes, attributes: [] }]);
}

function runPipeline(pipeline: Pipeline, input: readonly OracleSet[]): OracleSet[] {
  let sets = [...input];
  for (const stage of pipeline.stages) sets = runStage(stage, sets).filter((set) => set.nodes.length > 0);
  return sets;
}

function runStage(stage: PipelineStage, sets: readonly OracleSet[]): OracleSet[] {
  switch (stage.kind) {
    case 'spansetFilter':
      return sets.map((set) => ({
        ...set,
        nodes: set.nodes.filter((node) => holds(stage.expression, true, node)),
      }));
    case 'spansetOperation':
      return sets.map((set) => ({ ...set, nodes: operate(stage, set) }));
    case 'pipeline':
      return runPipeline(stage, sets);
    case 'scalarFilter':
      return filterScalar(stage, sets);
    case 'group': {
      const key = printGroup(stage);
      return sets.flatMap((set) => {
        const groups = new Map<string, { value: OracleValue; nodes: Node[] }>();
        for (const node of set.nodes) {
          const value = evaluate(stage.by, node);
          const group = groups.get(textOf(value)) ?? { value, nodes: [] };
          group.nodes.push(node);
          groups.set(textOf(value), group);
        }
        return [...groups.values()].map(({ value, nodes }) => ({
          nodes,
          attributes: [...set.attributes, { key, value }],
        }));
      });
    }
    case 'coalesce':
      return [{ nodes: inOrder(sets.flatMap((set) => set.nodes)), attributes: [] }];
    case 'select':
      return [...sets];
  }
}

/** Without duplicates, in the order of the trace. */
function inOrder(nodes: readonly Node[]): Node[] {
  const wanted = new Set(nodes);
  return nodes.length === 0 ? [] : nodes[0]!.trace.nodes.filter((node) => wanted.has(node));
}

function operate({ op, lhs, rhs }: SpansetOperation, set: OracleSet): Node[] {
  const a = runStage(lhs, [set]).flatMap(({ nodes }) => nodes);
  const b = runStage(rhs, [set]).flatMap(({ nodes }) => nodes);
  if (op === '||') return inOrder([...a, ...b]);
  if (op === '&&') return a.length > 0 && b.length > 0 ? inOrder([...a, ...b]) : [];
  const relation = op.replace(/^[!&]/, '');
  const related = (left: Node, right: Node): boolean => stands(relation, left, right);
  const right = b.filter((node) => a.some((other) => related(other, node)));
  if (op[0] === '!') return inOrder(b.filter((node) => !right.includes(node)));
  if (op[0] !== '&') return inOrder(right);
  return inOrder([...right, ...a.filter((node) => b.some((other) => related(node, other)))]);
}

/** `a relation b`: for `>`, b is a child of a. */
function stands(relation: string, a: Node, b: Node): boolean {
  switch (relation) {
    case '>':
      return b.parent === a;
    case '<':
      return a.parent === b;
    case '>>':
      return isBelow(b, a);
    case '<<':
      return isBelow(a, b);
    default:
      return a !== b && a.parent !== undefined && a.parent === b.parent;
  }
}

function isBelow(node: Node, ancestor: Node): boolean {
  for (let above = node.parent; above !== undefined; above = above.parent) if (above === ancestor) return true;
  return false;
}

function filterScalar({ op, lhs, rhs }: ScalarFilter, sets: readonly OracleSet[]): OracleSet[] {
  if (lhs.kind !== 'aggregate' || rhs.kind !== 'static') throw new Error('only an aggregate beside a literal');
  return sets.flatMap((set) => {
    const { expression, name } = lhs;
    const value =
      name === 'count' || expression === undefined
        ? int(set.nodes.length)
        : aggregate(
            name,
            set.nodes.map((node) => evaluate(expression, node)),
          );
    if (!compare(op, value, rhs.static)) return [];
    return [{ nodes: set.nodes, attributes: [...set.attributes, { key: printAggregate(lhs), value }] }];
  });
}

// ---- expressions

type Ref = AttributeRef;
const isRef = (expression: FieldExpression): expression is Ref =>
  expression.kind === 'attribute' || expression.kind === 'intrinsic';
const isNil = (expression: FieldExpression): boolean =>
  expression.kind === 'static' && expression.static.type === 'nil';
const isConstant = (expression: FieldExpression): boolean => {
  switch (expression.kind) {
    case 'static':
      return true;
    case 'attribute':
    case 'intrinsic':
      return false;
    case 'unary':
      return isConstant(expression.operand);
    case 'binary':
      return isConstant(expression.lhs) && isConstant(expression.rhs);
  }
};

/**
 * Whether a condition is true (or, `wanted` false, is false). What is neither is nil or no boolean. An attribute of events
 * or links is when one of them is.
 */
function holds(expression: FieldExpression, wanted: boolean, node: Node): boolean {
  switch (expression.kind) {
    case 'static':
      return expression.static.type === 'bool' && expression.static.value === wanted;
    case 'attribute':
    case 'intrinsic':
      return valuesOf(expression, node).some((value) => value.type === 'bool' && value.value === wanted);
    case 'unary':
      return expression.op === '!' && holds(expression.operand, !wanted, node);
    case 'binary':
      return isCondition(expression) && condition(expression, node) === wanted;
  }
}

const isCondition = (expression: FieldExpression): boolean =>
  expression.kind === 'binary' && !['+', '-', '*', '/', '%', '^'].includes(expression.op);

function condition({ op, lhs, rhs }: FieldExpression & { kind: 'binary' }, node: Node): boolean {
  switch (op) {
    case '&&':
      return holds(lhs, true, node) && holds(rhs, true, node);
    case '||':
      return holds(lhs, true, node) || holds(rhs, true, node);
    case '=~':
    case '!~': {
      const pattern = evaluate(rhs, node);
      if (pattern.type !== 'string') return false;
      const values = isRef(lhs) ? valuesOf(lhs, node) : [evaluate(lhs, node)];
      return values.some((value) => matches(op, value, pattern.value));
    }
    default:
      return compares(op as Comparison, lhs, rhs, node);
  }
}

export function evaluate(expression: FieldExpression, node: Node): OracleValue {
  switch (expression.kind) {
    case 'static':
      return expression.static;
    case 'attribute':
    case 'intrinsic':
      return valuesOf(expression, node).at(-1) ?? nil;
    case 'unary': {
      const operand = evaluate(expression.operand, node);
      if (expression.op === '!') return operand.type === 'bool' ? bool(!operand.value) : nil;
      if (operand.type === 'int') return int(BigInt.asIntN(64, -operand.value));
      return operand.type === 'float' || operand.type === 'duration' ? { ...operand, value: -operand.value } : nil;
    }
    case 'binary':
      if (isCondition(expression)) return bool(condition(expression, node));
      return arithmetic(expression.op, evaluate(expression.lhs, node), evaluate(expression.rhs, node));
  }
}

type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=';
const mirrored = { '=': '=', '!=': '!=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' } as const;

function compares(op: Comparison, lhs: FieldExpression, rhs: FieldExpression, node: Node): boolean {
  if (isNil(lhs) !== isNil(rhs)) {
    const missing = evaluate(isNil(lhs) ? rhs : lhs, node).type === 'nil';
    return op === '=' ? missing : op === '!=' && !missing;
  }
  if (isRef(lhs) && isConstant(rhs)) return meets(lhs, op, evaluate(rhs, node), node);
  if (isRef(rhs) && isConstant(lhs)) {
    const literal = evaluate(lhs, node);
    // Tempo wants `literal < x` to hold the other way round as well.
    return meets(rhs, mirrored[op], literal, node) && (op === '=' || op === '!=' || meets(rhs, op, literal, node));
  }
  // `!x = true` says the same as `!x`, also when x stands for several events.
  for (const [one, other] of [
    [lhs, rhs],
    [rhs, lhs],
  ] as const) {
    const literal = isConstant(other) ? evaluate(other, node) : nil;
    if (one.kind !== 'unary' || one.op !== '!' || literal.type !== 'bool' || (op !== '=' && op !== '!=')) continue;
    return holds(one, literal.value === (op === '='), node);
  }
  return compare(op, evaluate(lhs, node), evaluate(rhs, node));
}

/** A condition on events or links is met by any of them. Attributes are never durations. */
function meets(ref: Ref, op: Comparison, literal: OracleValue, node: Node): boolean {
  if (ref.kind === 'attribute' && literal.type === 'duration') return false;
  return valuesOf(ref, node).some((value) => compare(op, value, literal));
}

/** All values of a reference, without nil: one a span, or one an event or link. */
function valuesOf(ref: Ref, node: Node): OracleValue[] {
  const values = ref.kind === 'intrinsic' ? intrinsic(ref.intrinsic, node) : attribute(ref.scope, ref.name, node.span);
  return values.filter((value) => value.type !== 'nil');
}

function attribute(scope: string, name: string, span: PlainSpan): OracleValue[] {
  const find = (attributes: readonly KeyValue[]): OracleValue => {
    const found = attributes.find(({ key }) => key === name);
    return found === undefined ? nil : fromAny(found.value);
  };
  switch (scope) {
    case 'none': {
      const own = find(span.attributes);
      return [own.type === 'nil' ? find(span.resource.attributes) : own];
    }
    case 'span':
      return [find(span.attributes)];
    case 'resource':
      return [find(span.resource.attributes)];
    case 'instrumentation':
      return [find(span.scope.attributes)];
    case 'event':
      return span.events.map((event) => find(event.attributes));
    default:
      return span.links.map((link) => find(link.attributes));
  }
}

function intrinsic(name: string, node: Node): OracleValue[] {
  const { span, trace } = node;
  const short = (id: string): OracleValue => text(id.replace(/^0+/, ''));
  switch (name) {
    case 'span:duration':
      return [{ type: 'duration', value: Number(durationOf(span)) }];
    case 'span:name':
      return [text(span.name)];
    case 'span:status':
      return [{ type: 'status', value: StatusNames[span.statusCode]! }];
    case 'span:statusMessage':
      return [text(span.statusMessage)];
    case 'span:kind':
      return [{ type: 'kind', value: KindNames[span.kind]! }];
    case 'span:id':
      return [text(span.spanId)];
    case 'span:parentID':
      return [span.parentSpanId === '' ? nil : text(span.parentSpanId)];
    case 'span:childCount':
      return [int(node.children.length)];
    case 'trace:duration':
      return [{ type: 'duration', value: Number(trace.end - trace.start) }];
    case 'trace:rootName':
      return [text(trace.root?.name ?? '')];
    case 'trace:rootService': {
      const service = trace.root?.resource.attributes.find(({ key }) => key === 'service.name')?.value;
      return [text(service?.type === 'string' ? service.value : '')];
    }
    case 'trace:id':
      return [short(trace.id)];
    case 'event:name':
      return span.events.map((event) => text(event.name));
    case 'event:timeSinceStart':
      return span.events.map((event) => ({
        type: 'duration',
        value: Number(event.timeUnixNano - span.startTimeUnixNano),
      }));
    case 'link:traceID':
      return span.links.map((link) => short(link.traceId));
    case 'link:spanID':
      return span.links.map((link) => text(link.spanId));
    case 'instrumentation:name':
      return [text(span.scope.name)];
    case 'instrumentation:version':
      return [text(span.scope.version)];
    case 'nestedSetLeft':
      return [int(node.left)];
    case 'nestedSetRight':
      return [int(node.right)];
    case 'nestedSetParent':
      return [int(node.left === 0 ? 0 : (node.parent?.left ?? -1))];
    default:
      return [nil];
  }
}

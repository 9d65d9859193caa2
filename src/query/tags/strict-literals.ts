/**
 * As recorded from Tempo, a number in a tag filter meets attributes of its own type only: `{ span.amount > 100 }` lets
 * nothing through where amounts are floats. (Searches compare ints with floats, which is what people mean.)
 */
import type { AttributeNode, FieldExpression, Pipeline, Static } from '../../traceql/ast.ts';
import type { Fragment, ValueType } from '../../traceql/storage.ts';

/** The pipeline with `false` for every comparison of an attribute of this fragment with a number of the other type. */
export function strictPipeline(pipeline: Pipeline, fragment: Fragment): Pipeline {
  return {
    ...pipeline,
    stages: pipeline.stages.map((stage) =>
      stage.kind === 'spansetFilter' ? { ...stage, expression: strict(stage.expression, fragment) } : stage,
    ),
  };
}

function strict(expression: FieldExpression, fragment: Fragment): FieldExpression {
  if (expression.kind === 'unary') return { ...expression, operand: strict(expression.operand, fragment) };
  if (expression.kind !== 'binary') return expression;
  const { op, lhs, rhs } = expression;
  if (op === '&&' || op === '||') return { ...expression, lhs: strict(lhs, fragment), rhs: strict(rhs, fragment) };
  const never =
    (lhs.kind === 'attribute' && rhs.kind === 'static' && isOtherType(lhs, rhs.static, fragment)) ||
    (rhs.kind === 'attribute' && lhs.kind === 'static' && isOtherType(rhs, lhs.static, fragment));
  return never ? { kind: 'static', static: { type: 'bool', value: false }, pos: expression.pos } : expression;
}

/** Whether all numbers the attribute has here are ints and the literal is a float, or the other way round. */
function isOtherType({ scope, name }: AttributeNode, literal: Static, fragment: Fragment): boolean {
  if (literal.type !== 'int' && literal.type !== 'float') return false;
  const own: ValueType = literal.type === 'int' ? 'int' : 'double';
  const scopes = scope === 'none' ? (['span', 'resource'] as const) : ([scope] as const);
  const types = scopes.flatMap((one) => fragment.columns(one, name).map((column) => column.type));
  return !types.includes(own) && !types.includes('any');
}

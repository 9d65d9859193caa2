/** The attributes of a span that a query refers to, as an exemplar's labels. */
import type { AttributeRef, FieldExpression, PipelineStage, ScalarExpression } from '../../traceql/ast.ts';
import { printAttribute } from '../../traceql/print.ts';
import type { ResultAttribute } from '../../traceql/result.ts';
import type { Fragment, LoadRequest } from '../../traceql/storage.ts';
import {
  compileExpression,
  type Expression,
  Reads,
  resultOf,
  type TraceRange,
  toHex,
  traceOfRow,
} from '../expression/index.ts';
import type { LabelReader } from './exemplars.ts';
import { labelValue } from './labels.ts';
import type { AggregatePlan } from './plan.ts';

/** Every attribute that stages refer to, once each by how it is written. */
export function stageAttributes(stages: readonly PipelineStage[]): Map<string, AttributeRef> {
  const found = new Map<string, AttributeRef>();
  for (const stage of stages) collectStage(stage, found);
  return found;
}

type Found = Map<string, AttributeRef>;

function collectStage(stage: PipelineStage, found: Found): void {
  switch (stage.kind) {
    case 'spansetFilter':
      collect(stage.expression, found);
      return;
    case 'spansetOperation':
      collectStage(stage.lhs, found);
      collectStage(stage.rhs, found);
      return;
    case 'pipeline':
      for (const inner of stage.stages) collectStage(inner, found);
      return;
    case 'scalarFilter':
      collectScalar(stage.lhs, found);
      collectScalar(stage.rhs, found);
      return;
    case 'group':
      collect(stage.by, found);
      return;
    case 'select':
      for (const attribute of stage.attributes) collect(attribute, found);
      return;
    case 'coalesce':
      return;
  }
}

function collectScalar(scalar: ScalarExpression, found: Found): void {
  switch (scalar.kind) {
    case 'aggregate':
      if (scalar.expression !== undefined) collect(scalar.expression, found);
      return;
    case 'scalarOperation':
      collectScalar(scalar.lhs, found);
      collectScalar(scalar.rhs, found);
      return;
    case 'scalarPipeline':
      for (const stage of scalar.stages) collectStage(stage, found);
      collectScalar(scalar.aggregate, found);
      return;
    case 'static':
      return;
  }
}

function collect(expression: FieldExpression, found: Found): void {
  switch (expression.kind) {
    case 'attribute':
    case 'intrinsic':
      found.set(printAttribute(expression), expression);
      return;
    case 'unary':
      collect(expression.operand, found);
      return;
    case 'binary':
      collect(expression.lhs, found);
      collect(expression.rhs, found);
      return;
    case 'static':
      return;
  }
}

/** Reads the labels of single spans of one fragment. */
export class SpanLabels {
  readonly request: LoadRequest;
  readonly #fragment: Fragment;
  readonly #attributes: readonly { readonly key: string; readonly expression: Expression }[];

  constructor(plan: AggregatePlan, fragment: Fragment) {
    this.#fragment = fragment;
    const found = stageAttributes(plan.pipeline.stages);
    if (plan.measured !== undefined) collect(plan.measured, found);
    for (const ref of plan.by) collect(ref, found);
    // Every exemplar has it.
    found.delete('trace:id');
    const reads = new Reads();
    this.#attributes = Array.from(found, ([key, ref]) => ({
      key,
      expression: compileExpression(ref, fragment, reads),
    }));
    this.request = reads.request();
  }

  prepare(range: TraceRange): LabelReader {
    for (const { expression } of this.#attributes) expression.prepare(range);
    return (row) => this.#labels(row);
  }

  #labels(row: number): readonly ResultAttribute[] {
    const traceId = toHex(this.#fragment.traceIds, traceOfRow(this.#fragment, row) * 16, 16).replace(/^0+/, '');
    const labels: ResultAttribute[] = [{ key: 'trace:id', value: { type: 'string', value: traceId } }];
    for (const { key, expression } of this.#attributes) {
      expression.at(row);
      const value = resultOf(expression);
      if (value.type !== 'nil') labels.push({ key, value: value.type === 'any' ? value : labelValue(value) });
    }
    return labels;
  }
}

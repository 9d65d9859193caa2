/** What explanations of searches and of metrics queries have in common. */
import type { FieldExpression, Pipeline, PipelineStage } from '../traceql/ast.ts';
import { printExpression } from '../traceql/print.ts';
import type { LoadRequest } from '../traceql/storage.ts';

export interface FragmentExplanation extends ColumnNames {
  readonly id: string;
  readonly traces: number;
  readonly spans: number;
  /** Chunks that overlap the time range. */
  readonly chunks: number;
  readonly chunkSpans: number;
  /** `true`, `false`: known without reading. */
  readonly constant?: boolean;
}

export interface ColumnNames {
  readonly fixedColumns: readonly string[];
  /** As `scope.key: type`. */
  readonly columns: readonly string[];
}

export function columnNames({ fixed, columns }: LoadRequest): ColumnNames {
  return {
    fixedColumns: fixed,
    columns: columns.map(({ scope, key, type }) => `${scope}.${key}: ${type}`),
  };
}

/** The conditions on spans, as written; those of one filter are tried in this order. */
export function predicatesOf(pipeline: Pipeline): string[] {
  return pipeline.stages.flatMap(stagePredicates);
}

function stagePredicates(stage: PipelineStage): string[] {
  switch (stage.kind) {
    case 'spansetFilter':
      return conjuncts(stage.expression).map(printExpression);
    case 'spansetOperation':
      return [...stagePredicates(stage.lhs), ...stagePredicates(stage.rhs)];
    case 'pipeline':
      return predicatesOf(stage);
    default:
      return [];
  }
}

function conjuncts(expression: FieldExpression): FieldExpression[] {
  return expression.kind === 'binary' && expression.op === '&&'
    ? [...conjuncts(expression.lhs), ...conjuncts(expression.rhs)]
    : [expression];
}

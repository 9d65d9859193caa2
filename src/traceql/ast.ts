/**
 * The TraceQL syntax tree: plain immutable data, safe to structured-clone and to compare in tests.
 * Every node has a `kind`; unions are closed, so a switch over them is checked for completeness.
 */

/** Byte-free position in the query text: 1-based line and column (in UTF-16 units), 0-based offset. */
export interface Position {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
}

export const AttributeScopes = ['none', 'span', 'resource', 'event', 'link', 'instrumentation'] as const;
/** `none` is the unscoped form `.name`: span first, then resource. */
export type AttributeScope = (typeof AttributeScopes)[number];

/** Canonical (scoped) names of all intrinsics. Unscoped aliases parse to these and print in the form they were written in. */
export const Intrinsics = [
  'span:duration',
  'span:name',
  'span:status',
  'span:statusMessage',
  'span:kind',
  'span:id',
  'span:parentID',
  'span:childCount',
  'trace:duration',
  'trace:rootName',
  'trace:rootService',
  'trace:id',
  'event:name',
  'event:timeSinceStart',
  'link:traceID',
  'link:spanID',
  'instrumentation:name',
  'instrumentation:version',
  'nestedSetLeft',
  'nestedSetRight',
  'nestedSetParent',
  'parent',
] as const;
export type Intrinsic = (typeof Intrinsics)[number];

/** In the order of their OTLP numbers. */
export const StatusNames = ['unset', 'ok', 'error'] as const;
export type StatusName = (typeof StatusNames)[number];

/** In the order of their OTLP numbers. */
export const KindNames = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
export type KindName = (typeof KindNames)[number];

/** A literal, or the value of an expression for one span. Ints are int64 (bigint); durations are nanoseconds (number). */
export type Static =
  | { readonly type: 'nil' }
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'duration'; readonly value: number }
  | { readonly type: 'status'; readonly value: StatusName }
  | { readonly type: 'kind'; readonly value: KindName };
export type StaticType = Static['type'];

export interface StaticNode {
  readonly kind: 'static';
  readonly static: Static;
  readonly pos: Position;
}

export interface AttributeNode {
  readonly kind: 'attribute';
  readonly scope: AttributeScope;
  /** `parent.x`, `parent.span.x`: parses, is refused by the checker. */
  readonly parent: boolean;
  /** Unquoted name. */
  readonly name: string;
  readonly pos: Position;
}

export interface IntrinsicNode {
  readonly kind: 'intrinsic';
  readonly intrinsic: Intrinsic;
  /** As written: `duration` or `span:duration`. Labels and printed queries show this. */
  readonly text: string;
  readonly pos: Position;
}

/** Something that names a value of a span. */
export type AttributeRef = AttributeNode | IntrinsicNode;

export const BinaryOperators = [
  '||',
  '&&',
  '=',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  '=~',
  '!~',
  '+',
  '-',
  '*',
  '/',
  '%',
  '^',
] as const;
export type BinaryOperator = (typeof BinaryOperators)[number];

export const ComparisonOperators = ['=', '!=', '<', '<=', '>', '>='] as const;
export type ComparisonOperator = (typeof ComparisonOperators)[number];

export interface BinaryNode {
  readonly kind: 'binary';
  readonly op: BinaryOperator;
  readonly lhs: FieldExpression;
  readonly rhs: FieldExpression;
  readonly pos: Position;
}

export interface UnaryNode {
  readonly kind: 'unary';
  readonly op: '!' | '-';
  readonly operand: FieldExpression;
  readonly pos: Position;
}

export type FieldExpression = StaticNode | AttributeNode | IntrinsicNode | BinaryNode | UnaryNode;

/** `{ expression }`; `{ }` has the expression `true`. */
export interface SpansetFilter {
  readonly kind: 'spansetFilter';
  readonly expression: FieldExpression;
  readonly pos: Position;
}

export const SpansetOperators = [
  '&&',
  '||',
  '>',
  '>>',
  '<',
  '<<',
  '~',
  '!>',
  '!>>',
  '!<',
  '!<<',
  '!~',
  '&>',
  '&>>',
  '&<',
  '&<<',
  '&~',
] as const;
export type SpansetOperator = (typeof SpansetOperators)[number];

/** Operands are filters, operations, or whole pipelines in parentheses. */
export interface SpansetOperation {
  readonly kind: 'spansetOperation';
  readonly op: SpansetOperator;
  readonly lhs: SpansetExpression;
  readonly rhs: SpansetExpression;
  readonly pos: Position;
}

export interface Pipeline {
  readonly kind: 'pipeline';
  readonly stages: readonly PipelineStage[];
  readonly pos: Position;
}

export type SpansetExpression = SpansetFilter | SpansetOperation | Pipeline;

export const AggregateNames = ['count', 'min', 'max', 'sum', 'avg'] as const;
export type AggregateName = (typeof AggregateNames)[number];

export interface Aggregate {
  readonly kind: 'aggregate';
  readonly name: AggregateName;
  /** Absent for count(). */
  readonly expression?: FieldExpression;
  readonly pos: Position;
}

export const ArithmeticOperators = ['+', '-', '*', '/', '%', '^'] as const;
export type ArithmeticOperator = (typeof ArithmeticOperators)[number];

export interface ScalarOperation {
  readonly kind: 'scalarOperation';
  readonly op: ArithmeticOperator;
  readonly lhs: ScalarExpression;
  readonly rhs: ScalarExpression;
  readonly pos: Position;
}

/** `({ } | count())` as an operand, as in `({ } | count()) > 5`: parses, is refused by the checker. */
export interface ScalarPipeline {
  readonly kind: 'scalarPipeline';
  readonly stages: readonly PipelineStage[];
  readonly aggregate: Aggregate;
  readonly pos: Position;
}

export type ScalarExpression = Aggregate | StaticNode | ScalarOperation | ScalarPipeline;

export interface ScalarFilter {
  readonly kind: 'scalarFilter';
  readonly op: ComparisonOperator;
  readonly lhs: ScalarExpression;
  readonly rhs: ScalarExpression;
  readonly pos: Position;
}

export interface GroupStage {
  readonly kind: 'group';
  readonly by: FieldExpression;
  readonly pos: Position;
}

export interface SelectStage {
  readonly kind: 'select';
  readonly attributes: readonly AttributeRef[];
  readonly pos: Position;
}

export interface CoalesceStage {
  readonly kind: 'coalesce';
  readonly pos: Position;
}

export type PipelineStage = SpansetExpression | ScalarFilter | GroupStage | SelectStage | CoalesceStage;

export const MetricsFunctions = [
  'rate',
  'count_over_time',
  'min_over_time',
  'max_over_time',
  'sum_over_time',
  'avg_over_time',
  'quantile_over_time',
  'histogram_over_time',
] as const;
export type MetricsFunction = (typeof MetricsFunctions)[number];

export interface MetricsAggregate {
  readonly kind: 'metricsAggregate';
  readonly name: MetricsFunction;
  /** The measured attribute; absent for rate and count_over_time. */
  readonly attribute?: AttributeRef;
  /** For quantile_over_time, as written, each in [0, 1]. */
  readonly quantiles: readonly number[];
  readonly by: readonly AttributeRef[];
  readonly pos: Position;
}

export interface MetricsCompare {
  readonly kind: 'metricsCompare';
  readonly selection: SpansetFilter;
  /** Default 10. At most Number.MAX_SAFE_INTEGER. */
  readonly topN: number;
  /** Unix nanoseconds; both 0 when not given. */
  readonly startUnixNano: bigint;
  readonly endUnixNano: bigint;
  readonly pos: Position;
}

export type MetricsSecondStage =
  | { readonly kind: 'topk' | 'bottomk'; readonly limit: number; readonly pos: Position }
  /** A duration literal is given in seconds here. */
  | { readonly kind: 'metricsFilter'; readonly op: ComparisonOperator; readonly value: number; readonly pos: Position };

/** Hints are data only: unknown names and wrong types are ignored by whoever reads them. */
export interface Hint {
  readonly name: string;
  readonly value: Static;
}

export interface Query {
  readonly kind: 'query';
  readonly pipeline: Pipeline;
  readonly metrics?: MetricsAggregate | MetricsCompare;
  readonly secondStages: readonly MetricsSecondStage[];
  readonly hints: readonly Hint[];
}

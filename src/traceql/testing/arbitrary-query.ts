/**
 * Random queries for property tests.
 *
 *   arbitraryQuery         whatever parses, however senseless: for parser and printer
 *   arbitraryCheckedQuery  what also passes the checker, over a small vocabulary so that random data can match: for the
 *                          engine
 *
 * Trees have the shapes the parser makes: signs are part of literals, a pipeline in parentheses has more in it than a
 * span set.
 */
import * as fc from 'fast-check';
import {
  type Aggregate,
  ArithmeticOperators,
  type AttributeNode,
  type AttributeRef,
  AttributeScopes,
  BinaryOperators,
  ComparisonOperators,
  type FieldExpression,
  type Hint,
  type IntrinsicNode,
  Intrinsics,
  KindNames,
  type MetricsAggregate,
  type MetricsCompare,
  MetricsFunctions,
  type MetricsSecondStage,
  type Pipeline,
  type PipelineStage,
  type Query,
  type ScalarExpression,
  type ScalarFilter,
  type SpansetExpression,
  type SpansetFilter,
  SpansetOperators,
  type Static,
  StatusNames,
} from '../ast.ts';
import { groupByMax } from '../check.ts';
import { type ExpressionType, intrinsicAliases, intrinsicTypes } from '../intrinsics.ts';
import { negate } from '../parse-field.ts';
import { formatStatic } from '../print.ts';
import { nowhere } from './strip-positions.ts';

const pos = nowhere;
const intMin = -(1n << 63n);

const anyText = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.constantFrom('', 'service.name', '5xx', 'foo bar', '`', '"', '\\', '\r\n', 'span.x', '/*', '//', '#', 'nil', '-'),
);

const anyNumber: fc.Arbitrary<Static> = fc.oneof(
  fc.bigInt({ min: intMin, max: -(intMin + 1n) }).map((value): Static => ({ type: 'int', value })),
  fc.integer().map((value): Static => ({ type: 'int', value: BigInt(value) })),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value): Static => ({ type: 'float', value })),
  fc.maxSafeInteger().map((value): Static => ({ type: 'duration', value })),
  fc.integer({ min: 1, max: 1 << 30 }).map((value): Static => ({ type: 'duration', value: value * 2 ** 30 })),
);

const anyStatic: fc.Arbitrary<Static> = fc.oneof(
  anyNumber,
  anyText.map((value): Static => ({ type: 'string', value })),
  fc.boolean().map((value): Static => ({ type: 'bool', value })),
  fc.constantFrom(...StatusNames).map((value): Static => ({ type: 'status', value })),
  fc.constantFrom(...KindNames).map((value): Static => ({ type: 'kind', value })),
  fc.constant<Static>({ type: 'nil' }),
);

const anyIntrinsic: fc.Arbitrary<IntrinsicNode> = fc.oneof(
  fc
    .constantFrom(...intrinsicAliases)
    .map(([text, intrinsic]): IntrinsicNode => ({ kind: 'intrinsic', intrinsic, text, pos })),
  fc
    .constantFrom(...Intrinsics)
    .map((intrinsic): IntrinsicNode => ({ kind: 'intrinsic', intrinsic, text: intrinsic, pos })),
);

const anyAttribute: fc.Arbitrary<AttributeRef> = fc.oneof(
  anyIntrinsic,
  fc
    .record({ scope: fc.constantFrom(...AttributeScopes), name: anyText })
    .map((parts): AttributeNode => ({ kind: 'attribute', parent: false, ...parts, pos })),
  fc
    .record({ scope: fc.constantFrom('none' as const, 'span' as const, 'resource' as const), name: anyText })
    .map((parts): AttributeNode => ({ kind: 'attribute', parent: true, ...parts, pos })),
);

function staticNode(value: Static): FieldExpression {
  return { kind: 'static', static: value, pos };
}

const anyExpression = fc.letrec<{ expression: FieldExpression }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    anyStatic.map(staticNode),
    anyAttribute,
    fc
      .record({ op: fc.constantFrom(...BinaryOperators), lhs: tie('expression'), rhs: tie('expression') })
      .map((parts): FieldExpression => ({ kind: 'binary', ...parts, pos })),
    fc
      .record({ op: fc.constantFrom('!' as const, '-' as const), operand: tie('expression') })
      .filter(({ op, operand }) => op === '!' || operand.kind !== 'static' || negate(operand.static) === undefined)
      .map((parts): FieldExpression => ({ kind: 'unary', ...parts, pos })),
  ),
})).expression;

/** The shapes outside of `{ }`, over given expressions. */
function shapes(
  expression: fc.Arbitrary<FieldExpression>,
  group: fc.Arbitrary<FieldExpression>,
  attribute: fc.Arbitrary<AttributeRef>,
  scalarFilter: fc.Arbitrary<ScalarFilter>,
) {
  const filter = expression.map((inner): SpansetFilter => ({ kind: 'spansetFilter', expression: inner, pos }));
  const operation = (operand: fc.Arbitrary<SpansetExpression>) =>
    fc
      .record({ op: fc.constantFrom(...SpansetOperators), lhs: operand, rhs: operand })
      .map((parts): SpansetExpression => ({ kind: 'spansetOperation', ...parts, pos }));
  const spanset = fc.letrec<{ spanset: SpansetExpression }>((tie) => ({
    spanset: fc.oneof({ depthSize: 'small', withCrossShrink: true }, filter, operation(tie('spanset'))),
  })).spanset;
  const shaping: fc.Arbitrary<PipelineStage> = fc.oneof(
    scalarFilter,
    group.map((by): PipelineStage => ({ kind: 'group', by, pos })),
    fc
      .array(attribute, { minLength: 1, maxLength: 3 })
      .map((attributes): PipelineStage => ({ kind: 'select', attributes, pos })),
  );
  const later = fc.oneof(spanset, shaping, fc.constant<PipelineStage>({ kind: 'coalesce', pos }));
  const stages = fc
    .tuple(fc.oneof(spanset, shaping), fc.array(later, { maxLength: 3 }))
    .map(([first, rest]): PipelineStage[] => [first, ...rest]);
  const pipeline = stages.map((list): Pipeline => ({ kind: 'pipeline', stages: list, pos }));
  const nested: fc.Arbitrary<SpansetExpression> = pipeline.filter(
    ({ stages: list }) => list.length > 1 || !isSpanset(list[0]!),
  );
  const ofPipelines = operation(fc.oneof(nested, filter, operation(fc.oneof(nested, filter)))).filter(holdsPipeline);
  return { filter, pipeline, ofPipelines };
}

function isSpanset(stage: PipelineStage): boolean {
  return stage.kind === 'spansetFilter' || stage.kind === 'spansetOperation';
}

function holdsPipeline(spanset: SpansetExpression): boolean {
  if (spanset.kind !== 'spansetOperation') return spanset.kind === 'pipeline';
  return holdsPipeline(spanset.lhs) || holdsPipeline(spanset.rhs);
}

function aggregates(expression: fc.Arbitrary<FieldExpression>): fc.Arbitrary<Aggregate> {
  return fc.oneof(
    fc.constant<Aggregate>({ kind: 'aggregate', name: 'count', pos }),
    fc
      .record({ name: fc.constantFrom('min', 'max', 'sum', 'avg'), expression })
      .map((parts): Aggregate => ({ kind: 'aggregate', ...parts, pos })),
  );
}

const comparison = fc.constantFrom(...ComparisonOperators);

const anyScalar = fc.letrec<{ scalar: ScalarExpression }>((tie) => ({
  scalar: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    aggregates(anyExpression),
    anyNumber.map((value): ScalarExpression => ({ kind: 'static', static: value, pos })),
    fc
      .record({ op: fc.constantFrom(...ArithmeticOperators), lhs: tie('scalar'), rhs: tie('scalar') })
      .map((parts): ScalarExpression => ({ kind: 'scalarOperation', ...parts, pos })),
  ),
})).scalar;

const anyShapes = shapes(
  anyExpression,
  anyExpression,
  anyAttribute,
  fc
    .record({ op: comparison, lhs: anyScalar, rhs: anyScalar })
    .map((p): ScalarFilter => ({ kind: 'scalarFilter', ...p, pos })),
);

/** `({ … } | count()) > 5`: whole queries only. */
const scalarOfPipeline: fc.Arbitrary<Pipeline> = fc
  .record({ inner: anyShapes.pipeline, aggregate: aggregates(anyExpression), op: comparison, rhs: anyScalar })
  .map(({ inner, aggregate, op, rhs }): Pipeline => {
    const lhs: ScalarExpression = { kind: 'scalarPipeline', stages: inner.stages, aggregate, pos };
    return { kind: 'pipeline', stages: [{ kind: 'scalarFilter', op, lhs, rhs, pos }], pos };
  });

function aggregateMetrics(
  attribute: fc.Arbitrary<AttributeRef>,
  by: fc.Arbitrary<AttributeRef>,
  byMax: number,
): fc.Arbitrary<MetricsAggregate> {
  return fc
    .record({
      name: fc.constantFrom(...MetricsFunctions),
      attribute,
      quantiles: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 3 }),
      by: fc.array(by, { maxLength: byMax }),
    })
    .map((parts): MetricsAggregate => {
      const counts = parts.name === 'rate' || parts.name === 'count_over_time';
      return {
        kind: 'metricsAggregate',
        name: parts.name,
        ...(!counts && { attribute: parts.attribute }),
        // The grammar has no -0.
        quantiles: parts.name === 'quantile_over_time' ? parts.quantiles.map(Math.abs) : [],
        by: parts.by,
        pos,
      };
    });
}

function compares(selection: fc.Arbitrary<SpansetFilter>): fc.Arbitrary<MetricsCompare> {
  return fc
    .record({
      selection,
      topN: fc.integer({ min: 1, max: 20 }),
      range: fc.option(fc.tuple(fc.bigInt(1n, 1n << 50n), fc.bigInt(1n, 1n << 50n)), { nil: undefined }),
    })
    .map(({ selection: filter, topN, range }): MetricsCompare => {
      const startUnixNano = range === undefined ? 0n : range[0];
      const endUnixNano = range === undefined ? 0n : range[0] + range[1];
      return { kind: 'metricsCompare', selection: filter, topN, startUnixNano, endUnixNano, pos };
    });
}

const secondStage: fc.Arbitrary<MetricsSecondStage> = fc.oneof(
  fc
    .record({ kind: fc.constantFrom('topk' as const, 'bottomk' as const), limit: fc.integer({ min: 1, max: 20 }) })
    .map((parts): MetricsSecondStage => ({ ...parts, pos })),
  fc
    .record({ op: comparison, value: fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })) })
    .map((parts): MetricsSecondStage => ({ kind: 'metricsFilter', ...parts, pos })),
);

/** Hints have no signs. */
const unsigned = anyStatic.filter((value) => value.type === 'nil' || !/^-/.test(formatStatic(value)));

const hint: fc.Arbitrary<Hint> = fc
  .record({ name: fc.constantFrom('most_recent', 'exemplars', 'sample', 'unheard_of'), value: unsigned })
  .map((parts): Hint => ({ ...parts }));

function queries(
  pipeline: fc.Arbitrary<Pipeline>,
  alone: fc.Arbitrary<Pipeline>,
  aggregate: fc.Arbitrary<MetricsAggregate>,
  compare: fc.Arbitrary<MetricsCompare>,
): fc.Arbitrary<Query> {
  const hints = fc.array(hint, { maxLength: 2 });
  const search = fc
    .tuple(fc.oneof(pipeline, alone), hints)
    .map(([p, h]): Query => ({ kind: 'query', pipeline: p, secondStages: [], hints: h }));
  const metrics = fc.tuple(pipeline, aggregate, fc.array(secondStage, { maxLength: 2 }), hints).map(
    ([p, metric, stages, h]): Query => ({
      kind: 'query',
      pipeline: p,
      metrics: metric,
      secondStages: stages,
      hints: h,
    }),
  );
  const comparing = fc
    .tuple(pipeline, compare)
    .map(([p, metric]): Query => ({ kind: 'query', pipeline: p, metrics: metric, secondStages: [], hints: [] }));
  return fc.oneof({ weight: 3, arbitrary: search }, { weight: 2, arbitrary: metrics }, comparing);
}

export const arbitraryQuery: fc.Arbitrary<Query> = queries(
  anyShapes.pipeline,
  fc.oneof(
    anyShapes.ofPipelines.map((spanset): Pipeline => ({ kind: 'pipeline', stages: [spanset], pos })),
    scalarOfPipeline,
  ),
  aggregateMetrics(anyAttribute, anyAttribute, 7),
  compares(anyShapes.filter),
);

/** What random data is made of; queries over the same words match now and then. */
export interface Vocabulary {
  readonly attributes: readonly AttributeRef[];
  readonly strings: readonly string[];
  readonly ints: readonly bigint[];
  readonly floats: readonly number[];
  readonly durationsNano: readonly number[];
  /** Must compile. */
  readonly regexes: readonly string[];
}

export const smallVocabulary: Vocabulary = {
  attributes: [
    ...(['none', 'span', 'resource', 'event', 'link'] as const).flatMap((scope) =>
      ['a', 'b', 'service.name'].map((name): AttributeRef => ({ kind: 'attribute', scope, parent: false, name, pos })),
    ),
    ...Intrinsics.filter((name) => name !== 'parent').map(
      (intrinsic): AttributeRef => ({ kind: 'intrinsic', intrinsic, text: intrinsic, pos }),
    ),
  ],
  strings: ['', 'x', 'y', 'xy', 'nil'],
  ints: [-1n, 0n, 1n, 2n, 1n << 53n],
  floats: [-0.5, 0, 1, 1.5],
  durationsNano: [0, 1, 1_000_000, 1_000_000_000],
  regexes: ['', 'x', '.*', 'x|y', '[xy]+'],
};

type CheckedType = 'string' | 'number' | 'bool' | 'status' | 'kind';

/** Expressions that check, by type. Operands of unknown type go everywhere, as in real queries. */
function checkedExpressions(vocabulary: Vocabulary) {
  const literal = (values: readonly Static[]) => fc.constantFrom(...values).map(staticNode);
  const literals: Readonly<Record<CheckedType, fc.Arbitrary<FieldExpression>>> = {
    string: literal(vocabulary.strings.map((value): Static => ({ type: 'string', value }))),
    number: literal([
      ...vocabulary.ints.map((value): Static => ({ type: 'int', value })),
      ...vocabulary.floats.map((value): Static => ({ type: 'float', value })),
      ...vocabulary.durationsNano.map((value): Static => ({ type: 'duration', value })),
    ]),
    bool: literal([true, false].map((value): Static => ({ type: 'bool', value }))),
    status: literal(StatusNames.map((value): Static => ({ type: 'status', value }))),
    kind: literal(KindNames.map((value): Static => ({ type: 'kind', value }))),
  };
  const references = (...types: readonly ExpressionType[]) =>
    fc.constantFrom(
      ...vocabulary.attributes.filter((ref) =>
        types.includes(ref.kind === 'attribute' ? 'attribute' : intrinsicTypes[ref.intrinsic]),
      ),
    );
  const named: Readonly<Record<CheckedType, fc.Arbitrary<FieldExpression>>> = {
    string: references('string', 'attribute'),
    number: references('int', 'float', 'duration', 'attribute'),
    bool: references('attribute'),
    status: references('status', 'attribute'),
    kind: references('kind', 'attribute'),
  };
  const binary = <Op extends (typeof BinaryOperators)[number]>(
    ops: readonly Op[],
    lhs: fc.Arbitrary<FieldExpression>,
    rhs: fc.Arbitrary<FieldExpression>,
  ) =>
    fc
      .record({ op: fc.constantFrom(...ops), lhs, rhs })
      .map((parts): FieldExpression => ({ kind: 'binary', ...parts, pos }));
  const equality = ['=', '!='] as const;
  const nil = fc.constant(staticNode({ type: 'nil' }));
  const unscoped = references('attribute').filter(
    (ref) => ref.kind === 'attribute' && (ref.scope !== 'resource' || ref.name !== 'service.name'),
  );
  return fc.letrec<{ bool: FieldExpression; number: FieldExpression }>((tie) => ({
    number: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { weight: 3, arbitrary: named.number },
      { weight: 2, arbitrary: literals.number },
      { weight: 1, arbitrary: binary(ArithmeticOperators, tie('number'), tie('number')) },
    ),
    bool: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { weight: 4, arbitrary: binary(ComparisonOperators, named.string, literals.string) },
      { weight: 4, arbitrary: binary(ComparisonOperators, named.number, literals.number) },
      { weight: 2, arbitrary: binary(equality, named.status, literals.status) },
      { weight: 2, arbitrary: binary(equality, named.kind, literals.kind) },
      { weight: 1, arbitrary: binary(equality, named.bool, literals.bool) },
      { weight: 1, arbitrary: binary(ComparisonOperators, literals.number, named.number) },
      {
        weight: 2,
        arbitrary: binary(
          ['=~', '!~'],
          named.string,
          literal(vocabulary.regexes.map((value): Static => ({ type: 'string', value }))),
        ),
      },
      { weight: 2, arbitrary: binary(equality, unscoped, nil) },
      { weight: 1, arbitrary: named.bool },
      { weight: 1, arbitrary: literals.bool },
      { weight: 1, arbitrary: binary(ComparisonOperators, tie('number'), tie('number')) },
      { weight: 4, arbitrary: binary(['&&', '||'], tie('bool'), tie('bool')) },
      {
        weight: 1,
        arbitrary: tie('bool').map((operand): FieldExpression => ({ kind: 'unary', op: '!', operand, pos })),
      },
    ),
  }));
}

/** Boolean expressions that pass the checker. */
export function arbitraryCheckedFilter(vocabulary: Vocabulary = smallVocabulary): fc.Arbitrary<FieldExpression> {
  return checkedExpressions(vocabulary).bool;
}

export function arbitraryCheckedQuery(vocabulary: Vocabulary = smallVocabulary): fc.Arbitrary<Query> {
  const { bool, number } = checkedExpressions(vocabulary);
  const reference = fc.constantFrom(...vocabulary.attributes);
  const numeric = fc.constantFrom(
    ...vocabulary.attributes.filter(
      (ref) =>
        ref.kind === 'attribute' || ['int', 'float', 'duration', 'attribute'].includes(intrinsicTypes[ref.intrinsic]),
    ),
  );
  const measured = fc.oneof(
    numeric,
    fc.tuple(numeric, number).map(([lhs, rhs]): FieldExpression => ({ kind: 'binary', op: '+', lhs, rhs, pos })),
  );
  const threshold = fc.constantFrom(...vocabulary.ints).map(
    (value): ScalarExpression => ({
      kind: 'static',
      static: { type: 'int', value },
      pos,
    }),
  );
  const scalarFilter = fc
    .record({ op: comparison, lhs: aggregates(measured), rhs: threshold })
    .map((parts): ScalarFilter => ({ kind: 'scalarFilter', ...parts, pos }));
  const { filter, pipeline, ofPipelines } = shapes(bool, reference, reference, scalarFilter);
  return queries(
    pipeline,
    ofPipelines.map((spanset): Pipeline => ({ kind: 'pipeline', stages: [spanset], pos })),
    aggregateMetrics(numeric, reference, groupByMax - 1),
    compares(filter),
  );
}

/**
 * Pipelines of span sets over one fragment. Compiling resolves names and says what must be read; evaluating a range of
 * traces is synchronous: each stage takes rows out of the masks or divides the sets anew.
 */
import { assertNever } from '../../base/assert.ts';
import { invalid } from '../../base/errors.ts';
import type {
  Aggregate,
  Pipeline,
  PipelineStage,
  ScalarExpression,
  ScalarFilter,
  SpansetOperation,
  Static,
} from '../../traceql/ast.ts';
import { printAggregate, printGroup } from '../../traceql/print.ts';
import type { Fragment, LoadRequest } from '../../traceql/storage.ts';
import { type CompiledFilter, compileExpression, compileFilter } from '../expression/compile.ts';
import type { Expression } from '../expression/expression.ts';
import { type CompiledGroup, compileGroup } from '../expression/group.ts';
import type { TraceRange } from '../expression/range.ts';
import { Reads } from '../expression/source.ts';
import { compareValues, literalValue, type Value } from '../expression/value.ts';
import { aggregateSets } from './aggregate.ts';
import { Spansets } from './spansets.ts';
import { inverse, type Relation, relate, type Shape, structureColumns } from './structure.ts';

export interface CompiledPipeline {
  /** What must be loaded for a range before it is evaluated. */
  readonly request: LoadRequest;
  /** Set when the pipeline lets every span through, or none, without looking at any. */
  readonly constant: boolean | undefined;
  /**
   * The sets that are left of one set a trace with the rows of `mask`, which is changed and belongs to the result.
   * @throws RubatoError `invalid` when a structural operator meets several sets of one trace.
   */
  evaluate(range: TraceRange, mask: Uint8Array): Spansets;
}

/** No I/O. Metrics stages are not part of the pipeline. */
export function compilePipeline(pipeline: Pipeline, fragment: Fragment): CompiledPipeline {
  const reads = new Reads();
  const context = { fragment, reads };
  const stages = pipeline.stages.map((stage) => compileStage(stage, context));
  const onlyFilters = stages.every((stage) => stage.constant !== undefined);
  return {
    request: reads.request(),
    constant: stages.some((stage) => stage.constant === false) ? false : onlyFilters ? true : undefined,
    evaluate: (range, mask) => runStages(stages, new Spansets(range, mask)),
  };
}

interface Context {
  readonly fragment: Fragment;
  readonly reads: Reads;
}

interface Stage {
  /** Set when it lets through every span, or none, and changes nothing else. */
  readonly constant?: boolean | undefined;
  /** May change and return the sets it was given. */
  run(sets: Spansets): Spansets;
}

function runStages(stages: readonly Stage[], sets: Spansets): Spansets {
  let current = sets;
  for (const stage of stages) {
    if (current.isEmpty) break;
    current = stage.run(current);
  }
  return current;
}

function compileStage(stage: PipelineStage, context: Context): Stage {
  switch (stage.kind) {
    case 'spansetFilter':
      return filterStage(compileFilter(stage.expression, context.fragment), context);
    case 'spansetOperation':
      return compileOperation(stage, context);
    case 'pipeline':
      return compileNested(stage, context);
    case 'scalarFilter':
      return compileScalarFilter(stage, context);
    case 'group':
      return new Grouping(printGroup(stage), compileGroup(stage.by, context.fragment), context);
    case 'coalesce':
      return {
        run: (sets) => {
          sets.coalesce();
          return sets;
        },
      };
    case 'select':
      // Only asks for attributes in the answer.
      return { constant: true, run: (sets) => sets };
    default:
      return assertNever(stage, 'stage');
  }
}

function filterStage(filter: CompiledFilter, context: Context): Stage {
  context.reads.add(filter.request);
  return {
    constant: filter.constant,
    run(sets) {
      filter.refine(sets.range, sets.mask);
      return sets;
    },
  };
}

function compileNested(pipeline: Pipeline, context: Context): Stage {
  const stages = pipeline.stages.map((stage) => compileStage(stage, context));
  return { run: (sets) => runStages(stages, sets) };
}

// ---- span set operations

function compileOperation({ op, lhs, rhs }: SpansetOperation, context: Context): Stage {
  const left = compileStage(lhs, context);
  const right = compileStage(rhs, context);
  const { fragment } = context;
  if (op === '||') {
    return {
      run(sets) {
        const a = left.run(sets.withMask(sets.mask.slice())).mask;
        const b = right.run(sets.withMask(sets.mask)).mask;
        for (let i = 0; i < b.length; i++) b[i]! |= a[i]!;
        return sets.withMask(b);
      },
    };
  }
  if (op === '&&') {
    return {
      run(sets) {
        const a = sets.withMask(left.run(sets.withMask(sets.mask.slice())).mask);
        if (a.isEmpty) return a;
        const b = sets.withMask(right.run(sets.withMask(sets.mask)).mask);
        const keep = nonEmpty(a.sizes(fragment));
        const alsoKeep = nonEmpty(b.sizes(fragment));
        for (let set = 0; set < keep.length; set++) keep[set]! &= alsoKeep[set]!;
        for (let i = 0; i < b.mask.length; i++) b.mask[i]! |= a.mask[i]!;
        b.keepSets(keep, fragment);
        return b;
      },
    };
  }
  context.reads.addFixed(...structureColumns);
  const form = op[0] === '!' ? 'negated' : op[0] === '&' ? 'union' : 'plain';
  const relation = (form === 'plain' ? op : op.slice(1)) as Relation;
  return {
    run(sets) {
      const a = left.run(sets.withMask(sets.mask.slice()));
      const b = right.run(sets.withMask(sets.mask));
      checkSingle(a, sets, fragment);
      checkSingle(b, sets, fragment);
      const shape: Shape = {
        fragment,
        range: sets.range,
        sets: sets.setOf && { of: sets.setOf, count: sets.setCount },
      };
      return sets.withMask(structural(relation, form, a.mask, b.mask, shape));
    },
  };
}

function nonEmpty(sizes: Uint32Array): Uint8Array {
  const flags = new Uint8Array(sizes.length);
  for (let i = 0; i < sizes.length; i++) flags[i] = sizes[i] === 0 ? 0 : 1;
  return flags;
}

function structural(
  relation: Relation,
  form: 'plain' | 'negated' | 'union',
  a: Uint8Array,
  b: Uint8Array,
  shape: Shape,
): Uint8Array {
  const out = new Uint8Array(b.length);
  relate(relation, a, b, shape, out);
  if (form === 'negated') for (let i = 0; i < out.length; i++) out[i] = b[i]! & ~out[i]!;
  if (form === 'union') {
    const others = new Uint8Array(b.length);
    relate(inverse[relation], b, a, shape, others);
    for (let i = 0; i < out.length; i++) out[i]! |= others[i]!;
  }
  return out;
}

/** An operand that divided the sets anew must not have left two sets of what was one. */
function checkSingle(operand: Spansets, input: Spansets, fragment: Fragment): void {
  if (operand.setOf === undefined || operand.setOf === input.setOf) return;
  const inputOf = input.numbers(fragment);
  const seen = new Int32Array(input.setCount).fill(-1);
  for (let i = 0; i < operand.mask.length; i++) {
    if (operand.mask[i] === 0) continue;
    const set = operand.setOf[i]!;
    const from = inputOf[i]!;
    if (seen[from] !== -1 && seen[from] !== set) {
      throw invalid(
        'multiple_spansets',
        'spanset operators are not supported for multiple spansets per trace. consider using coalesce()',
      );
    }
    seen[from] = set;
  }
}

// ---- scalar filters

function compileScalarFilter({ op, lhs, rhs }: ScalarFilter, context: Context): Stage {
  const left = compileScalar(lhs, context);
  const right = compileScalar(rhs, context);
  const { fragment } = context;
  return {
    run(sets) {
      const a = left.values(sets);
      const b = right.values(sets);
      const keep = new Uint8Array(sets.setCount);
      for (let set = 0; set < keep.length; set++) keep[set] = compareValues(op, a(set), b(set)) ? 1 : 0;
      sets.keepSets(keep, fragment);
      return sets;
    },
  };
}

/** A value of each set; aggregates are noted as attributes of the sets. */
interface Scalar {
  values(sets: Spansets): (set: number) => Value;
}

function compileScalar(scalar: ScalarExpression, context: Context): Scalar {
  switch (scalar.kind) {
    case 'static':
      return constantScalar(scalar.static);
    case 'aggregate':
      return aggregateScalar(scalar, context);
    case 'scalarOperation':
    case 'scalarPipeline':
      // The checker refuses these before a query gets here.
      throw invalid('unsupported_query', `scalar of type (${scalar.kind}) not yet supported`);
    default:
      return assertNever(scalar, 'scalar');
  }
}

function constantScalar(literal: Static): Scalar {
  const value = literalValue(literal);
  return { values: () => () => value };
}

function aggregateScalar(aggregate: Aggregate, context: Context): Scalar {
  const { fragment, reads } = context;
  const expression: Expression | undefined =
    aggregate.expression && compileExpression(aggregate.expression, fragment, reads);
  const key = printAggregate(aggregate);
  return {
    values(sets) {
      const values = aggregateSets(aggregate.name, expression, sets, fragment);
      sets.attributes = [...sets.attributes, { key, values }];
      return (set) => values[set]!;
    },
  };
}

// ---- by()

class Grouping implements Stage {
  readonly #key: string;
  readonly #group: CompiledGroup;
  readonly #fragment: Fragment;
  #codes = new Uint32Array(0);

  constructor(key: string, group: CompiledGroup, context: Context) {
    this.#key = key;
    this.#group = group;
    this.#fragment = context.fragment;
    context.reads.add(group.request);
  }

  run(sets: Spansets): Spansets {
    const { mask, range } = sets;
    if (this.#codes.length < mask.length) this.#codes = new Uint32Array(mask.length);
    const codes = this.#codes.subarray(0, mask.length);
    this.#group.codes(range, codes);
    const inputOf = sets.numbers(this.#fragment);
    const setOf = new Uint32Array(mask.length);
    const parents: number[] = [];
    const values: Value[] = [];
    const setByPair = new Map<number, number>();
    const codeCount = this.#group.codeCount;
    for (let i = 0; i < mask.length; i++) {
      if (mask[i] === 0) continue;
      const pair = inputOf[i]! * codeCount + codes[i]!;
      let set = setByPair.get(pair);
      if (set === undefined) {
        set = parents.length;
        setByPair.set(pair, set);
        parents.push(inputOf[i]!);
        values.push(this.#group.value(codes[i]!));
      }
      setOf[i] = set;
    }
    const grouped = new Spansets(range, mask);
    grouped.setOf = setOf;
    grouped.setCount = parents.length;
    grouped.attributes = [
      ...sets.attributes.map(({ key, values: old }) => ({ key, values: parents.map((parent) => old[parent]!) })),
      { key: this.#key, values },
    ];
    return grouped;
  }
}

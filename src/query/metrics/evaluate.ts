/**
 * One fragment's part of a metrics query, chunk by chunk:
 *
 *   selected spans ─► sample ─► measured values ─► groups ─► rows of the accumulator ─► sums
 */
import type { Fragment, LoadRequest } from '../../traceql/storage.ts';
import { type CompiledNumbers, compileNumbers, Reads, resolve, type TraceRange } from '../expression/index.ts';
import type { MemoryBudget } from '../work.ts';
import { Accumulator } from './accumulator.ts';
import { bucketOf } from './buckets.ts';
import { ExemplarPicker } from './exemplars.ts';
import type { Grid, Selection } from './grid.ts';
import { Grouping } from './grouping.ts';
import type { Inspected, MetricsPartial } from './partial.ts';
import { type AggregatePlan, isBucketed } from './plan.ts';
import { sample, sampleWeight, samplingRequest } from './sampling.ts';
import { SpanLabels } from './span-labels.ts';
import { SpanSource } from './span-source.ts';
import { type EvaluationContext, type Visitor, visitSelected } from './visit.ts';

/** Adds up the fragment's spans over the intervals of `grid`. */
export async function evaluateAggregate(
  plan: AggregatePlan,
  grid: Grid,
  fragment: Fragment,
  context: EvaluationContext,
): Promise<MetricsPartial> {
  const evaluation = new Evaluation(plan, grid, fragment, context.budget);
  return evaluation.finish(await visitSelected(fragment, evaluation, context));
}

/** What `evaluateAggregate` would read, for an explanation. */
export const evaluationVisitor = (plan: AggregatePlan, grid: Grid, fragment: Fragment, budget: MemoryBudget): Visitor =>
  new Evaluation(plan, grid, fragment, budget);

class Evaluation implements Visitor {
  readonly grid: Grid;
  readonly source: SpanSource;
  readonly #plan: AggregatePlan;
  readonly #fragment: Fragment;
  readonly #accumulator: Accumulator;
  readonly #grouping: Grouping;
  readonly #measured: CompiledNumbers | undefined;
  /** Lower values do not count. */
  readonly #least: number;
  readonly #exemplars: ExemplarPicker | undefined;
  readonly #spanLabels: SpanLabels | undefined;
  readonly #weight: number;
  #rows = new Uint32Array(0);
  #rowValues = new Float64Array(0);
  #values = new Float64Array(0);

  constructor(plan: AggregatePlan, grid: Grid, fragment: Fragment, budget: MemoryBudget) {
    const { combine, withCounts, name } = plan;
    this.grid = grid;
    this.#plan = plan;
    this.#fragment = fragment;
    this.source = new SpanSource(plan.pipeline, fragment);
    this.#accumulator = new Accumulator({ combine, grid, withCounts, budget });
    // Bucketed series have the bucket or the quantile as a label anyway.
    this.#grouping = new Grouping(plan.by, fragment, this.#accumulator, plan.by.length > 0 && !isBucketed(name));
    this.#measured = plan.measured === undefined ? undefined : compileNumbers(plan.measured, fragment);
    this.#least = !isBucketed(name) ? Number.NEGATIVE_INFINITY : this.#measuresFloats() ? Number.MIN_VALUE : 2;
    if (plan.exemplarWidthNano > 0) {
      this.#exemplars = new ExemplarPicker(grid, fragment, plan.exemplarWidthNano);
      this.#spanLabels = new SpanLabels(plan, fragment);
    }
    this.#weight = sampleWeight(plan.sampling);
  }

  /** Ints and durations below 2 have no bucket; floats do. */
  #measuresFloats(): boolean {
    return resolve(this.#plan.measured!, this.#fragment).some((layer) =>
      layer.parts.some((part) => part.shape === 'column' && part.column.type === 'double'),
    );
  }

  get request(): LoadRequest {
    const reads = new Reads().add(samplingRequest(this.#plan.sampling));
    for (const attribute of this.#grouping.attributes) reads.add(attribute.request);
    if (this.#measured !== undefined) reads.add(this.#measured.request);
    if (this.#spanLabels !== undefined) reads.add(this.#spanLabels.request);
    return reads.request();
  }

  visit(chunk: TraceRange, selection: Selection): void {
    const { sampling, combine } = this.#plan;
    if (sampling !== undefined) sample(sampling, this.#fragment, chunk, selection);
    if (this.#measured !== undefined) this.#measure(this.#measured, chunk, selection);
    if (selection.length === 0) return;
    const rows = this.#rowsOf(chunk, selection);
    if (combine === 'count') this.#accumulator.addCounts(selection, rows, this.#weight);
    else this.#accumulator.addValues(selection, rows, this.#values, this.#weight);
    if (this.#exemplars !== undefined) {
      this.#exemplars.offer(chunk, selection, rows, this.#measured === undefined ? undefined : this.#values);
      this.#exemplars.readLabels(() => this.#spanLabels!.prepare(chunk));
    }
  }

  /** Measures the selected spans and leaves those that have a value. */
  #measure(measured: CompiledNumbers, chunk: TraceRange, selection: Selection): void {
    const length = chunk.endRow - chunk.firstRow;
    if (this.#rowValues.length < length) this.#rowValues = new Float64Array(length);
    if (this.#values.length < selection.length) this.#values = new Float64Array(selection.rows.length);
    const all = this.#rowValues.subarray(0, length);
    measured.numbers(chunk, all);
    selection.gather(all, chunk.firstRow, this.#values);
    selection.keepFrom(this.#values, this.#least);
  }

  /** Accumulator row of each selected span, or the one that all have. */
  #rowsOf(chunk: TraceRange, selection: Selection): Uint32Array | number {
    const { by, name } = this.#plan;
    const accumulator = this.#accumulator;
    const bucketed = isBucketed(name);
    if (by.length === 0 && !bucketed) return accumulator.row(accumulator.group([]), 0);
    if (this.#rows.length < selection.length) this.#rows = new Uint32Array(selection.rows.length);
    const rows = this.#rows;
    this.#grouping.groups(chunk, selection, rows);
    if (!bucketed) {
      accumulator.ensureRows();
      return rows;
    }
    const values = this.#values;
    for (let i = 0; i < selection.length; i++) rows[i] = accumulator.row(rows[i]!, bucketOf(values[i]!));
    return rows;
  }

  finish(inspected: Inspected): MetricsPartial {
    return this.#accumulator.finish(this.#exemplars, inspected);
  }
}

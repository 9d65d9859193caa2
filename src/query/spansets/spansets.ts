/**
 * Span sets of a range of traces while they go down a pipeline. At first every trace has one set; `by()` divides sets,
 * and a span is in at most one:
 *
 *   mask    1 1 0 1 │ 0 1 1       1: the row is in a set
 *   setOf   0 0 - 1 │ - 2 2       which one; undefined while sets are traces: then it is the trace's place in the range
 */
import type { Fragment } from '../../traceql/storage.ts';
import type { TraceRange } from '../expression/range.ts';
import type { Value } from '../expression/value.ts';

/** A value of each set, like `count()` or `by(name)`. */
export interface SetAttribute {
  readonly key: string;
  /** By set number; only those of sets that have rows mean anything. */
  readonly values: readonly Value[];
}

export class Spansets {
  readonly range: TraceRange;
  mask: Uint8Array;
  setOf: Uint32Array | undefined;
  /** Set numbers are below it. */
  setCount: number;
  attributes: readonly SetAttribute[];

  /** One set a trace, with the rows of the mask. The mask now belongs to the sets. */
  constructor(range: TraceRange, mask: Uint8Array) {
    this.range = range;
    this.mask = mask;
    this.setOf = undefined;
    this.setCount = range.endTrace - range.firstTrace;
    this.attributes = [];
  }

  /** The same sets with other rows, which must be some of theirs. */
  withMask(mask: Uint8Array): Spansets {
    const sets = new Spansets(this.range, mask);
    sets.setOf = this.setOf;
    sets.setCount = this.setCount;
    sets.attributes = this.attributes;
    return sets;
  }

  get isEmpty(): boolean {
    return this.mask.indexOf(1) < 0;
  }

  /** Makes every trace one set again. */
  coalesce(): void {
    this.setOf = undefined;
    this.setCount = this.range.endTrace - this.range.firstTrace;
    this.attributes = [];
  }

  /** Set number of every row, whether or not the row is in its set. */
  numbers(fragment: Fragment): Uint32Array {
    return this.setOf ?? traceNumbers(fragment, this.range);
  }

  /** How many rows each set has. */
  sizes(fragment: Fragment): Uint32Array {
    const sizes = new Uint32Array(this.setCount);
    const { mask, setOf } = this;
    if (setOf !== undefined) {
      for (let i = 0; i < mask.length; i++) sizes[setOf[i]!]! += mask[i]!;
      return sizes;
    }
    const { firstRow, firstTrace } = this.range;
    const { traceFirstSpan } = fragment;
    for (let set = 0; set < sizes.length; set++) {
      const end = traceFirstSpan[firstTrace + set + 1]! - firstRow;
      let size = 0;
      for (let i = traceFirstSpan[firstTrace + set]! - firstRow; i < end; i++) size += mask[i]!;
      sizes[set] = size;
    }
    return sizes;
  }

  /** Takes out all rows of the sets with keep[set] = 0. */
  keepSets(keep: Uint8Array | Uint32Array, fragment: Fragment): void {
    const { mask, setOf } = this;
    if (setOf !== undefined) {
      for (let i = 0; i < mask.length; i++) mask[i]! &= keep[setOf[i]!]!;
      return;
    }
    const { firstRow, firstTrace } = this.range;
    const { traceFirstSpan } = fragment;
    for (let set = 0; set < keep.length; set++) {
      if (keep[set] !== 0) continue;
      mask.fill(0, traceFirstSpan[firstTrace + set]! - firstRow, traceFirstSpan[firstTrace + set + 1]! - firstRow);
    }
  }
}

/** The trace of every row, counted from the range's first. */
export function traceNumbers(fragment: Fragment, range: TraceRange): Uint32Array {
  const numbers = new Uint32Array(range.endRow - range.firstRow);
  const { traceFirstSpan } = fragment;
  for (let trace = range.firstTrace; trace < range.endTrace; trace++) {
    numbers.fill(
      trace - range.firstTrace,
      traceFirstSpan[trace]! - range.firstRow,
      traceFirstSpan[trace + 1]! - range.firstRow,
    );
  }
  return numbers;
}

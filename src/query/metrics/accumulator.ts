/**
 * Adds up selected spans into rows of intervals. Groups are numbered as they appear; a row is a group and a slot (see
 * partial.ts). The loops here see one number per selected span and allocate nothing.
 */
import type { ResultAttribute } from '../../traceql/result.ts';
import type { MemoryBudget } from '../work.ts';
import { tooManySeries } from './errors.ts';
import type { ExemplarPicker } from './exemplars.ts';
import type { Grid, Selection } from './grid.ts';
import { seriesKey } from './labels.ts';
import { type Combine, type Inspected, type MetricsPartial, type PartialGroup, rowKey } from './partial.ts';

export interface AccumulatorOptions {
  readonly combine: Combine;
  readonly grid: Grid;
  /** Also count what is added up, for means. */
  readonly withCounts: boolean;
  readonly budget: MemoryBudget;
}

/** The interval of each span that is added. */
export type SelectedIntervals = Pick<Selection, 'interval' | 'length'>;

/** Slots that have their own place in the lookup table; others share one and are told apart by a map. */
const slotPlaces = 128;
/** A group with its labels takes about so much memory, beside its places and the text of its key. */
const groupBytes = 300;

export class Accumulator {
  readonly #options: AccumulatorOptions;
  readonly #groups: PartialGroup[] = [];
  readonly #groupOfKey = new Map<string, number>();
  readonly #rowGroup: number[] = [];
  readonly #rowSlot: number[] = [];
  #places = new Int32Array(slotPlaces);
  readonly #overflow = new Map<number, number>();
  #values = new Float64Array(0);
  #counts: Float64Array | undefined;
  #same = new Uint32Array(0);

  constructor(options: AccumulatorOptions) {
    this.#options = options;
    if (options.withCounts) this.#counts = new Float64Array(0);
  }

  /** Number of the group with these labels, made when new. */
  group(labels: readonly ResultAttribute[]): number {
    const key = seriesKey(labels);
    let group = this.#groupOfKey.get(key);
    if (group === undefined) {
      group = this.#groups.length;
      const { budget, grid } = this.#options;
      if (!budget.take(groupBytes + slotPlaces * 4 + key.length * 2)) throw tooManySeries(group + 1, grid.intervals);
      this.#groups.push({ key, labels });
      this.#groupOfKey.set(key, group);
      if (this.#groups.length * slotPlaces > this.#places.length) {
        const places = new Int32Array(this.#places.length * 2);
        places.set(this.#places);
        this.#places = places;
      }
    }
    return group;
  }

  /** Row of a group and slot, made when new. */
  row(group: number, slot: number): number {
    const place = group * slotPlaces + (slot & (slotPlaces - 1));
    const known = this.#places[place]! - 1;
    if (known >= 0 && this.#rowSlot[known] === slot) return known;
    if (known >= 0) {
      const other = this.#overflow.get(rowKey(group, slot));
      if (other !== undefined) return other;
    }
    const row = this.#rowGroup.length;
    this.#rowGroup.push(group);
    this.#rowSlot.push(slot);
    if (known < 0) this.#places[place] = row + 1;
    else this.#overflow.set(rowKey(group, slot), row);
    this.#growValues();
    return row;
  }

  /** Gives every group its only row, which has the group's number. For functions without slots. */
  ensureRows(): void {
    while (this.#rowGroup.length < this.#groups.length) this.row(this.#rowGroup.length, 0);
  }

  #growValues(): void {
    const { budget, combine } = this.#options;
    const { intervals } = this.#options.grid;
    const old = this.#values.length;
    const need = this.#rowGroup.length * intervals;
    if (need <= old) return;
    const perCell = this.#counts === undefined ? 8 : 16;
    let length = Math.max(need, old * 2);
    if (!budget.take((length - old) * perCell)) {
      length = need;
      if (!budget.take((need - old) * perCell)) throw tooManySeries(this.#rowGroup.length, intervals);
    }
    const values = new Float64Array(length);
    if (combine !== 'count') values.fill(Number.NaN, old);
    values.set(this.#values);
    this.#values = values;
    if (this.#counts === undefined) return;
    const counts = new Float64Array(length);
    counts.set(this.#counts);
    this.#counts = counts;
  }

  /** Counts every selected span; `rows` names the row of each, or one row for all. */
  addCounts(selection: SelectedIntervals, rows: Uint32Array | number, weight: number): void {
    if (typeof rows === 'number')
      countOne(this.#values, rows * this.#options.grid.intervals, selection.interval, selection.length, weight);
    else countEach(this.#values, this.#options.grid.intervals, rows, selection.interval, selection.length, weight);
  }

  /** Adds, or takes the least or greatest of, one value a selected span. `weight` scales sums and their counts. */
  addValues(selection: SelectedIntervals, rows: Uint32Array | number, values: Float64Array, weight: number): void {
    const { combine } = this.#options;
    const { intervals } = this.#options.grid;
    const { interval, length } = selection;
    if (typeof rows === 'number') rows = this.#sameRow(rows, length);
    if (combine === 'min') takeLeast(this.#values, intervals, rows, interval, length, values);
    else if (combine === 'max') takeGreatest(this.#values, intervals, rows, interval, length, values);
    else addEach(this.#values, intervals, rows, interval, length, values, weight);
    if (this.#counts !== undefined) countEach(this.#counts, intervals, rows, interval, length, weight);
  }

  #sameRow(row: number, length: number): Uint32Array {
    if (this.#same.length < length) this.#same = new Uint32Array(length);
    return this.#same.fill(row, 0, length);
  }

  /** The partial of everything that was added. The accumulator must not be used after it. */
  finish(exemplars: ExemplarPicker | undefined, inspected: Inspected): MetricsPartial {
    const { budget, combine } = this.#options;
    const { intervals, startUnixNano } = this.#options.grid;
    const cells = this.#rowGroup.length * intervals;
    budget.release((this.#values.length - cells) * (this.#counts === undefined ? 8 : 16));
    return {
      combine,
      startUnixNano,
      intervals,
      groups: this.#groups,
      rowGroup: Int32Array.from(this.#rowGroup),
      rowSlot: Int32Array.from(this.#rowSlot),
      values: this.#values.length === cells ? this.#values : this.#values.slice(0, cells),
      counts: this.#counts?.slice(0, cells),
      exemplars:
        exemplars?.finish(
          (row) => this.#rowGroup[row]!,
          (row) => this.#rowSlot[row]!,
        ) ?? [],
      inspected,
    };
  }
}

function countOne(to: Float64Array, base: number, interval: Uint32Array, length: number, weight: number): void {
  for (let i = 0; i < length; i++) to[base + interval[i]!]! += weight;
}

function countEach(
  to: Float64Array,
  intervals: number,
  rows: Uint32Array,
  interval: Uint32Array,
  length: number,
  weight: number,
): void {
  for (let i = 0; i < length; i++) to[rows[i]! * intervals + interval[i]!]! += weight;
}

function addEach(
  to: Float64Array,
  intervals: number,
  rows: Uint32Array,
  interval: Uint32Array,
  length: number,
  values: Float64Array,
  weight: number,
): void {
  for (let i = 0; i < length; i++) {
    const at = rows[i]! * intervals + interval[i]!;
    const old = to[at]!;
    const value = values[i]! * weight;
    to[at] = Number.isNaN(old) ? value : old + value;
  }
}

function takeLeast(
  to: Float64Array,
  intervals: number,
  rows: Uint32Array,
  interval: Uint32Array,
  length: number,
  values: Float64Array,
): void {
  for (let i = 0; i < length; i++) {
    const at = rows[i]! * intervals + interval[i]!;
    const value = values[i]!;
    if (!(to[at]! <= value)) to[at] = value;
  }
}

function takeGreatest(
  to: Float64Array,
  intervals: number,
  rows: Uint32Array,
  interval: Uint32Array,
  length: number,
  values: Float64Array,
): void {
  for (let i = 0; i < length; i++) {
    const at = rows[i]! * intervals + interval[i]!;
    const value = values[i]!;
    if (!(to[at]! >= value)) to[at] = value;
  }
}

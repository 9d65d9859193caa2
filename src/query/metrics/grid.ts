/** The intervals of a metrics query, and the interval that each selected span starts in. */
import { invalid } from '../../base/errors.ts';
import type { MetricsRequest } from '../../traceql/result.ts';
import type { Fragment } from '../../traceql/storage.ts';

export interface Grid {
  readonly startUnixNano: bigint;
  readonly endUnixNano: bigint;
  /** ns; the whole range for an instant query. */
  readonly stepNano: number;
  readonly intervals: number;
  /** Both ends belong to the one interval; otherwise an interval is open on the left. */
  readonly instant: boolean;
}

/** Beyond this a double no longer holds every nanosecond of the range: 104 days. */
const rangeNanoMax = 2n ** 53n;
/** More samples than any screen has pixels; bounds what a series costs. */
const intervalsMax = 100_000n;

export function gridOf(request: Pick<MetricsRequest, 'range' | 'stepNano'>): Grid {
  const { startUnixNano, endUnixNano } = request.range;
  const range = endUnixNano - startUnixNano;
  if (range < 0n) throw invalid('invalid_range', 'end must be greater than start');
  if (range > rangeNanoMax) throw invalid('range_too_long', 'metrics queries cover at most 104 days');
  if (request.stepNano === 0n) {
    return { startUnixNano, endUnixNano, stepNano: Number(range), intervals: 1, instant: true };
  }
  const intervals = (range + request.stepNano - 1n) / request.stepNano;
  if (intervals > intervalsMax) throw invalid('step_too_small', 'the step is too small for the range');
  const stepNano = Number(request.stepNano);
  return { startUnixNano, endUnixNano, stepNano, intervals: Number(intervals), instant: false };
}

const floorTo = (value: bigint, step: bigint): bigint => value - (((value % step) + step) % step);

/**
 * The intervals of the grid in which spans of a fragment can start, or undefined when there are none. They depend on the
 * grid's bounds only where these cut the fragment: partials of a fragment can be used again when the grid has moved on.
 */
export function fragmentGrid(grid: Grid, fragment: Fragment): Grid | undefined {
  const first = fragment.baseUnixNano + BigInt(Math.floor(fragment.minStart));
  const last = fragment.baseUnixNano + BigInt(Math.ceil(fragment.maxEnd));
  if (grid.instant) {
    const startUnixNano = first > grid.startUnixNano ? first : grid.startUnixNano;
    const endUnixNano = last < grid.endUnixNano ? last : grid.endUnixNano;
    return startUnixNano > endUnixNano ? undefined : { ...grid, startUnixNano, endUnixNano };
  }
  const step = BigInt(grid.stepNano);
  // Counted from the grid's own start: nobody promised that it is a multiple of the step.
  let startUnixNano = grid.startUnixNano + floorTo(first - 1n - grid.startUnixNano, step);
  let endUnixNano = grid.startUnixNano - floorTo(grid.startUnixNano - last, step);
  if (startUnixNano < grid.startUnixNano) startUnixNano = grid.startUnixNano;
  if (endUnixNano > grid.endUnixNano) endUnixNano = grid.endUnixNano;
  if (startUnixNano >= endUnixNano) return undefined;
  const intervals = Number((endUnixNano - startUnixNano + step - 1n) / step);
  return { ...grid, startUnixNano, endUnixNano, intervals };
}

/** Text that is the same for equal grids. */
export const gridKey = ({ startUnixNano, endUnixNano, stepNano, instant }: Grid): string =>
  `${startUnixNano} ${endUnixNano} ${instant ? 0 : stepNano}`;

/** Right edges of the intervals in Unix ms. */
export function timestampsMs(grid: Grid): number[] {
  const out = new Array<number>(grid.intervals);
  const start = grid.startUnixNano;
  const step = BigInt(grid.stepNano);
  for (let i = 0; i < grid.intervals; i++) out[i] = Number((start + BigInt(i + 1) * step) / 1_000_000n);
  return out;
}

/** Seconds that a rate is divided by. */
export const intervalSeconds = (grid: Grid): number => Math.max(grid.stepNano, 1) / 1e9;

/** ns to add to a fragment's relative times to count from the start of the grid. */
export const gridOffset = (grid: Grid, fragment: Fragment): number =>
  Number(fragment.baseUnixNano - grid.startUnixNano);

/** Traces [first, end) that have spans which may start inside the grid. Needs the traces loaded. */
export function tracesInGrid(grid: Grid, fragment: Fragment): { readonly first: number; readonly end: number } {
  const offset = gridOffset(grid, fragment);
  const length = Number(grid.endUnixNano - grid.startUnixNano);
  const { traceStart, traceEnd, traceCount } = fragment;
  let first = 0;
  while (first < traceCount && traceEnd[first]! + offset < 0) first++;
  let end = traceCount;
  while (end > first && traceStart[end - 1]! + offset > length) end--;
  return { first, end };
}

/** Selected spans: `rows` and the intervals they start in, `length` of them. Reused from chunk to chunk. */
export class Selection {
  rows = new Uint32Array(0);
  interval = new Uint32Array(0);
  length = 0;

  reserve(rows: number): void {
    if (this.rows.length >= rows) return;
    this.rows = new Uint32Array(rows);
    this.interval = new Uint32Array(rows);
  }

  /**
   * Takes the rows [firstRow, endRow) whose `mask[row - firstRow]` is not 0 (every row without a mask) and whose start
   * lies in the grid.
   */
  selectMask(grid: Grid, fragment: Fragment, firstRow: number, endRow: number, mask: Uint8Array | undefined): void {
    this.reserve(endRow - firstRow);
    const offset = gridOffset(grid, fragment);
    const last = Number(grid.endUnixNano - grid.startUnixNano);
    const first = grid.instant ? -1 : 0;
    const step = Math.max(grid.stepNano, 1);
    this.length =
      mask === undefined
        ? selectAll(fragment.start, offset, first, last, step, firstRow, endRow, this.rows, this.interval)
        : selectSet(fragment.start, offset, first, last, step, firstRow, endRow, mask, this.rows, this.interval);
  }

  /** Writes `all[row - firstRow]` of each selected span. */
  gather(all: Float64Array, firstRow: number, out: Float64Array): void {
    for (let i = 0; i < this.length; i++) out[i] = all[this.rows[i]! - firstRow]!;
  }

  /** Leaves the spans for which the test holds. */
  keep(test: (row: number) => boolean): void {
    let n = 0;
    for (let i = 0; i < this.length; i++) {
      const row = this.rows[i]!;
      if (!test(row)) continue;
      this.rows[n] = row;
      this.interval[n++] = this.interval[i]!;
    }
    this.length = n;
  }

  /** Leaves the spans whose value is at least `least`, and their values. NaN never is. */
  keepFrom(values: Float64Array, least: number): void {
    let n = 0;
    for (let i = 0; i < this.length; i++) {
      const value = values[i]!;
      if (!(value >= least)) continue;
      this.rows[n] = this.rows[i]!;
      this.interval[n] = this.interval[i]!;
      values[n++] = value;
    }
    this.length = n;
  }
}

/** An interval is open on the left; only an instant query's first nanosecond belongs to the one that follows it. */
const intervalOf = (time: number, step: number): number => (time <= step ? 0 : Math.ceil(time / step) - 1);

function selectAll(
  start: Float64Array,
  offset: number,
  first: number,
  last: number,
  step: number,
  firstRow: number,
  endRow: number,
  rows: Uint32Array,
  interval: Uint32Array,
): number {
  let n = 0;
  for (let row = firstRow; row < endRow; row++) {
    const time = start[row]! + offset;
    if (time > first && time <= last) {
      rows[n] = row;
      interval[n++] = intervalOf(time, step);
    }
  }
  return n;
}

function selectSet(
  start: Float64Array,
  offset: number,
  first: number,
  last: number,
  step: number,
  firstRow: number,
  endRow: number,
  mask: Uint8Array,
  rows: Uint32Array,
  interval: Uint32Array,
): number {
  let n = 0;
  for (let row = firstRow; row < endRow; row++) {
    if (mask[row - firstRow] === 0) continue;
    const time = start[row]! + offset;
    if (time > first && time <= last) {
      rows[n] = row;
      interval[n++] = intervalOf(time, step);
    }
  }
  return n;
}

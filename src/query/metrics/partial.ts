/**
 * What one fragment contributes to a metrics query: sums that only need to be added up. Plain data, safe to send to
 * another thread or process and to keep, and independent of the other fragments.
 *
 *   groups   0: {service=a}   1: {service=b}         by() labels
 *   rows     (0, slot 17)  (0, slot 18)  (1, slot 17)   a row is a group and a slot: the bucket of a histogram,
 *   values   [ v v v v … ] [ v v v v … ] [ v v v v … ]  baseline or selection of a comparison, else 0
 *              one value per interval
 */
import type { ResultAttribute } from '../../traceql/result.ts';
import type { MemoryBudget } from '../work.ts';
import { tooManySeries } from './errors.ts';
import type { Grid } from './grid.ts';

/** How two values of one row and interval become one. `add` and `count` differ in what an interval without spans holds. */
export type Combine = 'count' | 'add' | 'min' | 'max';

export interface PartialGroup {
  /** Identity of the labels; see `seriesKey`. */
  readonly key: string;
  readonly labels: readonly ResultAttribute[];
}

/** A span that may illustrate a series. */
export interface ExemplarCandidate {
  /** Number of its exemplar interval, counted since the epoch. */
  readonly bucket: number;
  /** The lowest win. Depends on the span only, not on where it lies. */
  readonly rank: number;
  /** 32 hex digits. */
  readonly traceId: string;
  readonly group: number;
  readonly slot: number;
  readonly timestampMs: number;
  /** The measured value; NaN when the series' own value is meant. */
  readonly value: number;
  readonly labels: readonly ResultAttribute[];
}

export interface MetricsPartial {
  readonly combine: Combine;
  /** Where its first interval begins; its intervals may be part of the query's. */
  readonly startUnixNano: bigint;
  readonly intervals: number;
  readonly groups: readonly PartialGroup[];
  readonly rowGroup: Int32Array;
  readonly rowSlot: Int32Array;
  /** rows × intervals. Without spans: 0 for `count`, otherwise NaN. */
  readonly values: Float64Array;
  /** rows × intervals: how many values were added up; only where a mean is wanted. */
  readonly counts: Float64Array | undefined;
  readonly exemplars: readonly ExemplarCandidate[];
  readonly inspected: Inspected;
}

/** Traces and spans that were looked at. */
export interface Inspected {
  readonly traces: number;
  readonly spans: number;
}

/** Exemplars kept per exemplar interval. */
export const exemplarsPerBucket = 2;

/** Roughly what keeping a partial costs. */
export function partialBytes(partial: MetricsPartial): number {
  let bytes = 256 + partial.values.byteLength + (partial.counts?.byteLength ?? 0) + partial.rowGroup.byteLength * 2;
  for (const group of partial.groups) bytes += 128 + group.key.length * 4 + group.labels.length * 64;
  for (const exemplar of partial.exemplars) bytes += 192 + exemplar.labels.length * 128;
  return bytes;
}

/** What the partials of one query have in common. */
export interface PartialShape {
  readonly combine: Combine;
  readonly withCounts: boolean;
  readonly grid: Grid;
}

/**
 * The sum of partials of one query, for the whole grid. The answer does not depend on their order, but for the last bits
 * of floating-point sums. The inputs are not changed. The budget gets back what the sum takes when
 * it is dropped: see `sumBytes`. @throws RubatoError `exhausted` when the budget has not enough left.
 */
export function mergePartials(
  shape: PartialShape,
  partials: readonly MetricsPartial[],
  budget: MemoryBudget,
): MetricsPartial {
  const { combine, grid, withCounts } = shape;
  const { intervals } = grid;
  const rows = new RowUnion(partials);
  const rowCount = rows.rowGroup.length;
  const cells = rowCount * intervals;
  if (!budget.take(cells * (withCounts ? 16 : 8))) throw tooManySeries(rowCount, intervals);
  const values = new Float64Array(cells);
  if (combine !== 'count') values.fill(Number.NaN);
  const counts = withCounts ? new Float64Array(cells) : undefined;
  const exemplars: ExemplarCandidate[] = [];
  const inspected = { traces: 0, spans: 0 };
  partials.forEach((partial, p) => {
    const { rowMap, groupMap } = rows.maps[p]!;
    const shift = grid.instant ? 0 : Number((partial.startUnixNano - grid.startUnixNano) / BigInt(grid.stepNano));
    for (let r = 0; r < rowMap.length; r++) {
      const to = rowMap[r]! * intervals + shift;
      const from = r * partial.intervals;
      combineInto(combine, values, to, partial.values, from, partial.intervals);
      if (counts !== undefined) combineInto('count', counts, to, partial.counts!, from, partial.intervals);
    }
    for (const exemplar of partial.exemplars) exemplars.push({ ...exemplar, group: groupMap[exemplar.group]! });
    inspected.traces += partial.inspected.traces;
    inspected.spans += partial.inspected.spans;
  });
  return {
    combine,
    startUnixNano: grid.startUnixNano,
    intervals,
    groups: rows.groups,
    rowGroup: Int32Array.from(rows.rowGroup),
    rowSlot: Int32Array.from(rows.rowSlot),
    values,
    counts,
    exemplars: chooseExemplars(exemplars),
    inspected,
  };
}

/** What {@link mergePartials} charged for its sum. */
export const sumBytes = ({ values, counts }: MetricsPartial): number => values.byteLength + (counts?.byteLength ?? 0);

/** The groups and rows of several partials, each once, and where those of each partial went. */
class RowUnion {
  readonly groups: PartialGroup[] = [];
  readonly rowGroup: number[] = [];
  readonly rowSlot: number[] = [];
  readonly maps: { readonly groupMap: Int32Array; readonly rowMap: Int32Array }[];
  readonly #groupOfKey = new Map<string, number>();
  /** Row by `rowKey`. */
  readonly #rowOf = new Map<number, number>();

  constructor(partials: readonly MetricsPartial[]) {
    this.maps = partials.map((partial) => {
      const groupMap = Int32Array.from(partial.groups, (group) => this.#group(group));
      const rowMap = partial.rowGroup.map((group, r) => this.#row(groupMap[group]!, partial.rowSlot[r]!));
      return { groupMap, rowMap };
    });
  }

  #group(group: PartialGroup): number {
    const known = this.#groupOfKey.get(group.key);
    if (known !== undefined) return known;
    this.#groupOfKey.set(group.key, this.groups.length);
    return this.groups.push(group) - 1;
  }

  #row(group: number, slot: number): number {
    const key = rowKey(group, slot);
    const known = this.#rowOf.get(key);
    if (known !== undefined) return known;
    this.#rowOf.set(key, this.rowGroup.length);
    this.rowSlot.push(slot);
    return this.rowGroup.push(group) - 1;
  }
}

/** One number for a row. Slots lie between -4096 and 4095. */
export const rowKey = (group: number, slot: number): number => group * 8192 + slot + 4096;

function combineInto(
  combine: Combine,
  to: Float64Array,
  toAt: number,
  from: Float64Array,
  fromAt: number,
  length: number,
): void {
  switch (combine) {
    case 'count':
      for (let i = 0; i < length; i++) to[toAt + i]! += from[fromAt + i]!;
      return;
    case 'add':
      for (let i = 0; i < length; i++) {
        const value = from[fromAt + i]!;
        const old = to[toAt + i]!;
        to[toAt + i] = Number.isNaN(old) ? value : Number.isNaN(value) ? old : old + value;
      }
      return;
    case 'min':
      for (let i = 0; i < length; i++) {
        const value = from[fromAt + i]!;
        if (!(to[toAt + i]! <= value) && !Number.isNaN(value)) to[toAt + i] = value;
      }
      return;
    case 'max':
      for (let i = 0; i < length; i++) {
        const value = from[fromAt + i]!;
        if (!(to[toAt + i]! >= value) && !Number.isNaN(value)) to[toAt + i] = value;
      }
      return;
  }
}

/** The best candidates of each exemplar interval, by interval. A trace offers one candidate in all. */
export function chooseExemplars(candidates: readonly ExemplarCandidate[]): readonly ExemplarCandidate[] {
  const sorted = [...candidates].sort(
    (a, b) => a.bucket - b.bucket || a.rank - b.rank || (a.traceId < b.traceId ? -1 : 1),
  );
  return sorted.filter((candidate, i) => sorted[i - exemplarsPerBucket]?.bucket !== candidate.bucket);
}

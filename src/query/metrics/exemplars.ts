/**
 * Choice of exemplars: spans that illustrate a series. The range is divided into equal exemplar intervals, and of each
 * the spans with the lowest ranks are taken, at most one of a trace. A rank is a hash of the span's start time, so the
 * choice is as good as random, is the same every time, and does not depend on how spans are spread over fragments.
 */
import type { ResultAttribute } from '../../traceql/result.ts';
import type { Fragment } from '../../traceql/storage.ts';
import { toHex, traceOfRow } from '../expression/index.ts';
import type { Grid, Selection } from './grid.ts';
import { type ExemplarCandidate, exemplarsPerBucket } from './partial.ts';

/**
 * Length in ns of the exemplar intervals for at most `max` exemplars, 0 for none. They are counted since the epoch, not
 * from the start of the range, so one more than fits the range may be touched.
 */
export function exemplarWidth(max: number, grid: Grid): number {
  if (max <= 0) return 0;
  const buckets = Math.max(1, Math.floor(max / exemplarsPerBucket) - 1);
  return Math.max(1, Math.ceil(Number(grid.endUnixNano - grid.startUnixNano) / buckets));
}

/** Reads the labels that a span row has in an answer. */
export type LabelReader = (row: number) => readonly ResultAttribute[];

interface Chosen {
  readonly rank: number;
  readonly trace: number;
  readonly row: number;
  readonly seriesRow: number;
  readonly value: number;
  labels: readonly ResultAttribute[] | undefined;
}

/** Collects the best candidates of one fragment. */
export class ExemplarPicker {
  readonly #fragment: Fragment;
  /** Length of an exemplar interval in ns, and the number of the first one. */
  readonly #width: number;
  readonly #first: bigint;
  readonly #best: Chosen[][];
  /** Rank that a candidate must stay below, by exemplar interval. */
  readonly #limit: Float64Array;
  #hasNew = false;

  constructor(grid: Grid, fragment: Fragment, widthNano: number) {
    this.#fragment = fragment;
    this.#width = widthNano;
    this.#first = grid.startUnixNano / BigInt(widthNano);
    const buckets = Number(grid.endUnixNano / BigInt(widthNano) - this.#first) + 1;
    this.#best = Array.from({ length: buckets }, () => []);
    this.#limit = new Float64Array(buckets).fill(2 ** 32);
  }

  /** Considers the selected spans. `rows` are their accumulator rows, or one for all; `values` what was measured. */
  offer(selection: Selection, rows: Uint32Array | number, values: Float64Array | undefined): void {
    const { start } = this.#fragment;
    const perNano = 1 / this.#width;
    const offset = Number(this.#fragment.baseUnixNano - this.#first * BigInt(this.#width));
    const base = Number(BigInt.asIntN(32, this.#fragment.baseUnixNano));
    const limit = this.#limit;
    for (let i = 0; i < selection.length; i++) {
      const row = selection.rows[i]!;
      const time = start[row]!;
      let rank = Math.imul(base + (time | 0), 0x9e3779b1);
      rank = Math.imul(rank ^ (rank >>> 15), 0x85ebca6b);
      rank = (rank ^ (rank >>> 13)) >>> 0;
      const bucket = ((time + offset) * perNano) | 0;
      if (rank >= limit[bucket]!) continue;
      this.#take(bucket, rank, row, typeof rows === 'number' ? rows : rows[i]!, values?.[i] ?? Number.NaN);
    }
  }

  #take(bucket: number, rank: number, row: number, seriesRow: number, value: number): void {
    const best = this.#best[bucket]!;
    const trace = traceOfRow(this.#fragment, row);
    const same = best.findIndex((chosen) => chosen.trace === trace);
    if (same >= 0) {
      if (best[same]!.rank <= rank) return;
      best.splice(same, 1);
    }
    this.#hasNew = true;
    best.push({ rank, trace, row, seriesRow, value, labels: undefined });
    best.sort((a, b) => a.rank - b.rank);
    if (best.length > exemplarsPerBucket) best.pop();
    if (best.length === exemplarsPerBucket) this.#limit[bucket] = best[exemplarsPerBucket - 1]!.rank;
  }

  /** Reads the labels of the spans chosen since the last call, while their columns are at hand. */
  readLabels(prepare: () => LabelReader): void {
    if (!this.#hasNew) return;
    this.#hasNew = false;
    const read = prepare();
    for (const best of this.#best) for (const chosen of best) chosen.labels ??= read(chosen.row);
  }

  finish(rowGroup: (row: number) => number, rowSlot: (row: number) => number): ExemplarCandidate[] {
    const out: ExemplarCandidate[] = [];
    for (let bucket = 0; bucket < this.#best.length; bucket++) {
      for (const { rank, trace, row, seriesRow, value, labels } of this.#best[bucket]!) {
        out.push({
          bucket: Number(this.#first) + bucket,
          rank,
          traceId: toHex(this.#fragment.traceIds, trace * 16, 16),
          group: rowGroup(seriesRow),
          slot: rowSlot(seriesRow),
          timestampMs: Number(this.#fragment.startUnixNano(row) / 1_000_000n),
          value,
          labels: labels ?? [],
        });
      }
    }
    return out;
  }
}

/**
 * Choice of exemplars: spans that illustrate a series. Each trace offers one of its selected spans; the range is divided
 * into equal exemplar intervals, and of each those with the lowest ranks are taken. Ranks and choices are hashes of start
 * times: as good as random, the same every time, and the same wherever a trace is stored.
 */
import type { ResultAttribute } from '../../traceql/result.ts';
import type { Fragment } from '../../traceql/storage.ts';
import { type TraceRange, toHex } from '../expression/index.ts';
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
  /** Number of the first exemplar interval. */
  readonly #first: bigint;
  /** ns from its start to the fragment's base. */
  readonly #offset: number;
  readonly #width: number;
  /** Low word of the fragment's base: hashes are of Unix times. */
  readonly #baseLow: number;
  readonly #best: Chosen[][];
  #hasNew = false;

  constructor(grid: Grid, fragment: Fragment, widthNano: number) {
    const width = BigInt(widthNano);
    this.#fragment = fragment;
    this.#width = widthNano;
    this.#first = grid.startUnixNano / width;
    this.#offset = Number(fragment.baseUnixNano - this.#first * width);
    this.#baseLow = Number(BigInt.asIntN(32, fragment.baseUnixNano));
    this.#best = Array.from({ length: Number(grid.endUnixNano / width - this.#first) + 1 }, () => []);
  }

  /** Considers the selected spans of a chunk. `rows` are their accumulator rows, or one for all; `values` what was measured. */
  offer(chunk: TraceRange, selection: Selection, rows: Uint32Array | number, values: Float64Array | undefined): void {
    const { traceFirstSpan } = this.#fragment;
    const { rows: spans, length } = selection;
    let i = 0;
    for (let trace = chunk.firstTrace; trace < chunk.endTrace && i < length; trace++) {
      const end = traceFirstSpan[trace + 1]!;
      const first = i;
      while (i < length && spans[i]! < end) i++;
      if (i === first) continue;
      const at = first + (this.#hash(spans[first]!) % (i - first));
      const row = spans[at]!;
      this.#take({
        rank: this.#hash(row),
        trace,
        row,
        seriesRow: typeof rows === 'number' ? rows : rows[at]!,
        value: values?.[at] ?? Number.NaN,
        labels: undefined,
      });
    }
  }

  /** 32 bits from a span's start time. */
  #hash(row: number): number {
    let h = Math.imul(this.#baseLow + (this.#fragment.start[row]! | 0), 0x9e3779b1);
    h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
    return (h ^ (h >>> 13)) >>> 0;
  }

  #take(chosen: Chosen): void {
    const time = this.#fragment.start[chosen.row]! + this.#offset;
    const best = this.#best[Math.floor(time / this.#width)]!;
    if (best.length === exemplarsPerBucket && best[best.length - 1]!.rank <= chosen.rank) return;
    this.#hasNew = true;
    best.push(chosen);
    best.sort((a, b) => a.rank - b.rank);
    if (best.length > exemplarsPerBucket) best.pop();
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

/** Where collected samples go: remote write requests, or a page to be scraped. */
import type { LabelSet } from './labels.ts';
import type { NativeHistogram } from './native-histogram.ts';

export type MetricType = 'counter' | 'gauge' | 'histogram';

export interface Exemplar {
  /** 32 hex digits. */
  readonly traceId: string;
  readonly value: number;
  readonly timeMs: number;
}

export interface SampleSink {
  /** All that follows belongs to this metric. */
  family(name: string, type: MetricType): void;
  /**
   * @param name with the suffix of the series: `_bucket` …
   * @param le upper bound of a bucket
   * @param zeroMs the series is new: it was 0 at this time. Undefined: it is not
   */
  sample(sample: {
    readonly name: string;
    readonly labels: LabelSet;
    readonly le: string | undefined;
    readonly value: number;
    readonly zeroMs: number | undefined;
    readonly exemplar: Exemplar | undefined;
  }): void;
  native(sample: {
    readonly name: string;
    readonly labels: LabelSet;
    readonly histogram: NativeHistogram;
    readonly zeroMs: number | undefined;
    /** By time. */
    readonly exemplars: readonly Exemplar[];
  }): void;
}

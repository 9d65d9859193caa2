/**
 * Series of one metric, by number, so that counting is an addition into an array. Numbers stay the same until series are
 * removed ({@link SeriesFamily.removeStale} says so); whoever keeps them looks them up again then.
 *
 * A label set that a limit refuses is counted in the metric's overflow series, whose only label is
 * `metric_overflow="true"`.
 */
import { type LabelSet, labelSet } from './labels.ts';
import type { SeriesLimiter } from './limiter.ts';
import { NativeHistogram, type NativeLimits, type NativeState } from './native-histogram.ts';
import type { Exemplar, SampleSink } from './sink.ts';

export const overflowLabels: LabelSet = labelSet([{ name: 'metric_overflow', value: 'true' }]);

export interface CollectOptions {
  readonly nowMs: number;
  /** Exemplars seen at this time or later. */
  readonly exemplarsSinceMs: number;
  /** When new series were 0; undefined: that is not said, and they stay new. */
  readonly zeroMs: number | undefined;
}

/** A series as it is kept over a restart. */
export interface SeriesState {
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly updatedMs: number;
  readonly value?: number;
  readonly classic?: { readonly counts: readonly number[]; readonly sum: number };
  readonly native?: NativeState;
}

const grown = (old: Float64Array<ArrayBuffer>, need: number): Float64Array<ArrayBuffer> => {
  if (need <= old.length) return old;
  const larger = new Float64Array(Math.max(need, old.length * 2));
  larger.set(old);
  return larger;
};

abstract class SeriesFamily {
  readonly name: string;
  readonly labels: LabelSet[] = [];
  protected updatedMs = new Float64Array(16);
  /** Has not been sent yet. */
  protected isNew: boolean[] = [];
  readonly #limiter: SeriesLimiter;
  #numbers = new Map<string, number>();

  constructor(name: string, limiter: SeriesLimiter) {
    this.name = name;
    this.#limiter = limiter;
  }

  /** Series that one label set takes in Prometheus. */
  abstract readonly weight: number;

  get count(): number {
    return this.labels.length;
  }

  /** The number of a label set's series, made when new, or of the overflow series. */
  seriesOf(labels: LabelSet, nowMs: number): number {
    const found = this.#numbers.get(labels.key);
    if (found !== undefined) return found;
    if (labels !== overflowLabels && !this.#limiter.admit(labels.key, this.weight)) {
      this.#limiter.refuse(this.name, labels.key, this.weight);
      return this.seriesOf(overflowLabels, nowMs);
    }
    return this.#add(labels, nowMs);
  }

  #add(labels: LabelSet, nowMs: number): number {
    this.#limiter.add(labels.key, this.weight);
    const number = this.labels.length;
    this.labels.push(labels);
    this.isNew.push(true);
    this.#numbers.set(labels.key, number);
    this.updatedMs = grown(this.updatedMs, number + 1);
    this.updatedMs[number] = nowMs;
    this.makeRoom(number, nowMs);
    return number;
  }

  /** Removes series without an update since then; true when there were any, and numbers have changed. */
  removeStale(sinceMs: number): boolean {
    let kept = 0;
    const before = this.labels.length;
    for (let i = 0; i < before; i++) {
      if (this.updatedMs[i]! < sinceMs) {
        this.#limiter.remove(this.labels[i]!.key, this.weight);
        continue;
      }
      if (kept < i) {
        this.labels[kept] = this.labels[i]!;
        this.updatedMs[kept] = this.updatedMs[i]!;
        this.isNew[kept] = this.isNew[i]!;
        this.move(i, kept);
      }
      kept++;
    }
    if (kept === before) return false;
    this.labels.length = kept;
    this.isNew.length = kept;
    this.truncate(kept);
    this.#numbers = new Map(this.labels.map(({ key }, i) => [key, i]));
    return true;
  }

  states(): SeriesState[] {
    return this.labels.map((labels, i) => ({
      labels: labels.labels.map(({ name, value }) => [name, value] as const),
      updatedMs: this.updatedMs[i]!,
      ...this.stateOf(i),
    }));
  }

  /** Also beyond limits: what was counted before is counted on. */
  restore(state: SeriesState): void {
    const labels = labelSet(state.labels.map(([name, value]) => ({ name, value })));
    const number = this.#add(labels, state.updatedMs);
    this.isNew[number] = false;
    this.restoreInto(number, state);
  }

  abstract collect(sink: SampleSink, options: CollectOptions): void;
  protected abstract makeRoom(number: number, nowMs: number): void;
  protected abstract move(from: number, to: number): void;
  protected abstract truncate(count: number): void;
  protected abstract stateOf(number: number): Partial<SeriesState>;
  protected abstract restoreInto(number: number, state: SeriesState): void;

  /** When a series that was never sent was 0. */
  protected zeroOf(number: number, { zeroMs }: CollectOptions): number | undefined {
    if (zeroMs === undefined || !this.isNew[number]) return undefined;
    this.isNew[number] = false;
    return zeroMs;
  }
}

/** A counter or a gauge. */
export class ValueFamily extends SeriesFamily {
  readonly weight = 1;
  readonly type: 'counter' | 'gauge';
  #values = new Float64Array(16);

  constructor(name: string, type: 'counter' | 'gauge', limiter: SeriesLimiter) {
    super(name, limiter);
    this.type = type;
  }

  add(number: number, value: number, nowMs: number): void {
    this.#values[number]! += value;
    this.updatedMs[number] = nowMs;
  }

  set(number: number, value: number, nowMs: number): void {
    this.#values[number] = value;
    this.updatedMs[number] = nowMs;
  }

  collect(sink: SampleSink, options: CollectOptions): void {
    sink.family(this.name, this.type);
    for (let i = 0; i < this.labels.length; i++) {
      const zeroMs = this.type === 'counter' ? this.zeroOf(i, options) : undefined;
      sink.sample({
        name: this.name,
        labels: this.labels[i]!,
        le: undefined,
        value: this.#values[i]!,
        zeroMs,
        exemplar: undefined,
      });
    }
  }

  protected makeRoom(number: number): void {
    this.#values = grown(this.#values, number + 1);
    this.#values[number] = 0;
  }

  protected move(from: number, to: number): void {
    this.#values[to] = this.#values[from]!;
  }

  protected truncate(): void {
    // Values beyond the count are set to 0 when they are taken.
  }

  protected stateOf(number: number): Partial<SeriesState> {
    return { value: this.#values[number]! };
  }

  protected restoreInto(number: number, { value = 0 }: SeriesState): void {
    this.#values[number] = value;
  }
}

export interface HistogramOptions {
  /** Upper bounds, ascending, without infinity. */
  readonly bounds: readonly number[];
  readonly classic: boolean;
  /** Undefined: no native buckets. */
  readonly native: NativeLimits | undefined;
}

/**
 * Classic and native histogram of the same observations. Of each classic bucket the last trace is kept as exemplar: also
 * when only native buckets are sent, where it is one of the histogram's exemplars.
 */
export class HistogramFamily extends SeriesFamily {
  readonly weight: number;
  readonly #options: HistogramOptions;
  readonly #bounds: Float64Array;
  /** Bounds as labels. */
  readonly #les: readonly string[];
  /** Buckets of a series, infinity included. */
  readonly #width: number;
  #counts: Float64Array<ArrayBuffer>;
  #sums = new Float64Array(16);
  readonly #natives: NativeHistogram[] = [];
  #exemplarTraces: Uint32Array;
  #exemplarValues: Float64Array<ArrayBuffer>;
  /** 0: there is none. */
  #exemplarMs: Float64Array<ArrayBuffer>;

  constructor(name: string, options: HistogramOptions, limiter: SeriesLimiter) {
    super(name, limiter);
    this.#options = options;
    this.#bounds = Float64Array.from(options.bounds);
    this.#les = [...options.bounds.map(String), '+Inf'];
    this.#width = options.bounds.length + 1;
    this.weight = (options.classic ? this.#width + 2 : 0) + (options.native === undefined ? 0 : 1);
    this.#counts = new Float64Array(16 * this.#width);
    this.#exemplarTraces = new Uint32Array(64 * this.#width);
    this.#exemplarValues = new Float64Array(16 * this.#width);
    this.#exemplarMs = new Float64Array(16 * this.#width);
  }

  /** @param traceIds words of trace ids, of which the exemplar is number `trace` */
  observe(number: number, value: number, weight: number, traceIds: Uint32Array, trace: number, nowMs: number): void {
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
    const at = number * this.#width + bucket;
    this.#counts[at]! += weight;
    this.#sums[number]! += value * weight;
    const words = this.#exemplarTraces;
    words[at * 4] = traceIds[trace * 4]!;
    words[at * 4 + 1] = traceIds[trace * 4 + 1]!;
    words[at * 4 + 2] = traceIds[trace * 4 + 2]!;
    words[at * 4 + 3] = traceIds[trace * 4 + 3]!;
    this.#exemplarValues[at] = value;
    this.#exemplarMs[at] = nowMs;
    if (this.#options.native !== undefined) this.#natives[number]!.observe(value, weight, nowMs);
    this.updatedMs[number] = nowMs;
  }

  collect(sink: SampleSink, options: CollectOptions): void {
    sink.family(this.name, 'histogram');
    for (let i = 0; i < this.labels.length; i++) {
      const zeroMs = this.zeroOf(i, options);
      if (this.#options.classic) this.#collectClassic(sink, i, zeroMs, options);
      if (this.#options.native === undefined) continue;
      const exemplars: Exemplar[] = [];
      for (let bucket = 0; bucket < this.#width; bucket++) {
        const exemplar = this.#exemplar(i * this.#width + bucket, options.exemplarsSinceMs);
        if (exemplar !== undefined) exemplars.push(exemplar);
      }
      exemplars.sort((a, b) => a.timeMs - b.timeMs);
      const histogram = this.#natives[i]!;
      sink.native({ name: this.name, labels: this.labels[i]!, histogram, zeroMs, exemplars });
    }
  }

  #collectClassic(sink: SampleSink, number: number, zeroMs: number | undefined, options: CollectOptions): void {
    const labels = this.labels[number]!;
    let count = 0;
    for (let bucket = 0; bucket < this.#width; bucket++) {
      const at = number * this.#width + bucket;
      count += this.#counts[at]!;
      const exemplar = this.#exemplar(at, options.exemplarsSinceMs);
      sink.sample({ name: `${this.name}_bucket`, labels, le: this.#les[bucket], value: count, zeroMs, exemplar });
    }
    const rest = { labels, le: undefined, zeroMs, exemplar: undefined };
    sink.sample({ name: `${this.name}_sum`, value: this.#sums[number]!, ...rest });
    sink.sample({ name: `${this.name}_count`, value: count, ...rest });
  }

  #exemplar(at: number, sinceMs: number): Exemplar | undefined {
    const timeMs = this.#exemplarMs[at]!;
    if (timeMs === 0 || timeMs < sinceMs) return undefined;
    return { traceId: hexOf(this.#exemplarTraces, at * 4), value: this.#exemplarValues[at]!, timeMs };
  }

  protected makeRoom(number: number, nowMs: number): void {
    const slots = (number + 1) * this.#width;
    this.#counts = grown(this.#counts, slots);
    this.#sums = grown(this.#sums, number + 1);
    this.#exemplarValues = grown(this.#exemplarValues, slots);
    this.#exemplarMs = grown(this.#exemplarMs, slots);
    if (slots * 4 > this.#exemplarTraces.length) {
      const larger = new Uint32Array(Math.max(slots * 4, this.#exemplarTraces.length * 2));
      larger.set(this.#exemplarTraces);
      this.#exemplarTraces = larger;
    }
    this.#counts.fill(0, number * this.#width, slots);
    this.#exemplarMs.fill(0, number * this.#width, slots);
    this.#sums[number] = 0;
    const { native } = this.#options;
    if (native !== undefined) this.#natives[number] = new NativeHistogram(native, nowMs);
  }

  protected move(from: number, to: number): void {
    const width = this.#width;
    this.#counts.copyWithin(to * width, from * width, (from + 1) * width);
    this.#exemplarValues.copyWithin(to * width, from * width, (from + 1) * width);
    this.#exemplarMs.copyWithin(to * width, from * width, (from + 1) * width);
    this.#exemplarTraces.copyWithin(to * width * 4, from * width * 4, (from + 1) * width * 4);
    this.#sums[to] = this.#sums[from]!;
    if (this.#options.native !== undefined) this.#natives[to] = this.#natives[from]!;
  }

  protected truncate(count: number): void {
    if (this.#options.native !== undefined) this.#natives.length = count;
  }

  protected stateOf(number: number): Partial<SeriesState> {
    const counts = [...this.#counts.subarray(number * this.#width, (number + 1) * this.#width)];
    const native = this.#natives[number]?.state();
    return { classic: { counts, sum: this.#sums[number]! }, ...(native && { native }) };
  }

  /** Of other buckets than ours nothing can be taken over: the histogram begins anew. */
  protected restoreInto(number: number, { classic, native }: SeriesState): void {
    if (classic?.counts.length === this.#width) {
      this.#counts.set(classic.counts, number * this.#width);
      this.#sums[number] = classic.sum;
    }
    if (native !== undefined) this.#natives[number]?.restore(native);
  }
}

export type Family = ValueFamily | HistogramFamily;

/** Trace id words, as they are in memory, as hex. */
function hexOf(words: Uint32Array, at: number): string {
  let hex = '';
  for (let i = 0; i < 4; i++) {
    const word = words[at + i]!;
    for (let shift = 0; shift < 32; shift += 8) hex += ((word >>> shift) & 255).toString(16).padStart(2, '0');
  }
  return hex;
}

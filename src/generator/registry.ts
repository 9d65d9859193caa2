/** All metrics of a tenant's generator, and what holds for them together: limits, staleness, collection, state. */
import { type CollectOptions, type Family, HistogramFamily, type SeriesState, ValueFamily } from './families.ts';
import { type Label, type LabelSet, labelSet } from './labels.ts';
import { SeriesLimiter } from './limiter.ts';
import { schemaFor } from './native-histogram.ts';
import type { RegistrySettings } from './settings.ts';
import type { SampleSink } from './sink.ts';

export interface FamilyState {
  readonly name: string;
  /** Bounds of a histogram: with others its counts mean nothing. */
  readonly bounds?: readonly number[];
  readonly series: readonly SeriesState[];
}

/** Buckets grow by a tenth, as in Tempo. */
const nativeFactorDefault = 1.1;

export class Registry {
  readonly limiter: SeriesLimiter;
  readonly #families = new Map<string, { family: Family; bounds: readonly number[] | undefined }>();
  readonly #settings: RegistrySettings;
  /** Of metrics that nobody has asked for yet. */
  #restored: Map<string, FamilyState>;

  constructor(settings: RegistrySettings, restored: readonly FamilyState[] = []) {
    this.#settings = settings;
    this.limiter = new SeriesLimiter(settings);
    this.#restored = new Map(restored.map((state) => [state.name, state]));
  }

  counter(name: string): ValueFamily {
    return this.#take(name, undefined, () => new ValueFamily(name, 'counter', this.limiter));
  }

  gauge(name: string): ValueFamily {
    return this.#take(name, undefined, () => new ValueFamily(name, 'gauge', this.limiter));
  }

  histogram(name: string, bounds: readonly number[]): HistogramFamily {
    const { histograms, nativeFactor, nativeBucketsMax, nativeResetMs } = this.#settings;
    return this.#take(name, bounds, () => {
      const native = {
        schema: schemaFor(nativeFactor > 1 ? nativeFactor : nativeFactorDefault),
        bucketsMax: nativeBucketsMax,
        resetMs: nativeResetMs,
      };
      const classic = histograms !== 'native';
      return new HistogramFamily(
        name,
        { bounds, classic, native: histograms === 'classic' ? undefined : native },
        this.limiter,
      );
    });
  }

  /** A label set within the limit of values per label. */
  labelSet(labels: readonly Label[]): LabelSet {
    if (this.#settings.valuesPerLabelMax === 0) return labelSet(labels);
    return labelSet(labels.map(({ name, value }) => ({ name, value: this.limiter.limitValue(name, value) })));
  }

  /** True when there were series to remove: numbers of series have changed then. */
  removeStale(nowMs: number): boolean {
    let removed = false;
    for (const { family } of this.#families.values())
      removed = family.removeStale(nowMs - this.#settings.staleMs) || removed;
    if (removed) this.limiter.setValues(this.#labels());
    this.limiter.clearDemand();
    return removed;
  }

  collect(sink: SampleSink, options: CollectOptions): void {
    for (const { family } of this.#families.values()) if (family.count > 0) family.collect(sink, options);
  }

  states(): FamilyState[] {
    return [...this.#families].map(([name, { family, bounds }]) => ({
      name,
      ...(bounds && { bounds }),
      series: family.states(),
    }));
  }

  #take<F extends Family>(name: string, bounds: readonly number[] | undefined, make: () => F): F {
    const known = this.#families.get(name);
    if (known !== undefined) return known.family as F;
    const family = make();
    this.#families.set(name, { family, bounds });
    const state = this.#restored.get(name);
    if (state !== undefined && String(state.bounds) === String(bounds)) {
      for (const series of state.series) family.restore(series);
      this.limiter.setValues(this.#labels());
    }
    this.#restored.delete(name);
    return family;
  }

  *#labels(): Iterable<readonly Label[]> {
    for (const { family } of this.#families.values()) for (const { labels } of family.labels) yield labels;
  }
}

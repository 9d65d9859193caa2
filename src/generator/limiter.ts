/**
 * How many series, entities (label sets over all metrics) and values per label a tenant has, and which more it may have.
 * Whatever is refused is counted once for each distinct one, by linear counting: a bit per hash, and from the share of
 * bits that are still 0 the number that were thrown in. K. Whang et al., 1990.
 */
import type { Label } from './labels.ts';
import type { RegistrySettings } from './settings.ts';

/** What a label's value becomes when there are too many. */
export const cardinalityOverflow = '__cardinality_overflow__';

const estimateBits = 1 << 16;

export class DistinctEstimate {
  readonly #bits = new Uint8Array(estimateBits / 8);
  #zeros = estimateBits;

  add(key: string): void {
    let hash = 0x811c9dc5;
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
    hash ^= hash >>> 15;
    hash = Math.imul(hash, 0x2c1b3c6d);
    hash ^= hash >>> 12;
    const bit = hash & (estimateBits - 1);
    if ((this.#bits[bit >> 3]! & (1 << (bit & 7))) !== 0) return;
    this.#bits[bit >> 3]! |= 1 << (bit & 7);
    this.#zeros--;
  }

  get count(): number {
    return Math.round(-estimateBits * Math.log(Math.max(1, this.#zeros) / estimateBits));
  }

  clear(): void {
    this.#bits.fill(0);
    this.#zeros = estimateBits;
  }
}

export class SeriesLimiter {
  series = 0;
  /** Times that a label's value was replaced, ever. */
  limitedValues = 0;
  /** Of what was refused since {@link clearDemand}. */
  readonly refusedSeries = new DistinctEstimate();
  readonly refusedEntities = new DistinctEstimate();
  /** Users of each entity. */
  readonly #entities = new Map<string, number>();
  readonly #values = new Map<string, Set<string>>();
  #settings: RegistrySettings;

  constructor(settings: RegistrySettings) {
    this.#settings = settings;
  }

  configure(settings: RegistrySettings): void {
    this.#settings = settings;
  }

  get entities(): number {
    return this.#entities.size;
  }

  /** Whether a metric may have this label set too, which takes `weight` series. */
  admit(entity: string, weight: number): boolean {
    const { limiter, seriesMax, entitiesMax } = this.#settings;
    if (limiter === 'series' && seriesMax > 0 && this.series + weight > seriesMax) return false;
    if (limiter === 'entity' && entitiesMax > 0 && this.#entities.size >= entitiesMax && !this.#entities.has(entity))
      return false;
    return true;
  }

  add(entity: string, weight: number): void {
    this.series += weight;
    this.#entities.set(entity, (this.#entities.get(entity) ?? 0) + 1);
  }

  remove(entity: string, weight: number): void {
    this.series -= weight;
    const users = (this.#entities.get(entity) ?? 1) - 1;
    if (users === 0) this.#entities.delete(entity);
    else this.#entities.set(entity, users);
  }

  refuse(metric: string, entity: string, weight: number): void {
    for (let i = 0; i < weight; i++) this.refusedSeries.add(`${metric}\u0000${i}\u0000${entity}`);
    this.refusedEntities.add(entity);
  }

  /** The value itself, or what stands for all that are too many. */
  limitValue(label: string, value: string): string {
    const max = this.#settings.valuesPerLabelMax;
    if (max === 0) return value;
    let values = this.#values.get(label);
    if (values === undefined) this.#values.set(label, (values = new Set()));
    if (values.has(value)) return value;
    if (values.size >= max) {
      this.limitedValues++;
      return cardinalityOverflow;
    }
    values.add(value);
    return value;
  }

  /** Distinct values by label, those beyond the limit left out. */
  get valueCounts(): ReadonlyMap<string, number> {
    return new Map([...this.#values].map(([label, values]) => [label, values.size]));
  }

  /** Values that no series has any more make room. */
  setValues(inUse: Iterable<readonly Label[]>): void {
    this.#values.clear();
    if (this.#settings.valuesPerLabelMax === 0) return;
    for (const labels of inUse) {
      for (const { name, value } of labels) {
        let values = this.#values.get(name);
        if (values === undefined) this.#values.set(name, (values = new Set()));
        if (value !== cardinalityOverflow) values.add(value);
      }
    }
  }

  clearDemand(): void {
    this.refusedSeries.clear();
    this.refusedEntities.clear();
  }
}

/**
 * Prometheus's native histogram: buckets whose bounds are powers of 2^(2^-schema), made when they are needed. Bucket i
 * holds values in (2^((i-1)·2^-schema), 2^(i·2^-schema)]; values of at most `zeroThreshold` have a bucket of their own.
 *
 * When there are more buckets than allowed, the histogram begins anew if it has lasted long enough, which readers take
 * for the reset of a counter, and is otherwise made half as fine: two neighbours become one.
 * https://prometheus.io/docs/specs/native_histograms/
 */

const schemaMin = -4;
const schemaMax = 8;
/** What the client libraries have: far below any duration. */
export const zeroThreshold = 2 ** -128;

/** The coarsest schema whose buckets grow by at most `factor` from one to the next. */
export function schemaFor(factor: number): number {
  const floor = Math.floor(Math.log2(Math.log2(factor)));
  return Math.min(schemaMax, Math.max(schemaMin, -floor));
}

/** Index of the bucket that a positive value belongs to. */
export function bucketIndex(value: number, schema: number): number {
  const scale = 2 ** schema;
  const index = Math.ceil(Math.log2(value) * scale);
  // The logarithm may be off by one in the last place: bounds are inclusive above.
  if (value <= 2 ** ((index - 1) / scale)) return index - 1;
  return value > 2 ** (index / scale) ? index + 1 : index;
}

export interface NativeState {
  readonly schema: number;
  readonly zeroCount: number;
  readonly count: number;
  readonly sum: number;
  readonly sinceMs: number;
  readonly buckets: readonly (readonly [index: number, count: number])[];
}

export interface NativeLimits {
  readonly schema: number;
  readonly bucketsMax: number;
  readonly resetMs: number;
}

export class NativeHistogram {
  schema: number;
  zeroCount = 0;
  count = 0;
  sum = 0;
  /** When it began, or began anew. */
  sinceMs: number;
  readonly #limits: NativeLimits;
  #buckets = new Map<number, number>();

  constructor(limits: NativeLimits, nowMs: number) {
    this.#limits = limits;
    this.schema = limits.schema;
    this.sinceMs = nowMs;
  }

  observe(value: number, weight: number, nowMs: number): void {
    this.count += weight;
    this.sum += value * weight;
    if (value <= zeroThreshold) {
      this.zeroCount += weight;
      return;
    }
    const index = bucketIndex(value, this.schema);
    const before = this.#buckets.get(index);
    this.#buckets.set(index, (before ?? 0) + weight);
    if (before === undefined && this.#buckets.size > this.#limits.bucketsMax) this.#shrink(value, weight, nowMs);
  }

  /** By index. */
  get buckets(): readonly (readonly [index: number, count: number])[] {
    return [...this.#buckets].sort((a, b) => a[0] - b[0]);
  }

  state(): NativeState {
    const { schema, zeroCount, count, sum, sinceMs, buckets } = this;
    return { schema, zeroCount, count, sum, sinceMs, buckets };
  }

  restore(state: NativeState): void {
    this.schema = state.schema;
    this.zeroCount = state.zeroCount;
    this.count = state.count;
    this.sum = state.sum;
    this.sinceMs = state.sinceMs;
    this.#buckets = new Map(state.buckets);
  }

  #shrink(value: number, weight: number, nowMs: number): void {
    const { resetMs, schema, bucketsMax } = this.#limits;
    if (resetMs > 0 && nowMs - this.sinceMs >= resetMs) {
      this.schema = schema;
      this.sinceMs = nowMs;
      this.zeroCount = 0;
      this.count = weight;
      this.sum = value * weight;
      this.#buckets = new Map([[bucketIndex(value, schema), weight]]);
      return;
    }
    while (this.#buckets.size > bucketsMax && this.schema > schemaMin) {
      this.schema--;
      const wider = new Map<number, number>();
      for (const [index, count] of this.#buckets) {
        const joined = Math.ceil(index / 2);
        wider.set(joined, (wider.get(joined) ?? 0) + count);
      }
      this.#buckets = wider;
    }
  }
}

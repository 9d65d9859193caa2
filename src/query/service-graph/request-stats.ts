/**
 * Counts and durations of requests. Durations are counted in eighths of an octave: bucket 8e + s holds the durations d with
 * 2^e (1 + s/8) <= d < 2^e (1 + (s+1)/8), the bits of a double below its exponent's. Counts add up exactly, whatever the
 * order and the place they were counted in.
 */

/** Mantissa bits that number the parts of an octave. */
const partBits = 3;
const parts = 1 << partBits;
/** Durations below 2 ns share the first bucket: 8 times the exponent of 1 as doubles have it. */
const firstBucket = 1023 << partBits;

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

function bucketOf(durationNano: number): number {
  float[0] = Math.max(durationNano, 1);
  return (words[1]! >>> (20 - partBits)) - firstBucket;
}

const lowerBound = (bucket: number): number => 2 ** Math.floor(bucket / parts) * (1 + (bucket % parts) / parts);

export class RequestStats {
  calls = 0;
  errors = 0;
  /** Counts of the buckets from `#first`: only as wide as the durations seen. */
  #counts = new Float64Array(0);
  #first = 0;

  add(durationNano: number, isError: boolean): void {
    this.calls++;
    if (isError) this.errors++;
    const bucket = bucketOf(durationNano);
    const index = bucket - this.#first;
    if (index >= 0 && index < this.#counts.length) {
      this.#counts[index]!++;
      return;
    }
    this.#cover(bucket, bucket + 1);
    this.#counts[bucket - this.#first]!++;
  }

  merge(other: RequestStats): void {
    this.calls += other.calls;
    this.errors += other.errors;
    if (other.#counts.length === 0) return;
    this.#cover(other.#first, other.#first + other.#counts.length);
    const offset = other.#first - this.#first;
    for (let i = 0; i < other.#counts.length; i++) this.#counts[offset + i]! += other.#counts[i]!;
  }

  /** The duration in ns that a share `p` of the requests does not exceed; 0 without requests. */
  quantileNano(p: number): number {
    const need = Math.max(1, Math.ceil(p * this.calls));
    let before = 0;
    for (let i = 0; i < this.#counts.length; i++) {
      const count = this.#counts[i]!;
      if (count > 0 && before + count >= need) {
        const low = lowerBound(this.#first + i);
        return low + (lowerBound(this.#first + i + 1) - low) * ((need - before) / count);
      }
      before += count;
    }
    return 0;
  }

  get bytes(): number {
    return 64 + this.#counts.byteLength;
  }

  /** Widens the counted buckets to hold [first, end) too, by an octave more than needed. */
  #cover(first: number, end: number): void {
    const counts = this.#counts;
    const isEmpty = counts.length === 0;
    const from = isEmpty ? first : first < this.#first ? first - parts : this.#first;
    const oldEnd = this.#first + counts.length;
    const to = isEmpty ? end : end > oldEnd ? end + parts : oldEnd;
    if (!isEmpty && from === this.#first && to === oldEnd) return;
    const grown = new Float64Array(to - from);
    grown.set(counts, isEmpty ? 0 : this.#first - from);
    this.#counts = grown;
    this.#first = from;
  }
}

/**
 * Power-of-two buckets, behind quantiles and histograms. Bucket `e` holds the values v with 2^(e-1) < v <= 2^e, so the
 * upper bound 2^e names it. Counts of buckets add up exactly, whatever the order and the place they were counted in.
 */

/** Exponents reach from the smallest positive double to the largest. */
export const exponentMin = -1074;
export const exponentMax = 1024;

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

/** ceil(log2(value)) for a finite value > 0, from the bits of the double. */
export function bucketOf(value: number): number {
  float[0] = value;
  const high = words[1]!;
  const exponent = (high >>> 20) & 0x7ff;
  if (exponent === 0) return Math.max(exponentMin, Math.ceil(Math.log2(value)));
  return exponent - 1023 + ((high & 0xfffff) === 0 && words[0] === 0 ? 0 : 1);
}

/**
 * The value that a share `p` of the counted ones does not exceed. `exponents` ascend and go with `counts`. Inside a
 * bucket the values are taken to be spread exponentially; at a bucket's end the answer is its upper bound. 0 when
 * nothing was counted.
 */
export function quantileOf(p: number, exponents: ArrayLike<number>, counts: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i]!;
  if (total === 0) return 0;
  const need = Math.max(1, Math.ceil(p * total));
  let before = 0;
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i]!;
    if (count > 0 && before + count >= need) {
      const upper = exponents[i]!;
      return before + count === need ? 2 ** upper : 2 ** (upper - 1 + (need - before) / count);
    }
    before += count;
  }
  // Sampled counts are fractions: their rounded-up share can lie above the last one.
  return 2 ** exponents[exponents.length - 1]!;
}

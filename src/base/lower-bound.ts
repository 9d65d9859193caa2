/** First index in [0, length) of an ascending array whose value is at least `value`; length when there is none. */
export function lowerBound(ascending: Uint32Array | Float64Array, length: number, value: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

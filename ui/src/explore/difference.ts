/**
 * Which attributes set the selected spans apart from the others.
 *
 * For each attribute the shares of its values among the selected spans and among the others are two distributions; the
 * score is the Jensen–Shannon divergence between them in bits (J. Lin, "Divergence measures based on the Shannon entropy",
 * IEEE Trans. Inf. Theory 37, 1991): how much one value tells about the side of a span, were both sides equally likely.
 * 0 when the shares are the same, 1 when no value occurs on both sides; it does not depend on how many spans are selected.
 *
 *   JSD(p, q) = H((p + q) / 2) − H(p) / 2 − H(q) / 2
 *
 * Two things keep chance out of the ranking. Values with fewer than five spans on both sides together are counted as one,
 * so that ids, of which no two are equal, tell nothing. And what two samples of the same distribution would differ by is
 * taken off: (k − 1) / (8 ln 2) · (1/n + 1/m) for k values and samples of n and m, the leading term of the divergence's
 * mean. Having no value counts as a value.
 */

export interface ValueCount<Value> {
  readonly value: Value;
  readonly selection: number;
  readonly baseline: number;
}

export interface AttributeCounts<Value> {
  readonly key: string;
  readonly values: readonly ValueCount<Value>[];
  /** Spans that have the attribute; more than those of `values` when the rarest were left out. */
  readonly selection: number;
  readonly baseline: number;
}

export interface Compared<Value> {
  /** All spans of each side. */
  readonly selection: number;
  readonly baseline: number;
  readonly attributes: readonly AttributeCounts<Value>[];
}

export interface DifferingValue<Value> {
  readonly value: Value;
  /** Shares of all spans of the side. */
  readonly selection: number;
  readonly baseline: number;
}

export interface Difference<Value> {
  readonly key: string;
  /** Bits, above 0 and up to 1. */
  readonly score: number;
  /** Those that differ most first. */
  readonly values: readonly DifferingValue<Value>[];
}

const spansMin = 5;
/** Differences below this are not worth a look. */
const scoreMin = 0.005;

/** Attributes that differ, most first. */
export function rankDifferences<Value>(compared: Compared<Value>): Difference<Value>[] {
  const { selection, baseline } = compared;
  if (selection === 0 || baseline === 0) return [];
  return compared.attributes
    .map((attribute) => difference(attribute, selection, baseline))
    .filter(({ score }) => score >= scoreMin)
    .sort((a, b) => b.score - a.score || (a.key < b.key ? -1 : 1));
}

function difference<Value>(attribute: AttributeCounts<Value>, n: number, m: number): Difference<Value> {
  const common = attribute.values.filter((value) => value.selection + value.baseline >= spansMin);
  const counts = common.map(({ selection, baseline }) => [selection, baseline] as const);
  const sum = (side: 0 | 1): number => counts.reduce((total, pair) => total + pair[side], 0);
  const rest = [attribute.selection - sum(0), attribute.baseline - sum(1)] as const;
  const without = [n - attribute.selection, m - attribute.baseline] as const;
  const cells = [...counts, rest, without].filter(([a, b]) => a > 0 || b > 0);
  const bias = ((cells.length - 1) / (8 * Math.LN2)) * (1 / n + 1 / m);
  const values = common
    .map(({ value, selection, baseline }) => ({ value, selection: selection / n, baseline: baseline / m }))
    .sort((a, b) => Math.abs(b.selection - b.baseline) - Math.abs(a.selection - a.baseline));
  return { key: attribute.key, score: Math.min(1, divergence(cells, n, m) - bias), values };
}

/** In bits, of counts that add up to n and m. */
function divergence(cells: readonly (readonly [number, number])[], n: number, m: number): number {
  let bits = 0;
  for (const [a, b] of cells) {
    const p = Math.max(0, a) / n;
    const q = Math.max(0, b) / m;
    const middle = (p + q) / 2;
    if (p > 0) bits += (p / 2) * Math.log2(p / middle);
    if (q > 0) bits += (q / 2) * Math.log2(q / middle);
  }
  return bits;
}

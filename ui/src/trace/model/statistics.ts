/** Tables of durations by any property of the spans. */
import { statusError, type Trace } from './trace.ts';
import type { Values } from './values.ts';

export interface Group {
  readonly label: string;
  readonly count: number;
  readonly errors: number;
  /** ns; spans of a group may run at the same time, or within one another. */
  readonly total: number;
  readonly self: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
  /** Row of the longest span. */
  readonly longest: number;
}

/** Groups with most self time first. `only`: rows that count. Spans without a value are one group, without a label. */
export function statistics(trace: Trace, self: Float64Array, by: Values, only?: Uint8Array): Group[] {
  const { duration, status, spans } = trace;
  const groups = by.values.length + 1;
  const first = new Uint32Array(groups + 1);
  for (let row = 0; row < spans; row++) if (only === undefined || only[row] === 1) first[by.codes[row]! + 1]!++;
  for (let code = 0; code < groups; code++) first[code + 1]! += first[code]!;
  const next = first.slice();
  const durations = new Float64Array(first[groups]!);
  const errors = new Uint32Array(groups);
  const selfTotal = new Float64Array(groups);
  const longest = new Int32Array(groups).fill(-1);
  for (let row = 0; row < spans; row++) {
    if (only !== undefined && only[row] === 0) continue;
    const code = by.codes[row]!;
    durations[next[code]!++] = duration[row]!;
    selfTotal[code]! += self[row]!;
    if (status[row] === statusError) errors[code]!++;
    if (longest[code] === -1 || duration[row]! > duration[longest[code]!]!) longest[code] = row;
  }
  const out: Group[] = [];
  for (let code = 0; code < groups; code++) {
    const sorted = durations.subarray(first[code], first[code + 1]).sort();
    if (sorted.length === 0) continue;
    let total = 0;
    for (const each of sorted) total += each;
    out.push({
      label: code === 0 ? '' : String(by.values[code - 1]),
      count: sorted.length,
      errors: errors[code]!,
      total,
      self: selfTotal[code]!,
      p50: quantile(sorted, 0.5),
      p95: quantile(sorted, 0.95),
      max: sorted[sorted.length - 1]!,
      longest: longest[code]!,
    });
  }
  return out.sort((a, b) => b.self - a.self);
}

/** The smallest value that at least this share of all does not exceed. */
function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]!;
}

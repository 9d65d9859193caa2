/** Round instants for a ruler. */

const steps = [1, 2, 5] as const;

/** Multiples of 1, 2 or 5 × 10^n ns within the window, at most about `count` of them. */
export function ticks(from: number, to: number, count: number): number[] {
  const length = to - from;
  if (!(length > 0) || count < 1) return [];
  const rough = length / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = (steps.find((each) => each * power >= rough) ?? 10) * power;
  const out: number[] = [];
  for (let i = Math.ceil(from / step); i * step <= to; i++) out.push(i * step);
  return out;
}

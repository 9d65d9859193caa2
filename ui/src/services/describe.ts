/** What a node or an edge is called, and its numbers as text. */
import type { ServiceNodeJson } from '../../../src/api/contract/index.ts';
import { formatPercent, formatRate } from '../format/count.ts';
import { formatDuration } from '../format/duration.ts';

export interface Numbers {
  readonly calls: number;
  readonly errors: number;
  readonly rate: number;
  readonly p50Nano: number;
  readonly p95Nano: number;
}

export const nameOf = ({ name }: Pick<ServiceNodeJson, 'name'>): string => (name === '' ? 'no service name' : name);

export const kindOf = ({ kind, system }: Pick<ServiceNodeJson, 'kind' | 'system'>): string =>
  system === '' ? kind : `${kind}, ${system}`;

export const errorShare = ({ calls, errors }: Numbers): number => (calls === 0 ? 0 : errors / calls);

/** One line for screen readers and tooltips. */
export function numbersText(numbers: Numbers): string {
  if (numbers.calls === 0) return 'makes calls, takes none';
  const { rate, p50Nano, p95Nano } = numbers;
  return `${formatRate(rate)}, ${formatPercent(errorShare(numbers))} errors, p50 ${formatDuration(p50Nano)}, p95 ${formatDuration(p95Nano)}`;
}

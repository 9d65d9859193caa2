/** `with (…)` at the end of a query, as far as we know it. Unknown names and values of a wrong type do not count. */
import type { Hint, Static } from './ast.ts';

export interface QueryHints {
  /** Search: the newest traces, in order. */
  readonly mostRecent: boolean;
  /** Metrics: none (false), the default number (true), or at most so many. */
  readonly exemplars?: boolean | number;
  /** Metrics: let the engine choose how much to sample (true), or the share of spans to look at, in (0, 1]. */
  readonly sample?: true | number;
  /** The same, span by span. */
  readonly spanSample?: true | number;
  /** The same, whole traces. */
  readonly traceSample?: true | number;
}

export function readHints(hints: readonly Hint[]): QueryHints {
  const exemplars = first(hints, 'exemplars', exemplarsOf);
  const sample = first(hints, 'sample', shareOf);
  const spanSample = first(hints, 'span_sample', shareOf);
  const traceSample = first(hints, 'trace_sample', shareOf);
  return {
    mostRecent: first(hints, 'most_recent', (value) => (value.type === 'bool' ? value.value : undefined)) ?? false,
    ...(exemplars !== undefined && { exemplars }),
    ...(sample !== undefined && { sample }),
    ...(spanSample !== undefined && { spanSample }),
    ...(traceSample !== undefined && { traceSample }),
  };
}

/** What the first hint of a name with a usable value says. */
function first<Value>(
  hints: readonly Hint[],
  name: string,
  read: (value: Static) => Value | undefined,
): Value | undefined {
  for (const hint of hints) {
    const value = hint.name === name ? read(hint.value) : undefined;
    if (value !== undefined) return value;
  }
  return undefined;
}

function exemplarsOf(value: Static): boolean | number | undefined {
  if (value.type === 'bool') return value.value;
  return value.type === 'int' && value.value >= 0n ? Number(value.value) : undefined;
}

/** `false` and shares outside (0, 1] ask for nothing. */
function shareOf(value: Static): true | number | undefined {
  if (value.type === 'bool') return value.value ? true : undefined;
  if (value.type !== 'float' && value.type !== 'int') return undefined;
  const share = Number(value.value);
  return share > 0 && share <= 1 ? share : undefined;
}

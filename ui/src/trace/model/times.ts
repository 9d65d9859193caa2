/** What follows from the times of a trace: self time, and clocks that disagree. */
import type { Trace } from './trace.ts';

/**
 * Time of each span in which no child ran, ns. Children stand by start time behind their parent, so one pass that
 * remembers how far each parent is covered adds up the union of its children. Where corrected clocks have moved children
 * out of that order, their parent is looked at again by itself.
 */
export function selfTimes(trace: Trace): Float64Array {
  const { start, duration, parent } = trace;
  const self = new Float64Array(duration);
  const coveredUntil = new Float64Array(start);
  const lastStart = new Float64Array(start.length).fill(-Infinity);
  const disordered = new Set<number>();
  for (let row = 0; row < start.length; row++) {
    const above = parent[row]!;
    if (above < 0) continue;
    if (start[row]! < lastStart[above]!) disordered.add(above);
    lastStart[above] = start[row]!;
    const from = Math.max(start[row]!, coveredUntil[above]!);
    const to = Math.min(start[row]! + duration[row]!, start[above]! + duration[above]!);
    if (to <= from) continue;
    self[above]! -= to - from;
    coveredUntil[above] = to;
  }
  for (const row of disordered) {
    const own = ownStretches(trace, row);
    self[row] = 0;
    for (let i = 0; i < own.length; i += 2) self[row]! += own[i + 1]! - own[i]!;
  }
  return self;
}

/** Stretches of a span in which none of its children ran: pairs of from and to, ascending. */
export function ownStretches({ start, duration, subtree }: Trace, row: number): Float64Array {
  const children: number[] = [];
  let inOrder = true;
  for (let child = row + 1; child < row + subtree[row]!; child += subtree[child]!) {
    if (children.length > 0 && start[child]! < start[children[children.length - 1]!]!) inOrder = false;
    children.push(child);
  }
  if (!inOrder) children.sort((a, b) => start[a]! - start[b]!);
  const end = start[row]! + duration[row]!;
  const pairs: number[] = [];
  let cursor = start[row]!;
  for (const child of children) {
    const from = start[child]!;
    if (from >= end) break;
    if (from > cursor) pairs.push(cursor, from);
    cursor = Math.max(cursor, Math.min(end, from + duration[child]!));
  }
  if (cursor < end) pairs.push(cursor, end);
  return Float64Array.from(pairs);
}

const consumer = 5;

export interface Skew {
  /** Added to the starts of rows, ns; undefined when all clocks agree. */
  readonly shift: Float64Array;
  /** Rows that moved. */
  readonly rows: number;
}

/**
 * A child cannot start before its parent. Where one does and runs in another service, its clock is behind: the child is
 * moved into its parent, to the middle where it fits, and what its service does below moves with it. A service further
 * down has a clock of its own: it stays where it was if that is possible, else it moves like its parent, else by itself.
 * Consumers may start long after what sent to them; that is no skew.
 */
export function clockSkew(trace: Trace): Skew | undefined {
  const { start, duration, parent, operation, operations } = trace;
  let shift: Float64Array | undefined;
  let rows = 0;
  for (let row = 0; row < start.length; row++) {
    const above = parent[row]!;
    if (above < 0) continue;
    const inherited = shift === undefined ? 0 : shift[above]!;
    const child = operations[operation[row]!]!;
    let own = inherited;
    if (child.service !== operations[operation[above]!]!.service) {
      const parentStart = start[above]! + inherited;
      const parentEnd = parentStart + duration[above]!;
      own = 0;
      if (start[row]! < parentStart || (inherited !== 0 && start[row]! > parentEnd && child.kind !== consumer)) {
        own = inherited;
        if (start[row]! + own < parentStart)
          own = parentStart + Math.max(0, (duration[above]! - duration[row]!) / 2) - start[row]!;
      }
    }
    if (own === 0) continue;
    shift ??= new Float64Array(start.length);
    shift[row] = own;
    rows++;
  }
  return shift === undefined ? undefined : { shift, rows };
}

/** The trace with corrected starts. Siblings may then no longer stand by start time. */
export function corrected(trace: Trace, { shift }: Skew): Trace {
  const start = new Float64Array(trace.start.length);
  for (let row = 0; row < start.length; row++) start[row] = trace.start[row]! + shift[row]!;
  return { ...trace, start };
}

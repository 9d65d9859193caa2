/** What follows from the times of a trace: self time, and clocks that disagree. */
import type { Trace } from './trace.ts';

/**
 * Time of each span in which no child ran, ns. Children stand by start time behind their parent, so one pass that
 * remembers how far each parent is covered adds up the union of its children.
 */
export function selfTimes(trace: Trace): Float64Array {
  const { start, duration, parent } = trace;
  const self = new Float64Array(duration);
  const coveredUntil = new Float64Array(start);
  for (let row = 0; row < start.length; row++) {
    const above = parent[row]!;
    if (above < 0) continue;
    const from = Math.max(start[row]!, coveredUntil[above]!);
    const to = Math.min(start[row]! + duration[row]!, start[above]! + duration[above]!);
    if (to <= from) continue;
    self[above]! -= to - from;
    coveredUntil[above] = to;
  }
  return self;
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

/** The trace with corrected starts. Siblings may then no longer stand by start time; nothing but selfTimes minds. */
export function corrected(trace: Trace, { shift }: Skew): Trace {
  const start = new Float64Array(trace.start.length);
  for (let row = 0; row < start.length; row++) start[row] = trace.start[row]! + shift[row]!;
  return { ...trace, start };
}

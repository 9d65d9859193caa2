/**
 * The critical path: at every moment of a root, the one span that had to be faster for the whole to be. Backwards from the
 * end of a span, time belongs to the child that ended last before that moment, up to its start, and to the span itself
 * where there is none. A child that still ran when a critical one started has delayed nobody and is passed over.
 */
import type { Trace } from './trace.ts';

export interface CriticalPath {
  /** Stretches [from, to) of time that are a span's own, those of one row together. */
  readonly row: Int32Array;
  readonly from: Float64Array;
  readonly to: Float64Array;
  /** By row: its first stretch and the one behind its last. */
  readonly ofRow: ReadonlyMap<number, readonly [number, number]>;
}

export function criticalPath(trace: Trace): CriticalPath {
  const { start, duration, subtree } = trace;
  const rows: number[] = [];
  const from: number[] = [];
  const to: number[] = [];
  const ofRow = new Map<number, readonly [number, number]>();
  const open: { row: number; since: number; until: number }[] = [];
  for (let row = 0; row < trace.spans; row += subtree[row]!)
    open.push({ row, since: start[row]!, until: start[row]! + duration[row]! });
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    // A span that reaches beyond its parent counts within it.
    const { row, since, until } = next;
    const firstStretch = rows.length;
    const own = (a: number, b: number): void => {
      rows.push(row);
      from.push(a);
      to.push(b);
    };
    let cursor = until;
    for (const child of childrenByEnd(trace, row)) {
      const end = Math.min(start[child]! + duration[child]!, until);
      if (end > cursor || end <= since || start[child]! >= cursor) continue;
      if (end < cursor) own(end, cursor);
      cursor = Math.max(start[child]!, since);
      open.push({ row: child, since: cursor, until: end });
    }
    if (since < cursor) own(since, cursor);
    ofRow.set(row, [firstStretch, rows.length]);
  }
  return { row: Int32Array.from(rows), from: Float64Array.from(from), to: Float64Array.from(to), ofRow };
}

/** Children of a row, those that end last first. */
function childrenByEnd({ start, duration, subtree }: Trace, row: number): number[] {
  const children: number[] = [];
  const end = row + subtree[row]!;
  for (let child = row + 1; child < end; child += subtree[child]!) children.push(child);
  return children.sort((a, b) => start[b]! + duration[b]! - (start[a]! + duration[a]!));
}

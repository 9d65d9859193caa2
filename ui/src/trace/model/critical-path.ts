/**
 * The critical path: at every moment of a root, the one span that had to be faster for the whole to be. Backwards from the
 * end of a span, time belongs to the child that ended last before that moment, up to its start, and to the span itself
 * where there is none. A child that still ran when a critical one started has delayed nobody and is passed over.
 */
import type { Trace } from './trace.ts';

export interface CriticalPath {
  /** Stretches [from, to) of time that are a span's own, those of one row together. */
  readonly from: Float64Array;
  readonly to: Float64Array;
  /** By row: its first stretch and the one behind its last; the same for rows beside the path. */
  readonly first: Uint32Array;
  readonly end: Uint32Array;
}

export function criticalPath(trace: Trace): CriticalPath {
  const { start, duration, subtree, spans } = trace;
  const stretches = new Stretches();
  const first = new Uint32Array(spans);
  const end = new Uint32Array(spans);
  // Rows whose turn comes, each with the time that it may fill: since its start, until here.
  const open: number[] = [];
  const until = new Float64Array(spans);
  const since = new Float64Array(spans);
  for (let row = 0; row < spans; row += subtree[row]!) {
    open.push(row);
    since[row] = start[row]!;
    until[row] = start[row]! + duration[row]!;
  }
  const children: number[] = [];
  for (let row = open.pop(); row !== undefined; row = open.pop()) {
    // A span that reaches beyond its parent counts within it.
    const low = since[row]!;
    let cursor = until[row]!;
    first[row] = stretches.length;
    listByEnd(trace, row, children);
    for (let i = children.length - 1; i >= 0; i--) {
      const child = children[i]!;
      const childEnd = Math.min(start[child]! + duration[child]!, until[row]!);
      if (childEnd > cursor || childEnd <= low || start[child]! >= cursor) continue;
      if (childEnd < cursor) stretches.add(childEnd, cursor);
      cursor = Math.max(start[child]!, low);
      since[child] = cursor;
      until[child] = childEnd;
      open.push(child);
    }
    if (low < cursor) stretches.add(low, cursor);
    end[row] = stretches.length;
  }
  return { ...stretches.finish(), first, end };
}

/** Children of a row into `out`, those that end first first; among equals the later row. */
function listByEnd({ start, duration, subtree }: Trace, row: number, out: number[]): void {
  const end = row + subtree[row]!;
  out.length = 0;
  let last = -Infinity;
  let inOrder = true;
  for (let child = row + 1; child < end; child += subtree[child]!) {
    const childEnd = start[child]! + duration[child]!;
    if (childEnd <= last) inOrder = false;
    last = childEnd;
    out.push(child);
  }
  if (!inOrder) out.sort((a, b) => start[a]! + duration[a]! - (start[b]! + duration[b]!) || b - a);
}

class Stretches {
  length = 0;
  #from = new Float64Array(1024);
  #to = new Float64Array(1024);

  add(from: number, to: number): void {
    if (this.length === this.#from.length) {
      this.#from = doubled(this.#from);
      this.#to = doubled(this.#to);
    }
    this.#from[this.length] = from;
    this.#to[this.length++] = to;
  }

  finish(): { readonly from: Float64Array; readonly to: Float64Array } {
    return { from: this.#from.subarray(0, this.length), to: this.#to.subarray(0, this.length) };
  }
}

function doubled(values: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(values.length * 2);
  larger.set(values);
  return larger;
}

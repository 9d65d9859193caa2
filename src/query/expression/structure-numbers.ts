/**
 * Numbers that follow from a trace's shape. Spans stand depth first, so the span at offset i of its trace with depth d was
 * entered after i others, of which i - d had been left again; counting both, it is entered as number 2i - d + 1 and left
 * 2 * subtreeSize - 1 later. A span above which the root was not received has no position: all its numbers are 0.
 */
import type { Fragment } from '../../traceql/storage.ts';
import type { TraceRange } from './range.ts';

export type NestedSetNumber = 'nestedSetLeft' | 'nestedSetRight' | 'nestedSetParent';

/** One number a span row of the range. Needs `parent` and `subtreeSize`. */
export function nestedSetNumbers(fragment: Fragment, range: TraceRange, number: NestedSetNumber): Int32Array {
  const { parent, subtreeSize, traceFirstSpan } = fragment;
  const { firstRow } = range;
  const left = new Int32Array(range.endRow - firstRow);
  const depth = new Int32Array(left.length);
  const out = number === 'nestedSetLeft' ? left : new Int32Array(left.length);
  for (let trace = range.firstTrace; trace < range.endTrace; trace++) {
    const traceRow = traceFirstSpan[trace]!;
    const end = traceFirstSpan[trace + 1]!;
    for (let row = traceRow; row < end; row++) {
      const above = parent[row]!;
      const i = row - firstRow;
      if (above === -2) continue;
      if (above >= 0) {
        if (left[above - firstRow] === 0) continue;
        depth[i] = depth[above - firstRow]! + 1;
      }
      left[i] = 2 * (row - traceRow) - depth[i]! + 1;
      if (number === 'nestedSetRight') out[i] = left[i]! + 2 * subtreeSize[row]! - 1;
      else if (number === 'nestedSetParent') out[i] = above >= 0 ? left[above - firstRow]! : -1;
    }
  }
  return out;
}

/** Number of direct children of each span row of the range. Needs `parent`. */
export function childCounts(fragment: Fragment, range: TraceRange): Int32Array {
  const { parent } = fragment;
  const counts = new Int32Array(range.endRow - range.firstRow);
  for (let row = range.firstRow; row < range.endRow; row++) {
    const above = parent[row]!;
    if (above >= 0) counts[above - range.firstRow]!++;
  }
  return counts;
}
